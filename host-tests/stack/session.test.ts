/** What a phone sees of a camera. */
import { nameOf } from "../../simulator/phone/sightings.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addHost, diagnostics } from "../support/cameras.ts";
import { createServer, LONG, LONG_VALUE, NOTIFYING, READABLE, SERVICE, WRITABLE } from "../support/server.ts";
import { describe, it } from "../support/suite.ts";

function createScene(seed = 1) {
  const world = createWorld(seed);
  const server = createServer(addHost(world));
  const { phone, controller } = world.addPhone();
  const violations = (): string[] => [...server.camera.controller.violations, ...controller.violations];
  return { world, server, phone, controller, violations };
}

describe("stack: a phone's session", () => {
  it("finds the camera by its advertising data, with an empty scan response apart", async () => {
    const { world, server, phone, violations } = createScene();
    await world.run(async () => {
      await server.advertise("obscura-env");
      const sighting = await phone.find({ name: "obscura-env", service: SERVICE });
      deepEqual(sighting.address, server.camera.host.ownAddress);
      equal(sighting.addressType, 1);
      ok(sighting.connectable);
      equal(sighting.scanResponse?.length, 0);
      deepEqual(sighting.advertising.slice(0, 7), new Uint8Array([2, 1, 6, 3, 3, 0x1a, 0x18]));
    });
    deepEqual(violations(), []);
  });

  it("finds a long name in the scan response", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("a name of twenty-eight bytes");
      const sighting = await phone.find({ service: SERVICE });
      equal(sighting.advertising.length, 7);
      equal(sighting.scanResponse?.length, 30);
      equal(nameOf(sighting), "a name of twenty-eight bytes");
    });
  });

  it("walks the database: services, characteristics and descriptors", async () => {
    const { world, server, phone, violations } = createScene();
    const database = await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      return link.discover();
    });
    // The service stands behind the mandatory ones, whose attributes are not this test's matter.
    const first = server.readable.handle - 2;
    deepEqual(
      database.services.map(({ uuid }) => uuid.short),
      [0x1800, 0x1801, SERVICE],
    );
    deepEqual([database.services[2]!.handle, database.services[2]!.endHandle], [first, first + 9]);
    equal(database.services[1]!.endHandle, first - 1);
    deepEqual(
      database.services[2]!.characteristics.map(({ uuid, handle, properties, descriptors }) => [
        uuid.short,
        handle,
        properties,
        descriptors.map((descriptor) => descriptor.uuid.short),
      ]),
      [
        [READABLE, first + 2, 0x02, []],
        [WRITABLE, first + 4, 0x0c, []],
        [NOTIFYING, first + 6, 0x12, [0x2902]],
        [LONG, first + 9, 0x02, []],
      ],
    );
    deepEqual(violations(), []);
  });

  it("reads, also what is longer than a packet, at every MTU", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      const database = await link.discover();
      deepEqual(
        await link.read(database.characteristic(0x2a00)),
        new Uint8Array([0x6f, 0x62, 0x73, 0x63, 0x75, 0x72, 0x61]),
      );
      deepEqual(await link.read(database.characteristic(READABLE)), new Uint8Array([0x34, 0x08]));
      deepEqual(await link.read(database.characteristic(LONG)), LONG_VALUE);
      equal(await link.exchangeMtu(185), 185);
      deepEqual(await link.read(database.characteristic(LONG)), LONG_VALUE);
    });
  });

  it("writes with and without response", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      const writable = (await link.discover()).characteristic(WRITABLE);
      await link.write(writable, new Uint8Array([1, 2, 3]));
      await link.writeWithoutResponse(writable, new Uint8Array([4]));
      await link.write(writable, new Uint8Array(0));
      deepEqual(server.written, [new Uint8Array([1, 2, 3]), new Uint8Array([4]), new Uint8Array(0)]);
    });
  });

  it("writes what comes in several packets, and as long as it may be", async () => {
    const { world, server, phone } = createScene();
    phone.dataOctets = 27;
    const value = Uint8Array.from({ length: 100 }, (_, index) => 255 - index);
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await link.exchangeMtu(185);
      const writable = (await link.discover()).characteristic(WRITABLE);
      await link.write(writable, value);
      await link.writeWithoutResponse(writable, value.slice(1));
      await link.write(writable, value.slice(2));
    });
    deepEqual(server.written, [value, value.slice(1), value.slice(2)]);
  });

  it("is refused what is not allowed, and stays connected", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await link.exchangeMtu(185);
      const database = await link.discover();
      const [readable, writable] = [database.characteristic(READABLE), database.characteristic(WRITABLE)];
      await rejects(link.write(readable, new Uint8Array(1)), { code: 0x03 });
      await rejects(link.read(writable), { code: 0x02 });
      await rejects(link.write(writable, new Uint8Array(101)), { code: 0x0d });
      await rejects(link.read(999), { code: 0x01 });
      await link.writeWithoutResponse(readable, new Uint8Array(1));
      await link.writeWithoutResponse(writable, new Uint8Array(101));
      deepEqual(await link.read(readable), new Uint8Array([0x34, 0x08]));
      deepEqual(server.written, []);
      equal(server.camera.host.gatt.droppedCommands, 2);
    });
  });

  it("is notified of values only while it is subscribed", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      const notifying = (await link.discover()).characteristic(NOTIFYING);
      const { gatt } = server.camera.host;
      const client = server.connected[0]!.server;
      const notify = (value: number): string =>
        gatt.updates.notify(client, server.notifying, new Uint8Array([value]));
      equal(notify(1), "unsubscribed");
      await link.subscribe(notifying);
      equal(notify(2), "sent");
      deepEqual((await link.nextValue()).value, new Uint8Array([2]));
      await rejects(link.subscribe(notifying, "indicate"), { code: 0xfd });
      await link.subscribe(notifying, "none");
      equal(notify(3), "unsubscribed");
      await world.clock.sleep(1000);
      equal(link.att.values.length, 1);
    });
  });

  it("can pair with nobody, and is refused", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      link.sendFrame(0x0006, new Uint8Array([0x01, 0x03, 0x00, 0x01, 16, 0, 0]));
      await world.clock.sleep(200);
      deepEqual(link.frames.at(-1)?.payload, new Uint8Array([0x05, 0x05]));
      await rejects(link.encrypt(new Uint8Array(16)), { code: 0x06 });
      ok(link.isConnected);
    });
    deepEqual(diagnostics(server.camera), []);
  });

  it("is not put off by requests that nobody serves, and frames on channels that nobody has", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await rejects(link.att.requestRaw(new Uint8Array([0x2e, 1, 0])), { code: 0x06 });
      await rejects(link.att.requestRaw(new Uint8Array([0x0a, 1])), { code: 0x04 });
      link.sendFrame(0x0040, new Uint8Array(30));
      link.sendFrame(0x0005, new Uint8Array([0x0a, 0x01, 2, 0, 1, 0]));
      await world.clock.sleep(200);
      deepEqual(link.frames.at(-1)?.payload, new Uint8Array([0x01, 0x01, 2, 0, 0, 0]));
      equal((await link.read(3)).length, 7);
    });
  });
});
