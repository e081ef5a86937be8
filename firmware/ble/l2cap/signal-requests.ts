/** Signalling requests of our own, each with its response (Vol 3, Part A, 4 and 6.2). */
import type { Timer } from "../../platform/platform.ts";
import { SIGNAL, type Signaling, type SignalRequest, type SignalRequests } from "./signaling.ts";

/** Response timeout: how long the peer has to answer a request of ours (1 to 60 s; Vol 3, Part A, 6.2.1). */
export const RESPONSE_TIMEOUT_MS = 30_000;

/** Extended response timeout: how long it has once it answered "pending" (60 to 300 s; Vol 3, Part A, 6.2.2). */
export const PENDING_TIMEOUT_MS = 60_000;

/** Requests of ours that may be open on one link: for each of its channels to be opened or ended, and as many more. */
export const OPEN_REQUESTS_MAX = 16;

interface OpenRequest extends SignalRequest {
  readonly identifier: number;
  /** Code of the response. */
  readonly expects: number;
  timer: Timer;
  isExtended: boolean;
}

/** Those of a link. A link that never asks for anything has none. */
export function requestsOn(signaling: Signaling): SignalRequests {
  signaling.requests ??= new OwnRequests(signaling);
  return signaling.requests;
}

class OwnRequests implements SignalRequests {
  private readonly signaling: Signaling;
  /** Those without a response yet, in their order. */
  private readonly open: OpenRequest[] = [];

  constructor(signaling: Signaling) {
    this.signaling = signaling;
  }

  send(
    code: number,
    words: readonly number[],
    { onResponse, isPending, onFailure }: SignalRequest,
    timeoutMs = RESPONSE_TIMEOUT_MS,
  ): boolean {
    if (!this.hasRoom) return false;
    const identifier = this.signaling.allocateIdentifier();
    const expects = code + 1;
    const request: OpenRequest = {
      ...{ identifier, expects, onResponse, isPending, onFailure },
      timer: undefined,
      isExtended: false,
    };
    this.open.push(request);
    this.setTimer(request, timeoutMs);
    this.signaling.send(code, identifier, words);
    return true;
  }

  get hasRoom(): boolean {
    return this.open.length < OPEN_REQUESTS_MAX;
  }

  private setTimer(request: OpenRequest, timeoutMs: number): void {
    request.timer = this.signaling.clock.setTimer(() => {
      this.open.splice(this.open.indexOf(request), 1);
      request.onFailure("timeout");
    }, timeoutMs);
  }

  /** The peer needs longer, which it may say once. */
  private extend(request: OpenRequest): void {
    if (request.isExtended) return;
    request.isExtended = true;
    this.stopTimer(request);
    this.setTimer(request, PENDING_TIMEOUT_MS);
  }

  private stopTimer(request: OpenRequest): void {
    this.signaling.clock.clearTimer(request.timer);
  }

  has(identifier: number): boolean {
    return this.open.some((request) => request.identifier === identifier);
  }

  settle(code: number, identifier: number, view: DataView, start: number, length: number): void {
    const at = this.open.findIndex(
      (request) =>
        request.identifier === identifier && (code === request.expects || code === SIGNAL.COMMAND_REJECT),
    );
    if (at < 0) return;
    const request = this.open[at]!;
    if (request.isPending?.(code, view, start, length)) return this.extend(request);
    this.open.splice(at, 1);
    this.stopTimer(request);
    request.onResponse(code, view, start, length);
  }

  close(): void {
    for (const request of this.open.splice(0)) {
      this.stopTimer(request);
      request.onFailure("closed");
    }
  }
}
