/** The bytes of an upload on their way to a slot: in whole program units, each erase unit erased when they reach it. */
import type { BackgroundFlash } from "../platform/platform.ts";
import type { UploadState } from "./store.ts";

/** Bytes between two checkpoints, or an erase unit where that is more: what a reset loses at most. */
const CHECKPOINT_BYTES = 16_384;

/** Where a file goes. */
export interface UploadWriterOptions {
  readonly flash: BackgroundFlash;
  /** Offset of the slot in the area. */
  readonly start: number;
  readonly length: number;
  readonly sha: Uint8Array;
  /** The checkpoint to go on from, a multiple of the erase unit. */
  readonly offset: number;
  /** Keeps a checkpoint. @throws Error when the flash fails. */
  readonly onCheckpoint: (offset: number) => void;
}

export class UploadWriter implements UploadState {
  readonly length: number;
  readonly sha: Uint8Array;
  private readonly options: UploadWriterOptions;
  private readonly checkpointBytes: number;
  /** Where the next program unit goes. */
  private programmed: number;
  private erasedTo: number;
  private checkpoint: number;
  /** Bytes of a program unit that is not whole yet. */
  private rest = new Uint8Array(0);

  constructor(options: UploadWriterOptions) {
    const { length, sha, offset, flash } = options;
    this.options = options;
    this.length = length;
    this.sha = sha;
    this.checkpointBytes = Math.ceil(CHECKPOINT_BYTES / flash.eraseUnit) * flash.eraseUnit;
    this.programmed = offset;
    this.erasedTo = offset;
    this.checkpoint = offset;
  }

  get offset(): number {
    return this.programmed + this.rest.length;
  }

  /**
   * Takes the next bytes. When the flash fails, the upload goes back to its last checkpoint.
   * @throws Error when the flash fails.
   */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.writeUnits(bytes);
    } catch (error) {
      this.programmed = this.checkpoint;
      this.erasedTo = this.checkpoint;
      this.rest = new Uint8Array(0);
      throw error;
    }
  }

  private async writeUnits(bytes: Uint8Array): Promise<void> {
    const { flash, start } = this.options;
    const all = new Uint8Array(this.rest.length + bytes.length);
    all.set(this.rest);
    all.set(bytes, this.rest.length);
    const isLast = this.programmed + all.length === this.length;
    const whole = all.length - (all.length % flash.programUnit);
    const units = isLast ? filled(all, flash.programUnit) : all.subarray(0, whole);
    const end = this.programmed + units.length;
    if (end > this.erasedTo) {
      const erasedTo = Math.ceil(end / flash.eraseUnit) * flash.eraseUnit;
      await flash.eraseInBackground(start + this.erasedTo, erasedTo - this.erasedTo);
      this.erasedTo = erasedTo;
    }
    if (units.length > 0) await flash.programInBackground(start + this.programmed, units);
    this.programmed = isLast ? this.length : end;
    this.rest = isLast ? new Uint8Array(0) : all.slice(whole);
    this.keepCheckpoint();
  }

  /** The bytes before it are on flash, and those behind it are erased again when the upload goes on after a reset. */
  private keepCheckpoint(): void {
    const { flash, onCheckpoint } = this.options;
    const due = this.programmed - (this.programmed % this.checkpointBytes);
    if (due <= this.checkpoint) return;
    flash.sync();
    onCheckpoint(due);
    this.checkpoint = due;
  }
}

function filled(bytes: Uint8Array, unit: number): Uint8Array {
  const units = new Uint8Array(Math.ceil(bytes.length / unit) * unit).fill(0xff);
  units.set(bytes);
  return units;
}
