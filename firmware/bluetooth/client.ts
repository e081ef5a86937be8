/** The GATT client by numbers, for the class BLE: each call is an operation whose results are events. */
import type { Operation } from "../ble/att/client-role.ts";
import { BleError } from "../ble/errors.ts";
import type { Connection } from "../ble/gap/connection.ts";
import type { GattClient } from "../ble/gatt/client/client.ts";
import type { Host } from "../ble/host.ts";
import { UUID } from "../ble/uuid.ts";
import {
  IRQ_GATTC_CHARACTERISTIC_DONE,
  IRQ_GATTC_CHARACTERISTIC_RESULT,
  IRQ_GATTC_DESCRIPTOR_DONE,
  IRQ_GATTC_DESCRIPTOR_RESULT,
  IRQ_GATTC_READ_DONE,
  IRQ_GATTC_READ_RESULT,
  IRQ_GATTC_SERVICE_DONE,
  IRQ_GATTC_SERVICE_RESULT,
  IRQ_GATTC_WRITE_DONE,
} from "./constants.ts";
import type { EventData, IrqSource } from "./irq.ts";

const LAST_HANDLE = 0xffff;
/** Status of an operation that ended without an answer of the peer's: its link ended, or its answer made no sense. */
const NO_ANSWER = 0x100;

/** How `gattcWrite` writes. */
const MODE = { WITHOUT_RESPONSE: 0, WITH_RESPONSE: 1 } as const;

/** @throws RangeError for what is no handle. */
function checkHandle(name: string, handle: number): void {
  if (!(handle >= 1 && handle <= LAST_HANDLE) || Math.floor(handle) !== handle)
    throw new RangeError(`${name} ${handle} is out of range: 1 to 0xFFFF`);
}

function checkUuid(uuid: unknown): void {
  if (uuid != null && !(uuid instanceof UUID)) throw new TypeError("the uuid is a bluetooth.UUID");
}

/** ATT error code of a failed operation. */
function statusOf(error: unknown): number {
  const status =
    error instanceof BleError && error.code === "gatt-error" ? (error as { status?: number }).status : 0;
  return status || NO_ANSWER;
}

export class LowLevelClient {
  private readonly host: Host;
  private readonly source: IrqSource;

  constructor(host: Host, source: IrqSource) {
    this.host = host;
    this.source = source;
  }

  /** See `BLE.gattcDiscoverServices`. */
  discoverServices(link: Connection, uuid: UUID | null | undefined): void {
    checkUuid(uuid);
    const { handle: conn } = link;
    this.perform(link, IRQ_GATTC_SERVICE_DONE, [conn], async (client, operation) => {
      for (let next: number | undefined = 1; next !== undefined; ) {
        const found = await client.findServices(operation, next, uuid ?? undefined);
        for (const { startHandle, endHandle, uuid: own } of found.items)
          this.source.emit(IRQ_GATTC_SERVICE_RESULT, [conn, startHandle, endHandle, own]);
        next = found.next;
      }
    });
  }

  /** See `BLE.gattcDiscoverCharacteristics`. */
  discoverCharacteristics(
    link: Connection,
    first: number,
    last: number,
    uuid: UUID | null | undefined,
  ): void {
    checkRange(first, last);
    checkUuid(uuid);
    const { handle: conn } = link;
    this.perform(link, IRQ_GATTC_CHARACTERISTIC_DONE, [conn], async (client, operation) => {
      // Where one ends is known when the next one is.
      let open: { readonly handle: number; readonly properties: number; readonly uuid: UUID } | undefined;
      const close = (endHandle: number): void => {
        if (open && (!uuid || open.uuid.equals(uuid))) {
          const { handle, properties, uuid: own } = open;
          this.source.emit(IRQ_GATTC_CHARACTERISTIC_RESULT, [conn, endHandle, handle, properties, own]);
        }
        open = undefined;
      };
      for (let next: number | undefined = first; next !== undefined; ) {
        const found = await client.findCharacteristics(operation, next, last);
        for (const { handle, valueHandle, properties, uuid: own } of found.items) {
          close(handle - 1);
          open = { handle: valueHandle, properties, uuid: own };
        }
        next = found.next;
      }
      close(last);
    });
  }

  /** See `BLE.gattcDiscoverDescriptors`. */
  discoverDescriptors(link: Connection, first: number, last: number): void {
    checkRange(first, last);
    const { handle: conn } = link;
    this.perform(link, IRQ_GATTC_DESCRIPTOR_DONE, [conn], async (client, operation) => {
      for (let next: number | undefined = first; next !== undefined; ) {
        const found = await client.findInformation(operation, next, last);
        for (const { handle, uuid } of found.items)
          this.source.emit(IRQ_GATTC_DESCRIPTOR_RESULT, [conn, handle, uuid]);
        next = found.next;
      }
    });
  }

  /** See `BLE.gattcRead`. */
  read(link: Connection, handle: number): void {
    checkHandle("handle", handle);
    const data = [link.handle, handle];
    this.perform(link, IRQ_GATTC_READ_DONE, data, async (client, operation) => {
      this.source.emit(IRQ_GATTC_READ_RESULT, [...data, await client.readValue(operation, handle)]);
    });
  }

  /** See `BLE.gattcWrite`. */
  write(link: Connection, handle: number, value: Uint8Array, mode: number): void {
    checkHandle("handle", handle);
    if (mode === MODE.WITHOUT_RESPONSE) {
      const { mtu } = link.bearer;
      if (value.length > mtu - 3)
        throw new RangeError(
          `a write without response carries ${mtu - 3} bytes on this link, not ${value.length}`,
        );
      const outcome = this.clientOf(link).writeCommand({ handle, value });
      if (outcome === "full")
        throw new BleError(
          "send-queue-full",
          `Connection ${link.handle} takes writes more slowly than they come.`,
        );
      if (outcome !== "held") return;
      const work = async (client: GattClient) => void client.writeCommand({ handle, value });
      this.perform(link, undefined, [], work, value.length);
      return;
    }
    if (mode !== MODE.WITH_RESPONSE)
      throw new RangeError(`mode ${mode} is out of range: 0 without response, 1 with it`);
    const work = (client: GattClient, operation: Operation) =>
      client.writeValue(operation, { handle, value });
    this.perform(link, IRQ_GATTC_WRITE_DONE, [link.handle, handle], work, value.length);
  }

  /** See `BLE.gattcExchangeMtu`. */
  exchangeMtu(link: Connection): void {
    const { mtuExchanged } = link.bearer;
    this.perform(link, undefined, [], async (client, operation) => {
      const mtu = await client.exchangeMtu(operation);
      // The host reports one that is new.
      if (mtuExchanged) this.source.onMtu(link, mtu);
    });
  }

  private clientOf(link: Connection): GattClient {
    return this.host.clientOf(link)!;
  }

  /**
   * An operation; `done` is its last event, with `data` and the status behind it.
   * @throws BleError `operation-queue-full`.
   */
  private perform(
    link: Connection,
    done: number | undefined,
    data: EventData,
    work: (client: GattClient, operation: Operation) => Promise<void>,
    bytes = 0,
  ): void {
    const client = this.clientOf(link);
    let refusal: unknown;
    let isBegun = false;
    const end = (status: number): void => {
      if (done !== undefined) this.source.emit(done, [...data, status]);
    };
    client.perform(
      (operation) => work(client, operation),
      {
        resolve: () => end(0),
        reject: (error) => {
          if (isBegun) end(statusOf(error));
          else refusal = error;
        },
      },
      bytes,
    );
    isBegun = true;
    if (refusal !== undefined) throw refusal;
  }
}

function checkRange(first: number, last: number): void {
  checkHandle("startHandle", first);
  checkHandle("endHandle", last);
  if (first > last) throw new RangeError(`startHandle ${first} is above endHandle ${last}`);
}
