/** The camera's side of multitests of aioble (micropython-lib, micropython/bluetooth/aioble/multitests). */
import {
  advertise,
  BufferedCharacteristic,
  Characteristic,
  Descriptor,
  type DeviceConnection,
  registerServices,
  Service,
  stop,
} from "aioble";
import { UUID } from "bluetooth";
import { equal, type Scenario, say, sleep, text } from "./kit.ts";
import { CHAR, CHAR2, CHAR3, INTERVAL_US, NAME, SERVICE, SYNC, TIMEOUT_MS } from "./names.ts";

const wait = { timeoutMs: TIMEOUT_MS };

const connected = (): Promise<DeviceConnection> =>
  advertise({ intervalUs: INTERVAL_US, name: NAME, timeoutMs: 2 * TIMEOUT_MS });

async function writeOrder(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const first = new Characteristic(service, new UUID(CHAR), { write: true, capture: true });
  const second = new Characteristic(service, new UUID(CHAR2), { write: true, capture: true });
  registerServices(service);
  const aborter = new AbortController();
  const follow = async (characteristic: typeof first, label: string): Promise<void> => {
    try {
      for await (const { data } of characteristic.writes({ signal: aborter.signal })) {
        say(`written: ${label} ${text(data)}`);
      }
    } catch (error) {
      if (error !== aborter.signal.reason) throw error;
    }
  };
  // The one that is written last waits first.
  const followers = [follow(second, "second"), follow(first, "first")];
  await using connection = await connected();
  await connection.disconnected(wait);
  aborter.abort(new Error("enough"));
  await Promise.all(followers);
}

async function writeCapture(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const plain = new Characteristic(service, new UUID(CHAR), { write: true });
  const captured = new Characteristic(service, new UUID(CHAR2), { write: true, capture: true });
  registerServices(service);
  await using connection = await connected();
  for (let count = 0; count < 2; count++) {
    await plain.written(wait);
    say(`written: ${text(plain.read())}`);
    await sleep(150);
  }
  for (let count = 0; count < 5; count++) {
    const { connection: writer, data } = await captured.written(wait);
    equal(writer, connection);
    say(`captured: ${text(data)}`);
    await sleep(50);
  }
}

async function bufferedCharacteristic(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const small = new BufferedCharacteristic(service, new UUID(CHAR), { write: true });
  const wide = new BufferedCharacteristic(service, new UUID(CHAR2), { write: true, maxLen: 40 });
  const added = new BufferedCharacteristic(service, new UUID(CHAR3), {
    write: true,
    maxLen: 80,
    append: true,
  });
  registerServices(service);
  await using connection = await connected();
  await small.written(wait);
  say(`small: ${text(small.read())}`);
  for (let count = 0; count < 4; count++) {
    await wide.written(wait);
    say(`wide: ${text(wide.read())}`);
  }
  say(`mtu: ${connection.mtu}`);
  await added.written(wait);
  await added.written(wait);
  say(`added: ${text(added.read())}`);
  equal(added.read().length, 0);
  await connection.disconnected(wait);
}

async function notify(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const characteristic = new Characteristic(service, new UUID(CHAR), { read: true, notify: true });
  const sync = new Characteristic(service, new UUID(SYNC), { write: true });
  registerServices(service);
  await using connection = await connected();
  for (const [value, notified] of [
    ["before-subscribe", 0],
    ["after-subscribe", 1],
    ["after-unsubscribe", 0],
  ] as const) {
    await sync.written(wait);
    equal(characteristic.write(value, { sendUpdate: true }), notified);
    say(value);
  }
  for (let round = 0; round < 5; round++) {
    await sync.written(wait);
    for (let count = 0; count < (round === 2 ? 3 : 1); count++) {
      equal(await characteristic.notify(connection, `direct-${round}-${count}`), true);
    }
  }
  await connection.disconnected(wait);
}

async function descriptor(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  const characteristic = new Characteristic(service, new UUID(CHAR), {
    read: true,
    write: true,
    notify: true,
  });
  characteristic.write("periph0");
  const readable = new Descriptor(characteristic, new UUID(CHAR2), { read: true, initial: "desc_periph0" });
  const both = new Descriptor(characteristic, new UUID(CHAR3), { read: true, write: true });
  both.write("desc_periph1");
  registerServices(service);
  await using connection = await connected();
  await characteristic.written(wait);
  say(`characteristic: ${text(characteristic.read())}`);
  await both.written(wait);
  say(`descriptor: ${text(both.read())}`);
  equal(text(readable.read()), "desc_periph0");
  await connection.disconnected(wait);
}

async function shutdown(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const service = new Service(new UUID(SERVICE));
    const characteristic = new Characteristic(service, new UUID(CHAR), { read: true, notify: true });
    const sync = new Characteristic(service, new UUID(SYNC), { write: true });
    registerServices(service);
    characteristic.write(`periph${round}`);
    const connection = await connected();
    await sync.written(wait);
    if (round < 2) await connection.disconnected(wait);
    await stop();
    equal(connection.isConnected(), false);
    say(`stopped ${round}`);
  }
}

async function reregister(): Promise<void> {
  const service = new Service(new UUID(SERVICE));
  new Characteristic(service, new UUID(CHAR), { read: true, initial: "hello" });
  const written = new Characteristic(service, new UUID(CHAR2), { read: true, write: true });
  for (let round = 0; round < 3; round++) {
    registerServices(service);
    written.write(`periph${round}`);
    const connection = await connected();
    await written.written(wait);
    equal(text(written.read()), `central${round}`);
    await connection.disconnected(wait);
    await stop();
    say(`stopped ${round}`);
  }
}

/** By "aioble" and the name of the original. */
export const aiobleScenarios: Readonly<Record<string, Scenario>> = {
  "aioble ble_write_order": writeOrder,
  "aioble ble_write_capture": writeCapture,
  "aioble ble_buffered_characteristic": bufferedCharacteristic,
  "aioble ble_notify": notify,
  "aioble ble_descriptor": descriptor,
  "aioble ble_shutdown": shutdown,
  "aioble ble_reregister": reregister,
};
