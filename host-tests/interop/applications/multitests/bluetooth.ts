/** The camera's side of MicroPython's multitests of `bluetooth` (tests/multi_bluetooth). */
import {
  FLAG_INDICATE,
  FLAG_NOTIFY,
  FLAG_READ,
  FLAG_WRITE,
  FLAG_WRITE_NO_RESPONSE,
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_GATTS_INDICATE_DONE,
  IRQ_GATTS_READ_REQUEST,
  IRQ_GATTS_WRITE,
  IRQ_MTU_EXCHANGED,
  UUID,
} from "bluetooth";
import { equal, type Scenario, say, sleep, text } from "./kit.ts";
import { ble, follow } from "./low-level.ts";
import { CHAR, CHAR2, INTERVAL_US, NAME, RX, SERVICE, STATE, SYNC, TX } from "./names.ts";

/** How long ble_gap_advertise advertises in one way. */
const TURN_MS = 500;

/** Flags (general discoverable, no BR/EDR) and the complete name. */
export const ADV_DATA = new Uint8Array([
  2,
  1,
  6,
  1 + NAME.length,
  9,
  ...[...NAME].map((letter) => letter.charCodeAt(0)),
]);

const SERVICES_WITH = (flags: number, uuid = CHAR) =>
  [[new UUID(SERVICE), [[new UUID(uuid), flags]]]] as const;

const advertise = (): Promise<void> => ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });

async function gapAdvertise(): Promise<void> {
  const [[sync]] = ble.gattsRegisterServices(SERVICES_WITH(FLAG_WRITE, SYNC)) as [[number]];
  let isConnected = false;
  await using events = await follow((...[event]) => {
    if (event === IRQ_CENTRAL_CONNECT) isConnected = true;
  });
  // In turn, for the client cannot tell when it has seen enough of the first.
  for (let connectable = false; !isConnected; connectable = !connectable) {
    await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA, connectable });
    await sleep(TURN_MS);
  }
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  equal((await events.event(IRQ_GATTS_WRITE))[1], sync);
  ble.gapDisconnect(conn);
  await events.event(IRQ_CENTRAL_DISCONNECT);
  await advertise();
  await ble.gapAdvertise(null);
  say("off the air");
}

async function gapConnect(): Promise<void> {
  ble.gattsRegisterServices(SERVICES_WITH(FLAG_READ));
  await using events = await follow();
  await advertise();
  const connected = await events.event(IRQ_CENTRAL_CONNECT);
  say(
    `address ${connected[1]} ${[...connected[2]].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`,
  );
  equal((await events.event(IRQ_CENTRAL_DISCONNECT)).join(), connected.join());
  equal(ble.gapDisconnect(connected[0]), false);
  await advertise();
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  equal(ble.gapDisconnect(conn), true);
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function characteristic(): Promise<void> {
  const flags = FLAG_READ | FLAG_WRITE | FLAG_NOTIFY | FLAG_INDICATE;
  const [[handle]] = ble.gattsRegisterServices(SERVICES_WITH(flags)) as [[number]];
  await using events = await follow();
  const written = async (): Promise<void> => {
    equal((await events.event(IRQ_GATTS_WRITE))[1], handle);
    say(`written: ${text(ble.gattsRead(handle))}`);
  };
  await advertise();
  equal(ble.gattsWrite(handle, "periph0"), 7);
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  await written();
  ble.gattsWrite(handle, "periph1");
  equal(ble.gattsNotify(conn, handle), true);
  await written();
  equal(ble.gattsNotify(conn, handle, "periph2"), true);
  await written();
  ble.gattsWrite(handle, "periph3");
  equal(ble.gattsIndicate(conn, handle), true);
  equal((await events.event(IRQ_GATTS_INDICATE_DONE)).join(), [conn, handle, 0].join());
  say("confirmed");
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function gattDataTransfer(): Promise<void> {
  const [[control, receive, transmit]] = ble.gattsRegisterServices([
    [
      new UUID(SERVICE),
      [
        [new UUID(SYNC), FLAG_WRITE | FLAG_NOTIFY],
        [new UUID(RX), FLAG_WRITE | FLAG_WRITE_NO_RESPONSE],
        [new UUID(TX), FLAG_NOTIFY],
      ],
    ],
  ]) as [[number, number, number]];
  ble.gattsSetBuffer(receive, 100, true);
  await using events = await follow();
  await advertise();
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  while ((await events.event(IRQ_GATTS_WRITE))[1] !== control);
  say(`received: ${text(ble.gattsRead(receive))}`);
  equal(ble.gattsRead(receive).length, 0);
  for (let count = 0; count < 4; count++) equal(ble.gattsNotify(conn, transmit, `message${count}`), true);
  equal(ble.gattsNotify(conn, control, "OK"), true);
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function mtu(): Promise<void> {
  ble.gattsRegisterServices(SERVICES_WITH(FLAG_READ));
  await using events = await follow();
  for (const own of [23, 100, 200, 517]) {
    ble.config({ mtu: own });
    await advertise();
    const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
    const agreed = await events.event(IRQ_MTU_EXCHANGED);
    equal(agreed[0], conn);
    say(`${own}: ${agreed[1]}`);
    await events.event(IRQ_CENTRAL_DISCONNECT);
  }
}

async function subscribe(): Promise<void> {
  const flags = FLAG_READ | FLAG_WRITE | FLAG_NOTIFY | FLAG_INDICATE;
  const [[handle]] = ble.gattsRegisterServices(SERVICES_WITH(flags)) as [[number]];
  await using events = await follow();
  await advertise();
  ble.gattsWrite(handle, "periph0");
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  const round = async (name: string): Promise<void> => {
    await events.event(IRQ_GATTS_WRITE);
    say(`${name}: ${text(ble.gattsRead(handle))}`);
  };
  await round("A");
  ble.gattsWrite(handle, "periph1");
  ble.gattsWrite(handle, "periph2");
  equal(ble.gattsNotify(conn, handle), false);
  equal(ble.gattsNotify(conn, handle, null, { force: true }), true);
  ble.gattsWrite(handle, "periph3", true);
  await round("B");
  ble.gattsWrite(handle, "periph4", false);
  ble.gattsWrite(handle, "periph5", true);
  await round("C");
  ble.gattsWrite(handle, "periph6", false);
  ble.gattsWrite(handle, "periph7", true);
  equal((await events.event(IRQ_GATTS_INDICATE_DONE))[2], 0);
  await round("D");
  ble.gattsWrite(handle, "periph8", false);
  ble.gattsWrite(handle, "periph9", true);
  ble.gattsWrite(handle, "periph10");
  equal(ble.gattsNotify(conn, handle, null, { force: true }), true);
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function irqCalls(): Promise<void> {
  const names: Readonly<Record<number, string>> = {
    [IRQ_CENTRAL_CONNECT]: "IRQ_CENTRAL_CONNECT",
    [IRQ_CENTRAL_DISCONNECT]: "IRQ_CENTRAL_DISCONNECT",
    [IRQ_GATTS_READ_REQUEST]: "IRQ_GATTS_READ_REQUEST",
    [IRQ_MTU_EXCHANGED]: "IRQ_MTU_EXCHANGED",
  };
  let conn = 0;
  let reads = 0;
  const [[handle]] = ble.gattsRegisterServices(SERVICES_WITH(FLAG_READ | FLAG_NOTIFY, STATE)) as [[number]];
  await using events = await follow((...[event, data]) => {
    say(names[event] ?? `event ${event}`);
    if (event === IRQ_CENTRAL_CONNECT) {
      conn = data[0];
    } else if (event === IRQ_GATTS_READ_REQUEST) {
      ble.gattsWrite(handle, `read ${++reads}`);
      ble.gattsNotify(conn, handle);
    }
  });
  await advertise();
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function descriptor(): Promise<void> {
  const flags = FLAG_READ | FLAG_WRITE;
  const [[value, described]] = ble.gattsRegisterServices([
    [new UUID(SERVICE), [[new UUID(CHAR), flags, [[new UUID(CHAR2), flags]]]]],
  ]) as [[number, number]];
  await using events = await follow();
  ble.gattsWrite(value, "periph0");
  ble.gattsWrite(described, "desc_periph0");
  await advertise();
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  for (const handle of [value, described, described]) {
    equal((await events.event(IRQ_GATTS_WRITE)).join(), [conn, handle].join());
    say(`written: ${text(ble.gattsRead(handle))}`);
  }
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

/** By "bluetooth" and the name of the original. */
export const bluetoothScenarios: Readonly<Record<string, Scenario>> = {
  "bluetooth ble_gap_advertise": gapAdvertise,
  "bluetooth ble_gap_connect": gapConnect,
  "bluetooth ble_characteristic": characteristic,
  "bluetooth ble_descriptor": descriptor,
  "bluetooth ble_gatt_data_transfer": gattDataTransfer,
  "bluetooth ble_mtu": mtu,
  "bluetooth ble_subscribe": subscribe,
  "bluetooth ble_irq_calls": irqCalls,
};
