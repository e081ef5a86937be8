/** Waits of the public API and how they end, over a link. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const MAILBOX = 0x1815;
const COMMAND = 0x2a56;
const ANSWER = 0x2a57;

function createScene(seed = 1) {
  const world = createWorld(seed);
  const camera = addAioble(world, { controller: { aclPackets: 4 } });
  const { Characteristic, registerServices, Service } = camera.aioble;
  const mailbox = new Service(new UUID(MAILBOX));
  const command = new Characteristic(mailbox, new UUID(COMMAND), {
    read: true,
    write: true,
    writeNoResponse: true,
  });
  const answer = new Characteristic(mailbox, new UUID(ANSWER), { notify: true });
  registerServices(mailbox);
  const { phone, controller } = world.addPhone();
  const meet = async () => {
    const advertised = camera.aioble.advertise({ intervalUs: 100_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }));
    return { link, connection: await advertised };
  };
  return { world, camera, command, answer, phone, controller, meet };
}

describe("aioble: waits", () => {
  it("written() resolves with the writer, once for what is new", async () => {
    const { world, command, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const target = (await link.discover()).characteristic(COMMAND);
      const waiting = command.written();
      await link.write(target, new Uint8Array([1]));
      equal(await waiting, connection);
      deepEqual(command.read(), new Uint8Array([1]));
      await link.write(target, new Uint8Array([2]));
      await link.write(target, new Uint8Array([3]));
      equal(await command.written(), connection);
      deepEqual(command.read(), new Uint8Array([3]));
      await rejects(command.written({ timeoutMs: 500 }), { code: "timeout", timeoutMs: 500 });
    });
  });

  it("written() wakes for a write without response", async () => {
    const { world, command, meet } = createScene();
    await world.run(async () => {
      const { link } = await meet();
      const target = (await link.discover()).characteristic(COMMAND);
      const waiting = command.written({ timeoutMs: 1000 });
      await link.writeWithoutResponse(target, new Uint8Array([7]));
      await waiting;
      deepEqual(command.read(), new Uint8Array([7]));
    });
  });

  it("notify() resolves when the controller has the value, and keeps the order", async () => {
    const { world, answer, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      equal(await answer.notify(connection, new Uint8Array([9])), false);
      await link.subscribe((await link.discover()).characteristic(ANSWER));
      for (let index = 0; index < 100; index++)
        equal(await answer.notify(connection, new Uint8Array([index])), true);
      while (link.att.values.length < 100) await link.nextValue();
      deepEqual(
        link.att.values.map(({ value }) => value[0]),
        Array.from({ length: 100 }, (_, index) => index),
      );
    });
  });

  it("notify() of a link that ends meanwhile ends with it", async () => {
    const { world, camera, answer, controller, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      await link.subscribe((await link.discover()).characteristic(ANSWER));
      await world.clock.sleep(200); // The response to the subscription leaves its buffer.
      world.air.separate(controller, camera.controller);
      const sent = Array.from({ length: 6 }, (_, index) =>
        answer.notify(connection, new Uint8Array([index])),
      );
      const ended = { code: "device-disconnected", reason: 0x08 };
      await Promise.all([
        Promise.all(sent.slice(0, 2)).then((results) => deepEqual(results, [true, true])),
        ...sent.slice(2).map((waiting) => rejects(waiting, ended)),
      ]);
      ok(!connection.isConnected());
    });
  });

  it("disconnected() and timeout() follow the link", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const signal = connection.timeout();
      const down = connection.disconnected();
      await rejects(connection.disconnected({ timeoutMs: 100 }), { code: "timeout" });
      ok(!signal.aborted);
      await link.disconnect();
      await down;
      ok(signal.aborted);
      equal((signal.reason as { reason: number }).reason, 0x13);
    });
  });

  it("disconnect() ends the link for the phone, and ends the block of await using", async () => {
    const { world, phone, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      {
        await using held = connection;
        ok(held.isConnected());
      }
      ok(!connection.isConnected());
      equal(await link.disconnected(), 0x13);
      equal(phone.links.size, 0);
    });
  });

  it("advertise() times out off the air, and can be called again", async () => {
    const { world, camera, phone } = createScene();
    const { advertise } = camera.aioble;
    await world.run(async () => {
      await rejects(advertise({ intervalUs: 20_000, name: "obscura", timeoutMs: 300 }), { code: "timeout" });
      deepEqual(await phone.scan(1000), []);
      const again = advertise({ intervalUs: 20_000, name: "obscura" });
      await phone.connect(await phone.find({ name: "obscura" }));
      ok((await again).isConnected());
    });
    deepEqual(diagnostics(camera), []);
  });

  it("advertise() ends by its signal", async () => {
    const { world, camera, phone } = createScene();
    const { advertise } = camera.aioble;
    await world.run(async () => {
      const aborter = new camera.globals.AbortController();
      const waiting = advertise({ intervalUs: 20_000, name: "obscura", signal: aborter.signal });
      await phone.find({ name: "obscura" });
      const reason = new RangeError("enough");
      aborter.abort(reason);
      await rejects(waiting, RangeError);
      deepEqual(await phone.scan(1000), []);
    });
  });

  it("a connection that races the timeout of advertise() has an owner or an end", async () => {
    const world = createWorld(12);
    const camera = addAioble(world);
    const { phone } = world.addPhone();
    let [won, lost] = [0, 0];
    await world.run(async () => {
      const first = camera.aioble.advertise({ intervalUs: 20_000, name: "obscura", timeoutMs: 500 });
      const sighting = await phone.find({ name: "obscura" });
      await rejects(first, { code: "timeout" });
      for (let turn = 0; turn < 60; turn++) {
        // The phone begins to connect a little before or after the moment at which advertising ends.
        const waiting = camera.aioble.advertise({ intervalUs: 20_000, name: "obscura", timeoutMs: 100 }).then(
          async (connection) => {
            won++;
            await connection.disconnect();
          },
          () => {
            lost++;
          },
        );
        await world.clock.sleep(70 + turn / 2);
        const link = await phone.connect(sighting, { timeoutMs: 300 }).catch(() => undefined);
        await waiting;
        if (link) equal(await link.disconnected(), 0x13);
      }
    }, 1e6);
    equal(won + lost, 60);
    ok(won > 0 && lost > 0, `${won} won, ${lost} lost`);
    equal(camera.host.connections.size, 0);
  });

  it("an advertisement goes on when the controller has to be started again", async () => {
    const { world, camera, phone } = createScene();
    await world.run(async () => {
      const waiting = camera.aioble.advertise({ intervalUs: 100_000, name: "obscura" });
      await phone.find({ name: "obscura" });
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(500);
      await phone.connect(await phone.find({ name: "obscura" }));
      ok((await waiting).isConnected());
    });
  });
});
