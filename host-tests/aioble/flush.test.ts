/** `flush()` and a `disconnect()` that delivers what was sent before, over a link that takes its time. */

import type { DeviceConnection as Connection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { ConnectOptions } from "../../simulator/phone/phone.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics, reported } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ANSWER = 0x2a57;
/** Notifications that a scenario sends: more than controller and connection event take. */
const COUNT = 12;

/** A controller with room for two packets, of which it sends one in a connection event. */
function createScene() {
  const world = createWorld();
  const camera = addAioble(world, { controller: { aclPackets: 2, packetsPerEvent: 1 } });
  const { advertise, Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0x1815));
  const answer = new Characteristic(service, new UUID(ANSWER), { notify: true, indicate: true, write: true });
  registerServices(service);
  const { phone, controller } = world.addPhone();
  const meet = async (options?: ConnectOptions) => {
    const advertised = advertise({ intervalUs: 100_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }), options);
    await link.subscribe((await link.discover()).characteristic(ANSWER));
    await world.clock.sleep(500);
    const connection = await advertised;
    const push = () => {
      for (let index = 0; index < COUNT; index++) {
        answer.notify(connection, new Uint8Array([index])).catch(() => {});
      }
    };
    const seen = () => link.att.values.map(({ value }) => value[0]);
    return { link, connection, push, seen };
  };
  return { world, camera, answer, controller, meet };
}

const ALL = Array.from({ length: COUNT }, (_, index) => index);

describe("aioble: flush()", () => {
  it("resolves when the peer has everything that was sent before, at once when nothing was", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      const { connection, push, seen } = await meet();
      const atMs = world.clock.now();
      await connection.flush();
      equal(world.clock.now(), atMs);
      push();
      await connection.flush();
      deepEqual(seen(), ALL);
      equal(camera.host.connections.get(connection.link.handle)!.link.inController, 0);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("ends by its timeout and its signal, and leaves nothing behind", async () => {
    const { world, camera, controller, meet } = createScene();
    await world.run(async () => {
      const { connection, push } = await meet({ supervisionTimeoutMs: 10_000 });
      world.air.separate(controller, camera.controller);
      push();
      await rejects(connection.flush({ timeoutMs: 100 }), { code: "timeout" });
      const aborter = new camera.globals.AbortController();
      const waiting = connection.flush({ signal: aborter.signal });
      aborter.abort(new RangeError("enough"));
      await rejects(waiting, RangeError);
      equal(connection.link.link.completions?.length ?? 0, 0);
      await rejects(connection.flush(), { code: "device-disconnected", reason: 0x08 });
      await rejects(connection.flush(), { code: "device-disconnected", reason: 0x08 });
    });
  });
});

describe("aioble: disconnect() after sending", () => {
  for (const [name, end] of [
    ["disconnect()", (connection) => connection.disconnect()],
    ["disconnected({ disconnect: true })", (connection) => connection.disconnected({ disconnect: true })],
    ["the end of await using", (connection) => connection[Symbol.asyncDispose]()],
  ] as [string, (connection: Connection) => Promise<void>][]) {
    it(`push the values, then ${name}: all of them arrive`, async () => {
      const { world, camera, meet } = createScene();
      await world.run(async () => {
        const { link, connection, push, seen } = await meet();
        push();
        await end(connection);
        equal(await link.disconnected(), 0x13);
        deepEqual(seen(), ALL);
      });
      deepEqual(diagnostics(camera), []);
    });
  }

  it("a peer that takes nothing holds it up for half of the time at most", async () => {
    const { world, camera, controller, meet } = createScene();
    await world.run(async () => {
      const { connection, push } = await meet({ supervisionTimeoutMs: 20_000 });
      world.air.separate(controller, camera.controller);
      push();
      const asked = () => camera.controller.commands.filter((opcode) => opcode === 0x0406).length;
      const ending = rejects(connection.disconnect({ timeoutMs: 1000 }), { code: "timeout" });
      await world.clock.sleep(499);
      equal(asked(), 0);
      await world.clock.sleep(2);
      await reported(world);
      equal(asked(), 1);
      await ending;
      ok(connection.isConnected());
      await connection.disconnected();
      equal(connection.disconnectReason, 0x16);
    });
  });
});

describe("aioble: what a connection says of itself", () => {
  it("its parameters, as they change, and why it ended", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet({ intervalMs: 30 });
      equal(connection.parameters.intervalUs, 30_000);
      equal(connection.disconnectReason, undefined);
      await link.update({ intervalMs: 100, latency: 4, supervisionTimeoutMs: 6000 });
      await world.clock.sleep(200);
      deepEqual(connection.parameters, { intervalUs: 100_000, latency: 4, supervisionTimeoutMs: 6000 });
      await link.disconnect();
      await connection.disconnected();
      equal(connection.disconnectReason, 0x13);
    });
  });

  it("timeout() without a time is one signal for the life of the link", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const signal = connection.timeout();
      for (let call = 0; call < 1000; call++) ok(connection.timeout(call % 2 ? 0 : undefined) === signal);
      ok(connection.timeout(1000) !== signal);
      await link.disconnect();
      await connection.disconnected();
      ok(signal.aborted);
      ok(connection.timeout().aborted && connection.timeout(5).aborted);
    });
  });

  it("once it is down: everything that is asked of it says so, and why", async () => {
    const { world, answer, meet } = createScene();
    const gone = { name: "DeviceDisconnectedError", code: "device-disconnected", reason: 0x13 };
    await world.run(async () => {
      const { link, connection } = await meet();
      await link.disconnect();
      await connection.disconnected();
      await rejects(answer.notify(connection, "x"), gone);
      await rejects(answer.indicate(connection, "x"), gone);
      await rejects(connection.flush(), gone);
      await rejects(answer.written({ signal: connection.timeout() }), gone);
      await rejects(answer.written({ signal: connection.timeout(1000) }), gone);
      await connection.disconnect();
      await connection.disconnected({ disconnect: true });
      await connection[Symbol.asyncDispose]();
      equal(connection.isConnected(), false);
    });
  });
});
