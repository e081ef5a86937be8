/** Connections to devices. */

import type { Connection, DataLength, LinkParameters } from "../ble/gap/connection.ts";
import type { NotifyOutcome } from "../ble/gatt/server/updates.ts";
import { HCI_STATUS } from "../ble/hci/status.ts";
import { WAIT_KEYS } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";
import type { UUID } from "../ble/uuid.ts";
import type { ConnectionClient, ExchangeMtuOptions, ReadMultipleOptions, ReliableWrite } from "./client.ts";
import type { ClientService } from "./client-service.ts";
import type { ClientValue } from "./client-value.ts";
import type { Core } from "./core.ts";
import type { Device } from "./device.ts";
import type { Discovery } from "./discovery.ts";
import { BleError, DeviceDisconnectedError, TimeoutError } from "./errors.ts";
import type { L2CAPOptions, L2cap } from "./l2cap.ts";
import type { L2CAPChannel } from "./l2cap-channel.ts";
import type { DataLengthOptions, LinkPhys, ParameterOptions, PhyOptions } from "./link-control.ts";
import { LinkLifetime } from "./link-lifetime.ts";
import type { PairOptions } from "./security.ts";
import {
  checkTimeout,
  checkWait,
  NO_LIMITS,
  type Pending,
  type Signal,
  type WaitOptions,
  WaitScope,
} from "./wait.ts";

const DISCONNECTED_KEYS = { ...WAIT_KEYS, disconnect: "flag" } as const;

/** How long `disconnect` waits by default. */
const DISCONNECT_TIMEOUT_MS = 2000;

/** A link to a device, from `advertise` or `Device.connect`. It disconnects itself at the end of an `await using` block. */
export class DeviceConnection {
  private knownDevice: Device | undefined = undefined;
  /** The host's link. Not part of the public API. */
  readonly link: Connection;
  /** Waits that end with the link. Not part of the public API. */
  readonly scope: WaitScope;
  private readonly core: Core;
  private readonly disconnectWaits = new Set<Pending<void>>();
  /** The signal of `timeout()` without a time: one for all. */
  private lifetime: Signal | undefined = undefined;
  /** When the link ended, by the host's clock. */
  private endedAtMs: number | undefined = undefined;
  private ownClient: ConnectionClient | undefined = undefined;
  /** Calls of `disconnect` that have what was sent before delivered. */
  private leaving = 0;
  /** While the queue is full. */
  private refused: Promise<boolean> | undefined = undefined;

  /** Not for applications: `advertise` and `Device.connect` return connections. */
  constructor(core: Core, link: Connection) {
    this.core = core;
    this.link = link;
    this.scope = new WaitScope(core.clock, core.deferrals);
    link.link.lossReason = () => this.gone();
  }

  /**
   * The peer. One that is bonded by its identity, whatever address it has on the air; one that bonds on this connection
   * from then on.
   */
  get device(): Device {
    const { identity, peerAddress, peerAddressType } = this.link;
    const { addressType, address } = identity;
    if (this.knownDevice?.isAt(addressType, address) !== true) {
      this.knownDevice = this.core.deviceAt(identity, {
        addressType: peerAddressType & 1,
        address: peerAddress,
      });
    }
    return this.knownDevice!;
  }

  /** ATT_MTU in force: 23 until either side exchanged it (Vol 3, Part F, 3.2.8). */
  get mtu(): number {
    return this.link.bearer.mtu;
  }

  /** Whether the link is up. */
  isConnected(): boolean {
    return this.link.disconnectReason === undefined;
  }

  /**
   * Why the link ended, a controller error code (Vol 1, Part F, 1.3): 0x13 the peer ended it, 0x08 it went out of range,
   * 0x16 this side ended it, 0x03 this camera's controller failed. Undefined while it is up.
   */
  get disconnectReason(): number | undefined {
    return this.link.disconnectReason;
  }

  /** What the link layer agreed, as it is now: connection interval, latency and supervision timeout. */
  get parameters(): LinkParameters {
    return this.link.parameters;
  }

  /** How long the link layer's packets may be, as it is now: 27 bytes until the link layers agree on more. */
  get dataLength(): DataLength {
    return this.link.dataLength;
  }

  /**
   * Called when the link layer has changed `parameters`, whoever wanted it. What it throws goes to the log, and so does that
   * it is no function.
   */
  onParameters?(parameters: LinkParameters): void;

  /**
   * Asks for other connection parameters; resolves with those that the link then has. A central decides; a peripheral asks
   * its central, not before 5 s after the link came up and 30 s after it asked before (Vol 3, Part C, 9.3.12), and by
   * L2CAP where a link layer cannot ask. A call that ends before it was its time is taken back.
   * @throws RangeError for a bad option, BleError `already-updating`, `parameters-refused`, HciError; as every wait.
   */
  updateParameters(options: ParameterOptions): Promise<LinkParameters> {
    return this.core
      .demand("DeviceConnection.updateParameters", this.core.linkRequests)
      .updateParameters(this, options);
  }

  /** Asks the controller how strong the peer is heard, in dBm; undefined where it cannot tell. As every wait. */
  readRssi(options: WaitOptions = NO_LIMITS): Promise<number | undefined> {
    return this.core.demand("DeviceConnection.readRssi", this.core.linkRequests).readRssi(this, options);
  }

  /** Asks the controller which PHYs the link has. @throws BleError `not-supported` by the controller; as every wait. */
  readPhy(options: WaitOptions = NO_LIMITS): Promise<LinkPhys> {
    return this.core.demand("DeviceConnection.readPhy", this.core.linkRequests).readPhy(this, options);
  }

  /**
   * Asks for other PHYs, the faster of several; resolves with those that both link layers agreed on, which may be the old.
   * @throws TypeError for no PHY or coding, RangeError for an empty list, BleError `already-updating`, `not-supported` by the controller, HciError; as every wait.
   */
  setPhy(options: PhyOptions): Promise<LinkPhys> {
    return this.core.demand("DeviceConnection.setPhy", this.core.linkRequests).setPhy(this, options);
  }

  /**
   * Asks for longer or shorter packets. Resolves with what holds when the controller has taken the wish; what the link
   * layers agree on stands in `dataLength` when they have.
   * @throws RangeError for a bad option, BleError `not-supported` by the controller, HciError; as every wait.
   */
  setDataLength(options: DataLengthOptions = {}): Promise<DataLength> {
    return this.core
      .demand("DeviceConnection.setDataLength", this.core.linkRequests)
      .setDataLength(this, options);
  }

  /** Whether the link is encrypted; false at first, and once it is down. */
  get encrypted(): boolean {
    return this.link.security.isEncrypted;
  }

  /**
   * Whether the pairing that its key comes from was authenticated, so that nobody can be in the middle: by a passkey, a
   * comparison or out of band under LE Secure Connections, by legacy pairing out of band alone. False while it is not encrypted.
   */
  get authenticated(): boolean {
    return this.link.security.isAuthenticated;
  }

  /** Whether that key is kept for the next connection; false while the link is not encrypted. */
  get bonded(): boolean {
    return this.link.security.isBonded;
  }

  /** Bytes of the key, 7 to 16; 0 while the link is not encrypted. */
  get keySize(): number {
    return this.link.security.keySize;
  }

  /** Whether the key comes from LE Secure Connections; false while the link is not encrypted. */
  get secureConnections(): boolean {
    return this.link.security.isSecureConnections;
  }

  /**
   * Encrypts the link: with the key of the bond that there is, when it is worth what `options` demand, or by pairing. The
   * central does it, with a bond by itself once it has connected; a peripheral asks its central to, which may take its time or
   * refuse. Resolves when the link is encrypted, and with `bond` the bond is on flash; at once when it is so already.
   * @throws TypeError or RangeError at once for a bad option.
   * @throws The promise rejects with PairingError, which says why and what to do (`pairing-failed`, `pairing-timeout`,
   * `pairing-refused`, `bond-lost`, `bond-not-saved`); TimeoutError, the signal's reason, DeviceDisconnectedError.
   */
  pair(options: PairOptions = NO_LIMITS): Promise<void> {
    return this.core.demand("DeviceConnection.pair", this.core.pairing).pair(this, options);
  }

  /** Not for applications: the client of the peer's server, for this method. @throws BleError `not-supported` without one. */
  clientFor(method: string): ConnectionClient {
    const { core } = this;
    this.ownClient ??= core.demand(`DeviceConnection.${method}`, core.client).open(this);
    return this.ownClient;
  }

  /**
   * The primary services of the peer in the order of their handles, or those with this UUID (Vol 3, Part G, 4.4), of whichever
   * side the link was made. Asks the peer each time. The time that `timeoutMs` (2,000) gives is for what the peer takes for
   * all of them, not for what the loop does.
   * @throws TypeError or RangeError at once for a bad argument.
   * @throws A step rejects with TimeoutError, the signal's reason, DeviceDisconnectedError, GattError when the peer refuses,
   * ProtocolError when its answer makes no sense, BleError `operation-queue-full` or `too-many-attributes`.
   */
  services(uuid?: UUID, options: WaitOptions = NO_LIMITS): Discovery<ClientService> {
    return this.clientFor("services").services(uuid, options);
  }

  /**
   * The first primary service with this UUID; undefined when the peer has none.
   * @throws as `services`.
   */
  async service(uuid: UUID, options: WaitOptions = NO_LIMITS): Promise<ClientService | undefined> {
    return this.clientFor("service").service(uuid, options);
  }

  /**
   * Called when the peer's services have changed: look for them anew. With the setting `gattCacheSize` above 0 the peer is
   * asked to say so; without, only a peer that refuses a request for it (0x12) is heard. What it throws goes to the log, and
   * so does that it is no function.
   */
  onServicesChanged?(): void;

  /**
   * Agrees with the peer on the ATT_MTU, the smaller of what both offer (Vol 3, Part G, 4.3.1), and resolves with it. Once
   * either side has done so, with what was agreed: a link has one ATT_MTU.
   * @param options without `timeoutMs` the peer may be silent for 1,000 milliseconds.
   * @throws RangeError for a bad option, TimeoutError, the signal's reason, DeviceDisconnectedError, GattError, ProtocolError.
   */
  async exchangeMtu(options: ExchangeMtuOptions = NO_LIMITS): Promise<number> {
    return this.clientFor("exchangeMtu").exchangeMtu(options);
  }

  /**
   * Reads several values, in as few requests as the peer allows (Vol 3, Part G, 4.8.4 and 4.8.5), each whole.
   * @throws TypeError for what is no value of a peer or has no `read` property, RangeError for bad `lengths`; as
   * `ClientCharacteristic.read`.
   */
  async readMultiple(
    values: readonly ClientValue[],
    options: ReadMultipleOptions = NO_LIMITS,
  ): Promise<Uint8Array[]> {
    return this.clientFor("readMultiple").readMultiple(values, options);
  }

  /**
   * Writes several values at once, all or none of them (Vol 3, Part G, 4.9.5). The peer repeats each before it takes them.
   * @throws TypeError for a characteristic without extended properties, RangeError for more than 512 bytes; as
   * `ClientCharacteristic.read`.
   */
  async writeReliably(writes: readonly ReliableWrite[], options: WaitOptions = NO_LIMITS): Promise<void> {
    return this.clientFor("writeReliably").writeReliably(writes, options);
  }

  /**
   * Resolves when the peer has everything that was sent to it up to now: notifications, indications and answers have
   * left the queue, and the controller reports them as completed.
   * @throws DeviceDisconnectedError, TimeoutError after `timeoutMs`, the signal's reason.
   */
  flush(options: WaitOptions = NO_LIMITS): Promise<void> {
    checkWait("flush", options);
    let withdraw: () => void;
    return this.scope.wait<void>(
      options,
      (pending) => {
        withdraw = this.core.host.whenCompleted(this.link, () => pending.resolve());
      },
      () => withdraw?.(),
    );
  }

  /**
   * Waits until the device opens a channel to this multiplexer, and returns the channel. Several calls may wait: each gets a
   * channel of its own. A device that is early is kept waiting for up to half a second.
   * @param psm what both sides agreed on: 0x80 to 0xFF for applications; those below are the SIG's and bring a warning.
   * @throws RangeError for a bad option, BleError `psm-in-use` when `bluetooth` listens there, `not-supported` without the
   * feature `channels`. The promise rejects with DeviceDisconnectedError, TimeoutError after `timeoutMs`, the signal's reason.
   */
  l2capAccept(psm: number, options: L2CAPOptions = {}): Promise<L2CAPChannel> {
    return this.l2cap("l2capAccept").accept(this, psm, options);
  }

  /**
   * Opens a channel to this multiplexer of the device.
   * @param psm as for `l2capAccept`.
   * @throws RangeError for a bad option, BleError `not-supported` without the feature `channels`. The promise rejects with
   * L2CAPConnectionError when the device refuses (`status` 2: nobody listens there), BleError `too-many-channels`,
   * `peer-memory-full`, DeviceDisconnectedError, TimeoutError after `timeoutMs` (1,000 by default), the signal's reason: a
   * channel that opens late is closed at once.
   */
  l2capConnect(psm: number, options: L2CAPOptions = {}): Promise<L2CAPChannel> {
    return this.l2cap("l2capConnect")
      .connect(this, psm, 1, options)
      .then(([channel]) => channel!);
  }

  /**
   * Opens several channels to this multiplexer at once, by one request where the device knows enhanced channels (Vol 3, Part
   * A, 4.25), else one after the other. All have the same options.
   * @param count 1 to 5.
   * @returns those that the device opened, one at least and `count` at most: it may have room for some only.
   * @throws RangeError for a bad option, and as `l2capConnect`; the promise rejects with L2CAPConnectionError when the device
   * opened none.
   */
  l2capConnectMultiple(psm: number, count: number, options: L2CAPOptions = {}): Promise<L2CAPChannel[]> {
    return this.l2cap("l2capConnectMultiple").connect(this, psm, count, options);
  }

  private l2cap(method: string): L2cap {
    const { host, l2cap } = this.core;
    const missing = host.missing.get(`DeviceConnection.${method}`);
    if (missing) throw missing();
    return l2cap!;
  }

  /**
   * Ends the link (reason 0x13, remote user terminated) and waits until it is down. What was sent before is delivered
   * first, unless the peer takes longer than half of `timeoutMs` for it. Nothing happens when the link is down already.
   * @throws TimeoutError after `timeoutMs` (2,000 by default), HciError when the controller refuses.
   */
  async disconnect(options: WaitOptions = NO_LIMITS): Promise<void> {
    checkWait("disconnect", options);
    if (!this.isConnected()) return;
    const { timeoutMs = DISCONNECT_TIMEOUT_MS, signal } = options;
    const down = this.disconnected({ timeoutMs, signal });
    try {
      await Promise.all([this.end(timeoutMs), down]);
    } catch (error) {
      down.catch(() => {});
      throw error;
    }
  }

  private async end(timeoutMs: number): Promise<void> {
    this.leaving++;
    try {
      await this.flush({ timeoutMs: timeoutMs / 2 }).catch(() => {});
      await this.core.host.disconnect(this.link);
    } finally {
      this.leaving--;
    }
  }

  /** Not for applications: it is down, or on the way there. */
  get isEnding(): boolean {
    return this.leaving > 0 || this.link.isEnding || !this.isConnected();
  }

  /**
   * Resolves when the link is down, at once when it is already. Ending this wait early does not touch the link.
   * @throws TimeoutError after `timeoutMs`; the signal's reason.
   */
  disconnected(options: WaitOptions & { readonly disconnect?: boolean } = NO_LIMITS): Promise<void> {
    checkWait("disconnected", options, DISCONNECTED_KEYS);
    if (!this.isConnected()) return Promise.resolve();
    if (options.disconnect) {
      this.end(options.timeoutMs ?? DISCONNECT_TIMEOUT_MS).catch((error: unknown) => {
        this.core.host.log("warning", `aioble: ${textOf(error)}`);
      });
    }
    let mine: Pending<void>;
    return this.core.lasting.wait<void>(
      options,
      (pending) => {
        mine = pending;
        this.disconnectWaits.add(pending);
      },
      () => this.disconnectWaits.delete(mine),
    );
  }

  /**
   * A signal for other waits: it aborts when the link ends, with `DeviceDisconnectedError`, or after `timeoutMs`, with
   * `TimeoutError`. Without `timeoutMs` (or 0) only the link counts. On a dead link it is aborted already. It takes a timer
   * only while a wait has it, and need not be released.
   * @throws RangeError for a bad `timeoutMs`.
   */
  timeout(timeoutMs?: number): Signal {
    checkTimeout(timeoutMs);
    if (!timeoutMs && this.lifetime) return this.lifetime;
    const { signals, host } = this.core;
    const signal = signals.createSignal(new LinkLifetime(this, timeoutMs || undefined, host.platform.clock));
    if (!timeoutMs) this.lifetime = signal;
    return signal;
  }

  /** Not for applications: the link is down. */
  closed(reason: number): void {
    this.endedAtMs = this.core.clock.now();
    this.scope.end(new DeviceDisconnectedError(reason));
    for (const pending of [...this.disconnectWaits]) pending.resolve();
  }

  /** Not for applications: when the link ended, by the host's clock; undefined while it is up. */
  get downSinceMs(): number | undefined {
    return this.isConnected() ? undefined : (this.endedAtMs ?? this.core.clock.now());
  }

  /** Not for applications: why nothing can be asked of a link that is down. */
  gone(): DeviceDisconnectedError {
    return new DeviceDisconnectedError(this.link.disconnectReason ?? HCI_STATUS.UNSPECIFIED);
  }

  /** Not for applications: nothing more may be sent to the peer, which left a transaction open for 30 s. */
  get isSilenced(): boolean {
    return this.link.bearer.timedOut;
  }

  /** Not for applications: why an update is refused that finds 32 before it. */
  queueFull(): BleError {
    return new BleError(
      "send-queue-full",
      `${this.device} takes notifications more slowly than they come: await each notify() before the next.`,
    );
  }

  /** Not for applications: calls `callback` when what was sent last has left for the controller; never when the link ends before. */
  whenSent(callback: () => void): void {
    this.link.link.whenSent(callback);
  }

  /** Not for applications: the promise that goes with what became of a notification. */
  sent(outcome: NotifyOutcome): Promise<boolean> {
    if (outcome === "queued") {
      const deferrals = this.core.deferrals;
      const promise = deferrals.create<boolean>();
      this.link.link.whenSent(deferrals.fulfil as (sent: boolean) => void, deferrals.refuse);
      this.refused = undefined;
      return promise;
    }
    if (outcome === "full") return this.refusal();
    return outcome === "sent" ? this.core.yes : this.core.no;
  }

  /**
   * One for all notifications that find the queue full until it takes one again. A producer that does not look at what it gets
   * may ask on for long, and each refusal that nobody handles is kept until it is reported.
   */
  private refusal(): Promise<boolean> {
    this.refused ??= Promise.reject(this.queueFull());
    return this.refused;
  }

  /**
   * `await using`: ends the link; a peer that does not answer in time is left to its supervision timeout. Leaving a block
   * is no place for errors: those that `disconnect` has are in the log.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.disconnect();
    } catch (error) {
      const isSilent = error instanceof TimeoutError;
      const what = isSilent ? "did not confirm the disconnection" : `is not disconnected: ${textOf(error)}`;
      const { peerLog } = this.core.host;
      peerLog.write("warning", `aioble: ${this.device} ${what}`);
    }
  }

  toString(): string {
    return `DeviceConnection(${this.device}, ${this.isConnected() ? "connected" : "disconnected"})`;
  }
}
