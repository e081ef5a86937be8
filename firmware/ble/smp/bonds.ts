/** The bonds that this device keeps, on flash (Vol 3, Part C, 9.4.4): bond-record.ts has their format. */
import type { Clock, LogLevel, Records } from "../../platform/platform.ts";
import { Allowance } from "../allowance.ts";
import { formatAddress, sameBytes } from "../codec.ts";
import { BleError } from "../errors.ts";
import type { Setting } from "../setting.ts";
import { textOf } from "../text.ts";
import { placesFor } from "./bond-places.ts";
import { decodeBond, decodePeer, encodeBond, encodePeer } from "./bond-record.ts";
import { isAt, isOf, isSameIdentity } from "./identities.ts";
import {
  type BondInfo,
  infoOf,
  isStranger,
  type KeptBond,
  type KeyedBonds,
  keyedOf,
  type PeerMemory,
  strangersMax,
  victimOf,
} from "./kept-bond.ts";
import { type Bond, type BondKeeper, type Identity, PEER_NAME_MAX } from "./keys.ts";
import { OwnIrk, readRecord } from "./own-irk.ts";

/** Places for bonds of a camera, whatever `maxBonds` says: `bond.0` to `bond.31`. */
export const BOND_SLOTS = 32;

/** Bonds that are kept at a time. */
export const MAX_BONDS_SETTING: Setting<"maxBonds"> = {
  name: "maxBonds",
  min: 1,
  max: BOND_SLOTS,
  initial: 8,
};

/** Writes to flash that one bonded peer may cause at once; those that strangers share; and one more of each so often. */
export const PEER_WRITES_MAX = 32;
export const STRANGER_WRITES_MAX = 64;
export const WRITE_REFILL_MS = 10_000;
/** What a bond costs of them that a peer makes by itself: a stranger's, or over the bond that encrypts its link. */
const BOND_WRITES = 8;

const BOND_KEY = "bond.";
const PEER_KEY = "peer.";

/** Numbers of bonds are 32 bits. */
const NUMBER_MAX = 0xffffffff;

const STRANGERS_SPENT =
  "Strangers have had so many bonds written of late that flash would wear out: wait, or open a pairing window.";
const PEER_SPENT = "The device has had so much written of late that flash would wear out: wait.";

const NOTHING = new Uint8Array(0);

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

/** Which bond gives way to another: see kept-bond.ts. */
export class Bonds implements BondKeeper {
  private readonly port: BondsPort;
  private readonly strangerWear: Allowance;
  private loaded: KeptBond[] | undefined = undefined;
  /** Of what is loaded, for one identity of this device; undefined after a change. */
  private known: KeyedBonds | undefined = undefined;
  /** Slots of records that another version of the firmware wrote. */
  private readonly foreign = new Set<number>();
  private lastNumber = 0;
  private uses = 0;
  private readonly irk: OwnIrk;
  private warnedOfWear = false;
  /** Writes that peers wanted and did not get. */
  refusedWrites = 0;

  constructor(port: BondsPort) {
    this.port = port;
    this.strangerWear = new Allowance(port.clock, STRANGER_WRITES_MAX, WRITE_REFILL_MS);
    this.irk = new OwnIrk(port);
  }

  find(addressType: number, address: Uint8Array): Bond | undefined {
    return this.lookUp(addressType, address)?.bond;
  }

  /**
   * Whether another bond has a place. An unattended one is counted as a stranger's: that its pairing will be authenticated
   * is not known when this is asked.
   */
  hasRoom(isAttended: boolean): boolean {
    if (!isAttended && this.areStrangersSpent) {
      this.refuse();
      return false;
    }
    return this.placeFor(!isAttended) !== undefined;
  }

  canRewrite(bond: Bond, isAttended: boolean): boolean {
    const wear = !isAttended && isStranger(bond) ? this.strangerWear : this.entryOf(bond.identity)?.wear;
    if (!wear || wear.has(BOND_WRITES)) return true;
    this.refuse();
    return false;
  }

  get areStrangersSpent(): boolean {
    return !this.strangerWear.has(BOND_WRITES);
  }

  keep(bond: Bond, isProven = false): void {
    const former = this.entryOf(bond.identity);
    // What is known of its peer goes on with its link; who has not shown the former bond's key begins anew.
    const continues = isProven && former !== undefined && former.links > 0;
    const stranger = isStranger(bond);
    const takesOver = former !== undefined && (!stranger || isStranger(former.bond));
    const place = takesOver ? former : this.placeFor(stranger);
    const number = continues ? former.number : this.nextNumber();
    const bytes = encodeBond({ number, bond });
    const copy = decodeBond(bytes);
    if (typeof copy === "string") throw new TypeError("a bond whose identities, keys or key size are none");
    if (!place) throw noRoom();
    if (stranger) this.takeBond(this.strangerWear, STRANGERS_SPENT);
    else if (continues) this.takeBond(former.wear, PEER_SPENT);
    // One record: a power cut leaves the bond that was in its place, or the new one.
    this.port.records.set(bondKey(former?.slot ?? place.slot), bytes);
    this.lastNumber = Math.max(this.lastNumber, number);
    const entry: KeptBond = {
      ...(continues ? former : this.newPeer()),
      slot: former?.slot ?? place.slot,
      number,
      bond: copy.bond,
      lastAddress: undefined,
    };
    this.place(entry);
    this.trim(entry);
    this.sweep();
    this.port.onChanged();
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

  /** In place of what was in its slot. */
  private place(entry: KeptBond): void {
    this.known = undefined;
    const replaced = this.entries.findIndex(({ slot }) => slot === entry.slot);
    if (replaced >= 0) this.entries.splice(replaced, 1, entry);
    else this.entries.push(entry);
  }

  forget(identity: Identity): boolean {
    const entry = this.entryOf(identity);
    if (!entry) return false;
    this.remove(entry);
    return true;
  }

  /** Removes all bonds. @throws Error when the flash fails; some are gone then. */
  forgetAll(): void {
    for (const entry of [...this.entries]) this.remove(entry);
  }

  /** All bonds, the one that was used last first. */
  list(): BondInfo[] {
    return [...this.entries].sort((one, other) => other.lastUse - one.lastUse).map(infoOf);
  }

  /** All bonds with their keys, the one that was used last first. */
  all(): Bond[] {
    return [...this.entries].sort((one, other) => other.lastUse - one.lastUse).map(({ bond }) => bond);
  }

  /** The bond with the device of this address. It holds no key. */
  get(addressType: number, address: Uint8Array): BondInfo | undefined {
    const entry = this.lookUp(addressType, address);
    return entry && infoOf(entry);
  }

  get size(): number {
    return this.entries.length;
  }

  /** The identities of the devices that know this one by the identity which it has at the moment. */
  identities(): Identity[] {
    return this.entries.filter((entry) => this.isUsable(entry)).map(({ bond }) => bond.identity);
  }

  /**
   * Devices with private addresses that this one knows by the identity which it has at the moment, with their keys. Where
   * several resolve an address it is the first one's.
   */
  privatePeers(): { readonly identity: Identity; readonly irk: Uint8Array }[] {
    const { entries, irks } = this.keyed;
    return entries.map(({ bond }, at) => ({ identity: bond.identity, irk: irks[at]! }));
  }

  /** A link is encrypted with the key of the bond with this Identity Address. Undefined when there is none. */
  open(identity: Identity): PeerMemory | undefined {
    const entry = this.entryOf(identity);
    if (!entry) return undefined;
    entry.links++;
    if (entry.lastUse < this.uses) {
      entry.lastUse = ++this.uses;
      entry.isDirty = true;
    }
    const { number } = entry;
    // Whatever takes its place goes on with its number.
    const now = (): KeptBond | undefined => this.entries.find((each) => each.number === number);
    let isOpen = true;
    return {
      get isKept() {
        return now() !== undefined;
      },
      get client() {
        return now()?.client ?? NOTHING;
      },
      save: (client, isUrgent) => {
        const current = now();
        return !current || this.saveClient(current, client, isUrgent);
      },
      close: () => {
        const current = now();
        if (!isOpen || !current) return;
        isOpen = false;
        current.links--;
        this.settle(current);
      },
    };
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

  /** The peer's name was read. */
  named(identity: Identity, name: Uint8Array): void {
    const entry = this.entryOf(identity);
    const short = name.slice(0, PEER_NAME_MAX);
    if (!entry || sameBytes(entry.name, short)) return;
    entry.name = short;
    entry.isDirty = true;
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
  private get slots(): number {
    return Math.max(BOND_SLOTS, this.port.settings.maxBonds);
  }

  private get entries(): KeptBond[] {
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
  private nextNumber(): number {
    let number = this.lastNumber < NUMBER_MAX ? this.lastNumber + 1 : 1;
    while (this.entries.some((entry) => entry.number === number)) number++;
    return number;
  }

  private read(key: string): Uint8Array | undefined {
    return readRecord(this.port, key);
  }

  private newPeer() {
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

  private entryOf(identity: Identity): KeptBond | undefined {
    const own = this.port.ownIdentity();
    return this.entries.find(({ bond }) => isOf(bond, identity, own));
  }

  private lookUp(addressType: number, address: Uint8Array): KeptBond | undefined {
    if (addressType === 1 && (address[0]! & 0xc0) === 0x40) return this.resolve(address);
    const own = this.port.ownIdentity();
    return this.entries.find(
      ({ bond }) => isAt(bond.identity, addressType, address) && isSameIdentity(bond.ownIdentity, own),
    );
  }

  /** Who has this private address. A busy place has dozens in a second, so that little is done but the hashes. */
  private resolve(address: Uint8Array): KeptBond | undefined {
    const { entries, irks, seen } = this.keyed;
    for (const entry of seen) if (sameBytes(entry.lastAddress!, address)) return entry;
    const entry = entries[this.port.findResolvingKey(address, irks)];
    if (!entry) return undefined;
    if (!entry.lastAddress) seen.push(entry);
    entry.lastAddress = address.slice();
    return entry;
  }

  private isUsable({ bond }: KeptBond): boolean {
    return isSameIdentity(bond.ownIdentity, this.port.ownIdentity());
  }

  private get keyed(): KeyedBonds {
    const own = this.port.ownIdentity();
    if (!this.known || !isSameIdentity(this.known.own, own)) this.known = keyedOf(this.entries, own);
    return this.known;
  }

  /** Where a new bond goes: a free slot, or that of the bond that it takes the place of. */
  private placeFor(stranger: boolean): { readonly slot: number } | undefined {
    const { entries } = this;
    const { maxBonds } = this.port.settings;
    const strangers = entries.filter(({ bond }) => isStranger(bond));
    const isOverShare = stranger && strangers.length >= strangersMax(maxBonds);
    if (entries.length < maxBonds && !isOverShare) {
      for (let slot = 0; slot < this.slots; slot++) {
        if (!this.foreign.has(slot) && !entries.some((entry) => entry.slot === slot)) return { slot };
      }
      return undefined;
    }
    return victimOf(stranger ? strangers : entries);
  }

  /** Gives up what is beyond `maxBonds`, which may have been more, or beyond the strangers' share: not `latest`. */
  private trim(latest: KeptBond): void {
    const { maxBonds } = this.port.settings;
    const others = (among: readonly KeptBond[]): KeptBond[] => among.filter((entry) => entry !== latest);
    for (;;) {
      const strangers = this.entries.filter(({ bond }) => isStranger(bond));
      let victim: KeptBond | undefined;
      if (strangers.length > strangersMax(maxBonds)) victim = victimOf(others(strangers));
      else if (this.entries.length > maxBonds) victim = victimOf(others(this.entries));
      if (!victim) return;
      this.remove(victim);
    }
  }

  private remove(entry: KeptBond): void {
    this.port.records.delete(bondKey(entry.slot));
    this.known = undefined;
    const place = this.entries.indexOf(entry);
    if (place >= 0) this.entries.splice(place, 1);
    this.sweep();
    this.port.onChanged();
  }

  /** Removes what is beside bonds that are gone; what a power cut left of them too. A failure leaves it for the next time. */
  private sweep(): void {
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

  private saveClient(entry: KeptBond, client: Uint8Array, isUrgent: boolean): boolean {
    if (sameBytes(entry.client, client)) return true;
    const before = entry.client;
    const wasDirty = entry.isDirty;
    entry.client = client;
    entry.isDirty = true;
    if (!isUrgent) return true;
    if (this.wearOf(entry).take(1)) {
      if (this.tryWrite(entry)) return true;
    } else this.refuse();
    entry.client = before;
    entry.isDirty = wasDirty;
    return false;
  }

  /**
   * Writes what can wait, unless the peer has half of its writes left or less: those are for what may not. It waits in RAM then
   * for the next write.
   */
  private settle(entry: KeptBond): void {
    const wear = this.wearOf(entry);
    if (entry.isDirty && wear.has(Math.floor(wear.burst / 2) + 1) && wear.take(1)) this.tryWrite(entry);
  }

  private wearOf({ bond, wear }: KeptBond): Allowance {
    return isStranger(bond) ? this.strangerWear : wear;
  }

  /** @throws BleError bond-not-saved, when not enough of these writes is left for a bond. */
  private takeBond(wear: Allowance, refusal: string): void {
    if (wear.take(BOND_WRITES)) return;
    this.refuse();
    throw new BleError("bond-not-saved", refusal);
  }

  private tryWrite(entry: KeptBond): boolean {
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

  private refuse(): void {
    this.refusedWrites++;
    if (this.warnedOfWear) return;
    this.warnedOfWear = true;
    this.port.log(
      "warning",
      "smp: peers change what is kept of them so often that flash would wear out: refused",
    );
  }
}

function noRoom(): BleError {
  return new BleError(
    "bond-not-saved",
    "There is no room for another bond: delete one, or raise maxBonds in config.",
  );
}

function bondKey(slot: number): string {
  return `${BOND_KEY}${slot}`;
}

function peerKey(number: number): string {
  return `${PEER_KEY}${number.toString(16)}`;
}
