/** The peripheral's side of those multitests whose central is a camera too (applications/multitests-central). */
import { advertise, Characteristic, registerServices, Service, security } from "aioble";
import {
  FLAG_READ,
  FLAG_READ_ENCRYPTED,
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_ENCRYPTION_UPDATE,
  IRQ_GATTS_READ_REQUEST,
  IRQ_L2CAP_CONNECT,
  UUID,
} from "bluetooth";
import { ADV_DATA } from "./bluetooth.ts";
import { equal, receiveSdus, type Scenario, say, sendSdus, text } from "./kit.ts";
import { ble, follow } from "./low-level.ts";
import {
  CHAR,
  DEVICE_NAME,
  DISCOVERED,
  INTERVAL_US,
  NAME,
  PSM,
  SDU_COUNT,
  SDU_LENGTH,
  SERVICE,
  TIMEOUT_MS,
} from "./names.ts";

const wait = { timeoutMs: TIMEOUT_MS };
const advertising = { intervalUs: INTERVAL_US, name: NAME, timeoutMs: 2 * TIMEOUT_MS };

async function characteristic(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const options = { read: true, write: true, notify: true, indicate: true };
  const own = new Characteristic(service, new UUID(CHAR), options);
  registerServices(service);
  own.write("periph0");
  await using connection = await advertise(advertising);
  const written = async (expected: string): Promise<void> => {
    await own.written(wait);
    equal(text(own.read()), expected);
  };
  await written("central0");
  own.write("periph1");
  equal(await own.notify(connection), true);
  await written("central1");
  equal(await own.notify(connection, "periph2"), true);
  await written("central2");
  own.write("periph3");
  equal(await own.indicate(connection, undefined, wait), true);
  say("confirmed");
  await connection.disconnected(wait);
}

async function perfL2cap(): Promise<void> {
  await using connection = await advertise(advertising);
  await using channel = await connection.l2capAccept(PSM, { mtu: SDU_LENGTH, ...wait });
  const start = Date.now();
  await receiveSdus(channel);
  say(`${SDU_COUNT} SDUs of ${SDU_LENGTH} bytes in ${Date.now() - start} ms`);
  await sendSdus(channel);
  await connection.disconnected(wait);
}

async function discoverServices(): Promise<void> {
  ble.gattsRegisterServices(DISCOVERED.map((uuid) => [new UUID(uuid), []] as const));
  await using events = await follow();
  await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
  await events.event(IRQ_CENTRAL_CONNECT);
  await events.event(IRQ_CENTRAL_DISCONNECT);
}

async function deviceName(): Promise<void> {
  ble.gattsRegisterServices([]);
  const before = ble.config("gapName");
  try {
    ble.config({ gapName: DEVICE_NAME });
    await using events = await follow();
    await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
    await events.event(IRQ_CENTRAL_CONNECT);
    await events.event(IRQ_CENTRAL_DISCONNECT);
  } finally {
    ble.config({ gapName: before });
  }
}

async function l2cap(): Promise<void> {
  await using events = await follow();
  ble.l2capListen(PSM, SDU_LENGTH);
  await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
  const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
  const [, cid, psm, ourMtu] = await events.event(IRQ_L2CAP_CONNECT);
  equal([psm, ourMtu].join(), [PSM, SDU_LENGTH].join());
  await events.receiveSdus(conn, cid);
  await events.sendSdus(conn, cid);
  await events.event(IRQ_CENTRAL_DISCONNECT);
  ble.l2capListen(PSM, null);
}

async function gapPair(): Promise<void> {
  const protectedValue = [new UUID(CHAR), FLAG_READ | FLAG_READ_ENCRYPTED] as const;
  const [[handle]] = ble.gattsRegisterServices([[new UUID(SERVICE), [protectedValue]]]) as [[number]];
  ble.gattsWrite(handle, "encrypted");
  ble.config({ bond: false });
  try {
    await using events = await follow();
    await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
    const [conn] = await events.event(IRQ_CENTRAL_CONNECT);
    const [, encrypted, authenticated, bonded, keySize] = await events.event(IRQ_ENCRYPTION_UPDATE);
    say(`encrypted ${encrypted}, authenticated ${authenticated}, bonded ${bonded}, key of ${keySize} bytes`);
    equal((await events.event(IRQ_GATTS_READ_REQUEST)).join(), [conn, handle].join());
    await events.event(IRQ_CENTRAL_DISCONNECT);
  } finally {
    ble.config({ bond: true });
  }
}

async function bond(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const own = new Characteristic(service, new UUID(CHAR), { read: true, security: "encrypted" });
  registerServices(service);
  own.write("bonded_data");
  // The other camera reads it once it has paired, and leaves at once: a link that is down is not encrypted.
  own.onRead = ({ encrypted, authenticated, bonded }) => {
    say(`encrypted ${encrypted}, authenticated ${authenticated}, bonded ${bonded}`);
    return undefined;
  };
  await using connection = await advertise(advertising);
  await connection.disconnected(wait);
  equal(security.bonds.size, 1);
}

/** By the module and the name of the original. */
export const scenariosBetweenCameras: Readonly<Record<string, Scenario>> = {
  "aioble ble_characteristic": characteristic,
  "aioble perf_l2cap": perfL2cap,
  "bluetooth ble_gattc_discover_services": discoverServices,
  "bluetooth ble_gap_device_name": deviceName,
  "bluetooth ble_l2cap": l2cap,
  "bluetooth ble_gap_pair": gapPair,
  "aioble ble_bond": bond,
};
