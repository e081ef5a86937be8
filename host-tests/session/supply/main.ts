/**
 * A camera whose chip loses its supply, for supply.test.ts: it advertises again whatever happens, notifies whoever listens
 * without a pause, switches the radio off when it is asked to, and reports its heap.
 */
import { advertise, Characteristic, type DeviceConnection, registerServices, Service, stop } from "aioble";
import { UUID } from "bluetooth";
import { NAME, ORDER, ORDERS, SERVICE, TICK_MS, VALUE } from "./names.ts";

const { memory } = globalThis as unknown as { memory(): object };

const RETRY_MS = 1000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const service = new Service(new UUID(SERVICE));
const value = new Characteristic(service, new UUID(VALUE), { read: true, notify: true });
const order = new Characteristic(service, new UUID(ORDER), { write: true, writeNoResponse: true });
registerServices(service);

const bytes = new Uint8Array(4);
const number = new DataView(bytes.buffer);

function tick(): void {
  number.setUint32(0, number.getUint32(0) + 1);
  value.write(bytes, { sendUpdate: true });
}

let isStopping = false;
order.onWrite = (_connection, data) => {
  if (data[0] === ORDERS.REPORT) console.log(`heap ${JSON.stringify(memory())}`);
  else isStopping = true;
  return 0;
};

async function serve(connection: DeviceConnection): Promise<void> {
  const ticking = setInterval(tick, TICK_MS);
  while (connection.isConnected() && !isStopping) await sleep(TICK_MS);
  clearInterval(ticking);
  if (isStopping) {
    isStopping = false;
    await stop();
    console.log("stopped");
  }
}

for (;;) {
  try {
    const connection = await advertise({ intervalUs: 100_000, name: NAME });
    console.log("connected");
    await serve(connection);
    console.log("gone");
  } catch (error) {
    console.log(`advertise failed: ${(error as { code?: string }).code}`);
    await sleep(RETRY_MS);
  }
}
