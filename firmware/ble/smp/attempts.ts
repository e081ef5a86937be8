/** Pairing attempts that follow failed ones are slowed down (Vol 3, Part H, 2.3.6). */
import type { Clock } from "../../platform/platform.ts";
import { PAIRING_FAILURE } from "./pdus.ts";

/** How long a peer waits after its first failure, and at most: each failure doubles it. */
export const FIRST_WAIT_MS = 1000;
export const MAX_WAIT_MS = 64_000;
/** So much time without a failure halves the wait. */
const HALVING_MS = 60_000;
/** Peers that are remembered; the one whose failure is longest ago is forgotten first. */
export const REMEMBERED = 16;
/** A peer may take another address for each attempt: so many failures of all strangers in so much time, then all wait. */
export const FAILURES_MAX = 8;
const WINDOW_MS = 60_000;

/** Failures found here after which a peer has to wait: it, or somebody in its place, may have learned something, or wanted to. */
const SUSPICIOUS: readonly number[] = [
  PAIRING_FAILURE.AUTHENTICATION_REQUIREMENTS,
  PAIRING_FAILURE.CONFIRM_VALUE_FAILED,
  PAIRING_FAILURE.COMMAND_NOT_SUPPORTED,
  PAIRING_FAILURE.ENCRYPTION_KEY_SIZE,
  PAIRING_FAILURE.UNSPECIFIED,
  PAIRING_FAILURE.INVALID_PARAMETERS,
  PAIRING_FAILURE.DHKEY_CHECK_FAILED,
  PAIRING_FAILURE.NUMERIC_COMPARISON_FAILED,
  PAIRING_FAILURE.KEY_REJECTED,
];

interface Failures {
  readonly peer: string;
  waitMs: number;
  failedAtMs: number;
}

export class Attempts {
  private readonly clock: Pick<Clock, "now">;
  /** The latest last. */
  private records: Failures[] = [];
  /** When strangers failed of late, and bonded peers. */
  private failures: number[] = [];

  constructor(clock: Pick<Clock, "now">) {
    this.clock = clock;
  }

  /** @param peer its address, as one text. */
  failed(peer: string): void {
    const now = this.clock.now();
    const before = this.records.find((record) => record.peer === peer);
    const waitMs = before ? Math.min(MAX_WAIT_MS, waitOf(before, now) * 2) : FIRST_WAIT_MS;
    this.records = this.records.filter((record) => record !== before).slice(1 - REMEMBERED);
    this.records.push({ peer, waitMs, failedAtMs: now });
    this.failures = [...this.failures.slice(1 - FAILURES_MAX), now];
  }

  /** A pairing came about: the peer is no attacker. */
  succeeded(peer: string): void {
    this.records = this.records.filter((record) => record.peer !== peer);
  }

  /**
   * Whether this peer has to wait.
   * @param isExpected it does not wait for what strangers did: it is bonded, or a window is open, which bounds guesses itself
   */
  mustWait(peer: string, isExpected: boolean): boolean {
    const now = this.clock.now();
    const record = this.records.find((candidate) => candidate.peer === peer);
    if (record && now < record.failedAtMs + waitOf(record, now)) return true;
    return !isExpected && this.failures.length >= FAILURES_MAX && now < this.failures[0]! + WINDOW_MS;
  }
}

/** Whether a peer has to wait after a failure with this reason of Pairing Failed that was found here. */
export function isSuspicious(reason: number): boolean {
  return SUSPICIOUS.includes(reason);
}

/** The wait after a failure, by how long ago that is. */
function waitOf({ waitMs, failedAtMs }: Failures, now: number): number {
  const halvings = Math.floor((now - failedAtMs) / HALVING_MS);
  return Math.max(FIRST_WAIT_MS, waitMs / 2 ** halvings);
}
