/** The host: wires the rooms together and owns all state that changes. */
import { LOG_LEVEL, type LogLevel, type Platform } from "../platform/platform.ts";
import { AttBearer, MAX_MTU } from "./att/bearer.ts";
import { formatAddress } from "./codec.ts";
import type { Settings } from "./config.ts";
import { BleError, HciError } from "./errors.ts";
import { Advertiser } from "./gap/advertiser.ts";
import { Connection, linkParameters, ROLE } from "./gap/connection.ts";
import { ADDRESS_MODE, OwnAddresses, type Records } from "./gap/own-address.ts";
import { GattServer } from "./gatt/server.ts";
import { Acl } from "./hci/acl.ts";
import { disconnect, leLongTermKeyRequestNegativeReply, leSetRandomAddress } from "./hci/commands.ts";
import {
  disconnectionComplete,
  leConnectionComplete,
  leConnectionUpdateComplete,
  leEnhancedConnectionComplete,
  leLongTermKeyRequest,
} from "./hci/events.ts";
import { Hci } from "./hci/hci.ts";
import { type Controller, startController } from "./hci/startup.ts";
import { HCI_STATUS, statusText } from "./hci/status.ts";
import { L2cap } from "./l2cap/l2cap.ts";
import type { HostObserver } from "./observer.ts";
import { refusePairing } from "./smp/refuse.ts";

export type { Records } from "./gap/own-address.ts";
export type { HostObserver } from "./observer.ts";

/** ATT_MTU offered by default: a whole attribute value of 512 bytes fits one notification or write. */
export const PREFERRED_MTU = 517;

/** Pauses before each attempt to start the controller. */
const START_PAUSES_MS = [0, 250, 2000];

/** How long peers have to acknowledge the end of their links when the radio is switched off. */
const FAREWELL_MS = 1000;

export class Host {
  readonly platform: Platform;
  readonly hci: Hci;
  readonly acl: Acl;
  readonly advertiser: Advertiser;
  readonly gatt: GattServer;
  readonly connections = new Map<number, Connection>();
  /** What `config` changes (config.ts). */
  readonly settings: Settings = {
    mtu: PREFERRED_MTU,
    rxbuf: 128,
    addrMode: ADDRESS_MODE.STATIC_RANDOM,
    captureQueueSize: 10,
    logLevel: 2,
    maxConnections: 4,
  };
  /** The controller's public address, six bytes in printed order; undefined until the radio has been on. */
  publicAddress: Uint8Array | undefined = undefined;
  /** Figures of the running controller; undefined while the radio is off. */
  controller: Controller | undefined = undefined;
  private readonly addresses: OwnAddresses;
  private readonly observers = new Set<HostObserver>();
  private activation: Promise<void> | undefined;
  private deactivation: Promise<void> | undefined;
  /** Counts activations and deactivations: a start that is not the latest gives up. */
  private session = 0;
  /** Ends the pause that runs. */
  private hurry: (() => void) | undefined;

  constructor(platform: Platform, records: Records) {
    this.platform = platform;
    const { log } = this;
    const { transport, clock } = platform;
    this.addresses = new OwnAddresses({ records, log, random: (length) => platform.random(length) });
    this.acl = new Acl({ transport, log });
    this.hci = new Hci(
      { transport, clock, log },
      {
        data: this.acl,
        onFailure: (error) => this.recover(error),
      },
    );
    this.advertiser = new Advertiser(this.hci, this.connections);
    this.advertiser.ownAddress = (connectable) =>
      this.addresses.forAdvertising(this.settings.addrMode, connectable);
    this.gatt = new GattServer({ clock, log, aesCmac: platform.aesCmac });
    this.listen();
  }

  /** Writes a line to the console unless `settings.logLevel` is below its level. Everything above the platform uses it. */
  readonly log = (level: LogLevel, message: string): void => {
    if (LOG_LEVEL[level] <= this.settings.logLevel) this.platform.log(level, message);
  };

  /** Tells `observer` what happens from now on; the returned function ends that. */
  observe(observer: HostObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  /** Changes settings that have been checked. */
  configure(changes: Partial<Settings>): void {
    Object.assign(this.settings, changes);
    for (const observer of this.observers) observer.onConfigured?.(this.settings);
  }

  /** Links that may be up at a time. */
  get maxConnections(): number {
    return this.settings.maxConnections;
  }

  get active(): boolean {
    return this.controller !== undefined;
  }

  /** Whether the radio is on, or will be: it starts, also after a failure of the controller. */
  get isSwitchedOn(): boolean {
    return this.activation !== undefined;
  }

  /**
   * Switches the radio on, once it is off when it is being switched off; callers share one start.
   * @throws HciError when the controller does not answer or is unsuitable, after three attempts; `radio-off` when
   * `deactivate` was called meanwhile.
   */
  activate(): Promise<void> {
    if (!this.activation) {
      const session = ++this.session;
      const activation = (this.deactivation ?? Promise.resolve()).then(() => this.start(session));
      this.activation = activation;
      activation.catch(() => {
        if (this.activation === activation) this.activation = undefined;
      });
    }
    return this.activation;
  }

  /**
   * Switches the radio off: takes advertising off the air, ends every link with reason 0x15 (its peer need not sit out
   * the supervision timeout), resets the controller and closes its line. A start under way is given up. What is
   * registered and configured stays for the next `activate`. Never rejects: a controller that does not answer any more
   * is off as far as this host can tell.
   */
  deactivate(): Promise<void> {
    if (this.activation) {
      this.activation = undefined;
      this.session++;
      if (!this.deactivation) {
        this.deactivation = this.shutDown().finally(() => {
          this.deactivation = undefined;
        });
      }
    }
    return this.deactivation ?? Promise.resolve();
  }

  /** This device's static random address. Six bytes in printed order. */
  get ownAddress(): Uint8Array {
    return this.addresses.staticRandom;
  }

  /**
   * Asks the controller to end a link; `onDisconnected` follows.
   * @throws HciError when the controller refuses; a link that is gone already is no error.
   */
  async disconnect(
    connection: Connection,
    reason: number = HCI_STATUS.REMOTE_USER_TERMINATED,
  ): Promise<void> {
    if (!connection.isConnected) return;
    try {
      await this.hci.send(disconnect, { connectionHandle: connection.handle, reason });
    } catch (error) {
      const gone =
        !connection.isConnected ||
        (error instanceof HciError && error.status === HCI_STATUS.UNKNOWN_CONNECTION);
      if (!gone) throw error;
    }
  }

  private async shutDown(): Promise<void> {
    for (const observer of this.observers) observer.onStopping?.();
    if (this.controller) {
      const log = (error: unknown): void => this.log("warning", `host: switching off: ${error}`);
      await this.advertiser.stop().catch(log);
      for (const connection of this.connections.values()) {
        this.disconnect(connection, HCI_STATUS.REMOTE_POWER_OFF).catch(log);
      }
      if (this.connections.size > 0) await this.pause(FAREWELL_MS);
      this.closeAll(HCI_STATUS.LOCAL_HOST_TERMINATED);
    }
    this.hurry?.();
    await this.hci.retire();
    this.controller = undefined;
    this.advertiser.forget();
    for (const observer of this.observers) observer.onStopped?.();
  }

  private async start(session: number): Promise<void> {
    let last: unknown;
    for (const [attempt, pauseMs] of START_PAUSES_MS.entries()) {
      if (pauseMs > 0) await this.pause(pauseMs);
      if (session !== this.session) break;
      try {
        this.hci.open();
        const controller = await startController(this.hci, { minimal: attempt > 0 });
        const { ownAddress } = this;
        await this.hci.send(leSetRandomAddress, { randomAddress: ownAddress });
        if (session !== this.session) break;
        this.acl.start(controller.aclPacketLength, controller.aclPackets);
        this.advertiser.hciVersion = controller.hciVersion;
        this.advertiser.randomAddress = ownAddress;
        this.publicAddress = controller.publicAddress;
        this.controller = controller;
        return;
      } catch (error) {
        if (session !== this.session) break;
        last = error;
        this.hci.close();
        this.log("warning", `host: start of the controller failed (attempt ${attempt + 1}): ${error}`);
        if (error instanceof HciError && error.code === "controller-unsuitable") break;
      }
    }
    throw session === this.session
      ? last
      : new HciError("radio-off", "The radio was switched off before it had started.");
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { clock } = this.platform;
      const end = (): void => {
        clock.clearTimer(timer);
        this.hurry = undefined;
        resolve();
      };
      const timer = clock.setTimer(end, delayMs);
      this.hurry = end;
    });
  }

  /** The controller is lost: every link has vanished; start again and go on advertising. */
  private recover(error: BleError): void {
    if (!this.controller) return; // Still starting: start() sees the error itself.
    if (this.deactivation) return this.closeAll(HCI_STATUS.HARDWARE_FAILURE);
    this.log("error", `host: ${error.message} Starting the controller again.`);
    this.controller = undefined;
    this.activation = undefined;
    const activation = this.activate();
    const session = this.session;
    this.closeAll(HCI_STATUS.HARDWARE_FAILURE);
    activation
      .then(
        () => this.advertiser.resume(),
        (cause: unknown) => {
          if (session !== this.session) return;
          this.advertiser.forget();
          const lost = cause instanceof BleError ? cause : error;
          this.log("error", `host: the radio stays off: ${lost.message}`);
          for (const observer of this.observers) observer.onRadioLost?.(lost);
        },
      )
      .catch((cause: unknown) => {
        if (session !== this.session) return;
        this.log("warning", `host: the radio is back, but does not advertise again: ${cause}`);
        for (const observer of this.observers) observer.onAdvertisingLost?.(cause);
      });
  }

  private closeAll(reason: number): void {
    for (const connection of [...this.connections.values()]) this.closed(connection, reason);
  }

  private listen(): void {
    const hci = this.hci;
    hci.on(leConnectionComplete, (values) => this.connected(values));
    hci.on(leEnhancedConnectionComplete, (values) => this.connected(values));
    hci.on(disconnectionComplete, ({ status, connectionHandle, reason }) => {
      const connection = this.connections.get(connectionHandle);
      if (status === HCI_STATUS.SUCCESS && connection) this.closed(connection, reason);
    });
    hci.on(leConnectionUpdateComplete, (values) => {
      const connection = this.connections.get(values.connectionHandle);
      if (!connection) return;
      const { status, connectionInterval, peripheralLatency, supervisionTimeout } = values;
      this.log("info", `host: link ${connection.handle} changes its parameters: ${statusText(status)}`);
      if (status === HCI_STATUS.SUCCESS) {
        connection.parameters = linkParameters(connectionInterval, peripheralLatency, supervisionTimeout);
      }
      for (const observer of this.observers) observer.onParameters?.(connection, status);
    });
    hci.on(leLongTermKeyRequest, ({ connectionHandle }) => {
      // No keys are kept, so there is none to give (Vol 3, Part H, 2.4.4.2).
      hci.send(leLongTermKeyRequestNegativeReply, { connectionHandle }).catch((error) => {
        this.log("warning", `host: ${error.message}`);
      });
    });
  }

  private connected(values: {
    status: number;
    connectionHandle: number;
    role: number;
    peerAddressType: number;
    peerAddress: Uint8Array;
    connectionInterval: number;
    peripheralLatency: number;
    supervisionTimeout: number;
  }): void {
    if (values.role !== ROLE.PERIPHERAL) return;
    if (values.status === HCI_STATUS.ADVERTISING_TIMEOUT && this.advertiser.expired()) {
      for (const observer of this.observers) observer.onAdvertisingTimeout?.();
    }
    if (values.status !== HCI_STATUS.SUCCESS) return;
    const stale = this.connections.get(values.connectionHandle);
    if (stale) this.closed(stale, HCI_STATUS.UNSPECIFIED);
    this.advertiser.connected();
    const { log, settings } = this;
    const link = this.acl.open(values.connectionHandle);
    const l2cap = new L2cap(this.acl, link, MAX_MTU, log);
    const connection = new Connection({
      role: values.role,
      peerAddressType: values.peerAddressType,
      peerAddress: values.peerAddress,
      parameters: linkParameters(
        values.connectionInterval,
        values.peripheralLatency,
        values.supervisionTimeout,
      ),
      link,
      l2cap,
    });
    connection.bearer = new AttBearer(l2cap, {
      clock: this.platform.clock,
      preferredMtu: settings.mtu,
      log,
      settings,
      onMtu: (mtu) => {
        this.log("info", `att: link ${connection.handle} has an MTU of ${mtu}`);
        for (const observer of this.observers) observer.onMtu?.(connection, mtu);
      },
      onTimeout: () => {
        log("warning", "att: the peer left a transaction open for 30 s; ending the link");
        this.disconnect(connection).catch((error) => log("warning", `host: ${error.message}`));
      },
    });
    connection.client = this.gatt.open(connection.bearer, connection);
    refusePairing(l2cap);
    this.connections.set(connection.handle, connection);
    this.log("info", `host: link ${connection.handle} to ${formatAddress(connection.peerAddress)} is up`);
    for (const observer of this.observers) observer.onConnected?.(connection);
  }

  private closed(connection: Connection, reason: number): void {
    connection.disconnectReason = reason;
    this.connections.delete(connection.handle);
    this.acl.close(connection.link);
    this.gatt.close(connection.client);
    connection.bearer.close();
    this.log("info", `host: link ${connection.handle} ended: ${statusText(reason)}`);
    for (const observer of this.observers) observer.onDisconnected?.(connection, reason);
    if (this.deactivation && this.connections.size === 0) this.hurry?.();
  }
}
