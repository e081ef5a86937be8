/** Device.keepConnected: one connection to a known device after the other. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { HciError } from "../../firmware/ble/errors.ts";
import { Host } from "../../firmware/ble/host.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { createWholeModules } from "../support/modules.ts";
import { createRig } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 50_000 };
const CREATE = 0x200d;

function createScene() {
  const world = createWorld();
  const central = addAioble(world);
  const peripheral = addAioble(world);
  const { ADDR_RANDOM, Device } = central.aioble;
  const device = new Device(ADDR_RANDOM, peripheral.host.ownAddress);
  return { world, central, peripheral, device };
}

describe("Device.keepConnected", () => {
  it("yields one connection after the other, as the device comes and goes", async () => {
    const { world, central, peripheral, device } = createScene();
    await world.run(async () => {
      const yielded: DeviceConnection[] = [];
      const advertise = (): Promise<unknown> => peripheral.aioble.advertise(ADVERTISING).catch(() => {});
      let incoming = advertise();
      for await (const connection of device.keepConnected()) {
        yielded.push(connection);
        ok(connection.isConnected());
        equal(central.host.connections.size, 1);
        if (yielded.length === 3) break;
        if (yielded.length === 1) await connection.disconnect();
        else await peripheral.aioble.stop();
        await connection.disconnected();
        await incoming;
        incoming = advertise();
      }
      equal(new Set(yielded).size, 3);
      ok(yielded[2]!.isConnected(), "leaving the loop leaves the connection");
      await yielded[2]!.disconnect();
      await world.clock.sleep(20_000);
      equal(central.host.connections.size, 0);
    });
  });

  it("pauses longer after each attempt that fails, up to maxPauseMs, and begins anew behind a good link", async () => {
    const { world, central, peripheral, device } = createScene();
    await world.run(async () => {
      await central.host.activate();
      const options = { timeoutMs: 1000, firstPauseMs: 1000, maxPauseMs: 4000 };
      const stream = device.keepConnected(options);
      const first = stream.next();
      const { commands } = central.controller;
      /** Seconds from now at which attempts begin, in so many seconds. */
      const starts = async (seconds: number): Promise<number[]> => {
        const found: number[] = [];
        for (let tenth = 0; tenth < seconds * 10; tenth++) {
          if (commands.splice(0).includes(CREATE)) found.push(Math.round(tenth / 10));
          await world.clock.sleep(100);
        }
        return found;
      };
      deepEqual(await starts(20), [0, 2, 5, 10, 15]);
      peripheral.aioble.advertise(ADVERTISING).catch(() => {});
      const { value } = await first;
      await world.clock.sleep(11_000);
      await value.disconnect();
      commands.length = 0;
      deepEqual(await starts(2), [1]);
      await stream.return!();
    });
  });

  it("ends at once by its signal, with stop(), and when the loop is left, and looks for nobody any more", async () => {
    const { world, central, peripheral, device } = createScene();
    const { aioble, globals, host } = central;
    await world.run(async () => {
      const aborter = new globals.AbortController();
      const aborted = device.keepConnected({ signal: aborter.signal });
      const left = device.keepConnected();
      const steps = [rejects(aborted.next(), { message: "enough" }), left.next()] as const;
      await world.clock.sleep(100);
      aborter.abort(new Error("enough"));
      await steps[0];
      await left.return!();
      equal((await steps[1]).done, true);
      await world.clock.sleep(100);
      await rejects(peripheral.aioble.advertise({ ...ADVERTISING, timeoutMs: 3000 }), { code: "timeout" });
      const stopped = device.keepConnected().next();
      await world.clock.sleep(100);
      await aioble.stop();
      equal((await stopped).done, true);
      equal(host.active, false);
    });
  });

  it("a connection that nobody took is ended when the loop is left", async () => {
    const { world, central, peripheral, device } = createScene();
    await world.run(async () => {
      const incoming = peripheral.aioble.advertise(ADVERTISING);
      const stream = device.keepConnected();
      const other = await incoming;
      await world.clock.sleep(500);
      equal(central.host.connections.size, 1);
      await stream.return!();
      await other.disconnected();
    });
  });

  it("refuses pauses and options that are out of range, at once", () => {
    const { device } = createScene();
    for (const options of [
      { firstPauseMs: -1 },
      { firstPauseMs: 2000, maxPauseMs: 1000 },
      { maxPauseMs: 86_400_001 },
      { latency: 500 },
    ]) {
      throws(() => device.keepConnected(options), RangeError);
    }
  });

  it("goes on after starts of the controller that failed, whichever step it was", async () => {
    const rig = createRig();
    const { platform } = rig.host;
    const failures = [
      "controller-not-ready",
      "controller-baud-rate",
      "patch-failed",
      "patch-refused",
    ] as const;
    let starts = 0;
    const host = new Host(platform, rig.records, new Map(), {
      transport: rig.controller,
      start: async () => {
        throw new HciError(
          failures[Math.floor(starts++ / 3)] ?? "controller-unsuitable",
          "It does not start.",
        );
      },
      configure: async () => undefined,
      stop: () => undefined,
    });
    const { ADDR_RANDOM, Device } = createWholeModules(host, createSignals(platform)).aioble;
    const stream = new Device(ADDR_RANDOM, "c0:11:22:33:44:55").keepConnected();
    const ended = rejects(stream.next(), { code: "controller-unsuitable" });
    await rig.clock.advance(120_000);
    await ended;
    equal(starts, 3 * failures.length + 1);
  });
});
