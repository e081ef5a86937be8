/** A central on ble-host, the second host stack that none of us wrote. */
import bleHost, {
  type BleManager,
  type Connection,
  type GattClientCharacteristic,
  type GattClientDescriptor,
  type PairingFeatures,
  type ScanReport,
} from "ble-host";
import { H4Transport } from "./h4.ts";
import { Mailbox, within } from "./wait.ts";

/** What ble-host heard of the camera, advertising data and scan response together. */
export interface BleHostSighting {
  readonly address: string;
  readonly addressType: "public" | "random";
  readonly connectable: boolean;
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

/** Static random address of the central. */
export const bleHostAddress = "C5:00:00:00:00:03";

/** A notification or an indication. */
export interface ReceivedValue {
  readonly uuid: string;
  readonly value: Buffer;
  readonly isIndication: boolean;
}

/** How a pairing went. */
export interface Paired {
  readonly sc: boolean;
  readonly mitm: boolean;
  readonly bond: boolean;
}

/** As ble-host writes UUIDs. */
const long = (uuid: string): string =>
  (uuid.length === 4 ? `0000${uuid}-0000-1000-8000-00805F9B34FB` : uuid).toUpperCase();

export class BleHostCentral {
  /** What the camera sent of the characteristics that were discovered. */
  readonly received = new Mailbox<ReceivedValue>();
  private readonly transport: H4Transport;
  private readonly manager: BleManager;
  private link: Connection | undefined;
  private ended: Promise<number> | undefined;
  private readonly characteristics = new Map<string, GattClientCharacteristic>();

  private constructor(transport: H4Transport, manager: BleManager) {
    this.transport = transport;
    this.manager = manager;
  }

  static async open(hci: string): Promise<BleHostCentral> {
    const transport = await H4Transport.open(hci);
    const created = new Promise<BleManager>((resolve, reject) => {
      bleHost.BleManager.create(transport, { staticRandomAddress: bleHostAddress }, (error, manager) =>
        error === null || error === undefined ? resolve(manager) : reject(error),
      );
    });
    return new BleHostCentral(transport, await within(created, "ble-host's start"));
  }

  /** Scans until the camera was heard with everything that `isComplete` asks for. */
  async find(
    name: string,
    isComplete: (sighting: BleHostSighting) => boolean = () => true,
    timeoutMs?: number,
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
        connectable: report.connectable,
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
      return await box.take(`ble-host to find ${name}`, timeoutMs);
    } finally {
      scanner.stopScan();
    }
  }

  async connect(sighting: BleHostSighting): Promise<void> {
    const connected = new Promise<[link: Connection, ended: Promise<number>]>((resolve) => {
      this.manager.connect(sighting.addressType, sighting.address, {}, (link) => {
        // At once: on a busy machine its end comes in the same piece of the socket's bytes.
        resolve([link, new Promise((gone) => link.once("disconnect", gone))]);
      });
    });
    [this.link, this.ended] = await within(connected, "ble-host to connect");
    this.characteristics.clear();
    this.received.drain();
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
      for (const characteristic of found) this.follow(characteristic);
    }
    return services.map(({ uuid }) => uuid);
  }

  read(uuid: string): Promise<Buffer> {
    return this.value(`reading ${uuid}`, (done) => this.characteristic(uuid).read(done));
  }

  write(uuid: string, value: Buffer): Promise<void> {
    return this.att(`writing ${uuid}`, (done) => this.characteristic(uuid).write(value, done));
  }

  writeWithoutResponse(uuid: string, value: Buffer): Promise<void> {
    return this.att(`writing ${uuid}`, (done) =>
      this.characteristic(uuid).writeWithoutResponse(value, () => done(0)),
    );
  }

  /** Reads a descriptor. */
  async readDescriptor(uuid: string, descriptor: string): Promise<Buffer> {
    const found = await this.descriptor(uuid, descriptor);
    return this.value(`reading ${descriptor}`, (done) => found.read(done));
  }

  async writeDescriptor(uuid: string, descriptor: string, value: Buffer): Promise<void> {
    const found = await this.descriptor(uuid, descriptor);
    await this.att(`writing ${descriptor}`, (done) => found.write(value, done));
  }

  /** Writes these values in one transaction: all or none, each echoed and compared (Vol 3, Part G, 4.9.5). */
  async writeReliably(values: readonly (readonly [uuid: string, value: Buffer])[]): Promise<void> {
    const { gatt } = this.connection();
    gatt.beginReliableWrite();
    for (const [uuid, value] of values) await this.write(uuid, value);
    await this.att("the end of a reliable write", (done) => gatt.commitReliableWrite(done));
  }

  subscribe(uuid: string, indications = false): Promise<void> {
    const characteristic = this.characteristic(uuid);
    return this.att(`subscribing to ${uuid}`, (done) =>
      characteristic.writeCCCD(!indications, indications, done),
    );
  }

  async unsubscribe(uuid: string): Promise<void> {
    await this.att(`unsubscribing from ${uuid}`, (done) =>
      this.characteristic(uuid).writeCCCD(false, false, done),
    );
    // What was under way before the camera's answer may have been meant for us.
    this.received.drain();
  }

  /**
   * Pairs, and bonds.
   * @throws Error with the reason of Pairing Failed.
   * @param user is given the passkey that ble-host shows, if it does, and returns what its user types, if he does.
   */
  async pair(
    features: PairingFeatures,
    user: (shown: string | null) => Promise<string | undefined> = async () => undefined,
  ): Promise<Paired> {
    const { smp } = this.connection();
    const asked = (_model: number, shown: string | null, answer: (typed: string | undefined) => void): void =>
      void user(shown).then(answer);
    smp.on("passkeyExchange", asked);
    const outcome = new Promise<Paired>((resolve, reject) => {
      smp.once("pairingComplete", resolve);
      smp.once("pairingFail", (reason: number) => reject(new Error(`ble-host could not pair: ${reason}`)));
    });
    try {
      smp.sendPairingRequest(features);
      return await within(outcome, "ble-host to pair");
    } finally {
      smp.removeListener("passkeyExchange", asked);
    }
  }

  /** Encrypts with the bond; the controller's error code, 0 for none. */
  encrypt(): Promise<number> {
    const { smp } = this.connection();
    return this.call("ble-host to encrypt", (done) => {
      smp.once("encrypt", done);
      smp.startEncryption();
    });
  }

  /** Forgets the bond with this device. */
  forget({ address, addressType }: BleHostSighting): void {
    this.manager.removeBond(addressType, address);
  }

  /** Ends the connection; returns the reason that the controller reports. */
  disconnect(): Promise<number> {
    this.connection().disconnect();
    return this.disconnected();
  }

  /** The reason why the connection ended, when it has. */
  async disconnected(): Promise<number> {
    if (this.ended === undefined) throw new Error("ble-host has had no connection");
    const reason = await within(this.ended, "ble-host's connection to end");
    this.link = undefined;
    return reason;
  }

  close(): void {
    this.transport.close();
  }

  private follow(characteristic: GattClientCharacteristic): void {
    const { uuid } = characteristic;
    this.characteristics.set(uuid, characteristic);
    characteristic.on("change", (value: Buffer, isIndication: boolean, confirm: () => void) => {
      this.received.put({ uuid, value, isIndication });
      if (isIndication) confirm();
    });
  }

  private async descriptor(uuid: string, descriptor: string): Promise<GattClientDescriptor> {
    const characteristic = this.characteristic(uuid);
    const discover = characteristic.discoverDescriptors.bind(characteristic);
    const descriptors = await this.call("ble-host to discover descriptors", discover);
    const found = descriptors.find((one) => one.uuid === long(descriptor));
    if (found === undefined) throw new Error(`ble-host found no descriptor ${descriptor}`);
    return found;
  }

  private async value(
    what: string,
    start: (done: (error: number, value?: Buffer) => void) => void,
  ): Promise<Buffer> {
    let read: Buffer | undefined;
    await this.att(what, (done) =>
      start((error, value) => {
        read = value;
        done(error);
      }),
    );
    return read ?? Buffer.alloc(0);
  }

  private connection(): Connection {
    if (this.link === undefined) throw new Error("ble-host has no connection");
    return this.link;
  }

  private characteristic(uuid: string): GattClientCharacteristic {
    const found = this.characteristics.get(long(uuid));
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
