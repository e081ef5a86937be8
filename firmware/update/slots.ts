/** The slots of a camera: an upload in small steps, verifications in slices, marks. */
import { sameBytes } from "../ble/codec.ts";
import type { BackgroundFlash, Clock, Records, UpdateLines, UpdateProblem } from "../platform/platform.ts";
import {
  type RunningKind,
  type SlotImage,
  UpdateError,
  type UpdateRefusal,
  type UpdateStore,
  type UploadProgress,
  type UploadState,
} from "./store.ts";
import { UploadWriter } from "./upload-writer.ts";

/** Volts of the battery below which nothing is uploaded or marked: a camera that fails on the way stays as it was. */
export const UPDATE_VOLTS_MIN = 3.3;

/** The shortest file: the header of a bundle. */
const HEADER_BYTES = 32;

/** The record of an upload: SHA-256 (32 bytes), length, checkpoint (4 each, little-endian), slot (1). */
const RECORD = "update/upload";
const RECORD_BYTES = 41;

/** What the slots stand on. */
export interface SlotsOptions {
  readonly lines: UpdateLines;
  readonly records: Records;
  readonly clock: Pick<Clock, "setTimer">;
  /** Undefined on a board that cannot measure its battery. */
  readonly batteryVolts: () => number | undefined;
}

/** `UpdateStore` on a camera's natives. */
export class Slots implements UpdateStore {
  private readonly options: SlotsOptions;
  private writer: UploadWriter | undefined;
  private area: BackgroundFlash | undefined = undefined;
  private isBusy = false;

  constructor(options: SlotsOptions) {
    this.options = options;
    this.writer = this.slotBytes > 0 ? this.readRecord() : undefined;
  }

  get slotBytes(): number {
    return this.options.lines.state().slotBytes;
  }

  get running(): RunningKind {
    return this.options.lines.state().running;
  }

  get trustsEverybody(): boolean {
    return this.options.lines.state().trustsEverybody;
  }

  get trialLeftMs(): number | undefined {
    return this.options.lines.state().trialLeftMs;
  }

  get powerOnRecoveries(): number {
    return this.options.lines.state().powerOnRecoveries;
  }

  get lastRevert(): string | undefined {
    const { revert } = this.options.lines.state();
    return revert === undefined ? undefined : `The last trial has ended: ${revert}.`;
  }

  list(): readonly SlotImage[] {
    return ([0, 1] as const).flatMap((slot) => {
      const image = this.options.lines.image(slot);
      if (image === undefined) return [];
      const { version, hash, confirmed, pending, permanent, bootable } = image;
      return {
        slot,
        version: readVersion(version),
        hash,
        active: slot === 0,
        confirmed,
        pending,
        permanent,
        bootable,
      };
    });
  }

  get upload(): UploadState | undefined {
    return this.writer;
  }

  beginUpload(length: number, sha: Uint8Array): UploadState {
    if (sha.length !== 32) throw new RangeError(`A SHA-256 has 32 bytes, not ${sha.length}.`);
    if (!Number.isInteger(length) || length < HEADER_BYTES) {
      throw new UpdateError("truncated", `A bundle has ${HEADER_BYTES} bytes or more, not ${length}.`);
    }
    const { slotBytes } = this;
    if (length > slotBytes) {
      throw new UpdateError(
        "too-large",
        slotBytes === 0
          ? "This board has no slots for bundles."
          : `The bundle has ${length} bytes, and a slot of this camera ${slotBytes}: make the application smaller.`,
      );
    }
    this.checkIdle();
    this.checkBattery();
    this.touch();
    const begun = this.writer;
    if (begun?.length === length && sameBytes(begun.sha, sha)) return begun;
    this.writer = this.createWriter(length, sha.slice(), 0);
    this.options.records.delete(RECORD);
    return this.writer;
  }

  async write(offset: number, bytes: Uint8Array): Promise<UploadProgress> {
    this.checkIdle();
    const { writer } = this;
    if (writer === undefined) {
      throw new UpdateError("not-found", "No upload has begun: begin with the first byte of the file.");
    }
    if (offset !== writer.offset || bytes.length === 0) return { offset: writer.offset };
    if (offset + bytes.length > writer.length) {
      throw new UpdateError("too-large", `The file was announced with ${writer.length} bytes, and has more.`);
    }
    return this.alone(async () => {
      this.touch();
      await this.onFlash(() => writer.write(bytes));
      if (writer.offset < writer.length) return { offset: writer.offset };
      this.writer = undefined;
      this.options.records.delete(RECORD);
      return this.finish(writer);
    });
  }

  async mark(hash: Uint8Array, permanent: boolean): Promise<void> {
    this.checkIdle();
    this.checkBattery();
    this.findOther(hash);
    await this.alone(async () => {
      const { code, text } = await this.verify();
      if (code !== undefined) throw refused({ code, text: `The bundle ${text}.` });
      check(this.options.lines.mark(permanent));
    });
  }

  confirm(): void {
    check(this.options.lines.confirm());
  }

  async erase(): Promise<void> {
    this.checkIdle();
    await this.alone(async () => {
      check(this.options.lines.unmark());
      this.writer = undefined;
      this.options.records.delete(RECORD);
      await this.discard();
    });
  }

  /** Without its beginning it is no bundle, and the rest is erased by the next upload, as it comes. */
  private async discard(): Promise<void> {
    this.touch();
    const { flash } = this;
    const { offset } = this.options.lines.state();
    await this.onFlash(() => flash.eraseInBackground(offset, flash.eraseUnit));
  }

  reset(): never {
    return this.options.lines.reset();
  }

  /** Verifies a file that is whole. */
  private async finish(writer: UploadWriter): Promise<UploadProgress> {
    const { length, fileHash, code, text } = await this.verify();
    const offset = writer.length;
    const match = fileHash !== undefined && length === offset && sameBytes(fileHash, writer.sha);
    if (code !== undefined) return { offset, match, problem: refused({ code, text: `The bundle ${text}.` }) };
    if (length === offset) return { offset, match };
    // It verifies, and would be listed and marked as if it had been taken.
    await this.discard();
    return {
      offset,
      match,
      problem: new UpdateError("malformed", "The file goes on behind its bundle's end."),
    };
  }

  /** Between two slices others get their turn. */
  private async verify() {
    const { lines, clock } = this.options;
    lines.verifyBegin();
    while (!lines.verifyStep()) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 0));
    }
    return lines.verified();
  }

  /** @throws UpdateError unless image 1 has this hash. */
  private findOther(hash: Uint8Array): void {
    const { lines } = this.options;
    const [running, other] = [lines.image(0), lines.image(1)];
    if (other !== undefined && sameBytes(other.hash, hash)) return;
    if (running !== undefined && sameBytes(running.hash, hash)) {
      throw new UpdateError("in-use", "This bundle runs already.");
    }
    throw new UpdateError("not-found", "No slot holds a bundle of this hash: upload it first.");
  }

  private checkIdle(): void {
    if (this.isBusy) {
      throw new UpdateError("busy", "The slots are busy with another request: try again when it has ended.");
    }
  }

  private checkBattery(): void {
    const volts = this.options.batteryVolts();
    if (volts === undefined || volts >= UPDATE_VOLTS_MIN) return;
    throw new UpdateError(
      "battery-low",
      `The battery has ${volts.toFixed(2)} V, and an update needs ${UPDATE_VOLTS_MIN}: charge it first.`,
    );
  }

  private touch(): void {
    check(this.options.lines.touch());
  }

  private async alone<T>(work: () => Promise<T>): Promise<T> {
    this.isBusy = true;
    try {
      return await work();
    } finally {
      this.isBusy = false;
    }
  }

  private async onFlash(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new UpdateError("flash-failed", `The flash failed: ${(error as Error).message}.`);
    }
  }

  /** Nothing gets here on a board without slots: `touch` refuses. */
  private get flash(): BackgroundFlash {
    this.area ??= this.options.lines.flash();
    return this.area;
  }

  // ---- what survives a reset ----

  private createWriter(length: number, sha: Uint8Array, offset: number): UploadWriter {
    const { flash } = this;
    const { slot, offset: start } = this.options.lines.state();
    const onCheckpoint = (at: number): void => {
      const bytes = new Uint8Array(RECORD_BYTES);
      const view = new DataView(bytes.buffer);
      bytes.set(sha);
      view.setUint32(32, length, true);
      view.setUint32(36, at, true);
      bytes[40] = slot;
      this.options.records.set(RECORD, bytes);
    };
    return new UploadWriter({ flash, start, length, sha, offset, onCheckpoint });
  }

  private readRecord(): UploadWriter | undefined {
    const bytes = this.options.records.get(RECORD);
    if (bytes?.length !== RECORD_BYTES) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const [length, offset] = [view.getUint32(32, true), view.getUint32(36, true)];
    const { slot, slotBytes } = this.options.lines.state();
    const isOurs = bytes[40] === slot && length <= slotBytes && offset <= length;
    if (!isOurs || offset % this.flash.eraseUnit !== 0) return undefined;
    return this.createWriter(length, bytes.slice(0, 32), offset);
  }
}

function readVersion(bytes: Uint8Array): SlotImage["version"] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    major: view.getUint8(0),
    minor: view.getUint8(1),
    revision: view.getUint16(2, true),
    build: view.getUint32(4, true),
  };
}

const refused = ({ code, text }: UpdateProblem): UpdateError => new UpdateError(code as UpdateRefusal, text);

function check(problem: UpdateProblem | undefined): void {
  if (problem === undefined) return;
  const { code, text } = problem;
  throw refused({ code, text: `${text[0]!.toUpperCase()}${text.slice(1)}.` });
}
