/** A connection that is wanted. */
import { BleError, HciError } from "../errors.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import type { ListedDevice } from "./address.ts";
import type { ParameterRange } from "./parameter-range.ts";
import type { HeardAddress } from "./peer-search.ts";

/** What a connection is to be like, and how it is looked for. */
export interface ConnectParameters extends ParameterRange {
  /** How the radio listens for the device: 2,500 to 10,240,000 microseconds, the window at most the interval. */
  readonly scanIntervalUs: number;
  readonly scanWindowUs: number;
}

/**
 * For how long the controller looks for the address that a device with private ones was heard under, before the device is
 * heard anew: it may have another one by now. Longer each time: it may advertise every 10.24 s.
 */
const HEARD_MS = 3000;
const HEARD_MAX_MS = 12_000;

/** How long the controller may take to notice the end of a link beyond its supervision timeout. */
const END_MS = 1000;

/** Who waits for a connection. Exactly one of the two is called. */
export interface AttemptHandlers<C> {
  onConnected(connection: C): void;
  onFailed(error: unknown): void;
}

/** One connection that is wanted. */
export class Attempt<C> {
  /** The device by its identity, where a bond has one. */
  readonly target: ListedDevice;
  /** The address that it was last heard under, where that is not its identity. */
  heard: HeardAddress | undefined;
  /** How long the controller may still look for that address. */
  heardForMs = HEARD_MS;
  private heardMs = HEARD_MS;
  private repeatUntilMs: number | undefined = undefined;
  readonly parameters: ConnectParameters;
  readonly handlers: AttemptHandlers<C>;
  /** Nobody waits any more. */
  cancelled = false;

  /** For `Initiator`. */
  constructor(
    target: ListedDevice,
    heard: HeardAddress | undefined,
    parameters: ConnectParameters,
    handlers: AttemptHandlers<C>,
  ) {
    this.target = target;
    this.heard = heard;
    this.parameters = parameters;
    this.handlers = handlers;
  }

  /**
   * The controller has refused it. One that says that there is a link to the device yet is asked again: the host has none, so
   * that it is ending, which takes its supervision timeout at most.
   */
  mayBeRepeated(status: number, nowMs: number): boolean {
    if (status !== HCI_STATUS.CONNECTION_EXISTS) return false;
    this.repeatUntilMs ??= nowMs + this.parameters.supervisionTimeoutMs + END_MS;
    return nowMs < this.repeatUntilMs;
  }

  /** It was heard. */
  heardAt(heard: HeardAddress): void {
    this.heard = heard;
    this.heardForMs = this.heardMs;
  }

  /** It is not at the address that it was heard under. */
  lost(): void {
    this.heard = undefined;
    this.heardMs = Math.min(2 * this.heardMs, HEARD_MAX_MS);
  }
}

/** Why an attempt has failed whose LE Connection Complete has this status. */
export function failureOf(status: number): BleError {
  if (status === HCI_STATUS.CONNECTION_LIMIT_EXCEEDED)
    return new BleError(
      "too-many-connections",
      "The Bluetooth controller has no room for another connection.",
    );
  const message = `The Bluetooth controller gave the connection up: ${statusText(status)}.`;
  return new HciError("controller-refused", message, status);
}
