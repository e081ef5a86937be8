/**
 * Connection Parameter Update over signalling (Vol 3, Part A, 4.20 and 4.21): how a peripheral asks for other connection
 * parameters where the link layer has no procedure for it.
 */
import { requestsOn } from "./signal-requests.ts";
import { SIGNAL, type Signaling } from "./signaling.ts";

/** Parameters as they travel: intervals in units of 1.25 ms, the timeout in units of 10 ms. */
export interface ParameterUpdate {
  /** 6 to 3,200, not above `intervalMax`. */
  readonly intervalMin: number;
  readonly intervalMax: number;
  /** Connection events that the peripheral may skip, 0 to 499. */
  readonly latency: number;
  /** Supervision timeout, 10 to 3,200. */
  readonly timeout: number;
}

/**
 * What became of a request: the central accepted or refused it, knows no such command, gave no answer in time, or the link
 * ended. After `"accepted"` the link layer reports the parameters that the central chose.
 */
export type ParameterUpdateOutcome = "accepted" | "refused" | "unsupported" | "timeout" | "closed";

/** Bytes of the request's data. */
const REQUEST_LENGTH = 8;
/** Bytes of the response's data. */
const RESPONSE_LENGTH = 2;
const ACCEPTED = 0x0000;
const REFUSED = 0x0001;

/** Whether the link layer allows these together (Vol 6, Part B, 4.5.1 and 4.5.2). */
export function areValidParameters({ intervalMin, intervalMax, latency, timeout }: ParameterUpdate): boolean {
  return (
    intervalMin >= 6 &&
    intervalMin <= intervalMax &&
    intervalMax <= 3200 &&
    latency <= 499 &&
    timeout >= 10 &&
    timeout <= 3200 &&
    // The timeout is longer than two intervals with what may be skipped between, in units of 1.25 ms.
    timeout * 8 > (1 + latency) * intervalMax * 2
  );
}

/**
 * Asks the central of a link for other parameters; for peripherals only (4.20).
 * @param onOutcome is called once.
 * @returns false, having asked nothing, while too many requests of this side are open on the link.
 */
export function requestParameterUpdate(
  signaling: Signaling,
  { intervalMin, intervalMax, latency, timeout }: ParameterUpdate,
  onOutcome: (outcome: ParameterUpdateOutcome) => void,
): boolean {
  const words = [intervalMin, intervalMax, latency, timeout];
  return requestsOn(signaling).send(SIGNAL.PARAMETER_UPDATE_REQUEST, words, {
    onResponse(code, view, start, length) {
      if (code === SIGNAL.COMMAND_REJECT) return onOutcome("unsupported");
      const isAccepted = length === RESPONSE_LENGTH && view.getUint16(start, true) === ACCEPTED;
      onOutcome(isAccepted ? "accepted" : "refused");
    },
    onFailure: onOutcome,
  });
}

/**
 * Answers the requests of a link's peripheral; for links where this side is the central. Without it they hear Command
 * Reject, as the specification wants of a peripheral. Parameters that the link layer does not allow are refused unasked.
 * @param decide whether to accept; it then asks the link layer for these parameters.
 */
export function serveParameterUpdates(
  signaling: Signaling,
  decide: (update: ParameterUpdate) => boolean,
): void {
  signaling.on(SIGNAL.PARAMETER_UPDATE_REQUEST, (identifier, view, start, length) => {
    const update = length === REQUEST_LENGTH ? updateAt(view, start) : undefined;
    const isAccepted = update !== undefined && areValidParameters(update) && decide(update);
    signaling.send(SIGNAL.PARAMETER_UPDATE_RESPONSE, identifier, [isAccepted ? ACCEPTED : REFUSED]);
  });
}

function updateAt(view: DataView, start: number): ParameterUpdate {
  return {
    intervalMin: view.getUint16(start, true),
    intervalMax: view.getUint16(start + 2, true),
    latency: view.getUint16(start + 4, true),
    timeout: view.getUint16(start + 6, true),
  };
}
