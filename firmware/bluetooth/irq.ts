/** Events for the handler that `BLE.irq` sets: whatever happens on the host, whoever caused it. */
import type { Connection } from "../ble/gap/connection.ts";
import type { Access } from "../ble/gatt/access.ts";
import type { GattWatcher } from "../ble/gatt/server/context.ts";
import type { Attribute } from "../ble/gatt/server/database.ts";
import type { Host, HostObserver } from "../ble/host.ts";
import { textOf } from "../ble/text.ts";
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_CONNECTION_UPDATE,
  IRQ_GATTS_INDICATE_DONE,
  IRQ_GATTS_READ_REQUEST,
  IRQ_GATTS_WRITE,
  IRQ_MTU_EXCHANGED,
} from "./constants.ts";

/** Status of an indication that was not confirmed: NimBLE's "not connected". */
const NOT_CONNECTED = 7;

/**
 * An event and its tuple. `conn` is the connection's handle, `handle` a value's or descriptor's. Bytes are copies that
 * the handler may keep.
 */
export type IrqEvent =
  /** `addrType` 0 public, 1 random; `addr` six bytes in printed order. */
  | [event: typeof IRQ_CENTRAL_CONNECT, data: readonly [conn: number, addrType: number, addr: Uint8Array]]
  | [event: typeof IRQ_CENTRAL_DISCONNECT, data: readonly [conn: number, addrType: number, addr: Uint8Array]]
  /** A client wrote; the value is stored already. */
  | [event: typeof IRQ_GATTS_WRITE, data: readonly [conn: number, handle: number]]
  /** A client is about to read, once for a value that it reads in parts: return an ATT error code to refuse. */
  | [event: typeof IRQ_GATTS_READ_REQUEST, data: readonly [conn: number, handle: number]]
  /** `status` 0 when the client confirmed, 7 when it did not: its link ended, or other services took their place. */
  | [event: typeof IRQ_GATTS_INDICATE_DONE, data: readonly [conn: number, handle: number, status: number]]
  /** The ATT_MTU was agreed. */
  | [event: typeof IRQ_MTU_EXCHANGED, data: readonly [conn: number, mtu: number]]
  /** `interval` in units of 1.25 ms, `supervision` of 10 ms; `status` 0, or the controller's error code. */
  | [
      event: typeof IRQ_CONNECTION_UPDATE,
      data: readonly [conn: number, interval: number, latency: number, supervision: number, status: number],
    ];

/**
 * What `BLE.irq` takes. Runs while the event is being served, so it should be quick; it may call everything. What it
 * returns counts for `IRQ_GATTS_READ_REQUEST` alone. When it throws, the error is logged, and it
 * counts as having returned nothing.
 */
export type IrqHandler = (...event: IrqEvent) => unknown;

/** Turns what the host reports into events. Nothing is built while no handler is set. */
export class IrqSource implements HostObserver, GattWatcher {
  private readonly host: Host;
  private handler: IrqHandler | null = null;
  private observing = false;

  constructor(host: Host) {
    this.host = host;
  }

  set(handler: IrqHandler | null): void {
    if (handler !== null && typeof handler !== "function")
      throw new TypeError("irq takes a function or null");
    this.handler = handler;
    this.host.gatt.watch(handler ? this : undefined);
    if (!this.observing) this.host.observe(this);
    this.observing = true;
  }

  private emit(event: number, data: readonly (number | Uint8Array)[]): unknown {
    const handler = this.handler as ((event: number, data: unknown) => unknown) | null;
    try {
      return handler?.(event, data);
    } catch (error) {
      this.host.log("error", `bluetooth: the irq handler failed at event ${event}: ${textOf(error)}`, error);
      return undefined;
    }
  }

  private emitPeer(event: number, link: Connection): unknown {
    return this.emit(event, [link.handle, link.peerAddressType & 1, link.peerAddress.slice()]);
  }

  private emitAccess(event: number, client: unknown, attribute: Attribute): unknown {
    return this.emit(event, [(client as Connection).handle, attribute.handle]);
  }

  onConnected(link: Connection): void {
    this.emitPeer(IRQ_CENTRAL_CONNECT, link);
  }

  onDisconnected(link: Connection): void {
    this.emitPeer(IRQ_CENTRAL_DISCONNECT, link);
  }

  onMtu(link: Connection, mtu: number): void {
    this.emit(IRQ_MTU_EXCHANGED, [link.handle, mtu]);
  }

  onParameters(link: Connection, status: number): void {
    const { intervalUs, latency, supervisionTimeoutMs } = link.parameters;
    const data = [link.handle, intervalUs / 1250, latency, supervisionTimeoutMs / 10, status];
    this.emit(IRQ_CONNECTION_UPDATE, data);
  }

  onRead(client: unknown, attribute: Attribute): number {
    const answer = this.emitAccess(IRQ_GATTS_READ_REQUEST, client, attribute);
    return typeof answer === "number" ? answer : 0;
  }

  /** For what demands authorization: a write is granted by nobody, for no event asks. */
  grants(client: unknown, access: Access, attribute: Attribute): boolean {
    if (this.handler === null || access === "write") return false;
    // Of a read the handler is called next, as of any other.
    return access === "read" || this.onRead(client, attribute) === 0;
  }

  onWritten(client: unknown, attribute: Attribute): void {
    this.emitAccess(IRQ_GATTS_WRITE, client, attribute);
  }

  onIndicated(client: unknown, attribute: Attribute, confirmed: boolean): void {
    const data = [(client as Connection).handle, attribute.handle, confirmed ? 0 : NOT_CONNECTED];
    this.emit(IRQ_GATTS_INDICATE_DONE, data);
  }
}
