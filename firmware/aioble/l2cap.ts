/** Opening L2CAP channels from either side (Vol 3, Part A, 4.22 to 4.26). For the feature `channels`. */

import {
  type AttemptHandlers,
  CHANNEL_RESULT,
  CHANNELS_MAX,
  CHANNELS_PER_REQUEST,
  type ChannelListener,
  type ChannelOptions,
  type ChannelParameters,
  type ChannelRequest,
  type Channels,
  type CreditChannel,
  checkSpsm,
  parametersOf,
  SPSM_DYNAMIC,
  SPSM_EATT,
} from "../ble/channels.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { checkInteger, checkKeys, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import type { Timer } from "../platform/platform.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { BleError, TimeoutError } from "./errors.ts";
import { L2CAPChannel } from "./l2cap-channel.ts";
import { L2CAPConnectionError, malformedAnswer, noChannelMemory } from "./l2cap-errors.ts";
import { whileHeld } from "./patience.ts";
import { checkTimeout, type Pending, type WaitOptions } from "./wait.ts";

/** How long `l2capConnect` waits by default. */
const CONNECT_TIMEOUT_MS = 1000;

/** How long a request waits for a call of `l2capAccept` that may be about to come. */
export const GRACE_MS = 500;

/** What `l2capAccept` and `l2capConnect` take. */
export interface L2CAPOptions extends ChannelOptions, WaitOptions {}

const CHANNEL_KEYS: OptionKeys<L2CAPOptions> = {
  ...WAIT_KEYS,
  mtu: "number",
  mps: "number",
  credits: "number",
};

/** A call of `l2capAccept` that waits. */
interface Acceptance {
  readonly link: Connection;
  readonly psm: number;
  readonly parameters: ChannelParameters;
  open(channel: CreditChannel): void;
}

/** A request that waits for one. */
interface HeldRequest {
  readonly link: Connection;
  readonly request: ChannelRequest;
  readonly timer: Timer;
}

export class L2cap implements ChannelListener {
  private readonly core: Core;
  private readonly channels: Channels;
  private readonly acceptances: Acceptance[] = [];
  private readonly held = new Set<HeldRequest>();
  /** Multiplexers that the application has ever accepted on: it may be about to do so again. */
  private readonly known = new Set<number>();
  /** Links that it has accepted on, or that were refused, with the multiplexers where a request has waited in vain. */
  private readonly links = new Map<Connection, Set<number>>();
  /** Multiplexers, at most 255, where a request was refused because nobody waits: the log has a line for each. */
  private readonly refused = new Set<number>();
  private wasWarned = false;

  constructor(core: Core, channels: Channels) {
    this.core = core;
    this.channels = channels;
    channels.otherwise = this;
  }

  /** See `DeviceConnection.l2capAccept`. */
  accept(connection: DeviceConnection, psm: number, options: L2CAPOptions): Promise<L2CAPChannel> {
    const parameters = this.check(psm, options);
    if (this.channels.hasListener(psm)) {
      throw new BleError("psm-in-use", `The module bluetooth listens on psm ${psm}: use another.`);
    }
    const { link } = connection;
    let mine: Acceptance | undefined;
    return connection.scope.wait<L2CAPChannel>(
      options,
      (pending) => {
        this.known.add(psm);
        this.vain(link).delete(psm);
        mine = {
          link,
          psm,
          parameters,
          open: (channel) => pending.resolve(this.create(connection, channel)),
        };
        this.acceptances.push(mine);
        for (const held of [...this.held]) if (this.serve(held.link, held.request)) this.release(held);
      },
      () => {
        const index = mine ? this.acceptances.indexOf(mine) : -1;
        if (index >= 0) this.acceptances.splice(index, 1);
      },
    );
  }

  /** See `DeviceConnection.l2capConnect` and `l2capConnectMultiple`. */
  connect(
    connection: DeviceConnection,
    psm: number,
    count: number,
    options: L2CAPOptions,
  ): Promise<L2CAPChannel[]> {
    const parameters = this.check(psm, options);
    checkInteger("count", count, 1, CHANNELS_PER_REQUEST);
    const { timeoutMs = CONNECT_TIMEOUT_MS, signal } = options;
    const { gate } = connection.link;
    let cancel: (() => void) | undefined;
    let patience: (() => void) | undefined;
    return connection.scope.wait<L2CAPChannel[]>(
      { timeoutMs, signal },
      (pending) => {
        if (options.timeoutMs === undefined) patience = whileHeld(this.core.clock, pending, timeoutMs, gate);
        cancel = this.ask(connection, psm, parameters, count, pending);
      },
      () => {
        patience?.();
        cancel?.();
      },
    );
  }

  private ask(
    connection: DeviceConnection,
    psm: number,
    parameters: ChannelParameters,
    count: number,
    pending: Pending<L2CAPChannel[]>,
  ): (() => void) | undefined {
    const { link } = connection;
    const handlers: AttemptHandlers = {
      onOpened: (channels) => pending.resolve(channels.map((channel) => this.create(connection, channel))),
      onRefused: (result) => pending.reject(new L2CAPConnectionError(result)),
      onFailed: (reason) => {
        if (reason === "timeout") pending.reject(new TimeoutError(30_000));
        else if (reason === "malformed") pending.reject(malformedAnswer());
        else if (reason === "busy") pending.reject(tooManyChannels());
        else if (reason === "gate") pending.reject(link.gate?.refusal);
        // With the link the wait has ended, or is about to.
      },
    };
    // Undefined while the link ends: the wait ends with it.
    const attempt = this.channels.of(link)?.connect(psm, parameters, handlers, count);
    if (attempt === "channels") pending.reject(tooManyChannels());
    else if (attempt === "memory") pending.reject(noChannelMemory());
    else if (attempt === "gate") pending.reject(link.gate?.refusal);
    else return () => attempt?.cancel();
    return undefined;
  }

  private create(connection: DeviceConnection, channel: CreditChannel): L2CAPChannel {
    return new L2CAPChannel(this.core, connection, channel);
  }

  /** @throws RangeError for what is out of range. */
  private check(psm: number, options: L2CAPOptions): ChannelParameters {
    checkSpsm(psm);
    checkKeys("a channel", options, CHANNEL_KEYS);
    checkTimeout(options.timeoutMs);
    const parameters = parametersOf(options);
    if (psm < SPSM_DYNAMIC && !this.wasWarned) {
      this.wasWarned = true;
      this.core.log(
        "warning",
        `aioble: psm ${psm} is one of those that the Bluetooth SIG assigns: applications have 0x80 to 0xFF`,
      );
    }
    return parameters;
  }

  /** Not for applications: whether a call of `l2capAccept` waits for this multiplexer. */
  expects(psm: number): boolean {
    return this.acceptances.some((each) => each.psm === psm);
  }

  /** Not for applications: a peer asks for channels. */
  onRequest(link: Connection, request: ChannelRequest): void {
    if (this.serve(link, request)) return;
    // The first request may be the first that is heard of a peer, before the application has its connection.
    const vain = this.links.get(link);
    if (vain && (vain.has(request.spsm) || !this.known.has(request.spsm))) {
      return this.refuse(request);
    }
    const held = {
      link,
      request,
      timer: this.core.clock.setTimer(() => {
        this.held.delete(held);
        this.vain(link).add(request.spsm);
        this.refuse(request);
      }, GRACE_MS),
    };
    this.held.add(held);
  }

  private refuse(request: ChannelRequest): void {
    const { spsm } = request;
    // A phone that tries enhanced bearers of ATT is no mistake.
    if (spsm !== SPSM_EATT && !this.refused.has(spsm)) {
      this.refused.add(spsm);
      const text = `refused a channel on psm ${spsm} (0x${spsm.toString(16)}), where no l2capAccept waits`;
      this.core.log("warning", `aioble: ${text}`);
    }
    request.refuse(CHANNEL_RESULT.SPSM_NOT_SUPPORTED);
  }

  /** Opens channels for those who wait for them. False when nobody does. */
  private serve(link: Connection, request: ChannelRequest): boolean {
    const waiting = this.acceptances.filter((each) => each.link === link && each.psm === request.spsm);
    const [first] = waiting;
    if (!first) return false;
    // All channels of one answer have the same parameters.
    const alike = waiting.filter(({ parameters }) => areEqual(parameters, first.parameters));
    const channels = request.accept(alike.length, first.parameters);
    for (const [index, channel] of channels.entries()) alike[index]!.open(channel);
    return true;
  }

  private vain(link: Connection): Set<number> {
    const found = this.links.get(link) ?? new Set<number>();
    this.links.set(link, found);
    return found;
  }

  private release(held: HeldRequest): void {
    this.core.clock.clearTimer(held.timer);
    this.held.delete(held);
  }

  /** Not for applications: a link has ended. */
  disconnected(link: Connection): void {
    this.links.delete(link);
    for (const held of [...this.held]) if (held.link === link) this.release(held);
  }
}

function areEqual(a: ChannelParameters, b: ChannelParameters): boolean {
  return a.mtu === b.mtu && a.mps === b.mps && a.credits === b.credits;
}

function tooManyChannels(): BleError {
  return new BleError(
    "too-many-channels",
    `This connection has ${CHANNELS_MAX} channels, opening or closing ones included, which is all there is room for: disconnect one.`,
  );
}
