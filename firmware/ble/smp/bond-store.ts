/** The bonds that are on flash, with what is known of their peers: bond-record.ts has the format of both records. */
import type { Clock, LogLevel, Records } from "../../platform/platform.ts";
import { Allowance } from "../allowance.ts";
import { formatAddress } from "../codec.ts";
import { textOf } from "../text.ts";
import { placesFor } from "./bond-places.ts";
import { decodeBond, decodePeer, encodeBond, encodePeer } from "./bond-record.ts";
import { isOf } from "./identities.ts";
import { type KeptBond, type KeyedBonds, PEER_WRITES_MAX, WRITE_REFILL_MS } from "./kept-bond.ts";
import type { Bond, Identity } from "./keys.ts";
import { OwnIrk, readRecord } from "./own-irk.ts";

/** Places for bonds of a camera, whatever `maxBonds` says: `bond.0` to `bond.31`. */
export const BOND_SLOTS = 32;

const BOND_KEY = "bond.";
const PEER_KEY = "peer.";

/** Numbers of bonds are 32 bits. */
const NUMBER_MAX = 0xffffffff;

/** What is known of a peer at first. */
export const NOTHING = new Uint8Array(0);

/** What the bonds are handed. */
export interface BondsPort {
  readonly records: Records;
  readonly clock: Clock;
  readonly settings: { readonly maxBonds: number };
  /** Entropy fit for keys. */
  random(length: number): Uint8Array;
  /** The first of these keys that a resolvable private address was made with; -1 for none (Vol 6, Part B, 1.3.2.3). */
  findResolvingKey(address: Uint8Array, irks: readonly Uint8Array[]): number;
  /** The identity that this device has at the moment. */
  ownIdentity(): Identity;
  /** There is another bond, or one less. */
  onChanged(): void;
  log(level: LogLevel, message: string): void;
}

/** The bonds that there are. Which there may be, and whose an address is, is for `Bonds` to say. */
export class BondStore {
  protected readonly port: BondsPort;
  private loaded: KeptBond[] | undefined = undefined;
  /** What finds an address among them, for one identity of this device; undefined after a change. */
  protected known: KeyedBonds | undefined = undefined;
  /** Slots of records that another version of the firmware wrote. */
  protected readonly foreign = new Set<number>();
  protected lastNumber = 0;
  protected uses = 0;
  private readonly irk: OwnIrk;

  constructor(port: BondsPort) {
    this.port = port;
    this.irk = new OwnIrk(port);
  }

  /**
   * Takes these over, the first used last, beside those that there are. That is the application's doing: strangers' allowance of
   * flash is not for it.
   * @returns what undoes it.
   * @throws RangeError when there is no room for all of them, Error when the flash fails; the bonds are as before then, as far as
   *   the flash can be written.
   */
  adopt(bonds: readonly Bond[]): () => void {
    const { entries, foreign } = this;
    const former = [...entries];
    const { records, settings } = this.port;
    const slots = Array.from({ length: this.slots }, (_, slot) => slot);
    const free = slots.filter((slot) => !foreign.has(slot) && !entries.some((entry) => entry.slot === slot));
    const placed = placesFor(bonds, { entries, maxBonds: settings.maxBonds, free }).reverse();
    const before = placed.map(({ slot }) => ({ key: bondKey(slot), bytes: this.read(bondKey(slot)) }));
    const undo = (): void => {
      for (const { key, bytes } of before) {
        try {
          if (bytes) records.set(key, bytes);
          else records.delete(key);
        } catch (error) {
          this.port.log("warning", `smp: a bond that was taken over is still there: ${textOf(error)}`);
        }
      }
      this.loaded = former;
      this.known = undefined;
      this.port.onChanged();
    };
    const numbers = placed.map(({ slot, bond }) => {
      const number = this.nextNumber();
      this.lastNumber = number;
      return { slot, number, bond };
    });
    try {
      for (const { slot, ...numbered } of numbers) records.set(bondKey(slot), encodeBond(numbered));
    } catch (error) {
      undo();
      throw error;
    }
    for (const { slot, number, bond } of numbers)
      this.place({ ...this.newPeer(), slot, number, bond, lastAddress: undefined });
    this.sweep();
    this.port.onChanged();
    return undo;
  }

  /** Other records are to be used from now on: whatever was read is forgotten. No link may be up. */
  reload(): void {
    this.loaded = undefined;
    this.known = undefined;
    this.irk.forget();
    this.foreign.clear();
    this.lastNumber = this.uses = 0;
    this.port.onChanged();
  }

  ownIrk(): Uint8Array {
    return this.irk.get();
  }

  /** Has this Identity Resolving Key from now on. @throws Error when the flash fails. */
  setOwnIrk(irk: Uint8Array): void {
    this.irk.set(irk);
    this.port.onChanged();
  }

  /** More than a camera has for a host that is not on one (tools/central), whose limit is no setting's. */
  protected get slots(): number {
    return Math.max(BOND_SLOTS, this.port.settings.maxBonds);
  }

  protected get entries(): KeptBond[] {
    this.loaded ??= this.load();
    return this.loaded;
  }

  private load(): KeptBond[] {
    const { log, records } = this.port;
    const entries: KeptBond[] = [];
    for (const key of records.keys()) {
      // No bond takes the number of one that another version of the firmware may have.
      const number = key.startsWith(PEER_KEY) ? Number.parseInt(key.slice(PEER_KEY.length), 16) : 0;
      if (number > this.lastNumber) this.lastNumber = number;
    }
    for (let slot = 0; slot < this.slots; slot++) {
      const bytes = this.read(bondKey(slot));
      if (!bytes) continue;
      const found = decodeBond(bytes);
      if (found === "foreign") this.foreign.add(slot);
      if (typeof found === "string") {
        log("warning", `smp: the record ${bondKey(slot)} cannot be used: it is ${found}`);
        continue;
      }
      const { bond, number } = found;
      if (entries.some((other) => isOf(other.bond, bond.identity, bond.ownIdentity))) continue;
      const peer = decodePeer(this.read(peerKey(number)) ?? NOTHING);
      const known = typeof peer === "string" ? { client: NOTHING, lastUse: 0, name: NOTHING } : peer;
      entries.push({ ...this.newPeer(), ...known, slot, number, bond });
      this.lastNumber = Math.max(this.lastNumber, number);
      this.uses = Math.max(this.uses, known.lastUse);
    }
    return entries;
  }

  /** A number that no bond has: the next one, or after the last that there is the first that is free. */
  protected nextNumber(): number {
    let number = this.lastNumber < NUMBER_MAX ? this.lastNumber + 1 : 1;
    while (this.entries.some((entry) => entry.number === number)) number++;
    return number;
  }

  private read(key: string): Uint8Array | undefined {
    return readRecord(this.port, key);
  }

  protected newPeer() {
    const wear = new Allowance(this.port.clock, PEER_WRITES_MAX, WRITE_REFILL_MS);
    return {
      lastAddress: undefined,
      links: 0,
      lastUse: ++this.uses,
      name: NOTHING,
      client: NOTHING,
      isDirty: true,
      wear,
    };
  }

  /** In place of what was in its slot. */
  protected place(entry: KeptBond): void {
    this.known = undefined;
    const replaced = this.entries.findIndex(({ slot }) => slot === entry.slot);
    if (replaced >= 0) this.entries.splice(replaced, 1, entry);
    else this.entries.push(entry);
  }

  protected remove(entry: KeptBond): void {
    this.port.records.delete(bondKey(entry.slot));
    this.known = undefined;
    const place = this.entries.indexOf(entry);
    if (place >= 0) this.entries.splice(place, 1);
    this.sweep();
    this.port.onChanged();
  }

  /** Removes what is beside bonds that are gone; what a power cut left of them too. A failure leaves it for the next time. */
  protected sweep(): void {
    // What belongs to bonds of another version is not known.
    if (this.foreign.size > 0) return;
    const { log, records } = this.port;
    const wanted = new Set(this.entries.map(({ number }) => peerKey(number)));
    try {
      for (const key of records.keys()) if (key.startsWith(PEER_KEY) && !wanted.has(key)) records.delete(key);
    } catch (error) {
      log("warning", `smp: what was beside a former bond is still there: ${textOf(error)}`);
    }
  }

  /** Writes what is known of a peer, and returns whether the flash took it. */
  protected tryWrite(entry: KeptBond): boolean {
    try {
      this.port.records.set(peerKey(entry.number), encodePeer(entry));
      entry.isDirty = false;
      return true;
    } catch (error) {
      const { identity } = entry.bond;
      const who = formatAddress(identity.address);
      this.port.log("warning", `smp: what is known of ${who} is not on flash: ${textOf(error)}`);
      return false;
    }
  }
}

/** The record of the bond in this slot. */
export function bondKey(slot: number): string {
  return `${BOND_KEY}${slot}`;
}

function peerKey(number: number): string {
  return `${PEER_KEY}${number.toString(16)}`;
}
