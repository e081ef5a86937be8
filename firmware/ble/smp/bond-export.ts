/**
 * All that a camera is known by, as text: its address, its Identity Resolving Key, and its bonds. The keys are plain.
 *
 * JSON: `{ "format": "obscura-bonds", "version": 2, "address": hex, "irk": hex, "bonds": [hex, ...], "crc32": number }`; each
 * bond is the bytes of its record (bond-record.ts), the one that was used last first. The checksum is that of all these bytes,
 * in this order. Version 1 had none, and is not taken: whether it is whole nobody could tell.
 */
import { crc32 } from "../../storage/crc32.ts";
import { hex } from "../codec.ts";
import { decodeBond, encodeBond } from "./bond-record.ts";
import { isIdentity, isOf, isSameIdentity } from "./identities.ts";
import type { Bond } from "./keys.ts";

const FORMAT = "obscura-bonds";
const VERSION = 2;

export interface Secrets {
  /** The static random address, six bytes in printed order. */
  readonly address: Uint8Array;
  readonly irk: Uint8Array;
  readonly bonds: readonly Bond[];
}

export function exportSecrets({ address, bonds, irk }: Secrets): string {
  const records = bonds.map((bond) => encodeBond({ number: 0, bond }));
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    address: hex(address),
    irk: hex(irk),
    bonds: records.map((record) => hex(record)),
    crc32: checksumOf([address, irk, ...records]),
  });
}

function checksumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((crc, part) => crc32(part, crc), 0);
}

/** @throws TypeError for anything that `exportSecrets` did not write, with what is wrong with it. */
export function importSecrets(text: string): Secrets {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw new TypeError("loadSecrets: this is no JSON");
  }
  if (Array.isArray(found)) {
    throw new TypeError(
      "loadSecrets: this looks like a file of MicroPython, whose keys are in the layout of its own stack: pair again",
    );
  }
  const { format, version, bonds, ...rest } = (found ?? {}) as Record<string, unknown>;
  if (format !== FORMAT || version !== VERSION || !Array.isArray(bonds)) {
    throw new TypeError("loadSecrets: this is nothing that saveSecrets() of this version returned");
  }
  const address = bytesOf("address", rest["address"], 6);
  const irk = bytesOf("irk", rest["irk"], 16);
  const records = bonds.map((record, at) => bytesOf(`bond ${at}`, record));
  if (rest["crc32"] !== checksumOf([address, irk, ...records]))
    throw new TypeError("loadSecrets: this is damaged: crc32 is another than its contents have");
  if (isNull(irk)) throw new TypeError("loadSecrets: irk is all 0, which stands for none");
  const decoded: Bond[] = [];
  for (const [at, record] of records.entries()) {
    const one = decodeBond(record);
    if (typeof one === "string") throw new TypeError(`loadSecrets: bond ${at} is ${one}`);
    const problem = problemOf(one.bond, decoded);
    if (problem !== undefined) throw new TypeError(`loadSecrets: bond ${at} is ${problem}`);
    decoded.push(one.bond);
  }
  return { address, irk, bonds: decoded };
}

/** What no pairing leaves behind. */
function problemOf(bond: Bond, others: readonly Bond[]): string | undefined {
  const { identity, irk, ownIdentity } = bond;
  if (!isIdentity(identity) || isSameIdentity(identity, ownIdentity))
    return "of an address that no other device has as its identity";
  if (irk && isNull(irk)) return "with an Identity Resolving Key of all 0";
  if (others.some((other) => isOf(other, identity, ownIdentity))) return "of the same devices as another";
  return undefined;
}

function isNull(key: Uint8Array): boolean {
  return key.every((byte) => byte === 0);
}

function bytesOf(name: string, text: unknown, length?: number): Uint8Array {
  const digits = typeof text === "string" ? text : "";
  const isHex = [...digits].every((digit) => "0123456789abcdef".includes(digit));
  const count = digits.length / 2;
  if (!isHex || count === 0 || Math.floor(count) !== count || (length !== undefined && count !== length)) {
    throw new TypeError(`loadSecrets: ${name} is not in hexadecimal digits, or not as long as it has to be`);
  }
  return Uint8Array.from({ length: count }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}
