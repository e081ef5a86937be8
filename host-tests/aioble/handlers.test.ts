/** Handlers that are assigned when services are registered already, and what a further registration keeps (A10). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { type AiobleCamera, diagnostics } from "../support/cameras.ts";
import { byte, createServed, offer, SERVICE } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const FIRST = SERVICE + 1;
const SECOND = SERVICE + 2;
const ALL = { read: true, write: true, writeNoResponse: true, notify: true, indicate: true };

describe("aioble: handlers that are assigned after registering (A10)", () => {
  it("onRead is asked from then on, and no more once it is taken away", async () => {
    const { world, offered, meet } = createServed((camera) =>
      offer(camera, { read: true, initial: "stored" }),
    );
    const [value] = offered;
    await world.run(async () => {
      const { link, database, connection } = await meet();
      const target = database.characteristic(FIRST);
      deepEqual(
        await link.read(target),
        new Uint8Array([...("stored" as string)].map((c) => c.charCodeAt(0))),
      );
      const asked: DeviceConnection[] = [];
      value!.onRead = (by) => {
        asked.push(by);
        return byte(7);
      };
      deepEqual(await link.read(target), byte(7));
      equal(asked[0], connection);
      value!.onRead = () => 0x08;
      await rejects(link.read(target), { code: 0x08 });
      value!.onRead = undefined;
      equal((await link.read(target)).length, 6);
      equal(asked.length, 1);
    });
  });

  it("onWrite is asked from then on, of requests and commands, and may take its time", async () => {
    const { world, offered, meet, sleep } = createServed((camera) => offer(camera, ALL));
    const [value] = offered;
    await world.run(async () => {
      const { link, database } = await meet();
      const target = database.characteristic(FIRST);
      await link.write(target, byte(1));
      value!.onWrite = (_, data) => (data[0]! > 9 ? 0x80 : 0);
      await rejects(link.write(target, byte(10)), { code: 0x80 });
      await link.write(target, byte(9));
      deepEqual(value!.read(), byte(9));
      value!.onWrite = async () => {
        await sleep(500);
        return 0x81;
      };
      await rejects(link.write(target, byte(3)), { code: 0x81 });
      deepEqual(value!.read(), byte(9));
    });
  });

  it("onSubscribe is called with changes from then on", async () => {
    const { world, offered, meet } = createServed((camera) => offer(camera, ALL));
    const [value] = offered;
    const changes: string[] = [];
    await world.run(async () => {
      const { link, database, connection } = await meet();
      const target = database.characteristic(FIRST);
      await link.subscribe(target);
      value!.onSubscribe = (_, { notify, indicate }) => changes.push(`${notify} ${indicate}`);
      await link.subscribe(target, "indicate");
      await link.disconnect();
      await connection.disconnected();
    });
    deepEqual(changes, ["false true", "false false"]);
  });

  it("so are those of a descriptor, and of a subclass that overrides them", async () => {
    const { world, offered, meet } = createServed(({ aioble }) => {
      class Counting extends aioble.Characteristic {
        reads = 0;
        override onRead() {
          this.reads++;
          return byte(this.reads);
        }
      }
      const service = new aioble.Service(new UUID(SERVICE));
      const value = new Counting(service, new UUID(FIRST), { read: true });
      const descriptor = new aioble.Descriptor(value, new UUID(0x2905), { read: true, write: true });
      aioble.registerServices(service);
      return { value, descriptor };
    });
    await world.run(async () => {
      const { link, database } = await meet();
      const target = database.characteristic(FIRST);
      deepEqual(await link.read(target), byte(1));
      offered.value.onRead = () => byte(99);
      deepEqual(await link.read(target), byte(99));
      offered.descriptor.onRead = () => 0x82;
      await rejects(link.read(target.descriptors[0]!), { code: 0x82 });
      offered.descriptor.onWrite = () => 0x83;
      await rejects(link.write(target.descriptors[0]!, byte(1)), { code: 0x83 });
    });
  });
});

describe("aioble: registering again (A10)", () => {
  it("keeps subscriptions of what did not change, and calls nobody", async () => {
    const changes: string[] = [];
    const { world, camera, offered, meet } = createServed(({ aioble }) => {
      const service = new aioble.Service(new UUID(SERVICE));
      const value = new aioble.Characteristic(service, new UUID(FIRST), ALL);
      value.onSubscribe = (_, { notify }) => changes.push(`${notify}`);
      aioble.registerServices(service);
      return { service, value };
    });
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      const other = new camera.aioble.Service(new UUID(0x180f));
      new camera.aioble.Characteristic(other, new UUID(0x2a19), { read: true });
      camera.aioble.registerServices(offered.service, other);
      deepEqual(offered.value.subscribers, [connection]);
      equal(offered.value.write(byte(5), { sendUpdate: true }), 1);
      deepEqual((await link.nextValue()).value, byte(5));
      deepEqual(changes, ["true"]);
    });
  });

  it("another characteristic in the same place takes the subscription over, and both are called", async () => {
    const changes: string[] = [];
    const { world, camera, meet } = createServed(({ aioble }) => make(aioble, "old"));
    function make(aioble: AiobleCamera["aioble"], name: string) {
      const service = new aioble.Service(new UUID(SERVICE));
      const value = new aioble.Characteristic(service, new UUID(FIRST), ALL);
      value.onSubscribe = (_, { notify }) => changes.push(`${name} ${notify} ${value.subscribers.length}`);
      aioble.registerServices(service);
      return value;
    }
    await world.run(async () => {
      const { link, database } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      const value = make(camera.aioble, "new");
      deepEqual(changes, ["old true 1", "old false 0", "new true 1"], "when the registration is complete");
      equal(value.write(byte(6), { sendUpdate: true }), 1);
      deepEqual((await link.nextValue()).value, byte(6));
    });
  });

  for (const [name, change] of [
    [
      "properties",
      (options: typeof ALL) => ({ uuid: FIRST, options: { ...options, writeNoResponse: false } }),
    ],
    ["UUID", (options: typeof ALL) => ({ uuid: SECOND, options })],
  ] as const) {
    it(`ends those of a characteristic with other ${name}`, async () => {
      const { world, camera, offered, meet } = createServed((served) => offer(served, ALL));
      await world.run(async () => {
        const { link, database } = await meet();
        await link.subscribe(database.characteristic(FIRST));
        const changes: boolean[] = [];
        offered[0]!.onSubscribe = (_, { notify }) => changes.push(notify);
        const { Characteristic, registerServices, Service } = camera.aioble;
        const service = new Service(new UUID(SERVICE));
        const { uuid, options } = change(ALL);
        const value = new Characteristic(service, new UUID(uuid), options);
        registerServices(service);
        deepEqual(value.subscribers, []);
        deepEqual(changes, [false]);
        equal(value.write(byte(1), { sendUpdate: true }), 0);
      });
    });
  }

  it("a registration that is refused changes nothing: neither subscriptions nor handlers", async () => {
    const { world, camera, offered, meet } = createServed((served) => offer(served, ALL));
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      const { registerServices, Service } = camera.aioble;
      const including = new Service(new UUID(0x1810), { includes: [new Service(new UUID(0x180f))] });
      let refused = false;
      try {
        registerServices(including);
      } catch (error) {
        refused = error instanceof TypeError;
      }
      equal(refused, true);
      deepEqual(offered[0]!.subscribers, [connection]);
      offered[0]!.onRead = () => byte(3);
      deepEqual(await link.read(database.characteristic(FIRST)), byte(3));
      equal(offered[0]!.write(byte(8), { sendUpdate: true }), 1);
    });
  });
});

describe("aioble: indicate with force (A10)", () => {
  it("reaches a client that has not subscribed, and waits for its confirmation", async () => {
    const { world, camera, offered, meet } = createServed((served) => offer(served, ALL));
    const [value] = offered;
    await world.run(async () => {
      const { link, connection } = await meet();
      equal(await value!.indicate(connection, byte(1)), false);
      equal(diagnostics(camera).length, 1, "the log says why");
      equal(await value!.indicate(connection, byte(2), { force: true }), true);
      deepEqual((await link.nextValue()).value, byte(2));
      link.att.confirms = false;
      await rejects(value!.indicate(connection, byte(3), { force: true, timeoutMs: 100 }), {
        name: "TimeoutError",
      });
    });
  });

  it("gattsIndicate has it too", async () => {
    const { world, camera, meet } = createServed(({ bluetooth }) => {
      const ble = new bluetooth.BLE();
      return { ble, handles: ble.gattsRegisterServices([[new UUID(SERVICE), [[new UUID(FIRST), 0x20]]]]) };
    });
    await world.run(async () => {
      const { link, connection } = await meet();
      const ble = new camera.bluetooth.BLE();
      const [[handle]] = [[16]];
      equal(ble.gattsIndicate(connection.link.handle, handle!, byte(1)), false);
      equal(ble.gattsIndicate(connection.link.handle, handle!, byte(2), { force: true }), true);
      deepEqual((await link.nextValue()).value, byte(2));
    });
  });

  it("32 may wait for one client; one more is refused with send-queue-full", async () => {
    const { world, offered, meet } = createServed((served) => offer(served, ALL));
    const [value] = offered;
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(FIRST), "indicate");
      link.att.confirms = false;
      const waits = Array.from({ length: 32 }, (_, at) =>
        value!.indicate(connection, byte(at), { timeoutMs: 5000 }).catch((error: unknown) => error),
      );
      await rejects(value!.indicate(connection, byte(99)), { code: "send-queue-full" });
      await link.disconnect();
      await Promise.all(waits);
    });
  });
});

describe("aioble: an appending buffer keeps to maxLen (A7)", () => {
  it("whatever the camera puts there itself, clients do not fill more than maxLen", async () => {
    const { world, offered, meet } = createServed(({ aioble }) => {
      const service = new aioble.Service(new UUID(SERVICE));
      const options = { read: true, write: true, append: true, maxLen: 30 };
      const buffer = new aioble.BufferedCharacteristic(service, new UUID(FIRST), options);
      aioble.registerServices(service);
      return { buffer, service, register: () => aioble.registerServices(service) };
    });
    const { buffer } = offered;
    await world.run(async () => {
      const { link, database } = await meet();
      const target = database.characteristic(FIRST);
      buffer.write(new Uint8Array(60));
      await rejects(link.write(target, byte(1)), { code: 0x0d });
      equal(buffer.read().length, 60);
      await link.write(target, new Uint8Array(20));
      await rejects(link.write(target, new Uint8Array(11)), { code: 0x0d });
      buffer.write(new Uint8Array(60));
      offered.register();
      equal(buffer.read().length, 60);
      await link.write(target, new Uint8Array(20));
      await rejects(link.write(target, new Uint8Array(11)), { code: 0x0d });
      await link.write(target, new Uint8Array(10));
      equal(buffer.read().length, 30);
    });
  });

  it("with an onWrite that takes its time, two writers fill it once", async () => {
    const { world, offered, meet, sleep } = createServed(({ aioble }) => {
      const service = new aioble.Service(new UUID(SERVICE));
      const options = { write: true, writeNoResponse: true, append: true, maxLen: 30 };
      const buffer = new aioble.BufferedCharacteristic(service, new UUID(FIRST), options);
      buffer.onWrite = () => sleep(100).then(() => 0);
      aioble.registerServices(service);
      return buffer;
    });
    await world.run(async () => {
      const one = await meet();
      const other = await meet();
      const target = one.database.characteristic(FIRST);
      const outcomes = await Promise.all(
        [one, other].map(({ link }) =>
          link.write(target, new Uint8Array(20)).then(
            () => "stored",
            (error: { code: number }) => error.code,
          ),
        ),
      );
      deepEqual(outcomes, ["stored", 0x0d]);
      equal(offered.read().length, 20);
    });
  });
});
