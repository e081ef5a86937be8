/**
 * Reads contact switches at doors and windows, which say in their advertisements whether they are open, in the format of
 * BTHome version 2 (https://bthome.io). It only listens, so any number of cameras may. switch.ts is one to try it with.
 */
import { type ScanResult, scan } from "aioble";
import { UUID } from "bluetooth";

const BTHOME = new UUID(0xfcd2);
const SERVICE_DATA_16_BIT = 0x16;
/** Bit 0: encrypted; bits 5 to 7: the version. */
const VERSION_2 = 0x40;
const INFORMATION_MASK = 0xe1;

/** Objects that switches send, and the bytes of each: an identifier, then its value. */
const LENGTHS: Readonly<Record<number, number>> = { 0: 1, 1: 1, 12: 2, 17: 1, 26: 1, 45: 1 };
const PACKET_ID = 0x00;
const BATTERY = 0x01;
/** Whether something is open: an opening of any kind, a door, a window. */
const OPENINGS = [0x11, 0x1a, 0x2d];

interface Reading {
  packet?: number;
  battery?: number;
  isOpen?: boolean;
}

/** What a packet says; an object that is not known ends it, for nothing says how long it is. */
function parse(data: Uint8Array): Reading {
  const reading: Reading = {};
  for (let at = 3; at < data.length; ) {
    const object = data[at]!;
    const length = LENGTHS[object];
    if (length === undefined || at + 1 + length > data.length) break;
    const value = data[at + 1]!;
    if (object === PACKET_ID) reading.packet = value;
    if (object === BATTERY) reading.battery = value;
    if (OPENINGS.includes(object)) reading.isOpen = value !== 0;
    at += 1 + length;
  }
  return reading;
}

/** What each switch said last, by its address. */
const states = new Map<string, Reading>();

function heard(result: ScanResult): void {
  for (const data of result.fields(SERVICE_DATA_16_BIT)) {
    if (data.length < 3 || !new UUID(data.subarray(0, 2)).equals(BTHOME)) continue;
    if ((data[2]! & INFORMATION_MASK) !== VERSION_2) continue;
    const reading = parse(data);
    const address = result.device.addrHex();
    const before = states.get(address);
    if (reading.isOpen === undefined || (before && before.packet === reading.packet)) continue;
    states.set(address, reading);
    if (before?.isOpen === reading.isOpen) continue;
    const battery = reading.battery === undefined ? "" : `, battery ${reading.battery} %`;
    console.log(`${result.name() ?? address} is ${reading.isOpen ? "open" : "closed"}${battery}`);
  }
}

console.log("listening to contact switches");
for await (const result of scan({ intervalUs: 30_000, windowUs: 30_000, active: true })) heard(result);
