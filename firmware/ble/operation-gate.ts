/**
 * Holds back what this device asks of a bonded peer until the link is as it has to be for that (Vol 3, Part C, 10.3.2): a central
 * encrypts first, and a peripheral has its central do so, for until then anybody may answer who has copied the peer's address.
 */

/** Who waits for a gate. */
export interface GateUser {
  /** The gate is open, or refuses from now on. Called once for each time that it was joined. */
  decided(): void;
}

export class OperationGate {
  private state: "held" | "open" | "refused" = "held";
  private error: unknown = undefined;
  private readonly waiting = new Set<GateUser>();
  private readonly clock: { now(): number };
  private readonly onWanted: (() => void) | undefined;
  private readonly sinceMs: number;
  private untilMs: number | undefined = undefined;

  /** @param onWanted is called whenever somebody comes to wait for it. */
  constructor(clock: { now(): number }, onWanted?: () => void) {
    this.clock = clock;
    this.onWanted = onWanted;
    this.sinceMs = clock.now();
  }

  /** Milliseconds for which it has held something back. */
  get heldMs(): number {
    return (this.untilMs ?? this.clock.now()) - this.sinceMs;
  }

  /** Nothing may go out yet; whether it may is about to be known. */
  get isHeld(): boolean {
    return this.state === "held";
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  /** Why nothing may go out; undefined while that is open, or while it is not known. */
  get refusal(): unknown {
    return this.error;
  }

  /** Calls `user.decided` when it is known whether something may go out. */
  join(user: GateUser): void {
    this.waiting.add(user);
    this.onWanted?.();
  }

  /** Nobody waits here any more. */
  leave(user: GateUser): void {
    this.waiting.delete(user);
  }

  /** What waits may go out, and all that comes. For good, for the protection of a link does not fall. */
  open(): void {
    this.decide("open", undefined);
  }

  /** What waits ends with this error, and all that comes, unless the gate opens later. */
  refuse(error: unknown): void {
    if (this.state !== "open") this.decide("refused", error);
  }

  private decide(state: "open" | "refused", error: unknown): void {
    this.state = state;
    this.error = error;
    this.untilMs ??= this.clock.now();
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const user of waiting) user.decided();
  }
}
