/** The application that shows what it costs to find out who has a private address; nobody connects. */
import { ADDR_RANDOM, Device, security } from "aioble";
import { BONDS, type Measure, RESOLUTIONS, RESOLUTIONS_WARM_UP } from "./script.ts";

/** What the probes added to the globals. */
const { measure } = globalThis as unknown as { readonly measure: Measure };

const ADDRESS = "c00102030405";

/** A record of a bond of LE Secure Connections with an IRK (firmware/ble/smp/bond-record.ts). */
function recordOf(number: number): string {
  const digits = (100 + number).toString();
  const key = digits.repeat(11).slice(0, 32);
  return `013d1000000000${`01c0${digits}0000000`.slice(0, 14)}01${ADDRESS}${key}${key}${"0".repeat(20)}`;
}

/** CRC-32 (ISO-HDLC) of the bytes that these digits are. */
function crc32Of(digits: string): number {
  let crc = ~0;
  for (let at = 0; at < digits.length; at += 2) {
    crc ^= Number.parseInt(digits.slice(at, at + 2), 16);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

const bonds = Array.from({ length: BONDS }, (_, number) => recordOf(number));
const irk = "11".repeat(16);
const copy = {
  format: "obscura-bonds",
  version: 2,
  address: ADDRESS,
  irk,
  bonds,
  crc32: crc32Of(ADDRESS + irk + bonds.join("")),
};
if (security.loadSecrets(JSON.stringify(copy)) !== BONDS) throw new Error("the bonds were not taken");

// A resolvable private address of none of them: every key is tried.
const stranger = new Device(ADDR_RANDOM, "4a1122334455");
for (let count = 0; count < RESOLUTIONS_WARM_UP + RESOLUTIONS; count++) {
  if (count === RESOLUTIONS_WARM_UP) measure.begin("resolveAddress");
  measure.open();
  const bond = security.bonds.get(stranger);
  measure.close();
  if (bond) throw new Error("a stranger was taken for a bonded device");
}
measure.end();
measure.finish();
