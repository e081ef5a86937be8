/** aioble's defects in the GATT server, none of which we have: docs/differences.md names each. */
import { UUID } from "../../firmware/ble/uuid.ts";
import {
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  createPair,
  findCharacteristics,
  SERVICE_UUID,
  text,
} from "../multi/pair.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000 };
const SERVICE_CHANGED = 0x2a05;
const READ_NOT_PERMITTED = 0x02;

function createScene() {
  const pair = createPair();
  const { Characteristic, registerServices, Service } = pair.camera.aioble;
  const service = new Service(new UUID(SERVICE_UUID));
  return {
    ...pair,
    Characteristic,
    registerServices,
    Service,
    service,
    advertise: pair.camera.aioble.advertise,
  };
}

describe("aioble: differences in the server", () => {
  it("⚠ 6: registering again notifies a connected client by Service Changed", async () => {
    const { world, advertise, connect, Characteristic, registerServices, Service, service } = createScene();
    new Characteristic(service, new UUID(CHAR_UUID), { read: true, initial: "old" });
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      await advertised;
      const before = await link.discover();
      await link.subscribe(before.characteristic(SERVICE_CHANGED), "indicate");
      const other = new Service(new UUID(0x181a));
      new Characteristic(other, new UUID(CHAR2_UUID), { read: true, initial: "new" });
      registerServices(other);
      equal((await link.nextValue()).kind, "indication");
      const after = await link.discover();
      equal(text(await link.read(after.characteristic(CHAR2_UUID))), "new");
      ok(!after.characteristics.some(({ uuid }) => uuid.equals(new UUID(CHAR_UUID))), "nothing stale");
    });
  });

  it("⚠ 6: each client has a CCCD of its own", async () => {
    const { world, advertise, connect, Characteristic, registerServices, service } = createScene();
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { notify: true });
    registerServices(service);
    const second = world.addPhone().phone;
    await world.run(async () => {
      const first = advertise(OPTIONS);
      const link = await connect();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      await first;
      const next = advertise(OPTIONS);
      const other = await second.connect(await second.find({}));
      await next;
      await link.subscribe(target!);
      equal(characteristic.write("to one", { sendUpdate: true }), 1);
      deepEqual(await other.read(target!.descriptors[0]!.handle), new Uint8Array([0, 0]));
      await other.subscribe(target!);
      equal(characteristic.write("to both", { sendUpdate: true }), 2);
      await link.subscribe(target!, "none");
      equal(characteristic.write("to the other", { sendUpdate: true }), 1);
      await world.clock.sleep(200);
      deepEqual(
        link.att.values.map(({ value }) => text(value)),
        ["to one", "to both"],
      );
      deepEqual(
        other.att.values.map(({ value }) => text(value)),
        ["to both", "to the other"],
      );
    });
  });

  it("⚠ 6: the confirmation of an indication reaches whoever waits for it", async () => {
    const { world, advertise, connect, Characteristic, registerServices, service } = createScene();
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { indicate: true });
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      const connection = await advertised;
      await link.subscribe(target!, "indicate");
      const results = [1, 2, 3].map((n) => characteristic.indicate(connection, `${n}`));
      deepEqual(await Promise.all(results), [true, true, true]);
      deepEqual(
        link.att.values.map(({ value }) => text(value)),
        ["1", "2", "3"],
      );
      link.att.confirms = false;
      await rejects(characteristic.indicate(connection, "4"), { code: "timeout" });
    });
  });

  it("⚠ 6: a capture characteristic that nobody awaits blocks no other", async () => {
    const { world, advertise, connect, Characteristic, registerServices, service } = createScene();
    new Characteristic(service, new UUID(CHAR_UUID), { write: true, capture: true });
    const awaited = new Characteristic(service, new UUID(CHAR2_UUID), { write: true, capture: true });
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      await advertised;
      const [first, second] = await findCharacteristics(link, CHAR_UUID, CHAR2_UUID);
      await link.write(first!, bytes("nobody takes this"));
      await link.write(second!, bytes("but this"));
      equal(text((await awaited.written({ timeoutMs: 1000 })).data), "but this");
    });
  });

  it("⚠ 6: onRead is asked when clients read, never when we notify", async () => {
    const { world, advertise, connect, Characteristic, registerServices, service } = createScene();
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), {
      read: true,
      notify: true,
      indicate: true,
      initial: "stored",
    });
    const askers: unknown[] = [];
    characteristic.onRead = (connection) => {
      askers.push(connection);
      return READ_NOT_PERMITTED;
    };
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      const connection = await advertised;
      await link.subscribe(target!);
      equal(await characteristic.notify(connection), true);
      equal(characteristic.write("new", { sendUpdate: true }), 1);
      equal(text((await link.nextValue()).value), "stored");
      equal(text((await link.nextValue()).value), "new");
      deepEqual(askers, []);
      await rejects(link.read(target!), { code: READ_NOT_PERMITTED });
      deepEqual(askers, [connection]);
    });
  });

  it("⚠ 6: onRead refuses when it returns a code, and is asked once for a value that is read in parts", async () => {
    const { world, advertise, connect, Characteristic, registerServices, service } = createScene();
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { read: true });
    const long = Uint8Array.from({ length: 100 }, (_, index) => index);
    let asked = 0;
    characteristic.onRead = () => (++asked === 1 ? READ_NOT_PERMITTED : asked === 2 ? long : 0);
    registerServices(service);
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      const link = await connect();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      await advertised;
      await rejects(link.read(target!), { code: READ_NOT_PERMITTED });
      deepEqual(await link.read(target!), long);
      equal(asked, 2);
      equal((await link.read(target!)).length, 0, "0 is the stored value");
    });
  });
});
