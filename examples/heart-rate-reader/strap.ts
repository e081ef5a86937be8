/** A heart-rate strap to try the reader with: 72 beats a minute and more, once a second. */
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";

const HEART_RATE = new UUID(0x180d);
const HEART_RATE_BELT = 0x0341;
const CHEST = 1;

const service = new Service(HEART_RATE);
const measurement = new Characteristic(service, new UUID(0x2a37), { notify: true });
new Characteristic(service, new UUID(0x2a38), { read: true, initial: new Uint8Array([CHEST]) });
registerServices(service);

/** Contact, and one time between beats in units of 1/1024 s. */
function measured(beats: number): Uint8Array {
  const value = new Uint8Array(4);
  const view = new DataView(value.buffer);
  view.setUint8(0, 0x16);
  view.setUint8(1, beats);
  view.setUint16(2, Math.round((60 * 1024) / beats), true);
  return value;
}

let beats = 72;
setInterval(() => {
  beats = beats < 90 ? beats + 1 : 72;
  measurement.write(measured(beats), { sendUpdate: true });
}, 1000);

const options = { intervalUs: 100_000, name: "strap", services: [HEART_RATE], appearance: HEART_RATE_BELT };
for await (const connection of connections(options)) console.log(`worn by ${connection.device.addrHex()}`);
