/**
 * Changes of connection parameters: those that this side wants, and those that the peer asks for (Vol 3, Part C, 9.3.9
 * and 9.3.12; Vol 6, Part B, 5.1.1 and 5.1.7).
 */
import type { Clock, LogLevel, Timer } from "../../platform/platform.ts";
import { BleError, HciError } from "../errors.ts";
import {
  leConnectionUpdate,
  leRemoteConnectionParameterRequestNegativeReply,
  leRemoteConnectionParameterRequestReply,
} from "../hci/commands/le-link.ts";
import type { Hci } from "../hci/hci.ts";
import { leRemoteConnectionParameterRequest } from "../hci/le-events.ts";
import type { Controller } from "../hci/startup.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import { requestParameterUpdate, serveParameterUpdates } from "../l2cap/parameter-update.ts";
import { textOf } from "../text.ts";
import { type Connection, ROLE } from "./connection.ts";
import {
  checkParameterRange,
  fromUnits,
  type ParameterRange,
  type ParameterUnits,
  toUnits,
} from "./parameter-range.ts";

/** A peripheral leaves its central alone for so long at first: T_GAP(conn_pause_peripheral) (Vol 3, Part C, Appendix A). */
const FIRST_PAUSE_MS = 5000;
/** And for so long after it has asked: T_GAP(conn_param_timeout). */
const PAUSE_MS = 30_000;
/** A link layer ends the link when a procedure takes 40 s (Vol 6, Part B, 5.2); longer is never. */
const ANSWER_MS = 45_000;
/** Bit of LE_Features: a peripheral may ask by the link layer (Vol 6, Part B, 4.6). */
const PARAMETERS_REQUEST_BIT = 1;

/** The link layer of one side cannot ask, or be asked; it says nothing about the parameters. */
const CANNOT_ASK: readonly number[] = [
  HCI_STATUS.UNKNOWN_COMMAND,
  HCI_STATUS.COMMAND_DISALLOWED,
  HCI_STATUS.UNSUPPORTED_FEATURE,
  HCI_STATUS.UNSUPPORTED_REMOTE_FEATURE,
];

/** Says whether a peer gets the parameters that it asks for. */
export type ParameterPolicy = (connection: Connection, wanted: ParameterRange) => boolean;

/** What becomes of an update of ours: exactly one of these is called, once, unless it is given up before. */
export interface UpdateHandlers {
  /** `Connection.parameters` are new. */
  onUpdated(): void;
  onFailed(error: unknown): void;
}

/** What the updates are handed. */
export interface ParameterUpdatesPort {
  readonly hci: Hci;
  readonly clock: Clock;
  readonly connections: ReadonlyMap<number, Connection>;
  /** Figures of the running controller. */
  readonly controller: Controller | undefined;
  log(level: LogLevel, message: string): void;
}

/** An update that this side wants. */
export class ParameterUpdate {
  readonly connection: Connection;
  readonly range: ParameterRange;
  /** Undefined when nobody waits any more. */
  handlers: UpdateHandlers | undefined;
  /** The controller, or the peer, was asked. */
  isSent = false;
  /** It was asked by the link layer. */
  byLinkLayer = false;
  timer: Timer = undefined;

  /** For `ParameterUpdates`. */
  constructor(connection: Connection, range: ParameterRange, handlers: UpdateHandlers) {
    this.connection = connection;
    this.range = range;
    this.handlers = handlers;
  }
}

interface LinkState {
  readonly upSinceMs: number;
  askedMs: number | undefined;
  own: ParameterUpdate | undefined;
  /** The peer's request was accepted, and the link layer is at it. */
  serves: boolean;
  /** The controller refused what the peer asked for, and the log has a line of it. */
  wasLogged: boolean;
}

/** For all links. One update of ours at a time on each. */
export class ParameterUpdates {
  policy: ParameterPolicy = () => true;
  private readonly port: ParameterUpdatesPort;
  private readonly links = new Map<Connection, LinkState>();

  constructor(port: ParameterUpdatesPort) {
    this.port = port;
    port.hci.on(leRemoteConnectionParameterRequest, ({ connectionHandle, intervalMin, ...rest }) =>
      this.asked(connectionHandle, { intervalMin, ...rest, latency: rest.maxLatency }),
    );
  }

  /** A link is up. */
  connected(connection: Connection): void {
    const upSinceMs = this.port.clock.now();
    const state: LinkState = {
      upSinceMs,
      askedMs: undefined,
      own: undefined,
      serves: false,
      wasLogged: false,
    };
    this.links.set(connection, state);
    if (connection.role !== ROLE.CENTRAL) return;
    serveParameterUpdates(connection.l2cap.signaling, (units) => {
      // Until the link layer is done with one request, there is no other: a peer cannot fill the command queue.
      if (state.serves || !this.accepts(connection, units)) return false;
      state.serves = true;
      this.sendUpdate(connection, units).catch((error: unknown) => {
        state.serves = false;
        // The peer may ask for ever.
        this.port.log(
          state.wasLogged ? "debug" : "warning",
          `gap: link ${connection.handle}: ${textOf(error)}`,
        );
        state.wasLogged = true;
      });
      return true;
    });
  }

  /** A link has ended, and its updates with it: who waits learns it from the link. */
  disconnected(connection: Connection): void {
    const own = this.links.get(connection)?.own;
    if (own) this.port.clock.clearTimer(own.timer);
    this.links.delete(connection);
  }

  /** The link layer reports a change, or with another status than 0 that there is none. */
  updated(connection: Connection, status: number): void {
    const state = this.links.get(connection);
    if (!state) return;
    state.serves = false;
    const { own } = state;
    if (!own?.isSent) return;
    if (status === HCI_STATUS.SUCCESS) {
      this.end(own)?.onUpdated();
    } else if (own.byLinkLayer && connection.role === ROLE.PERIPHERAL && CANNOT_ASK.includes(status)) {
      this.askByL2cap(own);
    } else {
      this.fail(own, `The link keeps its parameters: ${statusText(status)}.`);
    }
  }

  /**
   * Asks for other parameters, as soon as the specification lets a peripheral do that: 5 s after the link came up, and
   * 30 s after it asked before. A central need not wait.
   * @throws BleError `already-updating` while an update of this link is not over.
   */
  begin(connection: Connection, range: ParameterRange, handlers: UpdateHandlers): ParameterUpdate {
    const state = this.links.get(connection)!;
    if (state.own) throw alreadyUpdating("parameters");
    const update = new ParameterUpdate(connection, range, handlers);
    state.own = update;
    const waitMs = connection.role === ROLE.CENTRAL ? 0 : this.pauseMs(state);
    if (waitMs > 0) update.timer = this.port.clock.setTimer(() => this.send(state, update), waitMs);
    else this.send(state, update);
    return update;
  }

  /** Nobody waits for an update any more. One that was not sent yet is taken back. */
  giveUp(update: ParameterUpdate): void {
    if (update.isSent) update.handlers = undefined;
    else this.end(update);
  }

  private pauseMs({ askedMs, upSinceMs }: LinkState): number {
    const nowMs = this.port.clock.now();
    const againMs = askedMs === undefined ? 0 : askedMs + PAUSE_MS - nowMs;
    return Math.max(upSinceMs + FIRST_PAUSE_MS - nowMs, againMs);
  }

  private send(state: LinkState, update: ParameterUpdate): void {
    const { clock, controller } = this.port;
    const { connection, range } = update;
    update.isSent = true;
    state.askedMs = clock.now();
    update.timer = clock.setTimer(() => {
      this.fail(update, `The link keeps its parameters: nothing came of it in ${ANSWER_MS} ms.`);
    }, ANSWER_MS);
    const features = controller?.leFeatures[0] ?? 0;
    if (connection.role === ROLE.PERIPHERAL && ((features >> PARAMETERS_REQUEST_BIT) & 1) === 0) {
      return this.askByL2cap(update);
    }
    update.byLinkLayer = true;
    this.sendUpdate(connection, toUnits(range)).catch((error: unknown) => {
      const isUnable = error instanceof HciError && CANNOT_ASK.includes(error.status);
      if (isUnable && connection.role === ROLE.PERIPHERAL) this.askByL2cap(update);
      else this.end(update)?.onFailed(error);
    });
  }

  private sendUpdate(connection: Connection, units: ParameterUnits): Promise<unknown> {
    return this.port.hci.send(leConnectionUpdate, {
      connectionHandle: connection.handle,
      connectionIntervalMin: units.intervalMin,
      connectionIntervalMax: units.intervalMax,
      maxLatency: units.latency,
      supervisionTimeout: units.timeout,
      minCeLength: 0,
      maxCeLength: 0,
    });
  }

  private askByL2cap(update: ParameterUpdate): void {
    const { connection, range } = update;
    if (!connection.isConnected) return;
    update.byLinkLayer = false;
    const isAsked = requestParameterUpdate(connection.l2cap.signaling, toUnits(range), (answer) => {
      // Accepted: the central changes them next. A link that has ended reports it by itself.
      if (answer === "accepted" || answer === "closed") return;
      this.fail(update, `The central keeps the parameters of the link: ${answer}.`);
    });
    if (!isAsked) this.fail(update, "The link keeps its parameters: too many signalling requests are open.");
  }

  private fail(update: ParameterUpdate, sentence: string): void {
    this.end(update)?.onFailed(new BleError("parameters-refused", sentence));
  }

  /** Returns who is to learn of it, if anybody is. */
  private end(update: ParameterUpdate): UpdateHandlers | undefined {
    const state = this.links.get(update.connection);
    if (state?.own !== update) return undefined;
    this.port.clock.clearTimer(update.timer);
    state.own = undefined;
    return update.handlers;
  }

  /** The link layer's request of the peer: has exactly one answer. */
  private asked(connectionHandle: number, units: ParameterUnits): void {
    const { connections, hci, log } = this.port;
    const connection = connections.get(connectionHandle);
    const { intervalMin, intervalMax, latency, timeout } = units;
    const answered =
      connection && this.accepts(connection, units)
        ? hci.send(leRemoteConnectionParameterRequestReply, {
            ...{ connectionHandle, intervalMin, intervalMax, timeout },
            maxLatency: latency,
            minCeLength: 0,
            maxCeLength: 0,
          })
        : hci.send(leRemoteConnectionParameterRequestNegativeReply, {
            connectionHandle,
            reason: HCI_STATUS.UNACCEPTABLE_CONNECTION_PARAMETERS,
          });
    // The link may have ended meanwhile.
    answered.catch((error: unknown) => log("debug", `gap: ${textOf(error)}`));
  }

  private accepts(connection: Connection, units: ParameterUnits): boolean {
    const wanted = fromUnits(units);
    try {
      checkParameterRange(wanted);
    } catch {
      return false;
    }
    try {
      return this.policy(connection, wanted) === true;
    } catch (error) {
      this.port.log("error", `gap: the parameter policy failed: ${textOf(error)}`);
      return false;
    }
  }
}

/** Why an update is refused while one runs. */
export function alreadyUpdating(what: string): BleError {
  return new BleError(
    "already-updating",
    `An update of the ${what} of this link is not over: there is one at a time.`,
  );
}
