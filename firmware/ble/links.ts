/** The links that are up, of either role: one object of each layer for each of them. */
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import { AttBearer, MAX_MTU } from "./att/bearer.ts";
import { formatAddress, sameBytes } from "./codec.ts";
import type { Settings } from "./config.ts";
import type { Encryption } from "./encryption.ts";
import { HciError } from "./errors.ts";
import { Connection, linkParameters } from "./gap/connection.ts";
import type { OwnAddress } from "./gap/own-address.ts";
import type { GattServer } from "./gatt/server/server.ts";
import type { Acl } from "./hci/acl.ts";
import { disconnect } from "./hci/commands/link-control.ts";
import { disconnectionComplete } from "./hci/events.ts";
import type { Hci } from "./hci/hci.ts";
import { leConnectionUpdateComplete } from "./hci/le-events.ts";
import { HCI_STATUS, statusText } from "./hci/status.ts";
import { CHANNEL, L2cap } from "./l2cap/l2cap.ts";
import { LinkCheck } from "./link-check.ts";
import type { Setting } from "./setting.ts";
import type { Identity } from "./smp/keys.ts";
import { SMP_MTU } from "./smp/pdus.ts";
import { refusePairing } from "./smp/refuse.ts";
import { textOf } from "./text.ts";

/**
 * How long the report of a link's end may be on its way when the controller does not know the link any more, or when a peer
 * that does not acknowledge the end has had its supervision timeout for it (Vol 6, Part B, 5.1.6).
 */
const END_REPORT_MS = 1000;

/** What links are made of. */
export interface LinksPort {
  readonly hci: Hci;
  readonly acl: Acl;
  readonly gatt: GattServer;
  readonly clock: Clock;
  readonly settings: Readonly<Settings>;
  /** Pairs and encrypts, where the image has the feature `security`. */
  readonly encryption: Encryption | undefined;
  /** Who has this address on the air: a bonded device by its Identity Address. A hint, which only its key proves. */
  identityOf(address: Identity, isResolved?: boolean): Identity;
  /** An own address with the bytes that it has on the air. */
  onAir(own: OwnAddress): Identity;
  /** Whether the running controller has Read RSSI, by which it is asked whether it knows a link. */
  canAskAboutLinks(): boolean;
  log(level: LogLevel, message: string): void;
}

/** ATT_MTU offered: 517 at first, so that a whole attribute value of 512 bytes fits one notification or write. */
export const MTU_SETTING: Setting<"mtu"> = { name: "mtu", min: 23, max: 517, initial: 517 };

/** Devices that may be connected at a time; the controller may have room for fewer. */
export const MAX_CONNECTIONS_SETTING: Setting<"maxConnections"> = {
  name: "maxConnections",
  min: 1,
  max: 16,
  initial: 4,
};

/** Where links report. */
export interface LinksHandlers {
  onConnected(connection: Connection): void;
  /** `reason` is a controller error code (Vol 1, Part F, 1.3). */
  onDisconnected(connection: Connection, reason: number): void;
  onMtu(connection: Connection, mtu: number): void;
  /** The link layer changed `connection.parameters`, or with another status than 0 did not. */
  onParameters(connection: Connection, status: number): void;
  /** A link that this host did not open has ended: it may have come by an advertisement, which it ended. */
  onStrayEnded(): void;
}

/** What the controller reports of a new link (Vol 4, Part E, 7.7.65.1 and 7.7.65.10). */
export interface LinkEstablished {
  readonly connectionHandle: number;
  readonly role: number;
  readonly peerAddressType: number;
  /** As it is on the air. */
  readonly peerAddress: Uint8Array;
  /** Whether the controller has resolved that address. */
  readonly isResolved?: boolean;
  readonly connectionInterval: number;
  readonly peripheralLatency: number;
  readonly supervisionTimeout: number;
}

/** A link that ends without the controller's report if that does not come, or with the controller. */
interface Ending {
  readonly timer: Timer;
  readonly isUnknown: boolean;
  /** Of which it ends then. */
  reason: number;
}

export class Links {
  /** Frames of links that have ended which could not be put together. */
  private endedDroppedFrames = 0;
  /** Links that were ended because they moved nothing: see `LinkCheck`. */
  stalled = 0;
  /** By their handles. */
  readonly connections = new Map<number, Connection>();
  private readonly port: LinksPort;
  private readonly handlers: LinksHandlers;
  /** Links whose end the controller has to report: it was asked for, or the controller does not know them. */
  private readonly ending = new Map<Connection, Ending>();
  /** Finds those that are not what they seem. */
  readonly check: LinkCheck;
  /** The handle of a link that the controller is to end because this host has not heard of it. */
  private stray: number | undefined = undefined;
  /** The command for that is under way. */
  private isEndingStray = false;
  /** Links that were never opened, by their handles: until the controller reports their end, or should have. */
  private readonly refused = new Map<number, Timer>();

  constructor(port: LinksPort, handlers: LinksHandlers) {
    this.port = port;
    this.handlers = handlers;
    const { clock, hci, log } = port;
    const { connections } = this;
    this.check = new LinkCheck({
      clock,
      connections,
      hci,
      log,
      isPossible: () => port.canAskAboutLinks(),
      isFull: () => connections.size >= port.settings.maxConnections,
      isEnding: (connection) => this.ending.has(connection),
      onStalled: (connection) => this.endStalled(connection),
    });
    hci.on(disconnectionComplete, ({ status, connectionHandle, reason }) => {
      const connection = connections.get(connectionHandle);
      if (connection && status === HCI_STATUS.SUCCESS) return this.close(connection, reason);
      if (status === HCI_STATUS.SUCCESS && this.refused.has(connectionHandle))
        this.refusedEnded(connectionHandle);
      else if (connectionHandle === this.stray) this.strayEnded();
      else this.check.doubt(connection);
    });
    hci.on(leConnectionUpdateComplete, (values) => {
      const connection = this.connections.get(values.connectionHandle);
      if (connection) this.updated(connection, values);
    });
  }

  /**
   * A link is up. One that has its handle already has ended unheard.
   * @param ownAddress this device's address on the link.
   */
  open(established: LinkEstablished, ownAddress: OwnAddress): Connection {
    this.endedUnheard(established.connectionHandle);
    const { acl, clock, gatt, log, settings } = this.port;
    const link = acl.open(established.connectionHandle);
    const l2cap = new L2cap(acl, link, MAX_MTU, { clock, log });
    const connection = new Connection({
      role: established.role,
      ownAddress,
      peerAddressType: established.peerAddressType,
      peerAddress: established.peerAddress,
      parameters: linkParameters(
        established.connectionInterval,
        established.peripheralLatency,
        established.supervisionTimeout,
      ),
      link,
      l2cap,
    });
    connection.identity = this.port.identityOf(connection.identity, established.isResolved);
    connection.bearer = new AttBearer(l2cap.openFixed(CHANNEL.ATT, MAX_MTU), {
      clock,
      link: link.handle,
      account: link.account,
      preferredMtu: settings.mtu,
      log,
      settings,
      onMtu: (mtu) => {
        log("info", `att: link ${connection.handle} has an MTU of ${mtu}`);
        this.handlers.onMtu(connection, mtu);
      },
      onTimeout: () => {
        log("warning", "att: the peer left a transaction open for 30 s; ending the link");
        this.disconnect(connection).catch((error) => log("warning", `host: ${error.message}`));
      },
    });
    connection.server = gatt.open(connection.bearer, connection);
    this.doubtEarlier(connection);
    this.connections.set(connection.handle, connection);
    this.check.look();
    log("info", `host: link ${connection.handle} to ${formatAddress(connection.peerAddress)} is up`);
    const { encryption } = this.port;
    if (encryption) encryption.open(connection, this.port.onAir(ownAddress));
    else refusePairing(l2cap.openFixed(CHANNEL.SMP, SMP_MTU));
    this.handlers.onConnected(connection);
    return connection;
  }

  /**
   * A link is up that nobody may have. It is ended without being opened: nothing of its peer is read, and nobody hears of it.
   * `onStrayEnded` follows.
   */
  refuse({ connectionHandle, supervisionTimeout }: LinkEstablished): void {
    this.endedUnheard(connectionHandle);
    const { clock, hci, log } = this.port;
    const { supervisionTimeoutMs } = linkParameters(0, 0, supervisionTimeout);
    const timer = clock.setTimer(
      () => this.refusedEnded(connectionHandle),
      supervisionTimeoutMs + END_REPORT_MS,
    );
    this.refused.set(connectionHandle, timer);
    const reason = HCI_STATUS.AUTHENTICATION_FAILURE;
    hci.send(disconnect, { connectionHandle, reason }).catch((error: unknown) => {
      log("debug", `host: ${textOf(error)}`);
      if (this.refused.get(connectionHandle) === timer) this.refusedEnded(connectionHandle);
    });
  }

  /** A link that has this handle has ended, and its end was not reported. */
  private endedUnheard(handle: number): void {
    const stale = this.connections.get(handle);
    if (stale) this.close(stale, HCI_STATUS.UNSPECIFIED);
    this.forgetRefused(handle);
  }

  private forgetRefused(handle: number): void {
    const timer = this.refused.get(handle);
    if (timer !== undefined) this.port.clock.clearTimer(timer);
    this.refused.delete(handle);
  }

  private refusedEnded(handle: number): void {
    this.forgetRefused(handle);
    this.handlers.onStrayEnded();
  }

  /** See `Host.disconnect`. */
  async disconnect(
    connection: Connection,
    reason: number = HCI_STATUS.REMOTE_USER_TERMINATED,
  ): Promise<void> {
    if (!connection.isConnected) return;
    connection.isEnding = true;
    try {
      await this.port.hci.send(disconnect, { connectionHandle: connection.handle, reason });
      this.expectEnd(connection, false, HCI_STATUS.LOCAL_HOST_TERMINATED);
    } catch (error) {
      if (!connection.isConnected) return;
      if (!(error instanceof HciError) || error.status !== HCI_STATUS.UNKNOWN_CONNECTION) {
        connection.isEnding = this.ending.has(connection);
        throw error;
      }
      // `unknown` has been called; but the link was to end.
      const ending = this.ending.get(connection);
      if (ending) ending.reason = HCI_STATUS.LOCAL_HOST_TERMINATED;
    }
  }

  /** What the controller holds of a link does not move. Why it is the link that ends, `LinkCheck` says. */
  private endStalled(connection: Connection): void {
    const { log } = this.port;
    const { handle, link } = connection;
    if (!connection.isStalled) this.stalled++;
    connection.isStalled = true;
    log(
      "warning",
      `host: ending link ${handle}: of ${link.inController} packets the controller completed none for ${this.check.stallMs} ms`,
    );
    this.disconnect(connection).catch((error) => log("warning", `host: ${textOf(error)}`));
  }

  /** The controller holds data of this link, and nobody looks whether it completes them. */
  watch(handle: number): void {
    const connection = this.connections.get(handle);
    // Of one that is not quite open yet, `open` has that looked at.
    if (connection) this.check.watch(connection);
  }

  /** A packet from the controller could not be understood: it may have reported the end of a link. */
  doubt(): void {
    this.check.doubt();
  }

  /** A device has one link to this one: when it comes again, its link of before may have ended unheard. */
  private doubtEarlier({ peerAddress, peerAddressType }: Connection): void {
    for (const other of this.connections.values()) {
      if (other.peerAddressType !== peerAddressType || !sameBytes(other.peerAddress, peerAddress)) continue;
      this.check.doubt(other);
    }
  }

  /** The controller has refused a command about a link that it does not know. */
  unknown(handle: number): void {
    const connection = this.connections.get(handle);
    if (connection) this.expectEnd(connection, true, HCI_STATUS.UNSPECIFIED);
  }

  /**
   * Data came for a link that there is not: the controller's report of it was lost, or another's end was taken for its own.
   * Its peer would wait in vain, so it is ended.
   */
  endStray(handle: number): void {
    // What is under way when it ends comes behind.
    if (this.isEndingStray || this.stray === handle || this.refused.has(handle)) return;
    this.isEndingStray = true;
    this.stray = handle;
    const { hci, log } = this.port;
    log("warning", `host: ending link ${handle}, of which the controller's report was lost`);
    const answered = (error?: unknown): void => {
      this.isEndingStray = false;
      if (error === undefined) return;
      log("debug", `host: ${textOf(error)}`);
      this.stray = undefined;
    };
    const reason = HCI_STATUS.REMOTE_USER_TERMINATED;
    hci.send(disconnect, { connectionHandle: handle, reason }).then(() => answered(), answered);
  }

  private strayEnded(): void {
    this.stray = undefined;
    this.handlers.onStrayEnded();
  }

  /**
   * The controller ends this link, or does not know it: when it does not report its end, the link ends without that, for it
   * would keep a place for ever.
   */
  private expectEnd(connection: Connection, isUnknown: boolean, reason: number): void {
    if (!connection.isConnected) return;
    connection.isEnding = true;
    const earlier = this.ending.get(connection);
    if (earlier && (earlier.isUnknown || !isUnknown)) return;
    const { clock, log } = this.port;
    const withinMs = (isUnknown ? 0 : connection.parameters.supervisionTimeoutMs) + END_REPORT_MS;
    const what = isUnknown ? "does not know" : "was to end";
    const timer = clock.setTimer(() => {
      if (connection.isStalled && !isUnknown) {
        // With the report the buffers would have come back. No peer can withhold it.
        return this.port.hci.abandon(
          "The Bluetooth controller completed no packets of a connection, and did not report its end.",
        );
      }
      log("warning", `host: the controller ${what} link ${connection.handle}, and did not report its end`);
      this.close(connection, ending.reason);
    }, withinMs);
    if (earlier) clock.clearTimer(earlier.timer);
    const ending: Ending = { timer, isUnknown, reason: earlier?.reason ?? reason };
    this.ending.set(connection, ending);
  }

  /** Frames from peers that could not be put together. */
  get droppedFrames(): number {
    let all = this.endedDroppedFrames;
    for (const { l2cap } of this.connections.values()) all += l2cap.dropped;
    return all;
  }

  /** Every link has ended. */
  closeAll(reason: number): void {
    this.stray = undefined;
    for (const handle of [...this.refused.keys()]) this.forgetRefused(handle);
    for (const connection of [...this.connections.values()]) this.close(connection, reason);
  }

  private close(connection: Connection, reason: number): void {
    const { acl, clock, gatt, log } = this.port;
    const { l2cap, link } = connection;
    connection.end(reason);
    this.connections.delete(connection.handle);
    const ending = this.ending.get(connection);
    if (ending) clock.clearTimer(ending.timer);
    this.ending.delete(connection);
    this.check.forget(connection);
    acl.close(link);
    this.port.encryption?.close(connection);
    gatt.close(connection.server);
    connection.bearer.close();
    l2cap.close();
    this.endedDroppedFrames += l2cap.dropped;
    log("info", `host: link ${connection.handle} ended: ${statusText(reason)}`);
    this.handlers.onDisconnected(connection, reason);
    link.account.end();
    connection.release();
  }

  private updated(
    connection: Connection,
    values: {
      readonly status: number;
      readonly connectionInterval: number;
      readonly peripheralLatency: number;
      readonly supervisionTimeout: number;
    },
  ): void {
    const { status, connectionInterval, peripheralLatency, supervisionTimeout } = values;
    this.port.log("info", `host: link ${connection.handle} changes its parameters: ${statusText(status)}`);
    if (status === HCI_STATUS.SUCCESS) {
      connection.parameters = linkParameters(connectionInterval, peripheralLatency, supervisionTimeout);
    }
    this.handlers.onParameters(connection, status);
  }
}
