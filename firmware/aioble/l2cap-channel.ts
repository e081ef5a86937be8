/** An open channel, as an application has it. */
import {
  type ChannelOptions,
  type ChannelOwner,
  type CloseReason,
  type CreditChannel,
  type Outgoing,
  reconfiguredOf,
  reconfigureText,
} from "../ble/channels.ts";
import { type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { utf8Encode } from "../ble/utf8.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { BleError, TimeoutError } from "./errors.ts";
import { L2CAPDisconnectedError, noChannelMemory } from "./l2cap-errors.ts";
import { checkWait, NO_LIMITS, type Pending, type WaitOptions, WaitScope } from "./wait.ts";

/** Calls of `send` that may wait on one channel. */
export const SENDS_MAX = 32;
/** How long `disconnect` and `reconfigure` wait by default. */
const RESPONSE_TIMEOUT_MS = 1000;

/** What `send` takes. */
export interface SendOptions extends WaitOptions {
  /** Longest SDU that the bytes are cut into, 1 or more; `peerMtu` when left out, or when it is more than that. */
  readonly chunkSize?: number;
}

/** What `reconfigure` takes. */
export interface ReconfigureOptions extends Pick<ChannelOptions, "mtu" | "mps">, WaitOptions {}

const SEND_KEYS: OptionKeys<SendOptions> = { ...WAIT_KEYS, chunkSize: "number" };
const RECONFIGURE_KEYS: OptionKeys<ReconfigureOptions> = { ...WAIT_KEYS, mtu: "number", mps: "number" };

/** A call that waits for an SDU. */
interface Reader {
  /** For `recvinto`. */
  readonly target: Uint8Array | undefined;
  resolve(value: Uint8Array | number): void;
  reject(error: unknown): void;
}

/** A channel to a device, from `l2capAccept` or `l2capConnect`. It closes itself at the end of an `await using` block. */
export class L2CAPChannel implements ChannelOwner {
  readonly connection: DeviceConnection;
  /** The multiplexer that both sides agreed on. */
  readonly psm: number;
  private readonly core: Core;
  private readonly channel: CreditChannel;
  /** Waits that end with the channel. */
  private readonly scope: WaitScope;
  private readonly readers: Reader[] = [];
  private idleWaits: (() => void)[] = [];
  private readonly closeWaits = new Set<Pending<void>>();
  private isOpen = true;
  /** The peer has not confirmed the end yet. */
  private isEnding = false;

  /** Not for applications: `l2capAccept` and `l2capConnect` return channels. */
  constructor(core: Core, connection: DeviceConnection, channel: CreditChannel) {
    this.core = core;
    this.connection = connection;
    this.channel = channel;
    this.psm = channel.spsm;
    this.scope = new WaitScope(core.clock, core.deferrals);
    channel.owner = this;
  }

  /** Longest SDU that is received here, in bytes. */
  get ourMtu(): number {
    return this.channel.parameters.mtu;
  }

  /** Longest SDU that the device takes, in bytes. */
  get peerMtu(): number {
    return this.channel.peerMtu;
  }

  /** Whether the channel is open. */
  isConnected(): boolean {
    return this.isOpen;
  }

  /** Whether something can be read at once. */
  available(): boolean {
    return this.channel.readable !== undefined;
  }

  /**
   * Sends bytes, or text as UTF-8, in SDUs of at most `chunkSize`, none of no byte; several calls one after the other. Resolves when the
   * last byte has left for the controller: while the device takes nothing more, it waits. The bytes are not copied and must
   * not change before. When the wait is given up, what has not begun is not sent; an SDU that has begun is sent to its end.
   * @throws TypeError or RangeError for a bad argument.
   * @throws The promise rejects with L2CAPDisconnectedError, TimeoutError after `timeoutMs`, the signal's reason, BleError
   * `send-queue-full` when 32 calls wait already.
   */
  send(data: Uint8Array | string, options: SendOptions = NO_LIMITS): Promise<void> {
    checkWait("send", options, SEND_KEYS);
    const { channel } = this;
    const bytes = typeof data === "string" ? utf8Encode(data) : data;
    if (!(bytes instanceof Uint8Array)) throw new TypeError("send takes a Uint8Array or a string");
    const { chunkSize } = options;
    if (chunkSize !== undefined && !(chunkSize >= 1 && Math.floor(chunkSize) === chunkSize))
      throw new RangeError(`chunkSize ${chunkSize} is out of range: 1 or more`);
    const chunk = chunkSize === undefined ? channel.peerMtu : Math.min(chunkSize, channel.peerMtu);
    let item: Outgoing | undefined;
    return this.scope.wait<void>(
      options,
      (pending) => {
        if (channel.pendingSends >= SENDS_MAX) return pending.reject(this.queueFull());
        if (bytes.length === 0) return pending.resolve();
        item = channel.send(bytes, chunk, () => pending.resolve());
      },
      () => item && channel.withdraw(item),
    );
  }

  private queueFull(): BleError {
    return new BleError(
      "send-queue-full",
      `${SENDS_MAX} calls of send() wait on this channel already: await each before the next.`,
    );
  }

  /**
   * Resolves when the device has everything that was sent up to now.
   * @throws L2CAPDisconnectedError, TimeoutError after `timeoutMs`, the signal's reason.
   */
  flush(options: WaitOptions = NO_LIMITS): Promise<void> {
    checkWait("flush", options);
    const { channel, connection, core } = this;
    let withdraw: (() => void) | undefined;
    let begin: (() => void) | undefined;
    return this.scope.wait<void>(
      options,
      (pending) => {
        begin = () => {
          withdraw = core.host.whenCompleted(connection.link, () => pending.resolve());
        };
        if (channel.pendingSends === 0) begin();
        else this.idleWaits.push(begin);
      },
      () => {
        withdraw?.();
        this.idleWaits = this.idleWaits.filter((wait) => wait !== begin);
      },
    );
  }

  /**
   * Waits for an SDU, what one `send` of up to `ourMtu` bytes on the other side makes, and returns it: or what `recvinto`
   * has left of it.
   * @throws L2CAPDisconnectedError once all that arrived has been read, TimeoutError after `timeoutMs`, the signal's reason.
   */
  recv(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    checkWait("recv", options);
    return this.receive(options, undefined);
  }

  /**
   * Waits for an SDU and copies it into `target`, as far as there is room; the rest of it is for the next call. Returns how
   * many bytes were copied, 0 only for an empty `target` or an empty SDU.
   * @throws TypeError for anything but a Uint8Array; the promise rejects as that of `recv`.
   */
  recvinto(target: Uint8Array, options: WaitOptions = NO_LIMITS): Promise<number> {
    if (!(target instanceof Uint8Array)) throw new TypeError("recvinto takes a Uint8Array");
    checkWait("recvinto", options);
    return this.receive(options, target);
  }

  /** @param target where to put it; left out: the SDU is the result. */
  private receive<T>(options: WaitOptions, target: Uint8Array | undefined): Promise<T> {
    const { timeoutMs, signal } = options;
    const { readers } = this;
    // What has arrived is there also when the channel is closed.
    if (this.channel.readable !== undefined && readers.length === 0 && !signal?.aborted)
      return Promise.resolve(this.take(target) as T);
    if (timeoutMs === undefined && signal === undefined && this.isOpen) {
      // The wait that is repeated most: it costs no more than its promise.
      const { deferrals } = this.core;
      const promise = deferrals.create<T>();
      readers.push({ target, resolve: deferrals.fulfil as Reader["resolve"], reject: deferrals.refuse });
      return promise;
    }
    let reader: Reader | undefined;
    return this.scope.wait<T>(
      options,
      (pending) => {
        reader = {
          target,
          resolve: (value) => pending.resolve(value as T),
          reject: (error) => pending.reject(error),
        };
        readers.push(reader);
      },
      () => {
        const index = reader ? readers.indexOf(reader) : -1;
        if (index >= 0) readers.splice(index, 1);
      },
    );
  }

  private take(target: Uint8Array | undefined): Uint8Array | number {
    if (target === undefined) return this.channel.read();
    return target.length === 0 ? 0 : this.channel.readInto(target);
  }

  /**
   * Closes the channel and waits until the device has confirmed it; what was not read is dropped. What was sent arrives, as
   * far as its `send` has resolved. Nothing happens when it is closed already.
   * @throws TimeoutError after `timeoutMs` (1,000 by default), the signal's reason; the channel is closed all the same.
   */
  async disconnect(options: WaitOptions = NO_LIMITS): Promise<void> {
    checkWait("disconnect", options);
    const { timeoutMs = RESPONSE_TIMEOUT_MS, signal } = options;
    if (!this.isOpen) {
      this.channel.discard();
      return;
    }
    this.isOpen = false;
    this.isEnding = true;
    const closed = this.waitForClose({ timeoutMs, signal });
    this.channel.close();
    this.channel.discard();
    this.endWaits(new L2CAPDisconnectedError("local"));
    await closed;
  }

  private endWaits(error: L2CAPDisconnectedError): void {
    for (const reader of this.readers.splice(0)) reader.reject(error);
    this.scope.end(error);
  }

  /**
   * Changes what this side takes, of a channel that both sides know as an enhanced one (Vol 3, Part A, 4.27), and resolves
   * once the device has agreed: it may send SDUs of the new `mtu` from then on. Until then SDUs and frames of either figures
   * are taken. What the device takes is its own affair: `peerMtu` follows when it changes that.
   * @param options.mtu the longest SDU, as long as before or longer, to 65,535 bytes; as it is when left out.
   * @param options.mps the longest frame, 64 to 517 bytes; as it is when left out.
   * @throws RangeError for a figure out of range. The promise rejects with BleError `not-supported` for a channel that is no
   * enhanced one, `already-updating` while an earlier change is not over, `peer-memory-full`, `parameters-refused` when the
   * device refused, so that the figures stay; with L2CAPDisconnectedError, TimeoutError after `timeoutMs` (1,000 by default),
   * the signal's reason: a change that the device agrees to later holds all the same.
   */
  reconfigure(options: ReconfigureOptions): Promise<void> {
    checkWait("reconfigure", options, RECONFIGURE_KEYS);
    const { channel } = this;
    const { timeoutMs = RESPONSE_TIMEOUT_MS, signal } = options;
    const parameters = reconfiguredOf(channel.parameters, options);
    return this.scope.wait<void>({ timeoutMs, signal }, (pending) => {
      if (!channel.isEnhanced) return pending.reject(notEnhanced());
      const refusal = channel.requestReconfiguration(parameters, {
        onChanged: () => pending.resolve(),
        onRefused: (result) =>
          pending.reject(
            new BleError(
              "parameters-refused",
              `The device refused to reconfigure the channel: ${reconfigureText(result)}. Its figures stay.`,
            ),
          ),
        // With the link the wait has ended, or is about to.
        onFailed: (reason) => reason === "timeout" && pending.reject(new TimeoutError(30_000)),
      });
      if (refusal === "memory") pending.reject(noChannelMemory());
      else if (refusal !== undefined) pending.reject(this.isChanging());
    });
  }

  private isChanging(): BleError {
    return new BleError(
      "already-updating",
      "The device has not answered an earlier reconfigure() of this channel, or too many other requests: wait.",
    );
  }

  /**
   * Resolves when the channel is closed, by whichever side, at once when it is already. Ending this wait early does not touch
   * the channel.
   * @throws TimeoutError after `timeoutMs`; the signal's reason.
   */
  disconnected(options: WaitOptions = NO_LIMITS): Promise<void> {
    checkWait("disconnected", options);
    return this.isOpen || this.isEnding ? this.waitForClose(options) : Promise.resolve();
  }

  private waitForClose(options: WaitOptions): Promise<void> {
    let mine: Pending<void> | undefined;
    return this.core.lasting.wait<void>(
      options,
      (pending) => {
        mine = pending;
        this.closeWaits.add(pending);
      },
      () => mine && this.closeWaits.delete(mine),
    );
  }

  /** `await using`: closes the channel; a device that does not confirm it in time is left alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.disconnect();
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      const { peerLog } = this.core.host;
      peerLog.write("warning", `aioble: ${this.connection.device} did not confirm the end of a channel`);
    }
  }

  toString(): string {
    return `L2CAPChannel(${this.connection.device}, psm 0x${this.psm.toString(16)}, ${this.isOpen ? "open" : "closed"})`;
  }

  /** Not for applications: an SDU has arrived. */
  onReceived(): void {
    const { channel, readers } = this;
    while (readers.length > 0 && channel.readable !== undefined) {
      const reader = readers.shift()!;
      reader.resolve(this.take(reader.target));
    }
  }

  /** Not for applications: all that was given to `send` has left. */
  onIdle(): void {
    for (const begin of this.idleWaits.splice(0)) begin();
  }

  /** Not for applications: the channel is closed. */
  onClosed(reason: CloseReason): void {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.isEnding = false;
    if (wasOpen) {
      const cause = reason === "link" ? this.connection.gone() : undefined;
      this.endWaits(new L2CAPDisconnectedError(reason, cause));
    }
    for (const pending of [...this.closeWaits]) pending.resolve();
  }
}

function notEnhanced(): BleError {
  return new BleError(
    "not-supported",
    "reconfigure() needs an enhanced channel, and the device knows plain ones only, or its figures were below 64 bytes: open another channel with the figures that you want.",
  );
}
