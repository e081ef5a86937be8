/**
 * The memory that peers can make the host keep: PDUs that they do not take, what they prepare or write and nobody
 * collects, frames in pieces, questions that the application has not answered. One budget of bytes for all links
 * together, so that whoever is out of range, or means ill, leaves the heap to the others.
 *
 * Half of the budget is divided among the places for links: each is guaranteed its part, whatever the others keep. Of the
 * other half a link may have up to twice what it leaves there, so that a link alone can have most of it and the next ones
 * still find something.
 */

/** Bytes that an item costs beside its own: the objects that hold it. About 14 slots of 16 bytes, and two chunks. */
export const ITEM_OVERHEAD = 256;

/** What the budget is handed. */
export interface BudgetPort {
  log(level: "warning", message: string): void;
}

/** What one link keeps. It outlives the link for as long as something of it waits. */
export class Account {
  /** Bytes that it keeps now. */
  held = 0;
  private readonly budget: Budget;
  private readonly handle: number;
  private readonly guaranteed: number;
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
    return after <= 2 * (budget.size / 2 - budget.beyond + this.beyond - after);
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
      if (!this.fits(bytes)) return false;
      this.force(bytes);
      return true;
    }
    // Most items: what is guaranteed is nobody else's concern.
    this.held = after;
    const budget = this.budget;
    const all = budget.held + bytes + ITEM_OVERHEAD;
    budget.held = all;
    if (all > budget.peak) budget.peak = all;
    return true;
  }

  /** Takes an item, whatever is kept already: for the few that are bounded by their number. */
  force(bytes: number): void {
    const { budget, guaranteed, held } = this;
    const size = bytes + ITEM_OVERHEAD;
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
  private readonly port: BudgetPort;

  constructor(size: number, port: BudgetPort) {
    this.size = size;
    this.port = port;
  }

  /** For one link. */
  account(handle: number): Account {
    return new Account(this, handle, this.size / 2 / this.places);
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
