/** The central's side of MicroPython's multitests of `bluetooth` (tests/multi_bluetooth). */
import {
  IRQ_ENCRYPTION_UPDATE,
  IRQ_GATTC_CHARACTERISTIC_DONE,
  IRQ_GATTC_CHARACTERISTIC_RESULT,
  IRQ_GATTC_DESCRIPTOR_DONE,
  IRQ_GATTC_DESCRIPTOR_RESULT,
  IRQ_GATTC_INDICATE,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_READ_DONE,
  IRQ_GATTC_READ_RESULT,
  IRQ_GATTC_SERVICE_DONE,
  IRQ_GATTC_SERVICE_RESULT,
  IRQ_GATTC_WRITE_DONE,
  IRQ_L2CAP_CONNECT,
  IRQ_L2CAP_DISCONNECT,
  IRQ_MTU_EXCHANGED,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
  IRQ_SCAN_DONE,
  IRQ_SCAN_RESULT,
  UUID,
} from "bluetooth";
import { equal, type Scenario, say, sleep, text } from "../multitests/kit.ts";
import { ble, follow } from "../multitests/low-level.ts";
import {
  CHAR,
  CHAR2,
  DEVICE_NAME,
  DISCOVERED,
  MANAGEMENT_SERVICE,
  NAME,
  PSM,
  RX,
  SDU_LENGTH,
  STATE,
  SYNC,
  TX,
} from "../multitests/names.ts";
import { LISTENING_US } from "./find.ts";

type Events = Awaited<ReturnType<typeof follow>>;
type Configuration = 0 | 1 | 2;

/** Long enough for the peripheral to be heard, were it wrong. */
const SILENCE_MS = 300;
const CONNECT_MS = 10_000;
const CONNECTABLE = 0;
const NOT_CONNECTABLE = 3;
const WITH_RESPONSE = 1;
const CCCD = 0x2902;
const GAP_DEVICE_NAME = 0x2a00;

/** A peripheral and the events that are about it. */
class Link {
  readonly events: Events;
  readonly conn: number;

  private constructor(events: Events, conn: number) {
    this.events = events;
    this.conn = conn;
  }

  /** Looks for a packet of this kind from the peripheral. */
  static async heard(events: Events, advType: number): Promise<readonly [number, Uint8Array]> {
    await ble.gapScan(0, LISTENING_US, LISTENING_US, true);
    for (;;) {
      const [addrType, addr, kind, , data] = await events.event(IRQ_SCAN_RESULT);
      if (kind !== advType || !text(data).includes(NAME)) continue;
      await ble.gapScan(null);
      await events.event(IRQ_SCAN_DONE);
      events.clear();
      return [addrType, addr];
    }
  }

  static async open(events: Events): Promise<Link> {
    const [addrType, addr] = await Link.heard(events, CONNECTABLE);
    ble.gapConnect(addrType, addr, CONNECT_MS);
    const [conn] = await events.event(IRQ_PERIPHERAL_CONNECT);
    return new Link(events, conn);
  }

  /** The handle of a characteristic's value. */
  async find(uuid: string | number): Promise<number> {
    ble.gattcDiscoverCharacteristics(this.conn, 1, 0xffff, new UUID(uuid));
    const [, , handle] = await this.events.event(IRQ_GATTC_CHARACTERISTIC_RESULT);
    equal((await this.events.event(IRQ_GATTC_CHARACTERISTIC_DONE)).join(), [this.conn, 0].join());
    return handle;
  }

  /** The handle of a descriptor that comes after a value. */
  async descriptor(value: number, uuid: string | number): Promise<number> {
    ble.gattcDiscoverDescriptors(this.conn, value + 1, 0xffff);
    await this.events.event(IRQ_GATTC_DESCRIPTOR_DONE);
    const wanted = new UUID(uuid);
    for (;;) {
      const [, handle, found] = await this.events.event(IRQ_GATTC_DESCRIPTOR_RESULT);
      if (found.equals(wanted)) return handle;
    }
  }

  async read(handle: number): Promise<string> {
    ble.gattcRead(this.conn, handle);
    equal((await this.events.event(IRQ_GATTC_READ_DONE)).join(), [this.conn, handle, 0].join());
    const [, , value] = await this.events.event(IRQ_GATTC_READ_RESULT);
    return text(value);
  }

  async write(handle: number, value: string | Uint8Array): Promise<void> {
    ble.gattcWrite(this.conn, handle, value, WITH_RESPONSE);
    equal((await this.events.event(IRQ_GATTC_WRITE_DONE)).join(), [this.conn, handle, 0].join());
  }

  configure(cccd: number, configuration: Configuration): Promise<void> {
    return this.write(cccd, new Uint8Array([configuration, 0]));
  }

  /** The next value that comes as this kind of event, of this characteristic. */
  async value(kind: typeof IRQ_GATTC_NOTIFY | typeof IRQ_GATTC_INDICATE, handle: number): Promise<string> {
    const [conn, of, value] = await this.events.event(kind);
    equal([conn, of].join(), [this.conn, handle].join());
    return text(value);
  }

  async exchangeMtu(): Promise<number> {
    ble.gattcExchangeMtu(this.conn);
    const [, mtu] = await this.events.event(IRQ_MTU_EXCHANGED);
    return mtu;
  }

  async close(): Promise<void> {
    equal(ble.gapDisconnect(this.conn), true);
    await this.ended();
  }

  async ended(): Promise<void> {
    equal((await this.events.event(IRQ_PERIPHERAL_DISCONNECT))[0], this.conn);
  }
}

/** A scenario on one link, or on several one after the other. */
const withEvents =
  (scenario: (events: Events) => Promise<void>): Scenario =>
  async () => {
    await using events = await follow();
    await scenario(events);
  };

const gapAdvertise = withEvents(async (events) => {
  await Link.heard(events, NOT_CONNECTABLE);
  const link = await Link.open(events);
  await link.write(await link.find(SYNC), "");
  await link.ended();
});

const gapConnect = withEvents(async (events) => {
  const first = await Link.open(events);
  await first.close();
  const second = await Link.open(events);
  await second.ended();
});

const deviceName = withEvents(async (events) => {
  const link = await Link.open(events);
  equal(await link.read(await link.find(GAP_DEVICE_NAME)), DEVICE_NAME);
  await link.close();
});

const discoverServices = withEvents(async (events) => {
  const link = await Link.open(events);
  const discover = async (count: number, uuid?: UUID): Promise<string[]> => {
    ble.gattcDiscoverServices(link.conn, uuid);
    const found: string[] = [];
    while (found.length < count) found.push(String((await events.event(IRQ_GATTC_SERVICE_RESULT))[3]));
    equal((await events.event(IRQ_GATTC_SERVICE_DONE)).join(), [link.conn, 0].join());
    return found;
  };
  const uuids = DISCOVERED.map((uuid) => new UUID(uuid));
  const all = [new UUID(0x1800), new UUID(0x1801), ...uuids, new UUID(MANAGEMENT_SERVICE)];
  equal((await discover(all.length)).join(), all.join());
  for (const uuid of uuids) equal((await discover(1, uuid)).join(), String(uuid));
  await discover(0, new UUID(0x180f));
  await link.close();
});

const characteristic = withEvents(async (events) => {
  const link = await Link.open(events);
  const handle = await link.find(CHAR);
  const cccd = await link.descriptor(handle, CCCD);
  equal(await link.read(handle), "periph0");
  await link.configure(cccd, 1);
  await link.write(handle, "central0");
  equal(await link.value(IRQ_GATTC_NOTIFY, handle), "periph1");
  equal(await link.read(handle), "periph1");
  await link.write(handle, "central1");
  equal(await link.value(IRQ_GATTC_NOTIFY, handle), "periph2");
  equal(await link.read(handle), "central1");
  await link.configure(cccd, 2);
  await link.write(handle, "central2");
  equal(await link.value(IRQ_GATTC_INDICATE, handle), "periph3");
  equal(await link.read(handle), "periph3");
  await sleep(SILENCE_MS);
  await link.close();
});

const descriptor = withEvents(async (events) => {
  const link = await Link.open(events);
  const value = await link.find(CHAR);
  const described = await link.descriptor(value, CHAR2);
  equal(await link.read(value), "periph0");
  equal(await link.read(described), "desc_periph0");
  await link.write(value, "central0");
  await link.write(described, "desc_central0");
  await link.write(described, "desc_central1");
  equal(await link.read(described), "desc_central1");
  await link.close();
});

const gattDataTransfer = withEvents(async (events) => {
  const link = await Link.open(events);
  const [control, receive, transmit] = [await link.find(SYNC), await link.find(RX), await link.find(TX)];
  await link.configure(await link.descriptor(control, CCCD), 1);
  await link.configure(await link.descriptor(transmit, CCCD), 1);
  for (const round of [0, 1, 2, 3]) {
    if (round % 2 === 1) await link.write(receive, `central${round}`);
    else ble.gattcWrite(link.conn, receive, `central${round}`, 0);
  }
  await link.write(control, "OK");
  for (const round of [0, 1, 2, 3]) {
    equal(await link.value(IRQ_GATTC_NOTIFY, transmit), `message${round}`);
  }
  equal(await link.value(IRQ_GATTC_NOTIFY, control), "OK");
  await link.close();
});

const mtu = withEvents(async (events) => {
  const before = ble.config("mtu");
  try {
    ble.config({ mtu: 150 });
    for (const theirs of [23, 100, 200, 517]) {
      const link = await Link.open(events);
      equal(await link.exchangeMtu(), Math.min(150, theirs));
      await link.close();
    }
  } finally {
    ble.config({ mtu: before });
  }
});

const subscribe = withEvents(async (events) => {
  const link = await Link.open(events);
  const handle = await link.find(CHAR);
  const cccd = await link.descriptor(handle, CCCD);
  equal(await link.read(handle), "periph0");
  for (const [name, configuration, kind, expected] of [
    ["A", undefined, IRQ_GATTC_NOTIFY, "periph2"],
    ["B", 1, IRQ_GATTC_NOTIFY, "periph5"],
    ["C", 2, IRQ_GATTC_INDICATE, "periph7"],
    ["D", 0, IRQ_GATTC_NOTIFY, "periph10"],
  ] as const) {
    if (configuration !== undefined) await link.configure(cccd, configuration);
    await link.write(handle, `central${name}`);
    equal(await link.value(kind, handle), expected);
  }
  await link.close();
});

const irqCalls: Scenario = async () => {
  const names: Readonly<Record<number, string>> = {
    [IRQ_PERIPHERAL_CONNECT]: "IRQ_PERIPHERAL_CONNECT",
    [IRQ_MTU_EXCHANGED]: "IRQ_MTU_EXCHANGED",
    [IRQ_GATTC_NOTIFY]: "IRQ_GATTC_NOTIFY",
    [IRQ_PERIPHERAL_DISCONNECT]: "IRQ_PERIPHERAL_DISCONNECT",
  };
  await using events = await follow((...[event]) => {
    const name = names[event];
    if (name !== undefined) say(name);
  });
  const link = await Link.open(events);
  await link.exchangeMtu();
  const handle = await link.find(STATE);
  await link.configure(await link.descriptor(handle, CCCD), 1);
  for (const expected of ["read 1", "read 2"]) {
    equal(await link.read(handle), expected);
    equal(await link.value(IRQ_GATTC_NOTIFY, handle), expected);
  }
  await link.close();
};

const l2cap = withEvents(async (events) => {
  const link = await Link.open(events);
  ble.l2capConnect(link.conn, PSM, SDU_LENGTH);
  const [, cid, psm, ourMtu, peerMtu] = await events.event(IRQ_L2CAP_CONNECT);
  equal([psm, ourMtu, peerMtu].join(), [PSM, SDU_LENGTH, SDU_LENGTH].join());
  await events.sendSdus(link.conn, cid);
  await events.receiveSdus(link.conn, cid);
  ble.l2capDisconnect(link.conn, cid);
  equal((await events.event(IRQ_L2CAP_DISCONNECT)).join(), [link.conn, cid, PSM, 0].join());
  await link.close();
});

const gapPair = withEvents(async (events) => {
  ble.config({ bond: false });
  try {
    const link = await Link.open(events);
    const handle = await link.find(CHAR);
    equal(ble.gapPair(link.conn), true);
    equal((await events.event(IRQ_ENCRYPTION_UPDATE)).join(), [link.conn, 1, 0, 0, 16].join());
    equal(await link.read(handle), "encrypted");
    await link.close();
  } finally {
    ble.config({ bond: true });
  }
});

/** By "bluetooth" and the name of the original. */
export const bluetoothCentrals = {
  "bluetooth ble_gap_advertise": gapAdvertise,
  "bluetooth ble_gap_connect": gapConnect,
  "bluetooth ble_gap_device_name": deviceName,
  "bluetooth ble_gattc_discover_services": discoverServices,
  "bluetooth ble_characteristic": characteristic,
  "bluetooth ble_descriptor": descriptor,
  "bluetooth ble_gatt_data_transfer": gattDataTransfer,
  "bluetooth ble_mtu": mtu,
  "bluetooth ble_subscribe": subscribe,
  "bluetooth ble_irq_calls": irqCalls,
  "bluetooth ble_l2cap": l2cap,
  "bluetooth ble_gap_pair": gapPair,
} satisfies Readonly<Record<string, Scenario>>;
