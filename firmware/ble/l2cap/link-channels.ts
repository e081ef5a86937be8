/** The credit-based channels of one link: opening and closing them by signalling (Vol 3, Part A, 4.6, 4.7, 4.22 to 4.26). */
import type { Clock, CopyBytes, LogLevel } from "../../platform/platform.ts";
import type { Acl, AclLink } from "../hci/acl.ts";
import type { OperationGate } from "../operation-gate.ts";
import { type AttemptHandlers, ChannelAttempt } from "./channel-attempt.ts";
import { type ChannelParameters, costOf, ENHANCED_MIN, isInRange, PLAIN_MIN } from "./channel-parameters.ts";
import { ChannelRequest, type RequestFields, type RequestPort } from "./channel-request.ts";
import { CHANNEL_RESULT, type CloseReason } from "./channel-results.ts";
import {
  type ChannelLink,
  CreditChannel,
  type ReconfigurationHandlers,
  type ReconfigurationRefusal,
} from "./credit-channel.ts";
import type { L2cap } from "./l2cap.ts";
import type { LeftBehind } from "./left-behind.ts";
import { Reconfigurations } from "./reconfiguration.ts";
import { requestsOn } from "./signal-requests.ts";
import { REJECT, SIGNAL, type SignalHandler, type Signaling } from "./signaling.ts";
import { UnreadChannels } from "./unread-channels.ts";

/** Channel identifiers that credit-based channels of an LE link have (Vol 3, Part A, Table 2.3). */
export const FIRST_CID = 0x0040;
export const LAST_CID = 0x007f;

/** Channels that one link may have, those included that are being opened or closed. */
export const CHANNELS_MAX = 8;
/** Requests of a peer that may wait for an answer. */
export const REQUESTS_MAX = 4;
/** Bytes of a link's share that channels leave for everything else. */
const RESERVE = 2048;
/** What the channels of a link are handed. */
export interface LinkChannelsPort {
  readonly acl: Acl;
  readonly link: AclLink;
  readonly l2cap: L2cap;
  readonly clock: Clock;
  readonly copyBytes: CopyBytes;
  readonly counters: ChannelCounters;
  readonly left: LeftBehind;
  /** Holds back what this device asks of the peer; undefined: nothing does. */
  readonly gate: OperationGate | undefined;
  log(level: LogLevel, message: string): void;
  /** A peer asks for channels: answers at once, or later. */
  onRequest(request: ChannelRequest): void;
  /** So many channels are open, or being closed. */
  onSize(size: number): void;
}

/** What is counted, over all links. */
export interface ChannelCounters {
  /** Channels that peers asked for and did not get. */
  refused: number;
  /** Channels that were ended because the peer broke a rule. */
  violations: number;
  /** Bytes that closed channels had received and that nobody read in time. */
  unreadBytes: number;
}

/** Commands that a link without channels serves too; others are about channels that there are. */
export const FIRST_COMMANDS: readonly number[] = [
  SIGNAL.LE_CREDIT_CONNECTION_REQUEST,
  SIGNAL.CREDIT_CONNECTION_REQUEST,
  SIGNAL.CREDIT_RECONFIGURE_REQUEST,
];

export class LinkChannels implements ChannelLink, RequestPort {
  readonly acl: Acl;
  readonly link: AclLink;
  readonly copyBytes: CopyBytes;
  private readonly port: LinkChannelsPort;
  private readonly signaling: Signaling;
  /** By this side's identifiers. */
  private readonly channels = new Map<number, CreditChannel>();
  private readonly attempts = new Set<ChannelAttempt>();
  private readonly requests = new Set<ChannelRequest>();
  private readonly unread: UnreadChannels;
  private readonly reconfigurations: Reconfigurations;
  private lastCid = LAST_CID;
  /** The peer knows no enhanced channels. */
  private isPlain = false;
  /** A rule was broken, and the log has a line of it. */
  private wasTold = false;

  constructor(port: LinkChannelsPort) {
    this.port = port;
    this.acl = port.acl;
    this.link = port.link;
    this.copyBytes = port.copyBytes;
    this.signaling = port.l2cap.signaling;
    this.unread = new UnreadChannels(port);
    this.reconfigurations = new Reconfigurations({
      signaling: this.signaling,
      ofPeer: (cid) => this.ofPeer(cid),
      reserve: (channel, parameters) => this.reserveMore(channel, parameters),
    });
    this.signaling.on(SIGNAL.LE_CREDIT_CONNECTION_REQUEST, this.onPlainRequest);
    this.signaling.on(SIGNAL.CREDIT_CONNECTION_REQUEST, this.onEnhancedRequest);
    this.signaling.on(SIGNAL.DISCONNECTION_REQUEST, this.onDisconnectionRequest);
    this.signaling.on(SIGNAL.FLOW_CONTROL_CREDIT, this.onCredits);
  }

  // ---- requests of this side

  /**
   * Asks the peer for `count` channels: enhanced ones, and where the peer does not know those, plain ones.
   * @param count 1 to `CHANNELS_PER_REQUEST`.
   * @returns the attempt, or why there is none: the channels of the link are taken, there is no memory for all of them, or the
   * gate refuses.
   */
  connect(
    spsm: number,
    parameters: ChannelParameters,
    handlers: AttemptHandlers,
    count = 1,
  ): ChannelAttempt | "channels" | "memory" | "gate" {
    const { gate } = this.port;
    if (gate?.refusal) return "gate";
    if (this.taken + count > CHANNELS_MAX) return "channels";
    for (let reserved = 0; reserved < count; reserved++) {
      if (this.reserve(parameters)) continue;
      this.free(parameters, reserved);
      return "memory";
    }
    const cids: number[] = [];
    while (cids.length < count) cids.push(this.allocateCid());
    const attempt = new ChannelAttempt(
      {
        ...{ gate, signaling: this.signaling },
        isUsable: (peerCid) => this.isUsable(peerCid),
        onOpened: (cid, peer, isEnhanced) =>
          this.open(new CreditChannel(this, spsm, cid, parameters, peer, isEnhanced)),
        onUnwanted: (cid, peerCid) => this.endUnwanted(attempt, cid, peerCid),
        onOver: (missing) => {
          this.attempts.delete(attempt);
          this.free(parameters, missing);
        },
        onPlain: () => {
          this.isPlain = true;
        },
      },
      { spsm, cids, parameters },
      handlers,
    );
    this.attempts.add(attempt);
    attempt.begin(!this.isPlain && parameters.mtu >= ENHANCED_MIN && parameters.mps >= ENHANCED_MIN);
    return attempt;
  }

  /** The peer opened a channel that nobody waits for any more, or that cannot be. */
  private endUnwanted({ wanted }: ChannelAttempt, cid: number, peerCid: number): void {
    const peer = { cid: peerCid, mtu: PLAIN_MIN, mps: PLAIN_MIN, credits: 0 };
    this.close(this.open(new CreditChannel(this, wanted.spsm, cid, wanted.parameters, peer, false)));
  }

  /** Channels that there are, those included that are being opened or closed. */
  private get taken(): number {
    let sum = this.channels.size;
    for (const { left } of this.attempts) sum += left.length;
    return sum;
  }

  /** Ends an open channel; its owner is notified once the peer has confirmed it, or did not in time. */
  close(channel: CreditChannel): void {
    if (!channel.isOpen) return;
    channel.state = "closing";
    channel.end();
    const onOver = (): void => this.closed(channel, "local");
    const isSent = requestsOn(this.signaling).send(
      SIGNAL.DISCONNECTION_REQUEST,
      [channel.peerCid, channel.cid],
      {
        onResponse: onOver,
        onFailure: (reason) => reason === "timeout" && onOver(),
      },
    );
    if (!isSent) onOver();
  }

  // ---- requests of the peer

  private readonly onPlainRequest: SignalHandler = (identifier, view, start, length) => {
    if (length !== 10) return this.signaling.reject(identifier, REJECT.NOT_UNDERSTOOD);
    this.requested({
      identifier,
      isEnhanced: false,
      spsm: view.getUint16(start, true),
      cids: [view.getUint16(start + 2, true)],
      mtu: view.getUint16(start + 4, true),
      mps: view.getUint16(start + 6, true),
      credits: view.getUint16(start + 8, true),
    });
  };

  private readonly onEnhancedRequest: SignalHandler = (identifier, view, start, length) => {
    if (length < 8 || length % 2 !== 0) return this.signaling.reject(identifier, REJECT.NOT_UNDERSTOOD);
    const cids: number[] = [];
    for (let at = 8; at < length; at += 2) cids.push(view.getUint16(start + at, true));
    this.requested({
      identifier,
      isEnhanced: true,
      spsm: view.getUint16(start, true),
      mtu: view.getUint16(start + 2, true),
      mps: view.getUint16(start + 4, true),
      credits: view.getUint16(start + 6, true),
      cids,
    });
  };

  private requested(fields: RequestFields): void {
    const request = new ChannelRequest(this, fields);
    const { cids, credits, isEnhanced } = fields;
    const isSound = isInRange(fields, isEnhanced);
    if (isEnhanced && (!isSound || credits === 0 || cids.length === 0)) {
      return request.refuse(CHANNEL_RESULT.INVALID_PARAMETERS);
    }
    if (!isSound) return request.refuse(CHANNEL_RESULT.UNACCEPTABLE_PARAMETERS);
    if (!cids.some((cid) => isDynamic(cid))) return request.refuse(CHANNEL_RESULT.INVALID_SOURCE_CID);
    if (!cids.some((cid) => this.isUsable(cid))) return request.refuse(CHANNEL_RESULT.SOURCE_CID_ALLOCATED);
    if (this.requests.size >= REQUESTS_MAX) return request.refuse(CHANNEL_RESULT.NO_RESOURCES);
    this.requests.add(request);
    this.port.onRequest(request);
  }

  /** Not for users of requests: see `ChannelRequest.accept`. */
  accept(
    request: ChannelRequest,
    count: number,
    parameters: ChannelParameters,
    isWanted: (cid: number) => boolean,
  ): CreditChannel[] {
    const { cids, isEnhanced, spsm } = request;
    if (isEnhanced && (parameters.mtu < ENHANCED_MIN || parameters.mps < ENHANCED_MIN)) {
      // Less than an enhanced channel has: the peer may ask for a plain one.
      this.refuse(request, CHANNEL_RESULT.SPSM_NOT_SUPPORTED);
      return [];
    }
    this.finish(request);
    const opened: CreditChannel[] = [];
    const answers: number[] = [];
    let result: number = CHANNEL_RESULT.SUCCESS;
    for (const peerCid of cids) {
      const refusal =
        opened.length < count ? this.refusalOf(peerCid, parameters) : CHANNEL_RESULT.NO_RESOURCES;
      const cid = refusal === CHANNEL_RESULT.SUCCESS ? this.allocateCid() : 0;
      if (cid !== 0 && isWanted(cid)) {
        const peer = { ...request, cid: peerCid };
        opened.push(this.open(new CreditChannel(this, spsm, cid, parameters, peer, isEnhanced)));
        answers.push(cid);
        continue;
      }
      if (cid !== 0) this.free(parameters);
      this.port.counters.refused++;
      result = refusal || CHANNEL_RESULT.NO_RESOURCES;
      answers.push(0);
    }
    this.answer(request, result, opened.length > 0 ? parameters : undefined, answers);
    return opened;
  }

  /** Why this one of the channels that a peer asks for cannot be; else memory is set aside for it. */
  private refusalOf(peerCid: number, parameters: ChannelParameters): number {
    if (!isDynamic(peerCid)) return CHANNEL_RESULT.INVALID_SOURCE_CID;
    if (!this.isUsable(peerCid)) return CHANNEL_RESULT.SOURCE_CID_ALLOCATED;
    const hasRoom = this.taken < CHANNELS_MAX;
    return hasRoom && this.reserve(parameters) ? CHANNEL_RESULT.SUCCESS : CHANNEL_RESULT.NO_RESOURCES;
  }

  /** Not for users of requests: see `ChannelRequest.refuse`. */
  refuse(request: ChannelRequest, result: number): void {
    this.finish(request);
    this.port.counters.refused += request.cids.length;
    this.answer(
      request,
      result,
      undefined,
      request.cids.map(() => 0),
    );
  }

  private finish(request: ChannelRequest): void {
    request.isOver = true;
    this.requests.delete(request);
  }

  private answer(
    { identifier, isEnhanced }: ChannelRequest,
    result: number,
    parameters: ChannelParameters | undefined,
    cids: readonly number[],
  ): void {
    const { mtu, mps, credits } = parameters ?? { mtu: 0, mps: 0, credits: 0 };
    if (isEnhanced)
      this.signaling.send(SIGNAL.CREDIT_CONNECTION_RESPONSE, identifier, [
        mtu,
        mps,
        credits,
        result,
        ...cids,
      ]);
    else
      this.signaling.send(SIGNAL.LE_CREDIT_CONNECTION_RESPONSE, identifier, [
        cids[0]!,
        mtu,
        mps,
        credits,
        result,
      ]);
  }

  private readonly onDisconnectionRequest: SignalHandler = (identifier, view, start, length) => {
    if (length !== 4) return this.signaling.reject(identifier, REJECT.NOT_UNDERSTOOD);
    const cid = view.getUint16(start, true);
    const peerCid = view.getUint16(start + 2, true);
    const channel = this.channels.get(cid);
    if (!channel) return this.signaling.reject(identifier, REJECT.INVALID_CID, cid, peerCid);
    // The peer's end is not that of this channel: the request is discarded (4.6).
    if (channel.peerCid !== peerCid) return;
    this.signaling.send(SIGNAL.DISCONNECTION_RESPONSE, identifier, [cid, peerCid]);
    this.closed(channel, channel.isOpen ? "peer" : "local");
  };

  private readonly onCredits: SignalHandler = (_identifier, view, start, length) => {
    if (length !== 4) return;
    const peerCid = view.getUint16(start, true);
    const credits = view.getUint16(start + 2, true);
    const channel = this.ofPeer(peerCid);
    // None at all are ignored (10.1), and so are those for a channel that is not there.
    if (channel?.isOpen && credits > 0) channel.addCredits(credits);
  };

  // ---- what channels ask for

  /** See ChannelLink. */
  giveCredits(channel: CreditChannel, credits: number): void {
    this.signaling.sendCredits(channel.cid, credits);
  }

  /** See ChannelLink. */
  reconfigure(
    channel: CreditChannel,
    parameters: ChannelParameters,
    handlers: ReconfigurationHandlers,
  ): ReconfigurationRefusal | undefined {
    return this.reconfigurations.begin(channel, parameters, handlers);
  }

  /** See ChannelLink. */
  onViolation(channel: CreditChannel, what: string): void {
    if (!channel.isOpen) return;
    const { counters, log } = this.port;
    counters.violations++;
    log(
      this.wasTold ? "debug" : "warning",
      `l2cap: the peer of link ${this.link.handle} ${what}: its channel is ended`,
    );
    this.wasTold = true;
    this.close(channel);
    this.notifyClosed(channel, "protocol");
  }

  /** See ChannelLink. */
  onDrained(channel: CreditChannel): void {
    this.unread.drained(channel);
  }

  /** The link is gone. */
  end(): void {
    for (const attempt of [...this.attempts]) attempt.end();
    for (const request of this.requests) request.isOver = true;
    this.requests.clear();
    for (const channel of [...this.channels.values()]) this.closed(channel, "link");
    this.unread.end();
  }

  // ---- the table

  private open(channel: CreditChannel): CreditChannel {
    this.channels.set(channel.cid, channel);
    this.port.l2cap.attach(channel.cid, channel);
    this.port.onSize(this.channels.size);
    return channel;
  }

  private closed(channel: CreditChannel, reason: CloseReason): void {
    if (channel.state === "closed") return;
    channel.state = "closed";
    channel.end();
    this.channels.delete(channel.cid);
    this.port.l2cap.detach(channel.cid);
    this.port.onSize(this.channels.size);
    for (const bytes of channel.reserved.splice(0)) this.link.account.give(bytes);
    if (channel.readable !== undefined) this.unread.keep(channel);
    this.notifyClosed(channel, reason);
  }

  /** Notifies the owner once. */
  private notifyClosed(channel: CreditChannel, reason: CloseReason): void {
    const { owner } = channel;
    channel.owner = undefined;
    owner?.onClosed(reason);
  }

  private reserve(parameters: ChannelParameters): boolean {
    const { account } = this.link;
    const cost = costOf(parameters);
    if (account.fits(cost + RESERVE)) return account.take(cost);
    account.refuse();
    return false;
  }

  private free(parameters: ChannelParameters, count = 1): void {
    for (let freed = 0; freed < count; freed++) this.link.account.give(costOf(parameters));
  }

  /** For a channel that is to take more than it was opened for. */
  private reserveMore(channel: CreditChannel, parameters: ChannelParameters): boolean {
    const { account } = this.link;
    const more = costOf(parameters) - channel.reserved.reduce((sum, bytes) => sum + bytes, 0);
    if (more <= 0) return true;
    if (!account.fits(more + RESERVE) || !account.charge(more)) {
      account.refuse();
      return false;
    }
    channel.reserved.push(more);
    return true;
  }

  /** The next identifier that is free: one is used again as late as can be. */
  private allocateCid(): number {
    const isTaken = (cid: number): boolean =>
      this.channels.has(cid) || [...this.attempts].some(({ left }) => left.includes(cid));
    do {
      this.lastCid = this.lastCid === LAST_CID ? FIRST_CID : this.lastCid + 1;
    } while (isTaken(this.lastCid));
    return this.lastCid;
  }

  private ofPeer(peerCid: number): CreditChannel | undefined {
    for (const channel of this.channels.values()) if (channel.peerCid === peerCid) return channel;
    return undefined;
  }

  /** Whether the peer may give a new channel this identifier. */
  private isUsable(peerCid: number): boolean {
    return isDynamic(peerCid) && !this.ofPeer(peerCid);
  }
}

function isDynamic(cid: number): boolean {
  return cid >= FIRST_CID && cid <= LAST_CID;
}
