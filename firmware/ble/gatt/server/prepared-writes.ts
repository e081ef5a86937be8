/** A client's prepared writes (Vol 3, Part F, 3.4.6). Bounded by count and bytes; no timer empties it (3.4.6.3). */
import { ATT_ERROR } from "../../att/errors.ts";
import type { Account } from "../../budget.ts";
import type { Attribute } from "./database.ts";
import { fits } from "./values.ts";

/** Parts that one client may prepare: a value of 512 bytes takes 29 at the smallest MTU. */
export const PREPARED_COUNT_MAX = 64;
/** Bytes that one client may prepare. */
export const PREPARED_BYTES_MAX = 2048;

interface Part {
  readonly attribute: Attribute;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A value put together from its parts. */
export interface AssembledWrite {
  readonly attribute: Attribute;
  readonly value: Uint8Array;
}

/** Why nothing is written, and the handle to blame. */
export interface WriteRefusal {
  readonly handle: number;
  readonly error: number;
}

export class PreparedWrites {
  private parts: Part[] = [];
  private bytes = 0;
  /** A part of the queue was lost with the database that it was meant for: the handle of that part. */
  private lostHandle = 0;
  private readonly account: Account;

  /** @param account what the link keeps. */
  constructor(account: Account) {
    this.account = account;
  }

  /** Adds a part; returns 0, or Prepare Queue Full. */
  add(attribute: Attribute, offset: number, bytes: Uint8Array): number {
    if (this.parts.length >= PREPARED_COUNT_MAX || this.bytes + bytes.length > PREPARED_BYTES_MAX) {
      this.account.refuse();
      return ATT_ERROR.PREPARE_QUEUE_FULL;
    }
    if (!this.account.take(bytes.length)) return ATT_ERROR.PREPARE_QUEUE_FULL;
    this.parts.push({ attribute, offset, bytes });
    this.bytes += bytes.length;
    return 0;
  }

  /** Whether there is a part of this attribute's value. */
  has(attribute: Attribute): boolean {
    return this.parts.some((part) => part.attribute === attribute);
  }

  clear(): void {
    for (const { bytes } of this.parts) this.account.give(bytes.length);
    this.parts = [];
    this.bytes = 0;
    this.lostHandle = 0;
  }

  /** The database changed: what was prepared for the old one can be written no more (3.4.6.3). */
  invalidate(): void {
    const lostHandle = this.parts[0]?.attribute.handle ?? this.lostHandle;
    this.clear();
    this.lostHandle = lostHandle;
  }

  /**
   * Takes the queue and puts each value together. A first part at offset 0 replaces the value; any other goes into what is
   * there; appended values begin anew. Offsets and lengths are judged now, not when they were prepared (3.4.6.1): one that is wrong refuses all.
   */
  take(): AssembledWrite[] | WriteRefusal {
    const { parts, lostHandle } = this;
    this.clear();
    if (lostHandle > 0) return { handle: lostHandle, error: ATT_ERROR.DATABASE_OUT_OF_SYNC };
    const values = new Map<Attribute, Uint8Array>();
    for (const { attribute, offset, bytes } of parts) {
      const fresh = offset === 0 || attribute.append;
      const before = values.get(attribute) ?? (fresh ? new Uint8Array(0) : attribute.value);
      if (offset > before.length) return { handle: attribute.handle, error: ATT_ERROR.INVALID_OFFSET };
      const end = offset + bytes.length;
      if (!fits(attribute, end)) {
        return { handle: attribute.handle, error: ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH };
      }
      const value = new Uint8Array(Math.max(end, before.length));
      value.set(before);
      value.set(bytes, offset);
      values.set(attribute, value);
    }
    return [...values].map(([attribute, value]) => ({ attribute, value }));
  }
}
