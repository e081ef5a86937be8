/** The application of the soak (script.ts): up to four centrals at once, which come and vanish as they like. */
import { Characteristic, connections, type DeviceConnection, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
import { ALONE_MS, type Memory, NAME, ORDER, reportLine, SERVICE, STREAMS, TICK_MS } from "./script.ts";

const { memory } = globalThis as unknown as { readonly memory: Memory };

const service = new Service(new UUID(SERVICE));
const order = new Characteristic(service, new UUID(ORDER), {
  write: true,
  writeNoResponse: true,
  capture: true,
});
const streams = STREAMS.map((uuid) => ({
  characteristic: new Characteristic(service, new UUID(uuid), { read: true, notify: true }),
  number: 0,
}));
registerServices(service);

const present = new Set<DeviceConnection>();
let connected = 0;
let orders = 0;
let ticking: ReturnType<typeof setInterval> | undefined;
let reporting: ReturnType<typeof setTimeout> | undefined;

function advance(stream: (typeof streams)[number]): void {
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, ++stream.number, true);
  stream.characteristic.write(value, { sendUpdate: true });
}

function report(): void {
  console.log(reportLine({ connections: connected, orders, ...memory() }));
}

async function serve(connection: DeviceConnection): Promise<void> {
  connected++;
  present.add(connection);
  clearTimeout(reporting);
  ticking ??= setInterval(() => streams.forEach(advance), TICK_MS);
  await connection.disconnected();
  present.delete(connection);
  if (present.size > 0) return;
  clearInterval(ticking);
  ticking = undefined;
  reporting = setTimeout(report, ALONE_MS);
}

async function takeOrders(): Promise<void> {
  for await (const { data } of order.writes()) {
    orders++;
    const stream = streams[data[0] ?? 0];
    if (stream) advance(stream);
  }
}

async function takeCentrals(): Promise<void> {
  for await (const connection of connections({ intervalUs: 30_000, name: NAME })) {
    serve(connection).catch((error) => console.error(error));
  }
}

await Promise.all([takeOrders(), takeCentrals()]);
