/**
 * All that a camera is known by, as text: its address, its Identity Resolving Key, and its bonds. The keys are plain.
 *
 * JSON: `{ "format": "obscura-bonds", "version": 1, "address": hex, "irk": hex, "bonds": [hex, ...] }`; each bond is the
 * bytes of its record (bond-record.ts), the one that was used last first.
 */
import { hex } from "../codec.ts";
import { decodeBond, encodeBond } from "./bond-record.ts";
import { isOf } from "./identities.ts";
import type { Bond } from "./keys.ts";

const FORMAT = "obscura-bonds";
const VERSION = 1;

export interface Secrets {
  /** The static random address, six bytes in printed order. */
  readonly address: Uint8Array;
  readonly irk: Uint8Array;
  readonly bonds: readonly Bond[];
}

export function exportSecrets({ address, bonds, irk }: Secrets): string {
  const records = bonds.map((bond) => hex(encodeBond({ number: 0, bond })));
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    address: hex(address),
    irk: hex(irk),
    bonds: records,
  });
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
  const { format, version, address, bonds, irk } = (found ?? {}) as Record<string, unknown>;
  if (format !== FORMAT || version !== VERSION || !Array.isArray(bonds)) {
    throw new TypeError("loadSecrets: this is nothing that saveSecrets() of this version returned");
  }
  const decoded: Bond[] = [];
  for (const [at, record] of bonds.entries()) {
    const one = decodeBond(bytesOf(`bond ${at}`, record));
    if (typeof one === "string") throw new TypeError(`loadSecrets: bond ${at} is ${one}`);
    const { identity, ownIdentity } = one.bond;
    if (decoded.some((other) => isOf(other, identity, ownIdentity)))
      throw new TypeError(`loadSecrets: bond ${at} is of the same devices as another`);
    decoded.push(one.bond);
  }
  return { address: bytesOf("address", address, 6), irk: bytesOf("irk", irk, 16), bonds: decoded };
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
