/**
 * Reads heart-rate straps (Heart Rate Service): finds one, prints what it measures until it leaves, and looks for the next.
 * Runs on a camera that is the central; strap.ts is a strap to try it with. Anybody can advertise the service: a device that
 * breaks its rules, or refuses, costs its own link, and is left alone for a while.
 */
import {
  BleError,
  type ClientCharacteristic,
  type Device,
  type DeviceConnection,
  type ScanResult,
  scan,
} from "aioble";
import { FLAG_NOTIFY, FLAG_READ, UUID } from "bluetooth";

const HEART_RATE = new UUID(0x180d);
const MEASUREMENT = new UUID(0x2a37);
const BODY_SENSOR_LOCATION = new UUID(0x2a38);
const LOCATIONS = ["other", "chest", "wrist", "finger", "hand", "ear lobe", "foot"];

/** Bits of the first byte of a measurement. */
const FLAG = { WIDE: 0x01, CONTACT: 0x02, CONTACT_SUPPORTED: 0x04, ENERGY: 0x08, INTERVALS: 0x10 };

/** A strap measures once a second: one that says nothing for so long is of no use. */
const SILENCE_MS = 10_000;
/** How long a device that was of no use is left alone, and how many such are remembered. */
const IGNORE_MS = 30_000;
const IGNORED_MAX = 16;

/** A measurement in words: beats a minute, contact, and the times between beats in milliseconds; undefined when it is too short. */
function describe(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  const flags = value[0] ?? 0;
  const isWide = (flags & FLAG.WIDE) !== 0;
  const hasEnergy = (flags & FLAG.ENERGY) !== 0;
  let at = isWide ? 3 : 2;
  if (value.length < at + (hasEnergy ? 2 : 0)) return undefined;
  const words = [`${isWide ? view.getUint16(1, true) : view.getUint8(1)} beats a minute`];
  if ((flags & FLAG.CONTACT_SUPPORTED) !== 0 && (flags & FLAG.CONTACT) === 0)
    words.push("no contact to the skin");
  if (hasEnergy) {
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

/** Devices that were of no use, by their addresses, and when they may be tried again. */
const ignored = new Map<string, number>();

function ignore(device: Device): void {
  const [oldest] = ignored.keys();
  // Somebody who means ill has any number of addresses.
  if (oldest !== undefined && ignored.size >= IGNORED_MAX) ignored.delete(oldest);
  ignored.set(device.addrHex(), Date.now() + IGNORE_MS);
}

/** A strap that is heard; undefined when there is none for ten seconds. */
async function findStrap(): Promise<ScanResult | undefined> {
  const options = { intervalUs: 60_000, windowUs: 30_000, active: true, services: [HEART_RATE] };
  for await (const result of scan({ ...options, durationMs: 10_000 })) {
    const isIgnored = (ignored.get(result.device.addrHex()) ?? 0) > Date.now();
    if (result.connectable && !isIgnored) return result;
  }
  return undefined;
}

/** Subscribes to a strap's measurements; undefined when it has none. */
async function subscribe(connection: DeviceConnection): Promise<ClientCharacteristic | undefined> {
  const service = await connection.service(HEART_RATE);
  const measurement = await service?.characteristic(MEASUREMENT);
  if (!service || !measurement || (measurement.properties & FLAG_NOTIFY) === 0) return undefined;
  const location = await service.characteristic(BODY_SENSOR_LOCATION);
  if (location && (location.properties & FLAG_READ) !== 0)
    console.log(`worn at: ${LOCATIONS[(await location.read())[0] ?? 0] ?? "unknown"}`);
  await measurement.subscribe();
  return measurement;
}

/** Connects to a strap and prints what it measures, for as long as it is there. */
async function listen(strap: ScanResult): Promise<void> {
  const { device, rssi } = strap;
  console.log(`found ${strap.name() ?? "one without a name"} (${device.addrHex()}), ${rssi} dBm`);
  let words: string | undefined;
  try {
    await using connection = await device.connect({ timeoutMs: 5000 });
    console.log("connected");
    const measurement = await subscribe(connection);
    while (measurement) {
      words = describe(await measurement.notified({ timeoutMs: SILENCE_MS }));
      if (words === undefined) break;
      console.log(words);
    }
    console.log("the strap is left: it sends no Heart Rate Measurement");
  } catch (error) {
    // Whatever a device does is a BleError; anything else is a mistake of this program.
    if (!(error instanceof BleError)) throw error;
    console.log(`the strap is gone: ${error.message}`);
  }
  if (words === undefined) ignore(device);
}

console.log("looking for a heart-rate strap");
for (;;) {
  const strap = await findStrap();
  if (strap) await listen(strap);
}
