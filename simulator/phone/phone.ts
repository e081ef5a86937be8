/**
 * A virtual phone: a small central of its own, without a line of the camera's stack. It does what people do with a
 * camera: look for it, connect, look around, read, write, subscribe, pair, leave.
 */
import type { Values } from "../../firmware/ble/codec.ts";
import { setEventMask } from "../../firmware/ble/hci/commands/baseband.ts";
import {
  leReadMaximumDataLength,
  leSetEventMask,
  leSetRandomAddress,
  leWriteSuggestedDefaultDataLength,
} from "../../firmware/ble/hci/commands/le-controller.ts";
import { leReadRemoteFeatures } from "../../firmware/ble/hci/commands/le-link.ts";
import {
  leCreateConnection,
  leCreateConnectionCancel,
  leSetScanEnable,
  leSetScanParameters,
} from "../../firmware/ble/hci/commands/le-scanning.ts";
import {
  disconnectionComplete,
  encryptionChange,
  encryptionKeyRefreshComplete,
} from "../../firmware/ble/hci/events.ts";
import {
  leAdvertisingReport,
  leConnectionComplete,
  leConnectionUpdateComplete,
  leReadRemoteFeaturesComplete,
} from "../../firmware/ble/hci/le-events.ts";
import type { Clock } from "../../firmware/platform/platform.ts";
import { Deferred } from "./deadline.ts";
import { PhoneError } from "./errors.ts";
import { PhoneHci, type SendPacket } from "./hci.ts";
import { type LinkTiming, PhoneLink } from "./link.ts";
import type { Party, PhoneSecurity } from "./security.ts";
import { type Report, Search, type Sighting, type Wanted } from "./sightings.ts";

/** All events that a central can get: every event of Vol 4, Part E, 7.3.1 that a 5.0 controller has. */
const EVENT_MASK = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f]);
/** Connection, report, update, features, key, data length, PHY; parameter requests are left to the controller. */
const LE_EVENT_MASK = new Uint8Array([0x5f, 0x08, 0, 0, 0, 0, 0, 0]);
const FAILED_TO_BE_ESTABLISHED = 0x3e;
const UNKNOWN_CONNECTION = 0x02;
/** Attempts to connect before a link that is not established counts as a failure. */
const ATTEMPTS = 6;

export interface ConnectOptions extends Partial<LinkTiming> {
  readonly timeoutMs?: number;
}

export class Phone {
  readonly hci: PhoneHci;
  readonly links = new Map<number, PhoneLink>();
  /** Static random address, six bytes in printed order. */
  readonly address: Uint8Array;
  /** The cameras that it has bonded with. */
  readonly security: PhoneSecurity;
  /** Payload length that its links ask for: 27 switches data length extension off. */
  dataOctets = 251;
  private readonly clock: Clock;
  private starting: Promise<void> | undefined = undefined;
  private onReport: (report: Report) => void = () => {};
  private connecting: Deferred<PhoneLink> | undefined = undefined;
  private readonly establishing = new Map<number, Deferred<boolean>>();

  /** @param sendPacket takes each packet for the phone's controller; `receive` wants what comes back. */
  constructor(clock: Clock, sendPacket: SendPacket, address: Uint8Array, security: PhoneSecurity) {
    this.clock = clock;
    this.address = address;
    this.security = security;
    this.hci = new PhoneHci(clock, sendPacket);
    this.listen();
  }

  /** One packet from the phone's controller, H4 indicator first. */
  receive(packet: Uint8Array): void {
    this.hci.receive(packet);
  }

  /** Brings the controller up; the other operations do so themselves. */
  start(): Promise<void> {
    this.starting ??= this.bringUp();
    return this.starting;
  }

  private async bringUp(): Promise<void> {
    const { hci } = this;
    await hci.start();
    await hci.command(setEventMask, { eventMask: EVENT_MASK });
    await hci.command(leSetEventMask, { leEventMask: LE_EVENT_MASK });
    await hci.command(leSetRandomAddress, { randomAddress: this.address });
    if (this.dataOctets === 27) return;
    const { supportedMaxTxTime } = await hci.command(leReadMaximumDataLength, {});
    const suggested = { suggestedMaxTxOctets: this.dataOctets, suggestedMaxTxTime: supportedMaxTxTime };
    await hci.command(leWriteSuggestedDefaultDataLength, suggested);
  }

  private listen(): void {
    const { hci } = this;
    hci.onAcl = (handle, first, data) => this.links.get(handle)?.receiveAcl(first, data);
    hci.on(leAdvertisingReport, ({ reports }) => {
      const report = parseReport(reports, this.clock.now());
      if (report) this.onReport(report);
    });
    hci.on(leConnectionComplete, (values) => this.connected(values));
    hci.on(leReadRemoteFeaturesComplete, ({ status, connectionHandle }) => {
      this.establishing.get(connectionHandle)?.resolve(status !== FAILED_TO_BE_ESTABLISHED);
    });
    hci.on(disconnectionComplete, ({ connectionHandle, reason }) => {
      const link = this.links.get(connectionHandle);
      this.links.delete(connectionHandle);
      hci.linkGone(connectionHandle);
      link?.ended(reason);
      this.establishing.get(connectionHandle)?.resolve(reason !== FAILED_TO_BE_ESTABLISHED);
    });
    hci.on(leConnectionUpdateComplete, (values) => {
      this.links.get(values.connectionHandle)?.updated(values.status, timingOf(values));
    });
    hci.on(encryptionChange, ({ status, connectionHandle, encryptionEnabled }) => {
      this.links.get(connectionHandle)?.encryptionChanged(status, encryptionEnabled !== 0);
    });
    hci.on(encryptionKeyRefreshComplete, ({ status, connectionHandle }) => {
      this.links.get(connectionHandle)?.encryptionChanged(status, status === 0);
    });
  }

  private connected(values: Values<typeof leConnectionComplete.fields>): void {
    const { connecting } = this;
    if (values.status !== 0) {
      const error = new PhoneError(
        `connecting failed with status 0x${values.status.toString(16)}`,
        values.status,
      );
      connecting?.reject(error);
      return;
    }
    const own = { addressType: 1, address: this.address };
    const peer = { addressType: values.peerAddressType, address: values.peerAddress };
    const { connectionHandle } = values;
    const link = new PhoneLink(this.hci, connectionHandle, timingOf(values), own, peer, this.security);
    this.links.set(link.handle, link);
    connecting?.resolve(link);
  }

  /** Listens for `durationMs` and returns every report. */
  async scan(durationMs: number, options: { readonly active?: boolean } = {}): Promise<Report[]> {
    const reports: Report[] = [];
    await this.beginScan(options.active ?? true, (report) => reports.push(report));
    await new Promise<void>((resolve) => this.clock.setTimer(resolve, durationMs));
    await this.endScan();
    return reports;
  }

  /**
   * Scans actively until the device was heard, its scan response included if it has one.
   * @throws PhoneError after `timeoutMs`.
   */
  async find(wanted: Wanted, timeoutMs = 30_000): Promise<Sighting> {
    const search = new Search(wanted);
    await this.start();
    const found = new Deferred<Sighting>(this.clock, timeoutMs, search.what);
    const outcome = found.promise.then(
      (sighting) => ({ sighting, error: undefined }),
      (error: unknown) => ({ sighting: undefined, error }),
    );
    await this.beginScan(true, (report) => {
      const sighting = search.take(report);
      if (sighting) found.resolve(sighting);
    });
    const { sighting, error } = await outcome;
    await this.endScan();
    if (!sighting) throw error;
    return sighting;
  }

  /** Forgets the bond with this camera; returns whether there was one. */
  forget(camera: Party): boolean {
    return this.security.forget(camera);
  }

  private async beginScan(active: boolean, onReport: (report: Report) => void): Promise<void> {
    await this.start();
    this.onReport = onReport;
    await this.hci.command(leSetScanParameters, {
      leScanType: active ? 1 : 0,
      leScanInterval: 0x0060,
      leScanWindow: 0x0060,
      ownAddressType: 1,
      scanningFilterPolicy: 0,
    });
    await this.hci.command(leSetScanEnable, { leScanEnable: 1, filterDuplicates: 0 });
  }

  private async endScan(): Promise<void> {
    await this.hci.command(leSetScanEnable, { leScanEnable: 0, filterDuplicates: 0 });
    this.onReport = () => {};
  }

  /**
   * Connects, and tries again when the link is not established (reason 0x3E).
   * @throws PhoneError when no link comes up within `timeoutMs` (10 s by default).
   */
  async connect(
    peer: Pick<Sighting, "addressType" | "address">,
    options: ConnectOptions = {},
  ): Promise<PhoneLink> {
    await this.start();
    for (let attempt = 1; ; attempt++) {
      const link = await this.connectOnce(peer, options);
      const establishing = new Deferred<boolean>(this.clock, 45_000, "the first answer of the camera");
      this.establishing.set(link.handle, establishing);
      this.hci.command(leReadRemoteFeatures, { connectionHandle: link.handle }).catch(() => {});
      const established = await establishing.promise;
      this.establishing.delete(link.handle);
      if (established) return link;
      if (attempt === ATTEMPTS)
        throw new PhoneError("the link could not be established", FAILED_TO_BE_ESTABLISHED);
    }
  }

  private async connectOnce(
    peer: Pick<Sighting, "addressType" | "address">,
    options: ConnectOptions,
  ): Promise<PhoneLink> {
    const { intervalMs = 30, latency = 0, supervisionTimeoutMs = 4000, timeoutMs = 10_000 } = options;
    const interval = Math.round(intervalMs / 1.25);
    // The deadline is kept by cancelling, so that the controller never goes on by itself.
    const connecting = new Deferred<PhoneLink>(
      this.clock,
      timeoutMs + 10_000,
      "the end of the attempt to connect",
    );
    this.connecting = connecting;
    const deadline = this.clock.setTimer(() => {
      this.hci.command(leCreateConnectionCancel, {}).catch(() => {});
    }, timeoutMs);
    const refused = this.hci.command(leCreateConnection, {
      leScanInterval: 0x0060,
      leScanWindow: 0x0060,
      initiatorFilterPolicy: 0,
      peerAddressType: peer.addressType,
      peerAddress: peer.address,
      ownAddressType: 1,
      connectionIntervalMin: interval,
      connectionIntervalMax: interval,
      maxLatency: latency,
      supervisionTimeout: Math.round(supervisionTimeoutMs / 10),
      minCeLength: 0,
      maxCeLength: 0,
    });
    refused.catch((error: unknown) => connecting.reject(error));
    try {
      return await connecting.promise;
    } catch (error) {
      if (!(error instanceof PhoneError) || error.code !== UNKNOWN_CONNECTION) throw error;
      throw new PhoneError(`no link came up within ${timeoutMs} ms`, UNKNOWN_CONNECTION);
    } finally {
      this.clock.clearTimer(deadline);
      this.connecting = undefined;
    }
  }
}

function timingOf(values: {
  readonly connectionInterval: number;
  readonly peripheralLatency: number;
  readonly supervisionTimeout: number;
}): LinkTiming {
  return {
    intervalMs: values.connectionInterval * 1.25,
    latency: values.peripheralLatency,
    supervisionTimeoutMs: values.supervisionTimeout * 10,
  };
}

function parseReport(bytes: Uint8Array, atMs: number): Report | undefined {
  const length = bytes[8];
  if (length === undefined || bytes.length < 10 + length) return undefined;
  return {
    eventType: bytes[0]!,
    addressType: bytes[1]!,
    address: bytes.slice(2, 8).reverse(),
    data: bytes.slice(9, 9 + length),
    rssi: (bytes[9 + length]! << 24) >> 24,
    atMs,
  };
}
