/** How links begin and end. */
import { sameBytes } from "../../firmware/ble/codec.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addHost, diagnostics } from "../support/cameras.ts";
import { createServer, NOTIFYING, WRITABLE } from "../support/server.ts";
import { describe, it } from "../support/suite.ts";

function createScene(seed = 1) {
  const world = createWorld(seed);
  const server = createServer(addHost(world));
  const { phone, controller } = world.addPhone();
  const connect = async (options = {}) => {
    await server.advertise("obscura");
    return phone.connect(await phone.find({ name: "obscura" }), options);
  };
  return { world, server, phone, controller, connect };
}

describe("stack: links", () => {
  it("end with the reason that each side gave", async () => {
    const { world, server, connect } = createScene();
    await world.run(async () => {
      const first = await connect();
      equal(await first.disconnect(), 0x16);
      const second = await connect();
      await server.camera.host.disconnect(server.connected[1]!);
      equal(await second.disconnected(), 0x13);
      await world.clock.sleep(100);
    });
    deepEqual(server.ended, [0x13, 0x16]);
    equal(server.camera.host.connections.size, 0);
  });

  it("end by the supervision timeout when the phone walks away", async () => {
    const { world, server, controller, connect } = createScene();
    await world.run(async () => {
      const link = await connect({ supervisionTimeoutMs: 2000 });
      const leftMs = world.clock.now();
      world.air.separate(controller, server.camera.controller);
      equal(await link.disconnected(), 0x08);
      ok(world.clock.now() - leftMs <= 2000);
      await world.clock.sleep(100);
    });
    deepEqual(server.ended, [0x08]);
  });

  it("can be had again after each of a hundred sessions", async () => {
    const { world, server, connect } = createScene();
    await world.run(async () => {
      for (let turn = 0; turn < 100; turn++) {
        const link = await connect();
        deepEqual(await link.read(server.readable.handle), new Uint8Array([0x34, 0x08]));
        await link.disconnect();
        await world.clock.sleep(100);
      }
    }, 1e7);
    equal(server.ended.length, 100);
    equal(server.camera.host.gatt.clientCount, 0);
    deepEqual(diagnostics(server.camera), []);
    deepEqual(server.camera.controller.violations, []);
  });

  it("forget subscriptions when they end", async () => {
    const { world, server, connect } = createScene();
    await world.run(async () => {
      const first = await connect();
      await first.subscribe((await first.discover()).characteristic(NOTIFYING));
      await first.disconnect();
      await world.clock.sleep(100);
      const second = await connect();
      server.camera.host.gatt.updates.notifySubscribers(server.notifying);
      await world.clock.sleep(500);
      deepEqual(second.att.values, []);
    });
  });

  it("carry everything over a lossy air, though it takes longer", async () => {
    const { world, server, phone } = createScene(11);
    await world.run(async () => {
      await server.advertise("obscura");
      const sighting = await phone.find({ name: "obscura" });
      world.air.loss = 0.25;
      const link = await phone.connect(sighting, { supervisionTimeoutMs: 20_000 });
      const database = await link.discover();
      await link.subscribe(database.characteristic(NOTIFYING));
      for (let turn = 0; turn < 50; turn++) {
        await link.write(database.characteristic(WRITABLE), new Uint8Array([turn]));
        server.camera.host.gatt.updates.notify(
          server.connected.at(-1)!.server,
          server.notifying,
          new Uint8Array([turn]),
        );
        deepEqual((await link.nextValue()).value, new Uint8Array([turn]));
      }
      ok(link.isConnected);
    });
    deepEqual(
      server.written.map((value) => value[0]),
      Array.from({ length: 50 }, (_, index) => index),
    );
  });

  it("follow a change of timing by the phone", async () => {
    const { world, server, connect } = createScene();
    await world.run(async () => {
      const link = await connect({ intervalMs: 30 });
      await link.update({ intervalMs: 100, latency: 4, supervisionTimeoutMs: 6000 });
      await world.clock.sleep(50);
      deepEqual(server.connected[0]!.parameters, {
        intervalUs: 100_000,
        latency: 4,
        supervisionTimeoutMs: 6000,
      });
      deepEqual(await link.read(server.readable.handle), new Uint8Array([0x34, 0x08]));
    });
  });

  it("of two cameras and two phones in one process do not touch each other", async () => {
    const world = createWorld(3);
    const cameras = ["left", "right"].map((name) => ({ name, server: createServer(addHost(world)) }));
    const phones = [world.addPhone(), world.addPhone()];
    await world.run(async () => {
      for (const { name, server } of cameras) await server.advertise(name);
      const sessions = phones.map(async ({ phone }, index) => {
        const { name, server } = cameras[index]!;
        const link = await phone.connect(await phone.find({ name }));
        const database = await link.discover();
        await link.subscribe(database.characteristic(NOTIFYING));
        for (let turn = 0; turn < 20; turn++) {
          await link.write(database.characteristic(WRITABLE), new Uint8Array([index, turn]));
          server.camera.host.gatt.updates.notify(
            server.connected[0]!.server,
            server.notifying,
            new Uint8Array([turn, index]),
          );
        }
        await world.clock.sleep(500);
        await link.disconnect();
        return link.att.values.map(({ value }) => [...value]);
      });
      const turns = Array.from({ length: 20 }, (_, turn) => turn);
      deepEqual(await Promise.all(sessions), [
        turns.map((turn) => [turn, 0]),
        turns.map((turn) => [turn, 1]),
      ]);
      await world.clock.sleep(200);
    });
    for (const [index, { server }] of cameras.entries()) {
      deepEqual(server.ended, [0x13]);
      equal(
        server.written.every((value) => value[0] === index),
        true,
      );
      equal(server.written.length, 20);
      deepEqual(server.camera.controller.violations, []);
    }
    ok(!sameBytes(cameras[0]!.server.camera.host.ownAddress, cameras[1]!.server.camera.host.ownAddress));
  });

  it("of two phones to one camera are served side by side", async () => {
    const world = createWorld(4);
    const server = createServer(addHost(world));
    await world.run(async () => {
      const links = [];
      for (const { phone } of [world.addPhone(), world.addPhone()]) {
        await server.advertise("obscura");
        links.push(await phone.connect(await phone.find({ name: "obscura" })));
      }
      equal(server.camera.host.connections.size, 2);
      for (const link of links) await link.subscribe((await link.discover()).characteristic(NOTIFYING));
      server.notifying.value = new Uint8Array([9]);
      server.camera.host.gatt.updates.notifySubscribers(server.notifying);
      for (const link of links) deepEqual((await link.nextValue()).value, new Uint8Array([9]));
      await links[0]!.disconnect();
      deepEqual(await links[1]!.read(server.readable.handle), new Uint8Array([0x34, 0x08]));
    });
  });

  it("are not found when nobody advertises", async () => {
    const { world, server, phone } = createScene();
    await world.run(async () => {
      await server.advertise("obscura");
      const sighting = await phone.find({ name: "obscura" });
      await server.camera.host.advertiser.stop(new Error("enough"));
      deepEqual(await phone.scan(2000), []);
      await rejects(phone.connect(sighting, { timeoutMs: 1000 }), { code: 0x02 });
    });
  });
});
