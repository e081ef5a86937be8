/**
 * Reads beacons in Apple's format (iBeacon): which are near, which are not any more, and about how far they are. It only
 * listens. beacon.ts is a beacon to try it with.
 */
import { type ScanResult, scan } from "aioble";

const APPLE = 0x004c;
/** Type and length with which a beacon's data begin. */
const BEACON = new Uint8Array([0x02, 0x15]);
const DATA_LENGTH = 23;
/** A beacon that was not heard for so long is gone. */
const GONE_MS = 5000;

interface Beacon {
  readonly title: string;
  /** About how many metres it is away. */
  metres: number;
  heardMs: number;
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Who it is: its 128 bits, and two numbers by which those of one owner are told apart. */
function titleOf(data: Uint8Array): string {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const digits = hex(data.subarray(2, 18));
  const groups = [0, 8, 12, 16, 20].map((start, at, starts) => digits.slice(start, starts[at + 1]));
  return `${groups.join("-")} ${view.getUint16(18)}/${view.getUint16(20)}`;
}

/** Of the strength that it has at one metre, which it says, and that it is heard with: in free air, half of it at 1.4 times the way. */
function metresOf(data: Uint8Array, rssi: number): number {
  const atOneMetre = new DataView(data.buffer, data.byteOffset, data.length).getInt8(22);
  return 10 ** ((atOneMetre - rssi) / 20);
}

const known = new Map<string, Beacon>();

function heard(result: ScanResult): void {
  for (const [, data] of result.manufacturer(APPLE)) {
    if (data.length !== DATA_LENGTH || result.rssi === undefined) continue;
    const title = titleOf(data);
    const metres = metresOf(data, result.rssi);
    const beacon = known.get(title);
    if (!beacon) console.log(`${title} is here, about ${metres.toFixed(1)} m away`);
    known.set(title, {
      title,
      metres: beacon ? beacon.metres * 0.8 + metres * 0.2 : metres,
      heardMs: Date.now(),
    });
  }
}

function forget(): void {
  for (const [key, { title, metres, heardMs }] of known) {
    if (Date.now() - heardMs < GONE_MS) continue;
    known.delete(key);
    console.log(`${title} is gone; it was about ${metres.toFixed(1)} m away`);
  }
}

setInterval(forget, 1000);
console.log("listening for beacons");
const beacons = scan({
  intervalUs: 60_000,
  windowUs: 60_000,
  manufacturer: { companyId: APPLE, data: BEACON },
  duplicates: "packets", // also when nothing changes: it is still there
});
for await (const result of beacons) heard(result);
