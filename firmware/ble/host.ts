/** The host: wires the modules together and owns all state that changes. */

import type { ControllerDriver } from "../controllers/driver.ts";
import { LOG_LEVEL, type LogLevel, type Platform, type Records } from "../platform/platform.ts";
import { Budget } from "./budget.ts";
import type { CentralLinks } from "./central-links.ts";
import type { Channels } from "./channels.ts";
import { formatAddress } from "./codec.ts";
import type { Settings } from "./config.ts";
import { type Counters, readCounters } from "./counters.ts";
import type { EarlyStart, EarlyStartPort } from "./early-start.ts";
import type { Encryption } from "./encryption.ts";
import type { BleError } from "./errors.ts";
import { Advertiser } from "./gap/advertiser.ts";
import type { Connection } from "./gap/connection.ts";
import type { Initiator } from "./gap/initiator.ts";
import type { LinkControl } from "./gap/link-control.ts";
import { ADDRESS_MODE_SETTING, type OwnAddress, OwnAddresses } from "./gap/own-address.ts";
import type { Scanner, ScannerPort } from "./gap/scanner.ts";
import { SupportedStates } from "./gap/supported-states.ts";
import type { GattClient } from "./gatt/client/client.ts";
import type { GattClients } from "./gatt/client/clients.ts";
import { GattServer } from "./gatt/server/server.ts";
import { Acl } from "./hci/acl.ts";
import { readRssi } from "./hci/commands/status-parameters.ts";
import { Hci } from "./hci/hci.ts";
import { hasLeFeature } from "./hci/packet.ts";
import { type Controller, supports } from "./hci/startup.ts";
import { Identities } from "./identities.ts";
import { IDLE_TIMEOUT_SETTING, IdleLinks } from "./idle-links.ts";
import {
  type LinkEstablished,
  Links,
  type LinksHandlers,
  type LinksPort,
  MAX_CONNECTIONS_SETTING,
  MTU_SETTING,
} from "./links.ts";
import { listenForLinks, type NewLinkParts } from "./new-links.ts";
import type { HostObserver } from "./observer.ts";
import { PeerLog } from "./peer-log.ts";
import { Radio } from "./radio.ts";
import { type RadioParts, type RadioUser, radioHandlers } from "./radio-users.ts";
import { type Setting, SettingTable } from "./setting.ts";
import type { Bonds } from "./smp/bonds.ts";

export type { HostObserver } from "./observer.ts";
export type { RadioUser } from "./radio-users.ts";

/** Bytes that peers may make the host keep where the platform does not say. */
const PEER_BYTES = 128 * 1024;

/** What the stack writes to the console: 0 nothing, 1 errors, 2 warnings too, 3 everything that happens. */
const LOG_LEVEL_SETTING: Setting<"logLevel"> = { name: "logLevel", min: 0, max: 3, initial: 2 };

export class Host {
  readonly platform: Platform;
  /** What survives a power cut: features keep theirs here, under keys that begin with their names. */
  readonly records: Records;
  readonly hci: Hci;
  readonly acl: Acl;
  /** What peers make this host keep. */
  readonly budget: Budget;
  /** What peers make this host say; what is about pairing the Security Manager counts by itself. */
  readonly peerLog: PeerLog;
  readonly advertiser: Advertiser;
  /** What the controller can do at a time. */
  readonly states: SupportedStates;
  /** Scans, where the image has the feature `scan`, which sets it. */
  scanner: Scanner | undefined = undefined;
  /** Looks for devices to connect to, where the image has the feature `central`, which sets it. */
  initiator: Initiator<Connection> | undefined = undefined;
  /** Takes the links that it makes, likewise. */
  centralLinks: CentralLinks | undefined = undefined;
  /** Changes what links are like, where the image has the feature `link-control`, which sets it. */
  linkControl: LinkControl | undefined = undefined;
  /** Pairs and encrypts, where the image has the feature `security`, which sets it. */
  encryption: Encryption | undefined = undefined;
  /** The bonds that it keeps, likewise. */
  bonds: Bonds | undefined = undefined;
  /** What the handler of `bluetooth` keeps in place of `records`, where `secretStore` says so. */
  secrets: (Records & { forget(): void }) | undefined = undefined;
  /** GATT clients, where the image has the feature `client`, which sets it. */
  clients: GattClients | undefined = undefined;
  /** Credit-based channels, where the image has the feature `channels`, which sets it. */
  channels: Channels | undefined = undefined;
  /** Who this device and its peers are. */
  readonly identities: Identities;
  readonly gatt: GattServer;
  /** What `config` changes (config.ts), as their owners declared it. */
  readonly settingTable = new SettingTable<Settings>();
  /** Settings and methods of features that the image is without, each with the error that says so. */
  readonly missing: ReadonlyMap<string, () => Error>;
  private readonly radio: Radio;
  readonly links: Links;
  private readonly idleLinks: IdleLinks;
  private readonly addresses: OwnAddresses;
  private readonly users: RadioUser[] = [];
  private readonly observers = new Set<HostObserver>();
  private reservedPlaces = 0;

  /**
   * @param missing settings and methods of features that the image is without.
   * @param driver switches the controller on and off, where it is not always on.
   */
  constructor(
    platform: Platform,
    records: Records,
    missing: ReadonlyMap<string, () => Error> = new Map(),
    driver?: ControllerDriver,
  ) {
    this.platform = platform;
    this.records = records;
    this.missing = missing;
    this.settingTable.declare(
      MTU_SETTING,
      ADDRESS_MODE_SETTING,
      LOG_LEVEL_SETTING,
      MAX_CONNECTIONS_SETTING,
      IDLE_TIMEOUT_SETTING,
    );
    const { log, settings } = this;
    const { clock } = platform;
    const { transport } = driver ?? platform;
    this.peerLog = new PeerLog({ clock, log });
    const ofPeers = this.peerLog.write;
    this.budget = new Budget(platform.peerBytes ?? PEER_BYTES, { log: ofPeers });
    this.acl = new Acl({
      transport,
      budget: this.budget,
      log,
      onUnwatched: ({ handle }) => this.links.watch(handle),
      onStray: (handle) => this.links.endStray(handle),
    });
    this.hci = new Hci(
      { transport, clock, log },
      {
        data: this.acl,
        onUnknownConnection: (handle) => this.links.unknown(handle),
        onGarbled: () => this.links.doubt(),
        onFailure: (error) => this.radio.recover(error),
      },
    );
    const { hci } = this;
    this.addresses = new OwnAddresses({
      hci,
      records,
      log,
      aes128: platform.crypto.aes128,
      random: (length) => platform.random(length),
      uniqueId: () => platform.uniqueId(),
    });
    this.identities = this.makeIdentities(driver);
    this.gatt = new GattServer({
      clock,
      log: ofPeers,
      aesCmac: platform.crypto.aesCmac,
      onSubscriptions: () => this.idleLinks.update(),
    });
    this.links = new Links(this.linksPort(), this.linksHandlers());
    this.states = new SupportedStates({ hci, links: this.connections });
    this.advertiser = new Advertiser({
      hci,
      links: this.connections,
      addresses: this.addresses,
      states: this.states,
      settings,
      log,
    });
    this.idleLinks = new IdleLinks({
      clock,
      log: ofPeers,
      settings,
      connections: this.connections,
      advertiser: this.advertiser,
      isPairing: (connection) => this.encryption?.isInUse(connection) ?? false,
      end: (connection, reason) => {
        this.links
          .disconnect(connection, reason)
          .catch((error) => ofPeers("warning", `host: ${error.message}`));
      },
    });
    this.radio = new Radio({ hci, clock, driver, log }, radioHandlers(this.partsOfRadio()));
    this.divide();
    listenForLinks(this.partsOfLinks());
  }

  /** The settings as they are now. */
  get settings(): Settings {
    return this.settingTable.values;
  }

  /** Writes a line to the console unless `settings.logLevel` is below its level. Everything above the platform uses it. */
  readonly log = (level: LogLevel, message: string, error?: unknown): void => {
    if (LOG_LEVEL[level] <= this.settings.logLevel) this.platform.log(level, message, error);
  };

  /** What a feature that uses the radio is made of. */
  get port(): ScannerPort {
    const { addresses, hci, identities: peers, log, settings, states } = this;
    const hasFeature = (bit: number): boolean =>
      this.controller !== undefined && hasLeFeature(this.controller.leFeatures, bit);
    const isAcceptListTaken = (): boolean => this.advertiser.filter?.isListTaken ?? false;
    return { addresses, hasFeature, hci, isAcceptListTaken, log, peers, settings, states };
  }

  /** Notifies a feature of how the radio fares from now on. Before the radio is on; returns what it is given. */
  join<T extends RadioUser>(user: T): T {
    this.users.push(user);
    return user;
  }

  /** Reports to `observer` what happens from now on; the returned function ends that. */
  observe(observer: HostObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }

  /** Changes settings that have been checked. */
  configure(changes: Partial<Settings>): void {
    Object.assign(this.settings, changes);
    this.idleLinks.update();
    this.divide();
    this.report("onConfigured", this.settings);
  }

  /** What the links share is shared by as many as there may be. */
  private divide(): void {
    const { maxConnections } = this.settings;
    this.acl.places = maxConnections;
    this.budget.places = maxConnections + this.reservedPlaces;
  }

  /**
   * From now on there may be so many links beside those of `maxConnections`, which are the firmware's own; they share what peers may
   * make this host keep. Before the first link is up.
   */
  reservePlaces(count: number): void {
    this.reservedPlaces = count;
    this.divide();
  }

  /** What was dropped, and what peers make this host keep. */
  get counters(): Counters {
    const { acl, advertiser, budget, channels, clients, encryption, gatt, links, peerLog } = this;
    const filter = advertiser.filter;
    return readCounters(budget, peerLog, acl, links, gatt, channels, clients?.counters, encryption, filter);
  }

  /** See `Links.open`. For features whose events report links. */
  openLink(established: LinkEstablished, ownAddress: OwnAddress): Connection {
    return this.links.open(established, ownAddress);
  }

  /** The links that are up, by their handles. */
  get connections(): ReadonlyMap<number, Connection> {
    return this.links.connections;
  }

  /** Links that may be up at a time. */
  get maxConnections(): number {
    return this.settings.maxConnections;
  }

  /** Figures of the running controller; undefined while the radio is off. */
  get controller(): Controller | undefined {
    return this.radio.controller;
  }

  /** Whether the radio is on. */
  get active(): boolean {
    return this.radio.controller !== undefined;
  }

  /** Whether the radio is on, or will be: it starts, also after a failure of the controller. */
  get isSwitchedOn(): boolean {
    return this.radio.isSwitchedOn;
  }

  /** Whether it is neither on, nor to be, nor still being switched off: what this device is known by may change. */
  get isOff(): boolean {
    return this.radio.isOff;
  }

  /** Why the latest attempt to start the controller has failed, while the radio is wanted and none has succeeded since. */
  get startFailure(): BleError | undefined {
    return this.radio.startFailure;
  }

  /**
   * Starts a controller that has to be brought up, for an `activate` that is to be expected: without one it is switched off
   * again after 10 s. Nothing once the radio has been on, and where the controller always is.
   * @param begin starts it: what only images with the feature that asks for it have
   */
  prepareRadio(begin: (port: EarlyStartPort) => EarlyStart): void {
    this.radio.prepare(begin);
  }

  /** Whether the radio has been switched on since the camera started. */
  get radioWasUsed(): boolean {
    return this.radio.wasUsed;
  }

  /**
   * Switches the radio on, once it is off when it is being switched off; callers share one start.
   * @throws HciError when the controller does not answer or is unsuitable, after three attempts; `radio-off` when
   * `deactivate` was called meanwhile.
   */
  activate(): Promise<void> {
    return this.radio.activate();
  }

  /**
   * Switches the radio off: takes advertising off the air, ends every link with reason 0x15 (its peer need not sit out
   * the supervision timeout), resets the controller and closes its line. A start under way is given up. What is
   * registered and configured stays for the next `activate`. Never rejects: a controller that does not answer any more
   * is off as far as this host knows.
   */
  deactivate(): Promise<void> {
    return this.radio.deactivate();
  }

  /**
   * Switches the radio off for a camera that is about to start anew or to sleep, so that peers need not sit out the supervision
   * timeout: as `deactivate`, but nothing above learns of it. Whatever waits for the radio waits until the camera is gone: an
   * error would reach an application that has done nothing wrong. There is no way back. Never rejects.
   */
  depart(): Promise<void> {
    return this.radio.depart();
  }

  /** Starts the controller again, as after a loss, for what `reason` says in a sentence. Nothing while the radio is off. */
  restartController(reason: string): void {
    if (this.active) this.hci.abandon(reason);
  }

  /** This device's static random address. Six bytes in printed order. */
  get ownAddress(): Uint8Array {
    return this.addresses.staticRandom;
  }

  /**
   * Asks the controller to end a link; `onDisconnected` follows.
   * @throws HciError when the controller refuses; a link that is gone already is no error.
   */
  disconnect(connection: Connection, reason?: number): Promise<void> {
    return this.links.disconnect(connection, reason);
  }

  /**
   * Calls `callback` when the peer has everything that was sent to it up to now; never when the link ends before. The
   * returned function withdraws the wait.
   */
  whenCompleted(connection: Connection, callback: () => void): () => void {
    return this.acl.whenCompleted(connection.link, callback);
  }

  /** The GATT client on a link, which is there from the first call on; undefined in an image without the feature `client`. */
  clientOf(connection: Connection): GattClient | undefined {
    connection.client ??= this.clients?.open(
      connection.bearer,
      `${connection.peerAddressType & 1} ${formatAddress(connection.peerAddress)}`,
    );
    return connection.client;
  }

  /** A link has come into use, or out of it, otherwise than by its GATT client: looks again at who is idle. */
  updateIdleLinks(): void {
    this.idleLinks.update();
  }

  /** Calls this method of every observer. */
  report<K extends keyof HostObserver>(event: K, ...data: Parameters<NonNullable<HostObserver[K]>>): void {
    for (const observer of this.observers) {
      (observer[event] as ((...data: unknown[]) => void) | undefined)?.apply(observer, data);
    }
  }

  private makeIdentities(driver: ControllerDriver | undefined): Identities {
    const { addresses, settings } = this;
    const host = this;
    return new Identities({
      addresses,
      driver,
      settings,
      get bonds() {
        return host.bonds;
      },
      get isOff() {
        return host.isOff;
      },
    });
  }

  private linksPort(): LinksPort {
    const { acl, gatt, hci, platform, settings } = this;
    const host = this;
    return {
      acl,
      gatt,
      hci,
      log: this.peerLog.write,
      settings,
      clock: platform.clock,
      get encryption() {
        return host.encryption;
      },
      canAskAboutLinks: () => {
        const { controller } = this;
        return controller !== undefined && supports(controller.supportedCommands, readRssi);
      },
      identityOf: (address, isResolved) => this.identities.of(address, isResolved),
      onAir: (ownAddress) => this.identities.onAir(ownAddress),
    };
  }

  private linksHandlers(): LinksHandlers {
    return {
      onConnected: (connection) => {
        this.idleLinks.update();
        this.report("onConnected", connection);
      },
      onDisconnected: (connection, reason) => {
        this.idleLinks.update();
        this.report("onDisconnected", connection, reason);
        if (this.connections.size === 0) this.radio.cancelPause();
      },
      onMtu: (connection, mtu) => this.report("onMtu", connection, mtu),
      onParameters: (connection, status) => this.report("onParameters", connection, status),
      onStrayEnded: () => void this.advertiser.restart(),
    };
  }

  /** What starts and ends with the radio. */
  private partsOfRadio(): RadioParts {
    const { acl, addresses, advertiser, connections, identities, links, log, users } = this;
    return {
      acl,
      addresses,
      advertiser,
      connections,
      identities,
      links,
      log,
      users,
      pause: (delayMs) => this.radio.pause(delayMs),
      report: (event, ...data) => this.report(event, ...data),
    };
  }

  /** Where links that come up go. */
  private partsOfLinks(): NewLinkParts {
    const { advertiser, hci, links } = this;
    const host = this;
    return {
      advertiser,
      hci,
      links,
      log: this.peerLog.write,
      get encryption() {
        return host.encryption;
      },
      get centralLinks() {
        return host.centralLinks;
      },
      onUnwanted: (connection) => this.report("onUnwanted", connection),
    };
  }
}
