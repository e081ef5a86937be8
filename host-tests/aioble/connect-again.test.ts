/** Device.connect beside a link to the same device that is about to end: nobody is given that one. */
import type { ConnectOptions } from "../../firmware/aioble/central.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const COMMAND_DISALLOWED = 0x0c;
const DISCONNECT = 0x0406;

interface Scene {
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  connect(options?: ConnectOptions): Promise<DeviceConnection>;
  sleep(ms: number): Promise<void>;
  now(): number;
  readonly world: World;
}

/** A peripheral that takes one connection after the other. */
function inScene(work: (scene: Scene) => Promise<void>, seed?: number): Promise<void> {
  const world = createWorld(seed);
  const controller = { oneLinkEach: true };
  const [central, peripheral] = [addAioble(world, { controller }), addAioble(world, { controller })];
  const { ADDR_RANDOM, Device } = central.aioble;
  return world.run(async () => {
    const incoming = peripheral.aioble.connections({ intervalUs: 50_000 });
    const taking = (async () => {
      for await (const connection of incoming) connection.device.toString();
    })();
    await peripheral.host.activate();
    const device = new Device(ADDR_RANDOM, peripheral.host.ownAddress);
    await work({
      ...{ central, peripheral, world },
      connect: (options) => device.connect(options),
      sleep: (ms) => world.clock.sleep(ms),
      now: () => world.clock.now(),
    });
    await incoming.return?.();
    await taking;
  });
}

/** It is up, and is not about to end. */
async function lasts(scene: Scene, connection: DeviceConnection): Promise<void> {
  equal(connection.isConnected(), true);
  equal(await connection.exchangeMtu(), 517);
  await scene.sleep(4000);
  equal(connection.isConnected(), true);
  equal(scene.central.host.connections.size, 1);
}

describe("connect: again", () => {
  for (const maxConnections of [1, 4]) {
    it(`at once after a timeout, whenever it came: a link that lasts, with room for ${maxConnections}`, () =>
      inScene(async (scene) => {
        const { central, connect, peripheral } = scene;
        central.aioble.config({ maxConnections });
        let dying = 0;
        for (let timeoutMs = 0; timeoutMs < 600; timeoutMs += 12) {
          // It says nothing, so that its link is held back for a while.
          peripheral.controller.faults.deafTo = ["LL_FEATURE_REQ"];
          const first = await connect({ timeoutMs }).catch((error: { readonly code?: string }) => {
            equal(error.code, "timeout");
          });
          if (!first) dying += central.host.connections.size;
          peripheral.controller.faults.deafTo = [];
          const second = await connect({ timeoutMs: 20_000 });
          if (first) equal(second, first);
          await lasts(scene, second);
          await second.disconnect();
        }
        ok(dying > 3, `${dying} of the links were up already`);
        deepEqual(diagnostics(central), []);
      }));
  }

  it("while disconnect() is under way, at any moment of it: another link, once the old one is down", () =>
    inScene(async (scene) => {
      const { connect, sleep } = scene;
      for (let delayMs = 0; delayMs < 120; delayMs += 5) {
        const old = await connect();
        const leaving = old.disconnect();
        await sleep(delayMs);
        const next = await connect();
        ok(next !== old);
        await leaving;
        equal(old.isConnected(), false);
        await lasts(scene, next);
        await next.disconnect();
      }
    }));

  it("callers at the same time share what comes after the old link", () =>
    inScene(async ({ connect }) => {
      const old = await connect();
      const leaving = old.disconnect();
      const [one, other] = await Promise.all([connect(), connect()]);
      equal(one, other);
      ok(one !== old);
      await leaving;
    }));

  it("a device that is out of reach while its link ends: by its timeout, or once the link is down", () =>
    inScene(async (scene) => {
      const { central, connect, now, peripheral, world } = scene;
      const old = await connect();
      world.air.separate(central.controller, peripheral.controller);
      const leaving = rejects(old.disconnect({ timeoutMs: 500 }), { code: "timeout" });
      const before = now();
      await rejects(connect({ timeoutMs: 700 }), { code: "timeout" });
      ok(now() - before < 1500);
      await leaving;
      equal(old.isConnected(), true);
      const found = connect({ timeoutMs: 30_000 });
      await old.disconnected();
      world.air.reunite(central.controller, peripheral.controller);
      await lasts(scene, await found);
    }));

  it("stop() and the end of all callers leave nothing of a search that waits for an old link's end", () =>
    inScene(async ({ central, connect }) => {
      const old = await connect();
      const leaving = old.disconnect();
      const aborter = new central.globals.AbortController();
      const given = rejects(connect({ signal: aborter.signal }), { message: "enough" });
      aborter.abort(new Error("enough"));
      await given;
      const off = rejects(connect(), { code: "radio-off" });
      await central.aioble.stop();
      await Promise.all([leaving, off]);
      const next = await connect();
      await next.disconnect();
    }));

  it("a controller that refuses to end the link: connect() gives it again", () =>
    inScene(async ({ central, connect }) => {
      const old = await connect();
      central.controller.faults.refuse = new Map([[DISCONNECT, COMMAND_DISALLOWED]]);
      await rejects(old.disconnect(), { code: "controller-refused" });
      equal(await connect(), old);
      central.controller.faults.refuse = new Map();
      await old.disconnect();
    }));

  it("a link that comes up as its search is given up: the controller is asked again when that is down", () =>
    inScene(async (scene) => {
      const { central, connect, sleep } = scene;
      for (let turn = 0; turn < 10; turn++) {
        central.controller.faults.connectionDelayMs = 300;
        await rejects(connect({ timeoutMs: 100 + turn * 20 }), { code: "timeout" });
        central.controller.faults.connectionDelayMs = 0;
        const next = await connect({ timeoutMs: 20_000 });
        await lasts(scene, next);
        await next.disconnect();
        await sleep(500);
      }
      deepEqual(central.controller.violations, []);
    }));
});
