/** A central on ble-host, the second host stack that none of us wrote. */
import bleHost, {
  type BleManager,
  type Connection,
  type GattClientCharacteristic,
  type ScanReport,
} from "ble-host";
import { H4Transport } from "./h4.ts";
import { Mailbox, within } from "./wait.ts";

/** What ble-host heard of the camera, advertising data and scan response together. */
export interface BleHostSighting {
  readonly address: string;
  readonly addressType: "public" | "random";
  readonly serviceUuids: readonly string[];
  readonly appearance: number | undefined;
  /** Company identifier, then the data. */
  readonly manufacturer: { readonly company: number; readonly data: Buffer } | undefined;
}

/** An ATT error that the camera answered. */
export class AttFailure extends Error {
  override name = "AttFailure";
  readonly code: number;

  constructor(what: string, code: number) {
    super(`${what} failed with ATT error 0x${code.toString(16)}`);
    this.code = code;
  }
}

export class BleHostCentral {
  private readonly transport: H4Transport;
  private readonly manager: BleManager;
  private link: Connection | undefined;
  private readonly characteristics = new Map<string, GattClientCharacteristic>();

  private constructor(transport: H4Transport, manager: BleManager) {
    this.transport = transport;
    this.manager = manager;
  }

  static async open(hci: string): Promise<BleHostCentral> {
    const transport = await H4Transport.open(hci);
    const created = new Promise<BleManager>((resolve, reject) => {
      bleHost.BleManager.create(transport, { staticRandomAddress: "C5:00:00:00:00:03" }, (error, manager) =>
        error === null || error === undefined ? resolve(manager) : reject(error),
      );
    });
    return new BleHostCentral(transport, await within(created, "ble-host's start"));
  }

  /** Scans until the camera was heard with everything that `isComplete` asks for. */
  async find(
    name: string,
    isComplete: (sighting: BleHostSighting) => boolean = () => true,
  ): Promise<BleHostSighting> {
    const scanner = this.manager.startScan({ activeScan: true });
    const heard = new Map<string, BleHostSighting & { name: string | undefined }>();
    const box = new Mailbox<BleHostSighting>();
    scanner.on("report", (report: ScanReport) => {
      const before = heard.get(report.address);
      const items = report.parsedDataItems;
      const manufacturer = items.manufacturerSpecificData?.[0];
      const sighting = {
        address: report.address,
        addressType: report.addressType,
        name: items.localName ?? before?.name,
        serviceUuids: items.serviceUuids ?? before?.serviceUuids ?? [],
        appearance: items.appearance ?? before?.appearance,
        manufacturer:
          manufacturer === undefined
            ? before?.manufacturer
            : { company: manufacturer.companyIdentifierCode, data: manufacturer.data },
      };
      heard.set(report.address, sighting);
      if (sighting.name === name && isComplete(sighting)) box.put(sighting);
    });
    try {
      return await box.take(`ble-host to find ${name}`);
    } finally {
      scanner.stopScan();
    }
  }

  async connect(sighting: BleHostSighting): Promise<void> {
    const connected = new Promise<Connection>((resolve) => {
      this.manager.connect(sighting.addressType, sighting.address, {}, resolve);
    });
    this.link = await within(connected, "ble-host to connect");
    this.characteristics.clear();
  }

  /** Exchanges the MTU; returns the one agreed on. */
  async exchangeMtu(): Promise<number> {
    const { gatt } = this.connection();
    await this.att("the MTU exchange", (done) => gatt.exchangeMtu(done));
    return gatt.currentMtu;
  }

  /** Discovers services and characteristics; returns the UUIDs of the services. */
  async discover(): Promise<string[]> {
    const { gatt } = this.connection();
    const services = await this.call(
      "ble-host to discover services",
      gatt.discoverAllPrimaryServices.bind(gatt),
    );
    for (const service of services) {
      const found = await this.call(
        "ble-host to discover characteristics",
        service.discoverCharacteristics.bind(service),
      );
      for (const characteristic of found) this.characteristics.set(characteristic.uuid, characteristic);
    }
    return services.map(({ uuid }) => uuid);
  }

  async read(uuid: string): Promise<Buffer> {
    let read: Buffer | undefined;
    await this.att(`reading ${uuid}`, (done) =>
      this.characteristic(uuid).read((error, value) => {
        read = value;
        done(error);
      }),
    );
    return read ?? Buffer.alloc(0);
  }

  write(uuid: string, value: Buffer): Promise<void> {
    return this.att(`writing ${uuid}`, (done) => this.characteristic(uuid).write(value, done));
  }

  writeWithoutResponse(uuid: string, value: Buffer): Promise<void> {
    return this.att(`writing ${uuid}`, (done) =>
      this.characteristic(uuid).writeWithoutResponse(value, () => done(0)),
    );
  }

  /** Subscribes; returns where the notifications arrive. */
  async subscribe(uuid: string): Promise<Mailbox<Buffer>> {
    const characteristic = this.characteristic(uuid);
    const box = new Mailbox<Buffer>();
    characteristic.on("change", (value: Buffer) => box.put(value));
    await this.att(`subscribing to ${uuid}`, (done) => characteristic.writeCCCD(true, false, done));
    return box;
  }

  unsubscribe(uuid: string): Promise<void> {
    return this.att(`unsubscribing from ${uuid}`, (done) =>
      this.characteristic(uuid).writeCCCD(false, false, done),
    );
  }

  async disconnect(): Promise<void> {
    const link = this.connection();
    const ended = new Promise<void>((resolve) => link.once("disconnect", () => resolve()));
    link.disconnect();
    await within(ended, "ble-host to disconnect");
    this.link = undefined;
  }

  close(): void {
    this.transport.close();
  }

  private connection(): Connection {
    if (this.link === undefined) throw new Error("ble-host has no connection");
    return this.link;
  }

  private characteristic(uuid: string): GattClientCharacteristic {
    const long = uuid.length === 4 ? `0000${uuid}-0000-1000-8000-00805F9B34FB` : uuid;
    const found = this.characteristics.get(long.toUpperCase());
    if (found === undefined) throw new Error(`ble-host found no characteristic ${uuid}`);
    return found;
  }

  private call<T>(what: string, start: (done: (result: T) => void) => void): Promise<T> {
    return within(new Promise<T>((resolve) => start(resolve)), what);
  }

  private async att(what: string, start: (done: (error: number) => void) => void): Promise<void> {
    const error = await this.call(what, start);
    if (error !== 0) throw new AttFailure(what, error);
  }
}
