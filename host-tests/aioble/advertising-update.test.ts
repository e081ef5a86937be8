/** Changing the payload while it is on the air, or about to be. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { adValue } from "../../simulator/phone/advertising-data.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { tookAsLong } from "../support/cameras.ts";
import { createListeningScene, gaps, KIND, kinds, TIMEOUT } from "../support/listening.ts";
import { describe, it } from "../support/suite.ts";

describe("aioble: changing the payload while advertising", () => {
  it("is heard at once, without a gap, and the connection still comes", async () => {
    const { world, camera, phone, advertise, updateAdvertising } = createListeningScene();
    await world.run(async () => {
      const advertised = advertise({ intervalUs: 20_000, name: "zero", services: [new UUID(0x181a)] });
      const scanned = phone.scan(3000);
      for (const name of ["one", "two", "three"]) {
        await world.clock.sleep(500);
        await updateAdvertising({ name });
      }
      const reports = await scanned;
      const names = reports
        .filter(({ eventType }) => eventType === KIND.CONNECTABLE)
        .map(({ data }) => String.fromCharCode(...adValue(data, 9)!));
      deepEqual([...new Set(names)], ["zero", "one", "two", "three"]);
      ok(
        gaps(reports).every((gap) => gap <= 30.001),
        "never off the air",
      );
      const link = await phone.connect(await phone.find({ name: "three" }));
      await advertised;
      equal(
        String.fromCharCode(...(await link.read((await link.discover()).characteristic(0x2a00)))),
        "three",
      );
    });
    equal(camera.controller.commands.filter((opcode) => opcode === 0x200a).length, 1, "one Enable");
    deepEqual(camera.controller.violations, []);
  });

  it("changes the kind too, when what nobody may connect to comes to have a scan response, or to lack one", async () => {
    const { world, camera, phone, advertise, updateAdvertising } = createListeningScene();
    const small = { name: "small" };
    const big = { name: "a name of some length", manufacturer: [0xffff, counting(20)] as const };
    await world.run(async () => {
      const ended = rejects(
        advertise({ intervalUs: 100_000, connectable: false, ...small, timeoutMs: 60_000 }),
        TIMEOUT,
      );
      await phone.find({ name: "small" });
      for (let turn = 0; turn < 5; turn++) {
        await updateAdvertising(big);
        deepEqual(kinds(await phone.scan(500)), [KIND.SCANNABLE, KIND.SCAN_RESPONSE]);
        await updateAdvertising(small);
        deepEqual(kinds(await phone.scan(500)), [KIND.NON_CONNECTABLE]);
      }
      await ended;
    });
    deepEqual(camera.controller.violations, []);
  });

  it("leaves the flags, the kind and the deadline as they were", async () => {
    const { world, phone, advertise, updateAdvertising } = createListeningScene();
    await world.run(async () => {
      const beforeMs = world.clock.now();
      const ended = rejects(advertise({ intervalUs: 100_000, limitedDisc: true, name: "a" }), {
        timeoutMs: 180_000,
      });
      await world.clock.sleep(100_000);
      await updateAdvertising({ name: "b" });
      const { advertising } = await phone.find({ name: "b" });
      deepEqual(adValue(advertising, 1), new Uint8Array([0x05]));
      await ended;
      tookAsLong(world.clock.now() - beforeMs, 180_000);
    });
  });

  it("at any moment: while the radio starts, while the start is on its way, twice at once", async () => {
    const { world, camera, phone, advertise, updateAdvertising } = createListeningScene();
    camera.controller.faults.answerDelayMs = 20;
    await world.run(async () => {
      for (let delayMs = 0; delayMs <= 400; delayMs += 15) {
        if (delayMs < 200) await camera.host.deactivate();
        const ended = rejects(advertise({ intervalUs: 20_000, name: "old", timeoutMs: 3000 }), TIMEOUT);
        await world.clock.sleep(delayMs);
        await Promise.all([updateAdvertising({ name: "new" }), updateAdvertising({ name: "newer" })]);
        await world.clock.sleep(1000);
        const names = (await phone.scan(200)).flatMap(({ data }) => {
          const name = adValue(data, 9);
          return name ? [String.fromCharCode(...name)] : [];
        });
        ok(names.length > 3, `on the air after ${delayMs} ms`);
        equal(camera.aioble.config("gapName"), "newer");
        deepEqual([...new Set(names)], ["newer"], `after ${delayMs} ms`);
        await ended;
      }
    }, 1e6);
    deepEqual(camera.controller.violations, []);
  });

  it("when nothing is advertised: not-advertising; a bad field throws at once and changes nothing", async () => {
    const { world, phone, advertise, updateAdvertising } = createListeningScene();
    await world.run(async () => {
      await rejects(updateAdvertising({ name: "x" }), { code: "not-advertising" });
      const ended = rejects(advertise({ intervalUs: 100_000, name: "kept", timeoutMs: 2000 }), TIMEOUT);
      await world.clock.sleep(500);
      throws(() => updateAdvertising({ name: "n".repeat(30) }), { name: "RangeError", message: /"name"/ });
      throws(() => updateAdvertising({ appearance: -1 }), RangeError);
      throws(() => updateAdvertising({ name: 5 as never }), TypeError);
      await phone.find({ name: "kept" }, 1000);
      await ended;
      await rejects(updateAdvertising({ name: "x" }), { code: "not-advertising" });
    });
  });
});
