/** The credit-based channels of a host: who listens for them, and those of each link. For the feature `channels`. */
import type { Clock, CopyBytes, LogLevel } from "../platform/platform.ts";
import type { Budget } from "./budget.ts";
import { copyInto } from "./codec.ts";
import type { Connection } from "./gap/connection.ts";
import type { Acl } from "./hci/acl.ts";
import type { ChannelRequest } from "./l2cap/channel-request.ts";
import { CHANNEL_RESULT } from "./l2cap/channel-results.ts";
import { LeftBehind } from "./l2cap/left-behind.ts";
import { type ChannelCounters, FIRST_COMMANDS, LinkChannels } from "./l2cap/link-channels.ts";
import type { HostObserver } from "./observer.ts";

// What the public modules need of channels, without looking below the host.
export { type AttemptHandlers, CHANNELS_PER_REQUEST } from "./l2cap/channel-attempt.ts";
export {
  type ChannelOptions,
  type ChannelParameters,
  parametersOf,
  reconfiguredOf,
} from "./l2cap/channel-parameters.ts";
export type { ChannelRequest } from "./l2cap/channel-request.ts";
export { CHANNEL_RESULT, type CloseReason, reconfigureText, resultText } from "./l2cap/channel-results.ts";
export type { ChannelOwner, CreditChannel, Outgoing } from "./l2cap/credit-channel.ts";
export { CHANNELS_MAX } from "./l2cap/link-channels.ts";

/** Simplified protocol/service multiplexers of LE (Vol 3, Part A, 4.22): of the SIG up to 0x007F, then an application's. */
export const SPSM_MIN = 0x0001;
export const SPSM_DYNAMIC = 0x0080;
export const SPSM_MAX = 0x00ff;
/** That of the enhanced ATT bearers (Assigned Numbers, 2.5). */
export const SPSM_EATT = 0x0027;

/** Who takes peers' requests for channels. */
export interface ChannelListener {
  /** Answers the request at once, or later. */
  onRequest(connection: Connection, request: ChannelRequest): void;
  /** Whether it waits for channels of this multiplexer now. */
  expects(spsm: number): boolean;
}

/** What channels are handed. */
export interface ChannelsPort {
  readonly acl: Acl;
  readonly clock: Clock;
  /** Left out: the engine's own way, which looks at each byte. */
  readonly copyBytes?: CopyBytes | undefined;
  log(level: LogLevel, message: string): void;
  observe(observer: HostObserver): () => void;
  readonly budget: Budget;
  /** A link has its first channel, or its last is closed. */
  onUse(): void;
}

export class Channels {
  readonly counters: ChannelCounters = { refused: 0, violations: 0, unreadBytes: 0 };
  /** Takes requests for which nobody else listens; without it they are refused. */
  otherwise: ChannelListener | undefined = undefined;
  private readonly port: ChannelsPort;
  private readonly left: LeftBehind;
  private readonly listeners = new Map<number, ChannelListener>();
  /** Of links that have had one, or on which one was asked for. */
  private readonly links = new Map<Connection, LinkChannels>();

  constructor(port: ChannelsPort) {
    const { budget, observe } = port;
    this.port = port;
    // Room for one channel, where the memory is least.
    this.left = new LeftBehind(budget.size / 4);
    // Before what clients wrote and were answered.
    budget.offer(this.left, "first");
    observe({
      onConnected: (connection) => {
        connection.l2cap.serveLater(FIRST_COMMANDS, () => void this.of(connection));
      },
      onDisconnected: (connection) => {
        this.links.get(connection)?.end();
        this.links.delete(connection);
      },
    });
  }

  /** The channels of a link that is up; undefined after its end. */
  of(connection: Connection): LinkChannels | undefined {
    const known = this.links.get(connection);
    if (known || !connection.isConnected) return known;
    const created = this.create(connection);
    this.links.set(connection, created);
    return created;
  }

  private create(connection: Connection): LinkChannels {
    const { counters, left } = this;
    const { acl, clock, copyBytes = copyInto, log, onUse } = this.port;
    const { l2cap, link } = connection;
    const onRequest = (request: ChannelRequest): void => this.requested(connection, request);
    const onSize = (size: number): void => {
      const isChange = size === 0 || connection.openChannels === 0;
      connection.openChannels = size;
      if (isChange) onUse();
    };
    const shared = { acl, clock, copyBytes, counters, left, log };
    return new LinkChannels({
      ...{ ...shared, link, l2cap, onRequest, onSize },
      get gate() {
        return connection.gate;
      },
    });
  }

  /** Whether a listener of this multiplexer alone was set. */
  hasListener(spsm: number): boolean {
    return this.listeners.has(spsm);
  }

  /** Whether somebody takes requests for this multiplexer. */
  isTaken(spsm: number): boolean {
    return this.listeners.has(spsm) || this.otherwise?.expects(spsm) === true;
  }

  /** `listener` takes the requests for this multiplexer, which is free. The returned function ends that. */
  listen(spsm: number, listener: ChannelListener): () => void {
    this.listeners.set(spsm, listener);
    return () => {
      if (this.listeners.get(spsm) === listener) this.listeners.delete(spsm);
    };
  }

  private requested(connection: Connection, request: ChannelRequest): void {
    const isValid = request.spsm >= SPSM_MIN && request.spsm <= SPSM_MAX;
    const listener = isValid ? (this.listeners.get(request.spsm) ?? this.otherwise) : undefined;
    if (listener) listener.onRequest(connection, request);
    else request.refuse(CHANNEL_RESULT.SPSM_NOT_SUPPORTED);
  }
}

/** @throws RangeError for what an application may not use. */
export function checkSpsm(spsm: number): void {
  if (!(spsm >= SPSM_MIN && spsm <= SPSM_MAX) || Math.floor(spsm) !== spsm) {
    throw new RangeError(
      `psm ${spsm} is out of range: 0x80 to 0xFF for applications, 0x01 to 0x7F for those of the SIG`,
    );
  }
  if (spsm === SPSM_EATT) throw new RangeError("psm 0x27 is that of ATT: use one from 0x80 to 0xFF");
}
