/** A value of a peer, which may be read and written. */
import { readValue } from "../ble/gatt/client/reads.ts";
import { WRITE_OVERHEAD, writeValue } from "../ble/gatt/client/writes.ts";
import { checkedValue, type Value } from "../ble/gatt/server/values.ts";
import { PROPERTY } from "../ble/gatt/types.ts";
import { type KeyTable, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import type { UUID } from "../ble/uuid.ts";
import type { ConnectionClient } from "./client.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { checkWait, NO_LIMITS, type WaitOptions } from "./wait.ts";

/** What `write` of a client takes. */
export interface ClientWriteOptions extends WaitOptions {
  /**
   * True: wait until the peer has taken the value. False: only send it. Left out: wait if the characteristic has `write` and
   * not `writeNoResponse`, or if the value is too long to be only sent.
   */
  readonly response?: boolean;
}

export const CLIENT_WRITE_KEYS: OptionKeys<ClientWriteOptions> = { ...WAIT_KEYS, response: "flag" };

/** A value of a peer: that of a characteristic, or a descriptor. */
export abstract class ClientValue {
  readonly connection: DeviceConnection;
  readonly uuid: UUID;
  /** Not for applications. */
  readonly client: ConnectionClient;
  /** Not for applications: handle of the value. */
  readonly handle: number;

  constructor(client: ConnectionClient, handle: number, uuid: UUID) {
    this.client = client;
    this.connection = client.connection;
    this.handle = handle;
    this.uuid = uuid;
  }

  /** Sum of the properties of the value: 0x02 read, 0x04 write without response, 0x08 write, 0x10 notify, 0x20 indicate. */
  abstract get properties(): number;

  /** What `write` takes. */
  protected get writeKeys(): KeyTable {
    return CLIENT_WRITE_KEYS;
  }

  abstract toString(): string;

  /** Not for applications. @throws TypeError unless it has one of these properties. */
  mustHave(properties: number, what: string): void {
    if ((this.properties & properties) === 0) throw new TypeError(`${this} does not allow ${what}`);
  }

  /**
   * Reads the value, also one that is longer than a packet (Vol 3, Part G, 4.8).
   * @param options without `timeoutMs` the peer may be silent for 1,000 milliseconds.
   * @throws TypeError when the characteristic has no `read` property, TimeoutError, the signal's reason,
   * DeviceDisconnectedError, GattError when the peer refuses, ProtocolError, BleError `operation-queue-full`.
   */
  async read(options: WaitOptions = NO_LIMITS): Promise<Uint8Array> {
    checkWait("read", options);
    this.mustHave(PROPERTY.READ, "read");
    return this.client.run(options, (operation, context) => readValue(operation, context, this.handle));
  }

  /**
   * Writes the value; with a response also one that is longer than a packet, which the peer takes as a whole (Vol 3, Part G,
   * 4.9). Without a response it resolves when the value has left for the controller: await it, or the queue of 32 fills. Such
   * a write overtakes operations that wait for the peer, but none that wait for the link to be encrypted.
   * @throws TypeError for no bytes and no string, or when the characteristic does not allow it. RangeError for more than 512
   * bytes, or more than `mtu` - 3 without a response.
   * @throws As `read`, and BleError `send-queue-full` without a response.
   */
  async write(data: Value, options: ClientWriteOptions = NO_LIMITS): Promise<void> {
    const value = checkedValue(data);
    checkWait("write", options, this.writeKeys);
    this.mustHave(PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE, "write");
    const room = this.connection.mtu - WRITE_OVERHEAD;
    const mayCommand = (this.properties & PROPERTY.WRITE_WITHOUT_RESPONSE) !== 0;
    const mayRequest = (this.properties & PROPERTY.WRITE) !== 0;
    const response = options.response ?? (mayRequest && !(mayCommand && value.length <= room));
    if (response) {
      this.mustHave(PROPERTY.WRITE, "write with a response");
      const write = { handle: this.handle, value };
      return this.client.run(
        options,
        (operation, context) => writeValue(operation, context, write),
        value.length,
      );
    }
    this.mustHave(PROPERTY.WRITE_WITHOUT_RESPONSE, "write without a response");
    if (value.length > room) {
      throw new RangeError(
        `${value.length} bytes do not fit a write without a response: at most ${room}, which is mtu - 3`,
      );
    }
    return this.command(value, options);
  }

  private command(value: Uint8Array, options: WaitOptions): Promise<void> {
    const { client, connection, handle } = this;
    const { gatt } = client;
    if (!gatt.isFree) return client.run(options, () => this.command(value, NO_LIMITS), value.length);
    return connection.scope.wait<void>(options, (pending) => {
      const outcome = gatt.writeCommand({ handle, value });
      if (outcome === "sent") pending.resolve();
      else if (outcome === "full") pending.reject(connection.queueFull());
      else connection.whenSent(() => pending.resolve());
    });
  }
}
