/**
 * What stands in records about bonds, whole and broken. The first byte of a packet says which record the rest is: 0 to 7
 * `bond.N`, 8 to 15 `peer.N`, 16 the device's own key, 17 what is kept of a client, 18 a copy as text.
 */
import { readFileSync } from "node:fs";
import { decodeClientState, encodeClientState } from "../../firmware/ble/gatt/server/client-state.ts";
import { importSecrets } from "../../firmware/ble/smp/bond-export.ts";
import { decodeBond, encodeBond, encodePeer } from "../../firmware/ble/smp/bond-record.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { bondOf, openBonds, strangerOf } from "../support/bonds.ts";
import { concat, toHex } from "../support/bytes.ts";
import { MemoryRecords } from "../support/rig.ts";
import type { Target } from "./fuzzer.ts";

const MAX_BONDS = 6;
const RECORD_MAX = 512;
const KIND = { PEER: 8, IRK: 16, CLIENT: 17, TEXT: 18 } as const;

function checkClient(bytes: Uint8Array): void {
  const state = decodeClientState(bytes);
  if (state && toHex(encodeClientState(state)) !== toHex(bytes))
    throw new Error("another state than was read");
}

function checkText(bytes: Uint8Array): void {
  try {
    importSecrets(String.fromCharCode(...bytes));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

function place(records: MemoryRecords, packet: Uint8Array): void {
  const kind = (packet[0] ?? 0) % 19;
  const value = packet.slice(1, 1 + RECORD_MAX);
  if (kind < KIND.PEER) records.set(`bond.${kind}`, value);
  else if (kind < KIND.IRK) records.set(`peer.${(kind - KIND.PEER).toString(16)}`, value);
  else if (kind === KIND.IRK) records.set("irk", value);
  else if (kind === KIND.CLIENT) checkClient(value);
  else checkText(value);
}

/** Records that another version of the firmware may have written. */
function foreignOf(records: MemoryRecords): string[] {
  return records
    .keys()
    .filter((key) => key.startsWith("bond.") && decodeBond(records.get(key)!) === "foreign")
    .map((key) => `${key} ${toHex(records.get(key)!)}`)
    .sort();
}

function contentsOf(records: MemoryRecords): string[] {
  const { bonds } = openBonds(records, { maxBonds: MAX_BONDS });
  const all = bonds.all().map((bond) => toHex(encodeBond({ number: 0, bond })));
  const names = bonds
    .all()
    .map(({ identity, ownIdentity }) =>
      [identity, ownIdentity].map(({ addressType, address }) => `${addressType} ${toHex(address)}`).join(),
    );
  if (new Set(names).size !== names.length) throw new Error("two bonds of one device");
  return all.sort();
}

function run(packets: readonly Uint8Array[], random: SeededRandom): void {
  const records = new MemoryRecords();
  for (const packet of packets) place(records, packet);
  const foreign = foreignOf(records);
  const before = contentsOf(records);
  const { bonds } = openBonds(records, { maxBonds: MAX_BONDS });
  for (const bond of bonds.all()) {
    const { addressType, address } = bond.identity;
    bonds.find(addressType, address);
    const memory = bonds.open(bond.identity);
    if (memory) decodeClientState(memory.client);
    memory?.save(random.bytes(random.below(400)), random.below(2) === 0);
    memory?.close();
  }
  bonds.find(1, Uint8Array.of(0x40 | random.below(64), ...random.bytes(5)));
  if (contentsOf(records).join() !== before.join()) throw new Error("a look at bonds has changed them");
  // Whatever was there: the owner's device finds a place, for nothing here is connected.
  const mine = bondOf(200 + random.below(8));
  const isFull = foreign.length >= 32;
  try {
    bonds.keep(mine);
    if (random.below(2) === 0) bonds.keep(strangerOf(300));
  } catch (error) {
    if (isFull || (error as { code?: string }).code !== "bond-not-saved") throw error;
  }
  const kept = openBonds(records, { maxBonds: MAX_BONDS }).bonds.find(1, mine.identity.address);
  if (!kept) throw new Error("the bond that was kept is not there");
  if (bonds.size > MAX_BONDS) throw new Error(`${bonds.size} bonds`);
  if (foreignOf(records).join() !== foreign.join()) throw new Error("another version's record was changed");
  for (const key of records.keys()) {
    if (records.get(key)!.length > RECORD_MAX) throw new Error(`${key} is longer than a record may be`);
  }
}

function invent(random: SeededRandom): Uint8Array {
  const kind = random.below(19);
  const head = Uint8Array.of(kind);
  if (kind < KIND.PEER) {
    const bond = bondOf(random.below(8), {
      isAttended: random.below(2) === 0,
      isFromWindow: random.below(2) === 0,
      isAuthenticated: random.below(2) === 0,
      isSecureConnections: random.below(2) === 0,
      irk: random.below(2) === 0 ? undefined : random.bytes(16),
    });
    return concat(head, encodeBond({ number: random.below(8), bond }));
  }
  if (kind < KIND.IRK) {
    const name = random.bytes(random.below(32));
    return concat(
      head,
      encodePeer({ lastUse: random.below(100), name, client: random.bytes(random.below(60)) }),
    );
  }
  return concat(head, random.bytes(random.below(80)));
}

export const bonds: Target = {
  corpus: JSON.parse(readFileSync(new URL("corpus/bonds.json", import.meta.url), "utf8")),
  invent,
  run,
};
