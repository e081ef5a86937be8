/** docs/application.md, "Several clients", with everything that a peer may wear out. */
import {
  BufferedCharacteristic,
  Characteristic,
  connections,
  type DeviceConnection,
  registerServices,
  Service,
} from "aioble";
import { UUID } from "bluetooth";
import { ABYSS, ALONE_MS, ORDER, SERVICE, SURE, TICK_MS, UPLOAD, VALUE, VALUE_LENGTH } from "./script.ts";

const { memory } = globalThis as unknown as { memory(): { slots: number; chunks: number } };

const service = new Service(new UUID(SERVICE));
const value = new BufferedCharacteristic(service, new UUID(VALUE), {
  read: true,
  notify: true,
  maxLen: VALUE_LENGTH,
  initial: new Uint8Array(VALUE_LENGTH),
});
const upload = new BufferedCharacteristic(service, new UUID(UPLOAD), {
  read: true,
  write: true,
  maxLen: 512,
});
upload.onWrite = () => new Promise((resolve) => setTimeout(() => resolve(0), 1));
const order = new Characteristic(service, new UUID(ORDER), {
  write: true,
  writeNoResponse: true,
  capture: true,
});
const sure = new Characteristic(service, new UUID(SURE), { read: true, indicate: true });
const abyss = new Characteristic(service, new UUID(ABYSS), { writeNoResponse: true });
abyss.onWrite = () => new Promise(() => {});
registerServices(service);

const guests = new Set<DeviceConnection>();
let count = 0;
let connected = 0;
let ticking: ReturnType<typeof setInterval> | undefined;
let reporting: ReturnType<typeof setTimeout> | undefined;
const bytes = new Uint8Array(VALUE_LENGTH);

const ROLL_CALL_MS = 30_000;

function tick(): void {
  new DataView(bytes.buffer).setUint32(0, ++count, true);
  value.write(bytes, { sendUpdate: true });
}

function report(): void {
  console.log(`alone ${JSON.stringify({ connections: connected, now: Date.now() - start, ...memory() })}`);
}

/** Who is there, for the report of a camera that never says that it is alone. */
function rollCall(): void {
  if (guests.size > 0) console.log(`guests ${[...guests].join(", ")}`);
}

async function serve(connection: DeviceConnection): Promise<void> {
  guests.add(connection);
  connected++;
  clearTimeout(reporting);
  ticking ??= setInterval(tick, TICK_MS);
  await connection.disconnected();
  guests.delete(connection);
  if (guests.size > 0) return;
  clearInterval(ticking);
  ticking = undefined;
  reporting = setTimeout(report, ALONE_MS);
}

/** Whose indication is on its way: one at a time for each, whatever it orders. */
const indicating = new Set<DeviceConnection>();

async function indicate(connection: DeviceConnection, bytes: Uint8Array): Promise<void> {
  if (indicating.has(connection)) return;
  indicating.add(connection);
  try {
    await sure.indicate(connection, bytes);
  } catch {
    // The client did not confirm, or has left.
  } finally {
    indicating.delete(connection);
  }
}

async function obey(): Promise<void> {
  for await (const { connection, data } of order.writes()) {
    if (data[0] === 1) void indicate(connection, data.subarray(1));
  }
}

const start = Date.now();
setInterval(rollCall, ROLL_CALL_MS);
void obey();
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) void serve(connection);
