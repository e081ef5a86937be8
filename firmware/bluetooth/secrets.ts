/**
 * Bonds that the handler of `irq` keeps, where `config` says `secretStore: "irq"`: the records of the bonds as secrets of
 * MicroPython's events. A secret has a type and a key, which an application takes as they are; the values are ours.
 *
 * | type | key | value | record |
 * |------|-----|-------|--------|
 * | 2 | identity of the peer and of this device, 14 bytes | the bond | `bond.N`, N in the order of the secrets |
 * | 3 | number of the bond, 4 bytes | that number, then what is kept beside the bond | `peer.NUMBER` |
 * | 10 | "irk" | this device's Identity Resolving Key | `irk` |
 */
import { sameBytes, viewOf, Writer } from "../ble/codec.ts";
import type { Records } from "../platform/platform.ts";
import { IRQ_GET_SECRET, IRQ_SET_SECRET } from "./constants.ts";

const TYPE = { BOND: 2, BESIDE: 3, IRK: 10 } as const;
const BOND_KEY = "bond.";
const PEER_KEY = "peer.";
const IRK_KEY = "irk";
const IRK_SECRET = Uint8Array.of(0x69, 0x72, 0x6b);

/** Where the two identities stand in a bond's record (ble/smp/bond-record.ts). */
const IDENTITIES_AT = 7;
const IDENTITIES_LENGTH = 14;
/** Secrets of one type that are asked for: as many as there are places for bonds. */
const SECRETS_MAX = 32;

/** Calls the handler and returns what it returns. */
type Ask = (event: number, data: readonly (number | Uint8Array | null)[]) => unknown;

interface Secret {
  readonly type: number;
  readonly key: Uint8Array;
}

export class SecretRecords implements Records {
  private readonly ask: Ask;
  private known: Map<string, Secret> | undefined = undefined;

  constructor(ask: Ask) {
    this.ask = ask;
  }

  /** Asks the handler for everything anew when something is next read. */
  forget(): void {
    this.known = undefined;
  }

  private get secrets(): Map<string, Secret> {
    this.known ??= this.load();
    return this.known;
  }

  private load(): Map<string, Secret> {
    const secrets = new Map<string, Secret>();
    for (const [place, value] of this.all(TYPE.BOND).entries()) {
      if (value.length < IDENTITIES_AT + IDENTITIES_LENGTH) continue;
      secrets.set(`${BOND_KEY}${place}`, { type: TYPE.BOND, key: identitiesIn(value) });
    }
    for (const value of this.all(TYPE.BESIDE)) {
      if (value.length < 4) continue;
      const number = viewOf(value).getUint32(0, true);
      secrets.set(PEER_KEY + number.toString(16), { type: TYPE.BESIDE, key: value.slice(0, 4) });
    }
    if (this.value(TYPE.IRK, IRK_SECRET)) secrets.set(IRK_KEY, { type: TYPE.IRK, key: IRK_SECRET });
    return secrets;
  }

  /** All values of one type, in their order. */
  private all(type: number): Uint8Array[] {
    const values: Uint8Array[] = [];
    for (let index = 0; index < SECRETS_MAX; index++) {
      const value = this.ask(IRQ_GET_SECRET, [type, index, null]);
      if (!(value instanceof Uint8Array)) break;
      values.push(value);
    }
    return values;
  }

  private value(type: number, key: Uint8Array): Uint8Array | undefined {
    const value = this.ask(IRQ_GET_SECRET, [type, 0, key.slice()]);
    return value instanceof Uint8Array ? value.slice() : undefined;
  }

  get(record: string): Uint8Array | undefined {
    const secret = this.secrets.get(record);
    const value = secret && this.value(secret.type, secret.key);
    return secret?.type === TYPE.BESIDE ? value?.slice(4) : value;
  }

  set(record: string, value: Uint8Array): void {
    const secret = secretOf(record, value);
    const before = this.secrets.get(record);
    this.keep(secret, secret.type === TYPE.BESIDE ? joined(secret.key, value) : value.slice());
    this.secrets.set(record, secret);
    // Another bond has the place: a cut in between leaves one too many, and none too few.
    if (before && !sameBytes(before.key, secret.key)) this.keep(before, null);
  }

  delete(record: string): boolean {
    const secret = this.secrets.get(record);
    if (!secret) return false;
    this.keep(secret, null);
    return this.secrets.delete(record);
  }

  keys(): string[] {
    return [...this.secrets.keys()];
  }

  private keep({ type, key }: Secret, value: Uint8Array | null): void {
    const isKept = this.ask(IRQ_SET_SECRET, [type, key.slice(), value]);
    if (isKept === true || value === null) return;
    throw new Error(
      `the handler of irq did not keep a secret of type ${type}: return true from event 30, or leave secretStore at "records"`,
    );
  }
}

function identitiesIn(bond: Uint8Array): Uint8Array {
  return bond.slice(IDENTITIES_AT, IDENTITIES_AT + IDENTITIES_LENGTH);
}

function secretOf(record: string, value: Uint8Array): Secret {
  if (record === IRK_KEY) return { type: TYPE.IRK, key: IRK_SECRET };
  if (record.startsWith(BOND_KEY)) return { type: TYPE.BOND, key: identitiesIn(value) };
  const writer = new Writer(4);
  writer.u32(Number.parseInt(record.slice(PEER_KEY.length), 16));
  return { type: TYPE.BESIDE, key: writer.finish() };
}

function joined(key: Uint8Array, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + value.length);
  bytes.set(key);
  bytes.set(value, key.length);
  return bytes;
}
