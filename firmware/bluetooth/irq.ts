/** Events for the handler that `BLE.irq` sets: whatever happens on the host, whoever caused it. */
import type { AdvertisingReport } from "../ble/gap/advertising-report.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { ScanWatcher } from "../ble/gap/scanner.ts";
import type { Access } from "../ble/gatt/access.ts";
import type { GattWatcher } from "../ble/gatt/server/context.ts";
import type { Attribute } from "../ble/gatt/server/database.ts";
import type { Host, HostObserver } from "../ble/host.ts";
import { shown, textOf } from "../ble/text.ts";
import type { UUID } from "../ble/uuid.ts";
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_CONNECTION_UPDATE,
  IRQ_ENCRYPTION_UPDATE,
  type IRQ_GATTC_CHARACTERISTIC_DONE,
  type IRQ_GATTC_CHARACTERISTIC_RESULT,
  type IRQ_GATTC_DESCRIPTOR_DONE,
  type IRQ_GATTC_DESCRIPTOR_RESULT,
  IRQ_GATTC_INDICATE,
  IRQ_GATTC_NOTIFY,
  type IRQ_GATTC_READ_DONE,
  type IRQ_GATTC_READ_RESULT,
  type IRQ_GATTC_SERVICE_DONE,
  type IRQ_GATTC_SERVICE_RESULT,
  type IRQ_GATTC_WRITE_DONE,
  IRQ_GATTS_INDICATE_DONE,
  IRQ_GATTS_READ_REQUEST,
  IRQ_GATTS_WRITE,
  type IRQ_GET_SECRET,
  type IRQ_L2CAP_ACCEPT,
  type IRQ_L2CAP_CONNECT,
  type IRQ_L2CAP_DISCONNECT,
  type IRQ_L2CAP_RECV,
  type IRQ_L2CAP_SEND_READY,
  IRQ_MTU_EXCHANGED,
  type IRQ_PASSKEY_ACTION,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
  IRQ_SCAN_DONE,
  IRQ_SCAN_RESULT,
  type IRQ_SET_SECRET,
} from "./constants.ts";

import { IrqPairing } from "./pairing.ts";

/** `Connection.role` where the peer is a peripheral (Vol 4, Part E, 7.7.65.1). */
const CENTRAL = 0;
/** RSSI where the controller cannot tell. */
const NO_RSSI = 127;
/** Status of an indication that was not confirmed: NimBLE's "not connected". */
const NOT_CONNECTED = 7;
/** What a handler has answered that threw. */
const FAILED = Object.freeze({});

/**
 * An event and its tuple. `conn` is the connection's handle, `handle` a value's or descriptor's. Bytes are copies that
 * the handler may keep.
 */
export type IrqEvent =
  /** `addrType` 0 public, 1 random; `addr` six bytes in printed order. */
  | [event: typeof IRQ_CENTRAL_CONNECT, data: readonly [conn: number, addrType: number, addr: Uint8Array]]
  | [event: typeof IRQ_CENTRAL_DISCONNECT, data: readonly [conn: number, addrType: number, addr: Uint8Array]]
  /** A packet was heard: `advType` 0 connectable, 1 directed, 2 scannable, 3 neither, 4 a scan response; `rssi` in dBm. */
  | [
      event: typeof IRQ_SCAN_RESULT,
      data: readonly [addrType: number, addr: Uint8Array, advType: number, rssi: number, data: Uint8Array],
    ]
  | [event: typeof IRQ_SCAN_DONE, data: readonly []]
  | [event: typeof IRQ_PERIPHERAL_CONNECT, data: readonly [conn: number, addrType: number, addr: Uint8Array]]
  /** `conn` 0xFFFF and `addrType` 0xFF: the connection that `gapConnect` looked for did not come. */
  | [
      event: typeof IRQ_PERIPHERAL_DISCONNECT,
      data: readonly [conn: number, addrType: number, addr: Uint8Array],
    ]
  /** The status of the client's events: 0, the peer's ATT error code, or 0x100 without an answer of its. */
  | [
      event: typeof IRQ_GATTC_SERVICE_RESULT,
      data: readonly [conn: number, startHandle: number, endHandle: number, uuid: UUID],
    ]
  | [event: typeof IRQ_GATTC_SERVICE_DONE, data: readonly [conn: number, status: number]]
  | [
      event: typeof IRQ_GATTC_CHARACTERISTIC_RESULT,
      data: readonly [conn: number, endHandle: number, handle: number, properties: number, uuid: UUID],
    ]
  | [event: typeof IRQ_GATTC_CHARACTERISTIC_DONE, data: readonly [conn: number, status: number]]
  /** Declarations in the range are among them. */
  | [event: typeof IRQ_GATTC_DESCRIPTOR_RESULT, data: readonly [conn: number, handle: number, uuid: UUID]]
  | [event: typeof IRQ_GATTC_DESCRIPTOR_DONE, data: readonly [conn: number, status: number]]
  | [event: typeof IRQ_GATTC_READ_RESULT, data: readonly [conn: number, handle: number, value: Uint8Array]]
  | [event: typeof IRQ_GATTC_READ_DONE, data: readonly [conn: number, handle: number, status: number]]
  | [event: typeof IRQ_GATTC_WRITE_DONE, data: readonly [conn: number, handle: number, status: number]]
  /** The peer's server sent a value by itself. An indication is confirmed already. */
  | [event: typeof IRQ_GATTC_NOTIFY, data: readonly [conn: number, handle: number, value: Uint8Array]]
  | [event: typeof IRQ_GATTC_INDICATE, data: readonly [conn: number, handle: number, value: Uint8Array]]
  /** A client wrote; the value is stored already. */
  | [event: typeof IRQ_GATTS_WRITE, data: readonly [conn: number, handle: number]]
  /**
   * A client is about to read, once for a value that it reads in parts: return an ATT error code to refuse, 0 or nothing to
   * allow it. Of a value with `FLAG_READ_AUTHORIZED` all else refuses, and so does a handler that throws.
   */
  | [event: typeof IRQ_GATTS_READ_REQUEST, data: readonly [conn: number, handle: number]]
  /** `status` 0 when the client confirmed, 7 when it did not: its link ended, or other services took their place. */
  | [event: typeof IRQ_GATTS_INDICATE_DONE, data: readonly [conn: number, handle: number, status: number]]
  /** The ATT_MTU was agreed. */
  | [event: typeof IRQ_MTU_EXCHANGED, data: readonly [conn: number, mtu: number]]
  /**
   * A device opens a channel on a psm of `l2capListen`: `cid` is this side's number for it. Return anything but 0 or
   * nothing to refuse it; a handler that throws does.
   */
  | [
      event: typeof IRQ_L2CAP_ACCEPT,
      data: readonly [conn: number, cid: number, psm: number, ourMtu: number, peerMtu: number],
    ]
  /** A channel is open, whichever side asked for it. */
  | [
      event: typeof IRQ_L2CAP_CONNECT,
      data: readonly [conn: number, cid: number, psm: number, ourMtu: number, peerMtu: number],
    ]
  /**
   * A channel is closed, and what was not read of it gone: `status` 0. Or one that was asked for did not open: the result of
   * the peer (Vol 3, Part A, 4.23), 13 without an answer, 7 when the link ended.
   */
  | [
      event: typeof IRQ_L2CAP_DISCONNECT,
      data: readonly [conn: number, cid: number, psm: number, status: number],
    ]
  /** Something has arrived: `l2capRecvinto` takes it. */
  | [event: typeof IRQ_L2CAP_RECV, data: readonly [conn: number, cid: number]]
  /** What waited has been sent; `status` is 0. */
  | [event: typeof IRQ_L2CAP_SEND_READY, data: readonly [conn: number, cid: number, status: number]]
  /** `interval` in units of 1.25 ms, `supervision` of 10 ms; `status` 0, or the controller's error code. */
  | [
      event: typeof IRQ_CONNECTION_UPDATE,
      data: readonly [conn: number, interval: number, latency: number, supervision: number, status: number],
    ]
  /** The protection of a link has changed, or could not: flags are 0 or 1, `keySize` in bytes, 0 unencrypted. */
  | [
      event: typeof IRQ_ENCRYPTION_UPDATE,
      data: readonly [
        conn: number,
        encrypted: number,
        authenticated: number,
        bonded: number,
        keySize: number,
      ],
    ]
  /**
   * Only with `config({ secretStore: "irq" })`: return the secret of this type and key, or with the key null the one with
   * this index among those of the type, from 0; null when there is none.
   */
  | [event: typeof IRQ_GET_SECRET, data: readonly [secType: number, index: number, key: Uint8Array | null]]
  /** The same: keep this secret, or delete it where `value` is null; return true when that is done. */
  | [
      event: typeof IRQ_SET_SECRET,
      data: readonly [secType: number, key: Uint8Array, value: Uint8Array | null],
    ]
  /**
   * A pairing needs the user; answer by `gapPasskey`. `action`: 2 type the other device's number, 3 show `passkey`, or
   * another that is given at once, 4 say whether the other device shows `passkey` too.
   */
  | [event: typeof IRQ_PASSKEY_ACTION, data: readonly [conn: number, action: number, passkey: number]];

/**
 * What `BLE.irq` takes. Runs while the event is being served, so it should be quick; it may call everything. What it
 * returns counts for `IRQ_GATTS_READ_REQUEST`, `IRQ_L2CAP_ACCEPT`, `IRQ_GET_SECRET` and `IRQ_SET_SECRET` alone, and at once: a
 * promise is no answer. When it throws, the error is logged, and it counts as having returned nothing, unless something is
 * asked that it has to grant.
 */
export type IrqHandler = (...event: IrqEvent) => unknown;

/** The tuple of an event. */
export type EventData = readonly (number | Uint8Array | UUID | null)[];

/** Turns what the host reports into events. Nothing is built while no handler is set. */
export class IrqSource implements HostObserver, GattWatcher, ScanWatcher {
  private readonly host: Host;
  private handler: IrqHandler | null = null;
  private observing = false;
  /** Asks the handler where a pairing needs the user; undefined in an image without the feature `security`. */
  readonly pairing: IrqPairing | undefined;

  constructor(host: Host) {
    this.host = host;
    const { encryption } = host;
    this.pairing = encryption && new IrqPairing(host, encryption, (event, data) => this.emit(event, data));
  }

  set(handler: IrqHandler | null): void {
    if (handler !== null && typeof handler !== "function")
      throw new TypeError("irq takes a function or null");
    this.handler = handler;
    const { connections, gatt, scanner } = this.host;
    gatt.watch(handler ? this : undefined);
    scanner?.watch(handler ? this : undefined);
    for (const link of connections.values()) this.watchValues(link);
    this.pairing?.attach(handler !== null);
    if (!this.observing) this.host.observe(this);
    this.observing = true;
  }

  /** Calls the handler; what it throws is logged, and `failed` returned. */
  emit(event: number, data: EventData, failed?: unknown): unknown {
    const handler = this.handler as ((event: number, data: unknown) => unknown) | null;
    try {
      return handler?.(event, data);
    } catch (error) {
      const { peerLog } = this.host;
      peerLog.write("error", `bluetooth: the irq handler failed at event ${event}: ${textOf(error)}`, error);
      return failed;
    }
  }

  /** Asks the handler: 0 to allow something, another number to refuse. Undefined, with a line in the log, for no such answer. */
  ask(event: number, data: EventData): number | undefined {
    const answer = this.emit(event, data, FAILED) ?? 0;
    if (answer === FAILED) return undefined;
    if (typeof answer === "number" && !Number.isNaN(answer)) return answer;
    const { peerLog } = this.host;
    const what = `${shown(answer)} is no answer to event ${event}`;
    peerLog.write(
      "error",
      `bluetooth: the irq handler failed: ${what}: return a number, or nothing, at once`,
    );
    return undefined;
  }

  private emitPeer(event: number, link: Connection): unknown {
    const { identity } = link;
    return this.emit(event, [link.handle, identity.addressType, identity.address.slice()]);
  }

  /** What a peer's server sends by itself becomes an event, while there is a handler. */
  private watchValues(link: Connection): void {
    const { handler, host } = this;
    const client = handler ? host.clientOf(link) : link.client;
    client?.watch(
      handler
        ? (handle, value, isIndication) =>
            this.emit(isIndication ? IRQ_GATTC_INDICATE : IRQ_GATTC_NOTIFY, [
              link.handle,
              handle,
              value.slice(),
            ])
        : undefined,
    );
  }

  onConnected(link: Connection): void {
    if (this.handler) this.watchValues(link);
    this.emitPeer(link.role === CENTRAL ? IRQ_PERIPHERAL_CONNECT : IRQ_CENTRAL_CONNECT, link);
  }

  onDisconnected(link: Connection): void {
    this.emitPeer(link.role === CENTRAL ? IRQ_PERIPHERAL_DISCONNECT : IRQ_CENTRAL_DISCONNECT, link);
  }

  onReport(report: AdvertisingReport): void {
    const { addressType, address, data, eventType, rssi } = report;
    this.emit(IRQ_SCAN_RESULT, [addressType & 1, address.slice(), eventType, rssi ?? NO_RSSI, data.slice()]);
  }

  onScanDone(): void {
    this.emit(IRQ_SCAN_DONE, []);
  }

  onMtu(link: Connection, mtu: number): void {
    this.emit(IRQ_MTU_EXCHANGED, [link.handle, mtu]);
  }

  onParameters(link: Connection, status: number): void {
    const { intervalUs, latency, supervisionTimeoutMs } = link.parameters;
    const data = [link.handle, intervalUs / 1250, latency, supervisionTimeoutMs / 10, status];
    this.emit(IRQ_CONNECTION_UPDATE, data);
  }

  onSecurity(link: Connection, _status: number, isPairing: boolean): void {
    // As the original: a pairing is one event, when its keys are exchanged.
    if (isPairing) return;
    const { isAuthenticated, isBonded, isEncrypted, keySize } = link.security;
    const data = [link.handle, Number(isEncrypted), Number(isAuthenticated), Number(isBonded), keySize];
    this.emit(IRQ_ENCRYPTION_UPDATE, data);
  }

  onRead(client: unknown, attribute: Attribute): number | undefined {
    return this.ask(IRQ_GATTS_READ_REQUEST, [(client as Connection).handle, attribute.handle]);
  }

  /** For what demands authorization: a write is granted by nobody, for no event asks. */
  grants(client: unknown, access: Access, attribute: Attribute): boolean {
    if (this.handler === null || access === "write") return false;
    // Of a read the handler is called next, as of any other.
    return access === "read" || this.onRead(client, attribute) === 0;
  }

  onWritten(client: unknown, attribute: Attribute): void {
    this.emit(IRQ_GATTS_WRITE, [(client as Connection).handle, attribute.handle]);
  }

  onIndicated(client: unknown, attribute: Attribute, confirmed: boolean): void {
    const data = [(client as Connection).handle, attribute.handle, confirmed ? 0 : NOT_CONNECTED];
    this.emit(IRQ_GATTS_INDICATE_DONE, data);
  }
}
