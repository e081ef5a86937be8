/**
 * The bonds that this device keeps (Vol 3, Part C, 9.4.4): whose an address is, which bonds there may be, and how often peers have
 * flash written.
 */
import { Allowance } from "../allowance.ts";
import { sameBytes } from "../codec.ts";
import { BleError } from "../errors.ts";
import type { Setting } from "../setting.ts";
import { decodeBond, encodeBond } from "./bond-record.ts";
import { BOND_SLOTS, BondStore, type BondsPort, bondKey, NOTHING } from "./bond-store.ts";
import { isAt, isOf, isSameIdentity } from "./identities.ts";
import {
  type BondInfo,
  infoOf,
  isStranger,
  type KeptBond,
  type KeyedBonds,
  keyedOf,
  type PeerMemory,
  STRANGER_WRITES_MAX,
  strangersMax,
  victimOf,
  WRITE_REFILL_MS,
} from "./kept-bond.ts";
import { type Bond, type BondKeeper, type Identity, PEER_NAME_MAX } from "./keys.ts";

/** Bonds that are kept at a time. */
export const MAX_BONDS_SETTING: Setting<"maxBonds"> = {
  name: "maxBonds",
  min: 1,
  max: BOND_SLOTS,
  initial: 8,
};

/** What a bond costs of a peer's writes that it makes by itself: a stranger's, or over the bond that encrypts its link. */
const BOND_WRITES = 8;

const STRANGERS_SPENT =
  "Strangers have had so many bonds written of late that flash would wear out: wait, or open a pairing window.";
const PEER_SPENT = "The device has had so much written of late that flash would wear out: wait.";

/** Which bond gives way to another: see kept-bond.ts. */
export class Bonds extends BondStore implements BondKeeper {
  private readonly strangerWear: Allowance;
  private warnedOfWear = false;
  /** Writes that peers wanted and did not get. */
  refusedWrites = 0;

  constructor(port: BondsPort) {
    super(port);
    this.strangerWear = new Allowance(port.clock, STRANGER_WRITES_MAX, WRITE_REFILL_MS);
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
    return this.byUse().map(infoOf);
  }

  /** All bonds with their keys, the one that was used last first. */
  all(): Bond[] {
    return this.byUse().map(({ bond }) => bond);
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
    const own = this.port.ownIdentity();
    const usable = this.entries.filter(({ bond }) => isSameIdentity(bond.ownIdentity, own));
    return usable.map(({ bond }) => bond.identity);
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

  /** The peer's name was read. */
  named(identity: Identity, name: Uint8Array): void {
    const entry = this.entryOf(identity);
    const short = name.slice(0, PEER_NAME_MAX);
    if (!entry || sameBytes(entry.name, short)) return;
    entry.name = short;
    entry.isDirty = true;
  }

  private byUse(): KeptBond[] {
    return [...this.entries].sort((one, other) => other.lastUse - one.lastUse);
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
