/** A connected camera whose controller sleeps and whose UART stops: bytes of either side at every moment of it, in virtual time. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SILENCE_MS } from "../../../firmware/ble/hci/hci.ts";
import { Host } from "../../../firmware/ble/host.ts";
import { Cyw43 } from "../../../firmware/controllers/cyw43.ts";
import { CYW43_TIMES } from "../../../simulator/chips/cyw43.ts";
import type { ChipLineOptions } from "../../../simulator/chips/line.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import type { FoundCharacteristic } from "../../../simulator/phone/discovery.ts";
import type { PhoneLink } from "../../../simulator/phone/link.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { createWorld } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { createServer, NOTIFYING, WRITABLE } from "../../support/server.ts";

const PATCH = syntheticPatch(20, 3000, 5);

function createScene(line: ChipLineOptions = {}) {
  const world = createWorld(3);
  const camera = world.addChipCamera({ line: { patch: PATCH, ...line } });
  const { clock, transport, log } = camera.platform;
  const driver = new Cyw43({ transport, lines: camera.line, clock, log });
  const host = new Host(camera.platform, new MemoryRecords(), new Map(), driver);
  const server = createServer({ ...camera, host });
  const { phone } = world.addPhone();
  let next = 0;
  let writable: FoundCharacteristic | undefined;
  return {
    ...camera,
    ...{ world, server, phone, host },
    /** A link that listens. */
    async connect(): Promise<PhoneLink> {
      await server.advertise("sleeper");
      const link = await phone.connect(await phone.find({ name: "sleeper" }));
      const database = await link.discover();
      writable = database.characteristic(WRITABLE);
      await link.subscribe(database.characteristic(NOTIFYING));
      return link;
    },
    /** The phone writes, and the camera has it. */
    async write(link: PhoneLink): Promise<void> {
      const value = Uint8Array.of(next & 0xff, next++ >> 8);
      await link.write(writable!, value);
      assert.deepEqual(server.written.at(-1), value);
    },
    /** The camera notifies, and the phone has it. */
    async notify(link: PhoneLink): Promise<void> {
      const value = Uint8Array.of(next & 0xff, next++ >> 8);
      server.notifying.value = value;
      host.gatt.updates.notifySubscribers(server.notifying);
      assert.deepEqual((await link.nextValue()).value, value);
    },
    check(): void {
      assert.deepEqual(camera.chip.violations, []);
      assert.deepEqual(camera.controller.violations, []);
      assert.equal(camera.chip.lost + camera.chip.noise + camera.line.lost + camera.line.noise, 0);
    },
  };
}

/** Longer than the line, the chip and HOST_WAKE take to sleep. */
const DEEP_MS = 1000;

describe("CYW43: asleep while connected", () => {
  it("with nothing to do the UART is stopped for nearly all the time, and the link lives", async () => {
    const scene = createScene();
    const { world, line, chip } = scene;
    // The question to a chip that says nothing is a wake of its own: see below.
    scene.host.hci.silenceMs = 0;
    await world.run(async () => {
      const link = await scene.connect();
      await world.clock.sleep(DEEP_MS);
      const before = line.suspendedMs;
      await scene.write(link);
      const stops = line.suspensions;
      await world.clock.sleep(60_000);
      assert.ok(chip.isAsleep());
      assert.equal(line.suspensions, stops + 1, "one sleep, however long");
      await scene.write(link);
      assert.ok(line.suspendedMs - before > 59_000, `${line.suspendedMs - before}`);
    });
    scene.check();
  });

  it("the question whether the chip lives wakes it once a minute, and it sleeps on", async () => {
    const scene = createScene();
    const { world, line, chip } = scene;
    await world.run(async () => {
      const link = await scene.connect();
      await world.clock.sleep(2 * SILENCE_MS + DEEP_MS);
      const [before, stops] = [line.suspendedMs, line.suspensions];
      const minutes = 5;
      await world.clock.sleep(minutes * 60_000);
      assert.ok(chip.isAsleep());
      assert.equal(line.suspensions, stops + minutes);
      const awakeMs = minutes * 60_000 - (line.suspendedMs - before);
      assert.ok(awakeMs < minutes * DEEP_MS, `${awakeMs}`);
      await scene.write(link);
    });
    assert.equal(chip.starts, 1);
    scene.check();
  });

  it("a chip that loses its supply while it sleeps is started again, and its links end", async () => {
    const scene = createScene();
    const { world, chip, host } = scene;
    await world.run(async () => {
      await scene.connect();
      await world.clock.sleep(DEEP_MS);
      assert.ok(chip.isAsleep());
      chip.power(false);
      await world.clock.sleep(2 * SILENCE_MS + 5000);
      assert.equal(host.connections.size, 0);
      assert.ok(host.active, "on again");
    });
    assert.equal(chip.starts, 2);
  });

  it("whichever of both lines is idle first: the UART stops with the second", async () => {
    const scene = createScene({ times: { ...CYW43_TIMES, idleUnitMs: 50 } });
    const { world, line } = scene;
    await world.run(async () => {
      const link = await scene.connect();
      await world.clock.sleep(DEEP_MS);
      const stops = line.suspensions;
      await scene.notify(link);
      await world.clock.sleep(DEEP_MS);
      assert.equal(line.suspensions, stops + 1);
      await scene.write(link);
    });
    scene.check();
  });

  for (const who of ["the phone", "the application"] as const) {
    it(`${who} has something at every moment of falling asleep, sleeping and waking`, async () => {
      const scene = createScene();
      const { world, line } = scene;
      await world.run(async () => {
        const link = await scene.connect();
        for (let pauseMs = 0; pauseMs < 600; pauseMs += 3.7) {
          await world.clock.sleep(pauseMs);
          await (who === "the phone" ? scene.write(link) : scene.notify(link));
        }
      });
      assert.ok(line.suspensions > 20, `${line.suspensions}`);
      scene.check();
    });
  }

  it("both have something, a moment apart, while it sleeps", async () => {
    const scene = createScene();
    const { world } = scene;
    await world.run(async () => {
      const link = await scene.connect();
      for (let apartMs = -60; apartMs < 60; apartMs += 1.3) {
        await world.clock.sleep(DEEP_MS);
        const later = async (ms: number, work: (link: PhoneLink) => Promise<void>): Promise<void> => {
          await world.clock.sleep(Math.max(0, ms));
          await work(link);
        };
        await Promise.all([later(apartMs, scene.write), later(-apartMs, scene.notify)]);
      }
    });
    scene.check();
  });

  it("HOST_WAKE for a moment, with nothing behind it, wakes it and lets it sleep again", async () => {
    const scene = createScene();
    const { world, line, chip } = scene;
    await world.run(async () => {
      const link = await scene.connect();
      for (let round = 0; round < 20; round++) {
        await world.clock.sleep(DEEP_MS);
        const stops = line.suspensions;
        chip.glitchHostWake();
        await world.clock.sleep(round * 3);
        assert.ok(line.suspensions - stops <= 1);
      }
      await scene.write(link);
      await scene.notify(link);
      await world.clock.sleep(DEEP_MS);
      assert.ok(chip.isAsleep());
    });
    scene.check();
  });

  it("a chip that is restarted, or switched off, in its sleep", async () => {
    const scene = createScene();
    const { world, chip, controller, host } = scene;
    await world.run(async () => {
      await scene.connect();
      await world.clock.sleep(DEEP_MS);
      controller.reportHardwareError(0x42);
      await world.clock.sleep(3000);
      await scene.write(await scene.connect());
      await world.clock.sleep(DEEP_MS);
      await host.deactivate();
      assert.ok(!chip.isReady());
      await scene.notify(await scene.connect());
    });
    assert.equal(chip.starts, 3);
    scene.check();
  });

  it("on a board without HOST_WAKE the chip sleeps, and the UART goes on", async () => {
    const scene = createScene({ suspends: false });
    const { world, line, chip } = scene;
    await world.run(async () => {
      const link = await scene.connect();
      await world.clock.sleep(5000);
      assert.ok(chip.isAsleep());
      await scene.write(link);
      await scene.notify(link);
    });
    assert.equal(line.suspensions, 0);
    scene.check();
  });

  it("1,000 times to sleep and awake, by either side, with glitches: no byte is lost", async function () {
    this.timeout(60_000);
    const scene = createScene();
    const { world, line, chip } = scene;
    const random = new SeededRandom(5);
    await world.run(async () => {
      const link = await scene.connect();
      const begun = line.suspensions;
      for (let round = 0; round < 1000; round++) {
        await world.clock.sleep(400 + random.fraction() * 400);
        if (random.fraction() < 0.1) chip.glitchHostWake();
        if (random.fraction() < 0.5) await scene.write(link);
        else await scene.notify(link);
        if (random.fraction() < 0.2) await scene.write(link);
      }
      assert.ok(line.suspensions - begun >= 1000, `${line.suspensions - begun}`);
    }, 4_000_000);
    scene.check();
  });
});
