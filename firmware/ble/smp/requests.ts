/** Calls of `pair` on one link that wait. */
import type { PairRequest } from "./port.ts";

export class PairRequests {
  private waiting: PairRequest[] = [];

  /** The one that is served. */
  get first(): PairRequest | undefined {
    return this.waiting[0];
  }

  get all(): readonly PairRequest[] {
    return this.waiting;
  }

  add(request: PairRequest): void {
    this.waiting.push(request);
  }

  remove(request: PairRequest): void {
    this.waiting = this.waiting.filter((other) => other !== request);
  }

  /** Ends one, if it waits: well, or with this error. */
  settle(request: PairRequest | undefined, error: unknown): void {
    if (!request || !this.waiting.includes(request)) return;
    this.remove(request);
    if (error === undefined) request.onPaired();
    else request.onFailed(error);
  }

  /** Whoever waits ends with the link. */
  clear(): void {
    this.waiting = [];
  }
}
