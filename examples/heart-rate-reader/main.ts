/**
 * Reads a heart-rate strap (Heart Rate Service): finds one, keeps a connection to it, and prints what it measures. Runs on
 * a camera that is the central; strap.ts is a strap to try it with.
 */
import { type Device, type DeviceConnection, DeviceDisconnectedError, scan } from "aioble";
import { UUID } from "bluetooth";

const HEART_RATE = new UUID(0x180d);
const MEASUREMENT = new UUID(0x2a37);
const BODY_SENSOR_LOCATION = new UUID(0x2a38);
const LOCATIONS = ["other", "chest", "wrist", "finger", "hand", "ear lobe", "foot"];

/** Bits of the first byte of a measurement. */
const FLAG = { WIDE: 0x01, CONTACT: 0x02, CONTACT_SUPPORTED: 0x04, ENERGY: 0x08, INTERVALS: 0x10 };

/** A measurement in words: beats a minute, contact, and the times between beats in milliseconds. */
function describe(value: Uint8Array): string {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const flags = view.getUint8(0);
  const isWide = (flags & FLAG.WIDE) !== 0;
  const words = [`${isWide ? view.getUint16(1, true) : view.getUint8(1)} beats a minute`];
  if ((flags & FLAG.CONTACT_SUPPORTED) !== 0 && (flags & FLAG.CONTACT) === 0)
    words.push("no contact to the skin");
  let at = isWide ? 3 : 2;
  if ((flags & FLAG.ENERGY) !== 0) {
    words.push(`${view.getUint16(at, true)} kJ`);
    at += 2;
  }
  const intervals: number[] = [];
  // In units of 1/1024 s.
  for (; (flags & FLAG.INTERVALS) !== 0 && at + 2 <= value.length; at += 2)
    intervals.push(Math.round((view.getUint16(at, true) * 1000) / 1024));
  if (intervals.length > 0) words.push(`beats ${intervals.join(", ")} ms apart`);
  return words.join(", ");
}

/** The first strap that is heard. */
async function findStrap(): Promise<Device> {
  console.log("looking for a heart-rate strap");
  const options = { intervalUs: 60_000, windowUs: 30_000, active: true, services: [HEART_RATE] };
  for await (const result of scan(options)) {
    const { connectable, device, rssi } = result;
    if (!connectable) continue;
    console.log(`found ${result.name() ?? "one without a name"} (${device.addrHex()}), ${rssi} dBm`);
    return device;
  }
  throw new Error("the scan has ended");
}

/** Prints measurements until the strap leaves. */
async function listen(connection: DeviceConnection): Promise<void> {
  const service = await connection.service(HEART_RATE);
  const measurement = await service?.characteristic(MEASUREMENT);
  if (!service || !measurement) throw new Error("this strap has no Heart Rate Measurement");
  const location = await service.characteristic(BODY_SENSOR_LOCATION);
  if (location) console.log(`worn at: ${LOCATIONS[(await location.read())[0] ?? 0] ?? "unknown"}`);
  await measurement.subscribe();
  for await (const value of measurement.notifications()) console.log(describe(value));
}

const strap = await findStrap();
for await (const connection of strap.keepConnected()) {
  console.log("connected");
  try {
    await listen(connection);
  } catch (error) {
    if (!(error instanceof DeviceDisconnectedError)) throw error;
  }
  console.log("the strap is gone; looking for it again");
}
