/** The firmware in place of an application that sleeps, while the camera has to stay within reach after its start. */
import { PUT_OFF_LOOK_MS, PUT_OFF_MIN_MS } from "../../firmware/update/put-off.ts";
import { MANAGE_MS } from "../../firmware/update/unused-links.ts";
import { WINDOW_MS } from "../../firmware/update/window.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { describe, it } from "../support/suite.ts";
import { started } from "../support/update-scene.ts";

const TIMER = 1;

const SOON_MS = 2500;

describe("management: in place of a sleep", () => {
  it("the camera advertises at once, and sleeps when the window closes, with what was asked for", async () => {
    await started(
      { wakeSources: 5, wakeAtMs: 1e9, windowMs: 30_000 },
      async ({ world, camera, isHeard, slept }) => {
        ok(await isHeard());
        await world.clock.sleep(28_000);
        ok(await isHeard());
        await world.clock.sleep(SOON_MS);
        equal(slept.length, 1);
        const { atMs, ...how } = slept[0]!;
        ok(atMs >= 30_000 && atMs < 31_000, `${atMs}`);
        deepEqual(how, { wakeAtMs: 1e9, sources: 5 });
        equal(await isHeard(), false, "the radio is off before");
        ok(camera.platform.console.every(({ level }) => level === "info"));
      },
    );
  });

  it("sleeps in time for the wake, and never without having been there for 5 s", async () => {
    for (const [wakeAtMs, atMs] of [
      [12_000, 12_000],
      [500, PUT_OFF_MIN_MS],
      [-5000, PUT_OFF_MIN_MS],
    ] as const) {
      await started({ wakeSources: TIMER, wakeAtMs, windowMs: WINDOW_MS }, async ({ world, slept }) => {
        await world.clock.sleep(atMs - 100);
        deepEqual(slept, []);
        await world.clock.sleep(SOON_MS);
        deepEqual(
          slept.map(({ wakeAtMs: at }) => at),
          [wakeAtMs],
        );
      });
    }
  });

  it("waits for motion or a button by no time", async () => {
    await started({ wakeSources: 2, windowMs: 10_000 }, async ({ world, slept }) => {
      await world.clock.sleep(10_000 + SOON_MS);
      deepEqual(
        slept.map(({ wakeAtMs }) => wakeAtMs),
        [Number.POSITIVE_INFINITY],
      );
    });
  });

  it("stays for who manages the camera, until that one has asked for nothing for 60 s", async () => {
    await started(
      { wakeSources: TIMER, wakeAtMs: 10_000, windowMs: 20_000 },
      async ({ world, connect, slept }) => {
        await world.clock.sleep(1000);
        const link = await connect();
        const client = new ManagementClient((await openManagement(link))!);
        for (let times = 0; times < 10; times++) {
          equal(await client.echo("in"), "in");
          await world.clock.sleep(10_000);
        }
        deepEqual(slept, []);
        const usedAtMs = world.clock.now() - 10_000;
        const ended = link.disconnected({ timeoutMs: 2 * MANAGE_MS });
        await ended;
        const lateMs = world.clock.now() - usedAtMs - MANAGE_MS;
        ok(lateMs >= 0 && lateMs <= PUT_OFF_LOOK_MS + 2000, `${lateMs}`);
        await world.clock.sleep(SOON_MS);
        equal(slept.length, 1);
        await rejects(client.echo("out"));
      },
    );
  });

  it("a wake within the window has what is left of it; one behind it has none", async () => {
    for (const [windowMs, isThere] of [
      [60_000, true],
      [0, false],
    ] as const) {
      await started(
        { windowMs },
        async ({ world, isHeard, slept }) => {
          await world.clock.sleep(12_000);
          equal(await isHeard(), isThere);
          await world.clock.sleep(60_000);
          equal(await isHeard(), false);
          deepEqual(slept, [], "that is the application's");
        },
        "timer",
      );
    }
  });

  for (const cause of ["power-on", "software", "fault", "watchdog"] as const) {
    it(`a start by ${cause} opens the window for an application that is awake for five minutes`, async () => {
      await started(
        { windowMs: 60_000 },
        async ({ world, isHeard }) => {
          await world.clock.sleep(WINDOW_MS - 10_000);
          ok(await isHeard());
          await world.clock.sleep(15_000);
          equal(await isHeard(), false);
        },
        cause,
      );
    });
  }
});
