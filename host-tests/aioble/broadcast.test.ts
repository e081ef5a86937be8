/** broadcast(): values for whoever listens, refreshed in place, without connections. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { adValue } from "../../simulator/phone/advertising-data.ts";
import type { Report } from "../../simulator/phone/sightings.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { addAioble, controllerKind, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const BATTERY = new UUID(0x180f);
const TEST_COMPANY = 0xffff;
const SERVICE_DATA = 0x16;
const MANUFACTURER = 0xff;
const ENABLE = 0x200a;

function createScene() {
  const world = createWorld(4);
  const camera = addAioble(world);
  const { phone } = world.addPhone();
  return { world, camera, phone, ...camera.aioble };
}

/** The last byte of each report's field of this type, without repetitions. */
function values(reports: readonly Report[], type: number): number[] {
  const all = reports.flatMap(({ data }) => adValue(data, type)?.at(-1) ?? []);
  return all.filter((value, at) => value !== all[at - 1]);
}

describe("aioble: broadcast()", () => {
  for (const [what, type, payload] of [
    [
      "service data",
      SERVICE_DATA,
      (value: number) => ({ serviceData: [[BATTERY, new Uint8Array([value])] as const] }),
    ],
    [
      "manufacturer data",
      MANUFACTURER,
      (value: number) => ({ manufacturer: [TEST_COMPANY, new Uint8Array([value])] as const }),
    ],
  ] as const) {
    it(`a feed of ${what}: each value is heard, in order, and the air is never empty`, async () => {
      const { world, camera, phone, broadcast } = createScene();
      await world.run(async () => {
        const feed = await broadcast({ intervalUs: 100_000, name: "feed", ...payload(0) });
        const scanned = phone.scan(10_900);
        for (let value = 1; value <= 10; value++) {
          await world.clock.sleep(1000);
          await feed.update({ name: "feed", ...payload(value) });
        }
        const reports = await scanned;
        deepEqual(values(reports, type), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        const times = reports.map(({ atMs }) => atMs);
        ok(times.every((time, at) => at === 0 || time - times[at - 1]! <= 110.001));
        deepEqual([...new Set(reports.map(({ eventType }) => eventType))], [3], "ADV_NONCONN_IND");
        await feed.stop();
        deepEqual(await phone.scan(1000), []);
      });
      const enables = camera.controller.commands.filter((opcode) => opcode === ENABLE);
      equal(enables.length, 2, "on, and off");
      deepEqual(camera.controller.violations, []);
      deepEqual(diagnostics(camera), []);
    });
  }

  it("resolves when it is on the air, and stop() when it is off", async () => {
    const { world, camera, broadcast } = createScene();
    camera.controller.faults.answerDelayMs = 30;
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000 });
      equal(camera.controller.commands.at(-1), ENABLE);
      const heard = (await world.addPhone().phone.scan(200)).length;
      ok(heard > 0);
      const stopping = [feed.stop(), feed.stop(), feed[Symbol.asyncDispose]()];
      await Promise.all(stopping);
      deepEqual(await world.addPhone().phone.scan(500), []);
      await feed.stop();
    });
  });

  it("ends with its block: await using", async () => {
    const { world, camera, phone, broadcast } = createScene();
    await world.run(async () => {
      {
        await using feed = await broadcast({ intervalUs: 100_000, name: "feed" });
        await feed.update({ name: "again" });
        await phone.find({ name: "again" });
      }
      equal(camera.host.advertiser.advertising, false);
      deepEqual(await phone.scan(500), []);
    });
  });

  it("update() after stop() does nothing; a bad field throws at once", async () => {
    const { world, phone, broadcast } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000, name: "feed" });
      throws(() => feed.update({ name: "n".repeat(30) }), { name: "RangeError", message: /"name"/ });
      await phone.find({ name: "feed" });
      await feed.stop();
      await feed.update({ name: "late" });
      deepEqual(await phone.scan(500), []);
    });
  });

  it("may outgrow one packet, and shrink again", async () => {
    const { world, camera, phone, broadcast } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000, name: "feed" });
      for (const length of [40, 3, 50, 1]) {
        await feed.update({
          fields: [
            [0x2a, counting(Math.min(length, 29))],
            [0x2b, counting(length >> 1)],
          ],
        });
        const reports = await phone.scan(400);
        equal(
          reports.some(({ eventType }) => eventType === 4),
          length > 31,
        );
        const [first] = reports;
        equal(
          adValue(first!.data, 0x2a)?.length ?? adValue(reports[1]!.data, 0x2a)?.length,
          Math.min(length, 29),
        );
      }
      await feed.stop();
    });
    deepEqual(camera.controller.violations, []);
  });

  it("a mistake in its options throws at once", () => {
    const { broadcast } = createScene();
    throws(() => broadcast({} as never), TypeError);
    throws(() => broadcast({ intervalUs: 100_000, name: "n".repeat(30) }), RangeError);
    throws(() => broadcast({ intervalUs: 100_000, advData: counting(32) }), RangeError);
  });

  it("goes on beside links, and a link does not end it", async () => {
    const { world, camera, phone, advertise, broadcast } = createScene();
    await world.run(async () => {
      const advertised = advertise({ intervalUs: 50_000, name: "obscura" });
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await advertised;
      const feed = await broadcast({ intervalUs: 100_000, name: "feed" });
      const listener = world.addPhone().phone;
      await listener.find({ name: "feed" });
      await link.disconnect();
      await feed.update({ name: "still" });
      await listener.find({ name: "still" });
      await feed.stop();
    });
    deepEqual(camera.controller.violations, []);
  });

  it("goes on after a hardware error, with the newest payload", async () => {
    const { world, camera, phone, broadcast } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000, name: "old" });
      camera.controller.reportHardwareError(1);
      await feed.update({ name: "new" });
      await phone.find({ name: "new" }, 5000);
      await feed.stop();
      deepEqual(await phone.scan(500), []);
    });
  });

  it("reports by update() that the controller is lost for good; another broadcast may be tried then", async () => {
    const { world, camera, phone, broadcast } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000, name: "old" });
      camera.controller.reportHardwareError(1);
      camera.controller.faults.silent = true;
      await world.clock.sleep(20_000);
      await rejects(feed.update({ name: "new" }), { code: controllerKind().unanswered });
      await feed.stop();
      camera.controller.faults.silent = false;
      const again = await broadcast({ intervalUs: 100_000, name: "again" });
      await phone.find({ name: "again" });
      await again.stop();
    });
  });

  it("reports when the controller refuses the new payload, and is over then only if it is off the air", async () => {
    const { world, camera, phone, broadcast } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000, name: "old" });
      camera.controller.faults.refuse = new Map([[0x2008, 0x12]]);
      await rejects(feed.update({ name: "new" }), { code: "controller-refused", status: 0x12 });
      await phone.find({ name: "old" });
      camera.controller.faults.refuse = new Map([[0x2006, 0x11]]);
      const big = { name: "a name of some length", manufacturer: [TEST_COMPANY, counting(20)] as const };
      await rejects(feed.update(big), { code: "controller-refused", status: 0x11 });
      camera.controller.faults.refuse = new Map();
      deepEqual(await phone.scan(500), [], "its kind would have changed: it was off the air for that");
      await rejects(feed.update({ name: "new" }), { code: "controller-refused", status: 0x11 });
      const again = await broadcast({ intervalUs: 100_000, name: "again" });
      await phone.find({ name: "again" });
      await again.stop();
    });
    deepEqual(camera.controller.violations, []);
  });

  it("fast, then slow", async () => {
    const { world, phone, broadcast } = createScene();
    await world.run(async () => {
      const fast = { intervalUs: 20_000, durationMs: 1000 };
      const feed = await broadcast({ intervalUs: 500_000, fast, name: "feed" });
      ok((await phone.scan(900)).length > 25);
      await feed.update({ name: "more" });
      await world.clock.sleep(200);
      const later = await phone.scan(3000);
      ok(later.length >= 5 && later.length <= 6, `${later.length}`);
      await feed.stop();
    });
  });

  it("stopped in the fast part, the slow part never comes", async () => {
    const { world, phone, broadcast } = createScene();
    await world.run(async () => {
      const fast = { intervalUs: 20_000, durationMs: 1000 };
      const feed = await broadcast({ intervalUs: 500_000, fast });
      await feed.stop();
      deepEqual(await phone.scan(3000), []);
    });
  });
});
