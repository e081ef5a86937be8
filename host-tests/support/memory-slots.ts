/** Slots in memory, for tests of the management server: what the camera's own do, without flash and without signatures. */
import {
  type SlotImage,
  UpdateError,
  type UpdateRefusal,
  type UpdateStore,
  type UploadProgress,
  type UploadState,
} from "../../firmware/update/store.ts";

/** A bundle that the tests take for one: its header, and anything behind it. */
export function bundleOf(
  version: readonly [number, number, number],
  length: number,
  fill = 0x5a,
): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  bytes.set([0x3d, 0xb8, 0xf3, 0x96, 0, 0, 0, 0, 32, 0, 0, 0]);
  bytes.set([version[0], version[1], version[2] & 0xff, version[2] >> 8, 0, 0, 0, 0], 20);
  return bytes;
}

/** Not a SHA-256, and as good for bundles of tests: 32 bytes that differ where the bundles do. */
export function hashOf(bytes: Uint8Array): Uint8Array {
  const hash = new Uint8Array(32);
  let sum = 1;
  for (const [at, byte] of bytes.entries()) {
    sum = (Math.imul(sum, 31) + byte + at) >>> 0;
    hash[at & 31]! ^= sum >> 8;
  }
  return hash;
}

type Flags = Pick<SlotImage, "active" | "confirmed" | "pending" | "permanent" | "bootable">;

interface Held extends Flags {
  readonly bytes: Uint8Array;
}

export class MemorySlots implements UpdateStore {
  slotBytes = 4096;
  running: UpdateStore["running"] = "confirmed";
  trustsEverybody = false;
  trialLeftMs: number | undefined = undefined;
  powerOnRecoveries = 0;
  lastRevert: string | undefined = undefined;
  resets = 0;
  /** What erasing, writing and verifying take. */
  wait: () => Promise<void> = () => Promise.resolve();
  /** What the next operation is refused with. */
  refusal: UpdateRefusal | undefined = undefined;
  /** What a whole file is refused with. */
  problem: UpdateRefusal | undefined = undefined;
  /** Operations that began before the one before them had ended. */
  readonly overlaps: string[] = [];
  /** What was asked for. */
  readonly calls: string[] = [];
  private isBusy = false;
  private current: (UploadState & { readonly bytes: Uint8Array }) | undefined = undefined;
  private readonly held: [Held | undefined, Held | undefined];

  constructor(running: Uint8Array) {
    this.held = [
      { bytes: running, active: true, confirmed: true, pending: false, permanent: false, bootable: true },
      undefined,
    ];
  }

  get upload(): UploadState | undefined {
    return this.current;
  }

  list(): readonly SlotImage[] {
    return this.held.flatMap((held, slot) => {
      if (!held) return [];
      const { bytes, ...flags } = held;
      const [major, minor, low, high] = bytes.subarray(20, 24);
      const version = { major: major!, minor: minor!, revision: low! | (high! << 8), build: 0 };
      return [{ slot: slot as 0 | 1, version, hash: hashOf(bytes), ...flags }];
    });
  }

  beginUpload(length: number, sha: Uint8Array): UploadState {
    this.check();
    const { current } = this;
    const isSame = current && sha.length > 0 && current.length === length && `${current.sha}` === `${sha}`;
    if (!isSame) {
      if (this.held[1]?.pending) throw new UpdateError("no-free-slot", "the other slot is marked");
      this.held[1] = undefined;
      this.current = { length, sha, offset: 0, bytes: new Uint8Array(length) };
    }
    return this.current!;
  }

  async write(offset: number, bytes: Uint8Array): Promise<UploadProgress> {
    this.check();
    const { current } = this;
    if (!current || offset !== current.offset) return { offset: current?.offset ?? 0 };
    await this.slowly("write");
    current.bytes.set(bytes, offset);
    const next = { ...current, offset: offset + bytes.length };
    this.current = next;
    if (next.offset < next.length) return { offset: next.offset };
    this.current = undefined;
    const flags = { active: false, confirmed: false, pending: false, permanent: false };
    this.held[1] = { bytes: next.bytes, ...flags, bootable: this.problem === undefined };
    const isChecked = next.sha.length > 0;
    return {
      offset: next.length,
      ...(isChecked ? { match: `${hashOf(next.bytes)}` === `${next.sha}` } : {}),
      ...(this.problem ? { problem: new UpdateError(this.problem, `refused: ${this.problem}`) } : {}),
    };
  }

  async mark(hash: Uint8Array, permanent: boolean): Promise<void> {
    this.check();
    await this.slowly("mark");
    const other = this.held[1];
    if (!other || `${hashOf(other.bytes)}` !== `${hash}`)
      throw new UpdateError("not-found", "no such bundle");
    if (!other.bootable) throw new UpdateError("bad-signature", "its signature is not its key's");
    this.held[1] = { ...other, pending: true, permanent };
  }

  confirm(): void {
    this.check();
    this.held[0] = { ...this.held[0]!, confirmed: true };
  }

  async erase(): Promise<void> {
    this.check();
    await this.slowly("erase");
    this.held[1] = undefined;
    this.current = undefined;
  }

  reset(): never {
    this.resets++;
    return undefined as never;
  }

  private check(): void {
    const { refusal } = this;
    if (!refusal) return;
    this.refusal = undefined;
    throw new UpdateError(refusal, `refused: ${refusal}`);
  }

  private async slowly(what: string): Promise<void> {
    this.calls.push(what);
    if (this.isBusy) this.overlaps.push(what);
    this.isBusy = true;
    await this.wait();
    this.isBusy = false;
  }
}
