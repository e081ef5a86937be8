/**
 * What the management of updates needs of the camera: bundles in slots, an upload, a trial. The camera's is on the slots of
 * firmware/native/slots.c, tests have one in memory.
 */
import { BleError } from "../ble/errors.ts";

/** Why something was refused; the error's message is the sentence for people. */
export type UpdateRefusal =
  /** The file is no signed bundle at all. */
  | "not-a-bundle"
  /** Parts of the file are missing. */
  | "truncated"
  /** Its TLVs, its manifest or its container follow no rule. */
  | "malformed"
  | "not-signed"
  /** Signed by a key that the image does not trust. */
  | "unknown-key"
  /** Signed by a key that has been revoked. */
  | "revoked-key"
  /** A hash is another one than it says, the file's or the bundle's. */
  | "damaged"
  | "bad-signature"
  | "wrong-board"
  | "wrong-engine"
  | "wrong-interface"
  /** Its security counter is below the floor. */
  | "downgrade"
  /** It does not fit a slot. */
  | "too-large"
  /** The area has no room for it now: a trial is running, or the other slot is marked. */
  | "no-free-slot"
  /** No slot holds a bundle of that hash. */
  | "not-found"
  /** It is confirmed, on trial, or running already. */
  | "in-use"
  /** Another operation on the slots has not ended. */
  | "busy"
  | "battery-low"
  | "flash-failed";

/** Something that was asked of the slots was refused; nothing has changed. */
export class UpdateError extends BleError {
  override name = "UpdateError";
  readonly refusal: UpdateRefusal;

  constructor(refusal: UpdateRefusal, message: string) {
    super("update-refused", message);
    this.refusal = refusal;
  }
}

/** A bundle in a slot, as clients of MCUmgr list it. */
export interface SlotImage {
  /** 0 is what runs, 1 the other one, wherever they are. */
  readonly slot: 0 | 1;
  readonly version: {
    readonly major: number;
    readonly minor: number;
    readonly revision: number;
    readonly build: number;
  };
  /** SHA-256 of header, body and protected TLVs, 32 bytes. */
  readonly hash: Uint8Array;
  /** It runs now. */
  readonly active: boolean;
  readonly confirmed: boolean;
  /** Its trial begins with the next start. */
  readonly pending: boolean;
  /** Pending, and the camera confirms it by itself once it is healthy. */
  readonly permanent: boolean;
  /** It verified since the start, or since it was last written. */
  readonly bootable: boolean;
}

/** An upload that has begun. It survives resets. */
export interface UploadState {
  /** SHA-256 of the whole file, 32 bytes. */
  readonly sha: Uint8Array;
  /** Bytes of the whole file. */
  readonly length: number;
  /** The next byte wanted. */
  readonly offset: number;
}

/** How a write went. */
export interface UploadProgress {
  /** The next byte wanted; the file's length once it is whole. */
  readonly offset: number;
  /** Once it is whole: whether its SHA-256 is the one that was announced. */
  readonly match?: boolean;
  /** Once it is whole: why it will not run on this camera; left out when it will. */
  readonly problem?: UpdateError;
}

/** What runs: the bundle of a slot, one on trial, the application that shipped with the image, or the recovery service. */
export type RunningKind = "confirmed" | "trial" | "shipped" | "recovery";

export interface UpdateStore {
  /** Bytes that a bundle can have; 0 on a board without an area for updates. */
  readonly slotBytes: number;
  readonly running: RunningKind;
  /** The image trusts the development key, which everybody has: it is none for release. */
  readonly trustsEverybody: boolean;
  /** In a trial: milliseconds until the camera goes back unless it is confirmed. */
  readonly trialLeftMs: number | undefined;
  /** How often the recovery service has run because power came three times in a row. */
  readonly powerOnRecoveries: number;
  /** What happened to the last trial that was not confirmed, a sentence; undefined when there was none since power-on. */
  readonly lastRevert: string | undefined;

  /** The images, slot 0 first; none in place of a slot that holds no bundle. */
  list(): readonly SlotImage[];

  /** The upload that has begun and is not whole. */
  readonly upload: UploadState | undefined;
  /**
   * Begins an upload to slot 1, or goes on with the one of the same `sha` and `length`: what runs goes on meanwhile.
   * @throws UpdateError
   */
  beginUpload(length: number, sha: Uint8Array): UploadState;
  /**
   * Writes what comes next. A write at another offset than the one wanted changes nothing and resolves to the offset
   * wanted. With the last byte the file is verified, in slices. The flash is erased and programmed in small steps.
   * `bytes` must not change until the promise settles. One write at a time: @throws UpdateError `busy`.
   */
  write(offset: number, bytes: Uint8Array): Promise<UploadProgress>;

  /**
   * Marks the bundle of this hash for a trial at the next start, after verifying it once more, in slices.
   * @param permanent the camera confirms it by itself once it is healthy
   * @throws UpdateError
   */
  mark(hash: Uint8Array, permanent: boolean): Promise<void>;
  /** Confirms what runs: ends the trial well. Nothing happens when there is none. @throws UpdateError `flash-failed` */
  confirm(): void;
  /** Erases slot 1, and takes back its mark. @throws UpdateError */
  erase(): Promise<void>;
  /** Restarts the camera; a trial begins, or ends. */
  reset(): never;
}
