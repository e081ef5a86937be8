/** What a command is refused with: error codes of the Simple Management Protocol, and of its groups. */
import type { UpdateError, UpdateRefusal } from "./store.ts";

/** Groups of commands. */
export const GROUP = { OS: 0, IMAGE: 1, CONSOLE: 64 } as const;

/** Errors of any group. */
export const RC = {
  UNKNOWN: 1,
  NO_MEMORY: 2,
  INVALID: 3,
  NOT_FOUND: 5,
  BAD_STATE: 6,
  TOO_LARGE: 7,
  NOT_SUPPORTED: 8,
  CORRUPT: 9,
  BUSY: 10,
  ACCESS_DENIED: 11,
} as const;

/** Errors of group `OS`. */
export const OS_ERROR = { INVALID_FORMAT: 2, NO_ANSWER: 3 } as const;

/** Errors of group `IMAGE`. */
export const IMAGE_ERROR = {
  UNKNOWN: 1,
  NO_IMAGE: 3,
  NO_TLVS: 4,
  INVALID_TLV: 5,
  HASH_NOT_FOUND: 8,
  NO_FREE_SLOT: 9,
  FLASH_WRITE_FAILED: 12,
  INVALID_SLOT: 14,
  INVALID_OFFSET: 20,
  INVALID_LENGTH: 21,
  INVALID_HEADER: 22,
  INVALID_MAGIC: 23,
  INVALID_HASH: 24,
  VERSION_NOT_HIGHER: 27,
  ALREADY_PENDING: 28,
  TOO_LARGE: 30,
  OVERRUN: 31,
  ALREADY_ACTIVE: 33,
} as const;

/** What a client of version 0 is given in place of an error of group `IMAGE`; `RC.UNKNOWN` for those that are left out. */
const IMAGE_RC: Readonly<Record<number, number>> = {
  [IMAGE_ERROR.NO_IMAGE]: RC.NOT_FOUND,
  [IMAGE_ERROR.NO_TLVS]: RC.NOT_FOUND,
  [IMAGE_ERROR.INVALID_TLV]: RC.CORRUPT,
  [IMAGE_ERROR.HASH_NOT_FOUND]: RC.NOT_FOUND,
  [IMAGE_ERROR.NO_FREE_SLOT]: RC.BAD_STATE,
  [IMAGE_ERROR.INVALID_SLOT]: RC.INVALID,
  [IMAGE_ERROR.INVALID_OFFSET]: RC.INVALID,
  [IMAGE_ERROR.INVALID_LENGTH]: RC.INVALID,
  [IMAGE_ERROR.INVALID_HEADER]: RC.INVALID,
  [IMAGE_ERROR.INVALID_MAGIC]: RC.INVALID,
  [IMAGE_ERROR.INVALID_HASH]: RC.INVALID,
  [IMAGE_ERROR.VERSION_NOT_HIGHER]: RC.BAD_STATE,
  [IMAGE_ERROR.ALREADY_PENDING]: RC.BAD_STATE,
  [IMAGE_ERROR.TOO_LARGE]: RC.TOO_LARGE,
  [IMAGE_ERROR.OVERRUN]: RC.INVALID,
  [IMAGE_ERROR.ALREADY_ACTIVE]: RC.BAD_STATE,
};

/** A command is refused. `message` is for people: the answer carries it as `rsn`. */
export class CommandError extends Error {
  override name = "CommandError";
  /** For every client. */
  readonly rc: number;
  /** For clients of version 1, in place of `rc`. */
  readonly groupError: { readonly group: number; readonly rc: number } | undefined;

  constructor(rc: number, message: string, groupError?: { readonly group: number; readonly rc: number }) {
    super(message);
    this.rc = rc;
    this.groupError = groupError;
  }
}

/** An error of group `IMAGE`. */
export function imageError(rc: number, message: string): CommandError {
  return new CommandError(IMAGE_RC[rc] ?? RC.UNKNOWN, message, { group: GROUP.IMAGE, rc });
}

const OF_REFUSAL: Readonly<Record<UpdateRefusal, number | undefined>> = {
  "not-a-bundle": IMAGE_ERROR.INVALID_MAGIC,
  truncated: IMAGE_ERROR.INVALID_LENGTH,
  malformed: IMAGE_ERROR.INVALID_HEADER,
  "not-signed": IMAGE_ERROR.NO_TLVS,
  "unknown-key": IMAGE_ERROR.INVALID_TLV,
  "revoked-key": IMAGE_ERROR.INVALID_TLV,
  damaged: IMAGE_ERROR.INVALID_HASH,
  "bad-signature": IMAGE_ERROR.INVALID_TLV,
  "wrong-board": IMAGE_ERROR.INVALID_HEADER,
  "wrong-engine": IMAGE_ERROR.INVALID_HEADER,
  "wrong-interface": IMAGE_ERROR.INVALID_HEADER,
  downgrade: IMAGE_ERROR.VERSION_NOT_HIGHER,
  "too-large": IMAGE_ERROR.TOO_LARGE,
  "no-free-slot": IMAGE_ERROR.ALREADY_PENDING,
  "not-found": IMAGE_ERROR.HASH_NOT_FOUND,
  "in-use": IMAGE_ERROR.NO_FREE_SLOT,
  "flash-failed": IMAGE_ERROR.FLASH_WRITE_FAILED,
  // The group has no code for these.
  busy: undefined,
  "battery-low": undefined,
};

/** What the store refuses, as an error of group `IMAGE`. */
export function refused({ message, refusal }: UpdateError): CommandError {
  const rc = OF_REFUSAL[refusal];
  if (rc !== undefined) return imageError(rc, message);
  return new CommandError(refusal === "busy" ? RC.BUSY : RC.BAD_STATE, message);
}
