/**
 * The memory that peers can make the host keep: PDUs that they do not take, what they prepare or write and nobody
 * collects, frames in pieces, questions that the application has not answered. One budget of bytes for all links
 * together, so that whoever is out of range, or means ill, leaves the heap to the others.
 *
 * Half of the budget is divided among the places for links: each is guaranteed its part, whatever the others keep. Of the
 * other half a link may have up to twice what it leaves there, so that a link alone can have most of it and the next ones
 * still find something. Nothing takes more than that half, so that all together never keep more than the budget.
 *
 * A link that has ended is guaranteed nothing: what it leaves counts in the other half, with the link itself, which it
 * holds, and goes when others need the room.
 */

/** Bytes that an item costs beside its own: the objects that hold it. About 14 slots of 16 bytes, and two chunks. */
export const ITEM_OVERHEAD = 256;

/** Bytes that a link costs which has ended, as long as something of it is kept: its connection, and what that holds. */
export const ENDED_LINK_BYTES = 2304;

/** What the budget is handed. */
export interface BudgetPort {
  log(level: "warning", message: string): void;
}

/** What links that have ended have left, the oldest first. */
export interface Leavings {
  /** Bytes of it, overheads included, that go when a link needs the room. */
  readonly bytes: number;
  /** Drops the oldest of it; false when there is none. */
  dropOldest(): boolean;
}

/** What one link keeps. It outlives the link for as long as something of it waits. */
export class Account {
  /** Bytes that it keeps now. */
  held = 0;
  private readonly budget: Budget;
  private readonly handle: number;
  private guaranteed: number;
  /** The link has ended. */
  hasEnded = false;
  /** Items of it that somebody keeps who counts them himself. */
  elsewhere = 0;
  /** What it counts of the link itself. */
  private linkBytes = 0;
  /** Something was refused since it last kept nothing. */
  private isOver = false;

  constructor(budget: Budget, handle: number, guaranteed: number) {
    this.budget = budget;
    this.handle = handle;
    this.guaranteed = guaranteed;
  }

  /** Bytes beyond what is guaranteed. */
  private get beyond(): number {
    return Math.max(0, this.held - this.guaranteed);
  }

  /** Whether an item of so many bytes would be taken. */
  fits(bytes: number): boolean {
    const after = this.held + bytes + ITEM_OVERHEAD - this.guaranteed;
    if (after <= 0) return true;
    const { budget } = this;
    // After <= 2 * (half - others - after), by how much it is not.
    const missing = budget.beyond - this.beyond + 1.5 * after - budget.size / 2;
    return missing <= 0 || budget.reclaim(missing);
  }

  /** Whether `force` would take an item of so many bytes. */
  fitsForced(bytes: number): boolean {
    const { budget, guaranteed, held } = this;
    const more = held + bytes + ITEM_OVERHEAD - Math.max(held, guaranteed);
    const missing = budget.beyond + more - budget.size / 2;
    return more <= 0 || missing <= 0 || budget.reclaim(missing);
  }

  /** Takes an item of so many bytes. False, with a line in the log the first time, when it is beyond the link's share. */
  take(bytes: number): boolean {
    if (this.charge(bytes)) return true;
    this.refuse();
    return false;
  }

  /** As `take`, but a refusal is not counted: there is another way. */
  charge(bytes: number): boolean {
    const after = this.held + bytes + ITEM_OVERHEAD;
    if (after > this.guaranteed) {
      return this.fits(bytes) && this.force(bytes);
    }
    // Most items: what is guaranteed is nobody else's concern.
    this.held = after;
    const budget = this.budget;
    const all = budget.held + bytes + ITEM_OVERHEAD;
    budget.held = all;
    if (all > budget.peak) budget.peak = all;
    return true;
  }

  /**
   * Takes an item beyond the link's share, for the few that are bounded by their number: false only when nothing is left
   * beside what links are guaranteed.
   */
  force(bytes: number): boolean {
    if (!this.fitsForced(bytes)) return false;
    this.add(bytes + ITEM_OVERHEAD);
    return true;
  }

  private add(size: number): void {
    const { budget, guaranteed, held } = this;
    const after = held + size;
    this.held = after;
    if (after > guaranteed) budget.beyond += after - Math.max(held, guaranteed);
    const all = budget.held + size;
    budget.held = all;
    if (all > budget.peak) budget.peak = all;
  }

  /** An item of so many bytes is kept no longer. */
  give(bytes: number): void {
    const held = this.held;
    const budget = this.budget;
    const after = held - bytes - ITEM_OVERHEAD;
    this.held = after;
    budget.held -= bytes + ITEM_OVERHEAD;
    if (held > this.guaranteed) budget.beyond -= held - Math.max(after, this.guaranteed);
    if (after === 0) this.isOver = false;
    // Nothing holds the link any more.
    if (after > 0 && after === this.linkBytes) this.give(after - ITEM_OVERHEAD);
  }

  /** The link has ended: nothing is guaranteed any more of what it leaves, and what it leaves holds it. */
  end(): void {
    const { budget, guaranteed, hasEnded, held } = this;
    if (hasEnded) return;
    this.hasEnded = true;
    this.guaranteed = 0;
    if (held === 0) return;
    budget.beyond += Math.min(held, guaranteed);
    budget.settle(ENDED_LINK_BYTES);
    if (this.held === 0) return;
    this.linkBytes = ENDED_LINK_BYTES;
    this.add(ENDED_LINK_BYTES);
  }

  /** Counts what the budget refused; the log has one line until the link keeps nothing any more. */
  refuse(): void {
    this.budget.refuse(this.isOver ? undefined : this.handle, this.held);
    this.isOver = true;
  }
}

export class Budget {
  /** Bytes that all links may keep. */
  readonly size: number;
  /** Links that may be up at a time. */
  places = 4;
  /** Bytes beyond what links are guaranteed. */
  beyond = 0;
  /** Bytes that they keep now, and the most that they ever kept. */
  held = 0;
  peak = 0;
  /** Items that were refused. */
  refused = 0;
  /** Of the first of them goes first. */
  private readonly leavings: Leavings[] = [];
  private readonly port: BudgetPort;

  constructor(size: number, port: BudgetPort) {
    this.size = size;
    this.port = port;
  }

  /** For one link. */
  account(handle: number): Account {
    return new Account(this, handle, this.size / 2 / this.places);
  }

  /** What links leave there when they end goes when others need the room, before or after the rest. */
  offer(leavings: Leavings, order: "first" | "last"): void {
    if (order === "first") this.leavings.unshift(leavings);
    else this.leavings.push(leavings);
  }

  /** For accounts: drops what links that have ended have left, the oldest first; nothing, when that is not enough. */
  reclaim(bytes: number): boolean {
    const before = this.beyond;
    if (this.leavings.reduce((sum, each) => sum + each.bytes, 0) < bytes) return false;
    for (const each of this.leavings) {
      while (each.bytes > 0 && before - this.beyond < bytes && each.dropOldest());
    }
    return before - this.beyond >= bytes;
  }

  /** For accounts: what ended links leave, and so many bytes more, have no guarantee and must not take that of others. */
  settle(bytes: number): void {
    const most = this.size / 2 - bytes;
    for (const each of this.leavings) while (this.beyond > most && each.dropOldest());
  }

  /** For accounts: `handle` is that of a link whose first refusal this is. */
  refuse(handle: number | undefined, held: number): void {
    this.refused++;
    if (handle === undefined) return;
    this.port.log(
      "warning",
      `host: link ${handle} keeps ${held} bytes, its share of the ${this.size} that peers may keep: what comes next for it is dropped until some of it has gone`,
    );
  }
}

/** An account without a bound, for a layer that is used by itself. */
export const unboundedAccount = (): Account =>
  new Budget(Number.MAX_SAFE_INTEGER, { log: () => undefined }).account(0);
