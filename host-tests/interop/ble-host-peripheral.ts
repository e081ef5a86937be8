/**
 * A peripheral on ble-host, for a camera that is its client. What it serves is agreed in applications/reader/names.ts.
 * ble-host leaves requests that it does not know without an answer: so does it Read Multiple Variable Request.
 */
import bleHost, {
  type BleManager,
  type Connection,
  type GattServerCharacteristic,
  type GattServerService,
} from "ble-host";
import {
  BATTERY,
  CLOSED,
  COMMANDS,
  COUNT,
  INDICATING,
  LEVEL,
  LEVEL_VALUE,
  LONG,
  LONG_LENGTH,
  NAME,
  NOTIFYING,
  REFUSAL,
  SERVICE,
  SHORT,
  SHORT_VALUE,
  VALUES,
} from "./applications/reader/names.ts";
import { H4Transport } from "./h4.ts";
import { within } from "./wait.ts";

/** Static random address of the peripheral. */
const ADDRESS = "C7:00:00:00:00:01";
/** Advertising data: flags, and the complete name. */
const ADVERTISING = Buffer.from([2, 0x01, 0x06, NAME.length + 1, 0x09, ...Buffer.from(NAME)]);
/** In units of 0.625 ms. */
const INTERVAL = 160;

export class BleHostPeripheral {
  private readonly transport: H4Transport;
  private readonly manager: BleManager;
  private count = 0;
  private isClosed = false;

  private constructor(transport: H4Transport, manager: BleManager) {
    this.transport = transport;
    this.manager = manager;
    manager.gattDb.addServices(this.services());
    manager.setAdvertisingData(ADVERTISING, () => this.advertise());
  }

  static async open(hci: string): Promise<BleHostPeripheral> {
    const transport = await H4Transport.open(hci);
    const created = new Promise<BleManager>((resolve, reject) => {
      bleHost.BleManager.create(transport, { staticRandomAddress: ADDRESS }, (error, manager) =>
        error === null || error === undefined ? resolve(manager) : reject(error),
      );
    });
    return new BleHostPeripheral(transport, await within(created, "ble-host's start"));
  }

  private advertise(): void {
    if (this.isClosed) return;
    const parameters = { intervalMin: INTERVAL, intervalMax: INTERVAL };
    this.manager.startAdvertising(parameters, (status, connection) => {
      if (status !== 0) throw new Error(`ble-host does not advertise: HCI error ${status}`);
      connection.on("disconnect", () => this.advertise());
    });
  }

  private services(): GattServerService[] {
    const peripheral = this;
    const notifying: GattServerCharacteristic = {
      uuid: NOTIFYING,
      properties: ["notify"],
      onSubscriptionChange(connection, notification) {
        if (!notification) return;
        for (let number = 0; number < VALUES; number++) this.notify!(connection, Buffer.from([number]));
      },
    };
    const indicating: GattServerCharacteristic = {
      uuid: INDICATING,
      properties: ["indicate"],
      onSubscriptionChange(connection, _notification, indication) {
        const send = (number: number): void => {
          if (number < VALUES) this.indicate!(connection, Buffer.from([number]), () => send(number + 1));
        };
        if (indication) send(0);
      },
    };
    return [
      {
        uuid: SERVICE,
        characteristics: [
          { uuid: SHORT, properties: ["read", "write"], value: SHORT_VALUE },
          {
            uuid: LONG,
            properties: ["read", "write", "reliable-write"],
            value: Buffer.from(Array.from({ length: LONG_LENGTH }, (_, at) => at & 0xff)),
          },
          {
            uuid: COMMANDS,
            properties: ["write-without-response"],
            onWrite(
              _connection: Connection,
              needsResponse: boolean,
              _value: Buffer,
              done: (code: number) => void,
            ) {
              peripheral.count++;
              if (needsResponse) done(0);
            },
          },
          {
            uuid: COUNT,
            properties: ["read"],
            onRead(_connection: Connection, done: (code: number, value?: Buffer) => void) {
              done(0, Buffer.from([peripheral.count]));
            },
          },
          notifying,
          indicating,
          {
            uuid: CLOSED,
            properties: ["read"],
            onRead(_connection: Connection, done: (code: number, value?: Buffer) => void) {
              done(REFUSAL);
            },
          },
        ],
      },
      {
        uuid: BATTERY,
        characteristics: [{ uuid: LEVEL, properties: ["read", "notify"], value: Buffer.from([LEVEL_VALUE]) }],
      },
    ];
  }

  close(): void {
    this.isClosed = true;
    this.transport.close();
  }
}
