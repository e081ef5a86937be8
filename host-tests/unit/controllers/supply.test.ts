/** A chip that loses its supply, at whatever moment, in virtual time: it is found, started again, and nothing is left to do by hand. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SILENCE_MS } from "../../../firmware/ble/hci/hci.ts";
import { Host } from "../../../firmware/ble/host.ts";
import { STALL_MS } from "../../../firmware/ble/link-check.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { Cyw43 } from "../../../firmware/controllers/cyw43.ts";
import { createSignals } from "../../../firmware/platform/globals.ts";
import { createTimerQueue } from "../../../firmware/platform/timer-queue.ts";
import { syntheticPatch } from "../../../simulator/chips/patch.ts";
import type { PhoneLink } from "../../../simulator/phone/link.ts";
import { createWorld } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { createWholeModules } from "../../support/modules.ts";

const PATCH = syntheticPatch(20, 3000, 5);
const NAME = "supplied";
const VALUE = 0xff01;
const TICK_MS = 20;
const H4_ACL = 2;
const RETRY_MS = 1000;

/** Silence that is noticed late, the command's limit, and three attempts with their pauses. */
const FOUND_MS = 2 * SILENCE_MS + 2000;
const ATTEMPTS_MS = 3 * 1000 + 250 + 2000;

/** When the supply comes back. */
const RETURNS = ["at once", "between two attempts", "when the call has failed"] as const;
type Return = (typeof RETURNS)[number];

/** An application that advertises again whatever happens, and notifies whoever listens. */
function createScene() {
  const world = createWorld(7);
  const { clock } = world;
  const camera = world.addChipCamera({ line: { patch: PATCH } });
  const platform = { ...camera.platform, clock: createTimerQueue(clock) };
  const { transport, log } = platform;
  const driver = new Cyw43({ transport, lines: camera.line, clock: platform.clock, log });
  const host = new Host(platform, new MemoryRecords(), new Map(), driver);
  const { aioble } = createWholeModules(host, createSignals(platform));
  const service = new aioble.Service(new UUID(0xff00));
  const value = new aioble.Characteristic(service, new UUID(VALUE), { read: true, notify: true });
  aioble.registerServices(service);
  /** Codes of the calls of advertise() that failed. */
  const failures: string[] = [];
  const serve = async (): Promise<never> => {
    for (;;) {
      try {
        const connection = await aioble.advertise({ intervalUs: 100_000, name: NAME });
        for (let count = 0; connection.isConnected(); count++) {
          value.write(Uint8Array.of(count & 0xff), { sendUpdate: true });
          await clock.sleep(TICK_MS);
        }
      } catch (error) {
        const { code } = error as { code: string };
        if (code === "radio-off") continue;
        failures.push(code);
        await clock.sleep(RETRY_MS);
      }
    }
  };
  const { phone } = world.addPhone();
  const { console } = camera.platform;
  const count = (pattern: RegExp): number => console.filter(({ message }) => pattern.test(message)).length;
  const until = async (condition: () => boolean, limitMs: number): Promise<void> => {
    const endMs = clock.now() + limitMs;
    while (!condition()) {
      assert.ok(clock.now() < endMs, `not within ${limitMs} ms`);
      await clock.sleep(1);
    }
  };
  const connect = async (): Promise<PhoneLink> => phone.connect(await phone.find({ name: NAME }));
  return {
    ...{ world, clock, host, aioble, phone, serve, connect, chip: camera.chip },
    /** Codes of all attempts to start the controller that failed. */
    failedStarts: (): string[] =>
      console.flatMap(({ message }) => /start of the controller failed.*\((.*)\)$/.exec(message)?.[1] ?? []),
    /** Takes the supply away and gives it back; a phone is served behind it. */
    async outage(when: Return): Promise<void> {
      const attempts = count(/start of the controller failed/);
      const losses = count(/Starting the controller again/);
      const failed = failures.length;
      camera.chip.supply(false);
      if (when === "at once") await clock.sleep(1);
      else if (when === "between two attempts") {
        await until(() => count(/start of the controller failed/) > attempts, FOUND_MS + ATTEMPTS_MS);
      } else await until(() => failures.length > failed, FOUND_MS + ATTEMPTS_MS);
      camera.chip.supply(true);
      for (const link of [...phone.links.values()]) await link.disconnected();
      // A chip that came back by itself is in its ROM, and has to be found dead all the same.
      const link = await phone.connect(await phone.find({ name: NAME }, FOUND_MS + ATTEMPTS_MS));
      assert.equal((await link.read((await link.discover()).characteristic(VALUE))).length, 1);
      await link.disconnect();
      const newAttempts = count(/start of the controller failed/) - attempts;
      assert.ok(count(/Starting the controller again/) - losses <= 1, "one line for each loss");
      if (when === "at once") assert.ok(newAttempts <= 1);
      if (when === "between two attempts") assert.equal(newAttempts, 1);
      if (when === "when the call has failed") assert.equal(newAttempts, 3);
      assert.equal(failures.length - failed, when === "when the call has failed" ? 1 : 0);
    },
  };
}

type Scene = ReturnType<typeof createScene>;

/** What the camera is at when the supply goes. */
const SITUATIONS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "while it advertises": async ({ phone }) => {
    await phone.find({ name: NAME });
  },
  "while a link is idle": async ({ connect, clock }) => {
    await connect();
    await clock.sleep(1000);
  },
  "in the middle of notifications": async ({ connect }) => {
    const link = await connect();
    await link.subscribe((await link.discover()).characteristic(VALUE));
    for (let count = 0; count < 10; count++) await link.nextValue();
  },
};

describe("CYW43: the supply is lost", function () {
  this.timeout(60_000);

  for (const [name, begin] of Object.entries(SITUATIONS)) {
    for (const when of RETURNS) {
      it(`${name}, and comes back ${when}`, async () => {
        const scene = createScene();
        await scene.world.run(async () => {
          scene.serve().catch(assert.fail);
          for (let round = 0; round < 10; round++) {
            await begin(scene);
            await scene.outage(when);
          }
        }, 3_600_000);
      });
    }
  }

  for (const when of RETURNS) {
    it(`at any moment of a start behind stop(), and comes back ${when}`, async () => {
      const scene = createScene();
      const { world, clock, host, aioble, connect } = scene;
      await world.run(async () => {
        scene.serve().catch(assert.fail);
        for (let cutMs = 0; ; cutMs += 6.3) {
          await (await connect()).disconnect();
          await aioble.stop();
          await clock.sleep(cutMs);
          if (host.active) break;
          await scene.outage(when);
        }
      }, 3_600_000);
      // Each stage of the start was cut short. A supply that is back at once lets CTS fall in time.
      const stages = ["controller-timeout", "patch-refused"];
      if (when !== "at once") stages.push("controller-not-ready", "patch-failed");
      assert.deepEqual(
        stages.filter((code) => !scene.failedStarts().includes(code)),
        [],
      );
    });
  }
});

describe("CYW43: data are lost on the way to the chip", function () {
  this.timeout(60_000);

  it("the connection that they were of ends, and the camera serves whoever comes next, on the same start of the chip", async () => {
    const { aioble, chip, clock, connect, serve, world } = createScene();
    await world.run(async () => {
      serve().catch(assert.fail);
      const link = await connect();
      await link.subscribe((await link.discover()).characteristic(VALUE));
      await link.nextValue();
      const receive = chip.receive.bind(chip);
      chip.receive = (bytes, baudRate) => {
        if (bytes[0] !== H4_ACL) receive(bytes, baudRate);
      };
      await clock.sleep(1000);
      chip.receive = receive;
      await clock.sleep(STALL_MS - 2000);
      assert.equal(aioble.counters().acl.stalledLinks, 0);
      await link.disconnected();
      assert.equal(aioble.counters().acl.stalledLinks, 1);
      const next = await connect();
      assert.equal((await next.read((await next.discover()).characteristic(VALUE))).length, 1);
      assert.equal(chip.starts, 1);
    }, 3_600_000);
  });
});
