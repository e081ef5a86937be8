/** Requests to pair on one link that wait. */
import type { PairRequest } from "./port.ts";

/** Whether the application itself wants this pairing. Without a request the peer began it. */
export function isApplications(request: PairRequest | undefined): boolean {
  return request?.origin === "application";
}

export class PairRequests {
  private waiting: PairRequest[] = [];

  /** The one that is served: what the application has decided comes before what a refusal brings about. */
  get first(): PairRequest | undefined {
    return this.waiting.find(isApplications) ?? this.waiting[0];
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
