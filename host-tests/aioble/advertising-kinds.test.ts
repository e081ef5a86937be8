/** The kinds of advertising and their timing: who may connect, who receives what, how often and for how long. */
import type { AdvertiseOptions } from "../../firmware/aioble/advertising.ts";
import { adValue } from "../../simulator/phone/advertising-data.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import { diagnostics, tookAsLong } from "../support/cameras.ts";
import { createListeningScene, gaps, KIND, kinds, TIMEOUT } from "../support/listening.ts";
import { describe, it } from "../support/suite.ts";

const FAST_MS = 20;

describe("aioble: kinds of advertising", () => {
  const big = { name: "a name of some length", manufacturer: [0xffff, counting(20)] as const };
  for (const [what, options, expected] of [
    ["connectable", {}, [KIND.CONNECTABLE, KIND.SCAN_RESPONSE]],
    ["connectable: false, one packet: non-connectable", { connectable: false }, [KIND.NON_CONNECTABLE]],
    [
      "connectable: false, two packets: scannable",
      { connectable: false, ...big },
      [KIND.SCANNABLE, KIND.SCAN_RESPONSE],
    ],
    [
      "connectable: false, an empty raw response",
      { connectable: false, respData: new Uint8Array(0) },
      [KIND.NON_CONNECTABLE],
    ],
    [
      "connectable: false, a raw response",
      { connectable: false, respData: counting(3) },
      [KIND.SCANNABLE, KIND.SCAN_RESPONSE],
    ],
    ["not discoverable", { discoverable: false }, [KIND.CONNECTABLE, KIND.SCAN_RESPONSE]],
  ] as [string, Partial<AdvertiseOptions>, number[]][]) {
    it(`${what} is heard as what it is`, async () => {
      const { world, camera, phone, advertise } = createListeningScene();
      await world.run(async () => {
        const ended = rejects(advertise({ intervalUs: 100_000, ...options, timeoutMs: 1000 }), TIMEOUT);
        deepEqual(kinds(await phone.scan(900)), expected);
        await ended;
      });
      deepEqual(camera.controller.violations, []);
    });
  }

  it("nobody connects to what is not connectable", async () => {
    const { world, camera, phone, advertise } = createListeningScene();
    await world.run(async () => {
      const ended = rejects(advertise({ intervalUs: 100_000, connectable: false, timeoutMs: 4000 }), TIMEOUT);
      const sighting = await phone.find({});
      equal(sighting.connectable, false);
      await rejects(phone.connect(sighting, { timeoutMs: 2000 }), { code: 0x02 });
      await ended;
    });
    equal(camera.host.connections.size, 0);
  });

  it("no scan response of an earlier advertisement is heard, nor earlier data, nor earlier kinds", async () => {
    const { world, phone, advertise } = createListeningScene();
    const heard: string[][] = [];
    await world.run(async () => {
      for (const options of [
        big,
        { name: "a" },
        { connectable: false, ...big },
        { connectable: false },
        {},
      ]) {
        const ended = rejects(advertise({ intervalUs: 100_000, ...options, timeoutMs: 600 }), TIMEOUT);
        const reports = await phone.scan(500);
        heard.push(
          [...new Set(reports.map(({ eventType, data }) => `${eventType} ${toHex(data)}`.trim()))].sort(),
        );
        await ended;
      }
    });
    deepEqual(heard[1], ["0 02 01 06 02 09 61", "4"]);
    deepEqual(heard[3], ["3 02 01 04"]);
    deepEqual(heard[4], ["0 02 01 06", "4"]);
  });

  it("directed: only that phone may connect, and the packets say nothing", async () => {
    const { world, camera, phone, Device, advertise } = createListeningScene();
    const { phone: stranger } = world.addPhone();
    await world.run(async () => {
      await stranger.start();
      const directedTo = new Device(1, phone.address);
      const advertised = advertise({ intervalUs: 100_000, directedTo, name: "for you" });
      deepEqual(await stranger.scan(1000), []);
      const heard = await phone.scan(1000);
      deepEqual(kinds(heard), [KIND.DIRECTED]);
      ok(heard.every(({ data }) => data.length === 0));
      const sighting = { addressType: 1, address: camera.host.ownAddress };
      await rejects(stranger.connect(sighting, { timeoutMs: 1000 }), { code: 0x02 });
      const link = await phone.connect(sighting);
      equal((await advertised).device.equals(directedTo), true);
      equal(
        String.fromCharCode(...(await link.read((await link.discover()).characteristic(0x2a00)))),
        "for you",
      );
    });
    deepEqual(camera.controller.violations, []);
  });

  it("directed at high duty cycle: ends by itself after 1.28 s (Advertising Timeout, 0x3C), and works again", async () => {
    const { world, camera, phone, Device, advertise } = createListeningScene();
    await world.run(async () => {
      await phone.start();
      await camera.host.activate();
      const options = { intervalUs: 100_000, directedTo: new Device(1, phone.address), highDuty: true };
      const scanned = phone.scan(1500);
      const beforeMs = world.clock.now();
      await rejects(advertise(options), { name: "TimeoutError", timeoutMs: 1280 });
      const tookMs = world.clock.now() - beforeMs;
      ok(tookMs >= 1280 && tookMs < 1290, `${tookMs} ms`);
      equal(camera.host.advertiser.advertising, false);
      ok(
        gaps(await scanned).every((gap) => gap < 4),
        "at most 3.75 ms apart",
      );
      deepEqual(await phone.scan(500), [], "off the air");
      const advertised = advertise(options);
      await phone.connect({ addressType: 1, address: camera.host.ownAddress });
      ok((await advertised).isConnected());
    });
    deepEqual(diagnostics(camera), []);
  });

  it("high duty cycle ends earlier by timeoutMs or the signal", async () => {
    const { world, camera, phone, Device, advertise } = createListeningScene();
    await world.run(async () => {
      const options = { intervalUs: 100_000, directedTo: new Device(1, phone.address), highDuty: true };
      await rejects(advertise({ ...options, timeoutMs: 300 }), { name: "TimeoutError", timeoutMs: 300 });
      const aborter = new camera.globals.AbortController();
      const ended = rejects(advertise({ ...options, signal: aborter.signal }), { message: "enough" });
      await world.clock.sleep(200);
      aborter.abort(new Error("enough"));
      await ended;
      // What the controller would have reported of it at 1.28 s concerns nobody any more.
      const next = rejects(advertise({ intervalUs: 100_000, timeoutMs: 3000 }), { timeoutMs: 3000 });
      await phone.find({});
      await next;
    });
    deepEqual(camera.controller.violations, []);
  });

  it("refuses what does not go together", () => {
    const { Device, advertise } = createListeningScene();
    const directedTo = new Device(0, "00:11:22:33:44:55");
    const at = { intervalUs: 100_000 };
    throws(() => advertise({ ...at, directedTo, connectable: false }), TypeError);
    throws(() => advertise({ ...at, highDuty: true }), TypeError);
    throws(
      () => advertise({ ...at, directedTo, highDuty: true, fast: { intervalUs: 20_000, durationMs: 1 } }),
      TypeError,
    );
    throws(() => advertise({ ...at, directedTo: "00:11:22:33:44:55" as never }), TypeError);
    throws(() => advertise({ ...at, fast: { intervalUs: 10_000, durationMs: 1000 } }), RangeError);
    throws(() => advertise({ ...at, fast: { intervalUs: 20_000, durationMs: 0 } }), RangeError);
  });
});

describe("aioble: the timing of advertising", () => {
  it("has the interval that was asked for, and up to 10 ms more each time (Vol 6, Part B, 4.4.2.2.1)", async () => {
    const { world, phone, advertise } = createListeningScene();
    await world.run(async () => {
      for (const intervalUs of [20_000, 250_000, 1_000_624]) {
        const ended = rejects(advertise({ intervalUs, timeoutMs: 12_000 }), TIMEOUT);
        const floorMs = (Math.floor(intervalUs / 625) * 625) / 1000;
        const between = gaps(await phone.scan(11_000));
        ok(
          between.length > 8 && between.every((gap) => gap >= floorMs && gap <= floorMs + 10.001),
          `${intervalUs}`,
        );
        await ended;
      }
    });
  });

  it("is checked against the kind: 100 ms without connections before 5.0, 20 ms with, 20 ms for both since", async () => {
    const quick = { intervalUs: 20_000, timeoutMs: 500 };
    for (const [version, connectable, accepted] of [
      [8, true, true],
      [8, false, false],
      [9, false, true],
    ] as const) {
      const { world, camera, phone, advertise } = createListeningScene({ version });
      await world.run(async () => {
        await camera.host.activate();
        const ended = rejects(
          advertise({ ...quick, connectable }),
          accepted ? TIMEOUT : { name: "RangeError", message: /intervalUs 20000 is out of range.*100,000/ },
        );
        equal((await phone.scan(400)).length > 0, accepted, `version ${version}, connectable ${connectable}`);
        await ended;
        // The advertisement is free again.
        const slow = rejects(advertise({ intervalUs: 100_000, connectable, timeoutMs: 500 }), TIMEOUT);
        ok((await phone.scan(400)).length > 0);
        await slow;
      });
      deepEqual(camera.controller.violations, []);
    }
  });

  it("limited discoverable mode ends by itself after 180 s, off the air (Vol 3, Part C, 9.2.3.2)", async () => {
    const { world, phone, advertise } = createListeningScene();
    await world.run(async () => {
      const limited = { intervalUs: 1_000_000, limitedDisc: true };
      const beforeMs = world.clock.now();
      await rejects(advertise(limited), { name: "TimeoutError", timeoutMs: 180_000 });
      tookAsLong(world.clock.now() - beforeMs, 180_000);
      deepEqual(await phone.scan(3000), []);
      await rejects(advertise({ ...limited, timeoutMs: 300_000 }), { timeoutMs: 180_000 });
      await rejects(advertise({ ...limited, timeoutMs: 1000 }), { timeoutMs: 1000 });
      const advertised = advertise(limited);
      await phone.connect(await phone.find({}));
      ok((await advertised).isConnected());
    });
  });

  it("general discoverable mode goes on for as long as it takes", async () => {
    const { world, phone, advertise } = createListeningScene();
    await world.run(async () => {
      const advertised = advertise({ intervalUs: 1_000_000 });
      await world.clock.sleep(500_000);
      await phone.connect(await phone.find({}));
      ok((await advertised).isConnected());
    });
  });

  it("fast, then slow", async () => {
    const { world, camera, phone, advertise } = createListeningScene();
    const fast = { intervalUs: FAST_MS * 1000, durationMs: 3000 };
    await world.run(async () => {
      await camera.host.activate();
      const ended = rejects(advertise({ intervalUs: 1_000_000, fast, timeoutMs: 10_000 }), TIMEOUT);
      const reports = (await phone.scan(9000)).filter(({ eventType }) => eventType === KIND.CONNECTABLE);
      const startMs = reports[0]!.atMs;
      const early = reports.filter(({ atMs }) => atMs < startMs + 2990);
      const later = reports.filter(({ atMs }) => atMs > startMs + 3010);
      ok(
        gaps(early).every((gap) => gap <= FAST_MS + 10.001),
        "at first",
      );
      ok(early.length > 90, `${early.length}`);
      ok(later.length >= 5 && gaps(later).every((gap) => gap >= 1000), "then");
      await ended;
      equal(camera.host.advertiser.advertising, false);
    });
    deepEqual(camera.controller.violations, []);
  });

  it("fast, then slow: a connection or the end in the fast part leaves nothing behind", async () => {
    const { world, camera, phone, advertise } = createListeningScene();
    const fast = { intervalUs: 20_000, durationMs: 3000 };
    await world.run(async () => {
      const advertised = advertise({ intervalUs: 1_000_000, fast });
      const link = await phone.connect(await phone.find({}));
      await advertised;
      await link.disconnect();
      await rejects(advertise({ intervalUs: 1_000_000, fast, timeoutMs: 500 }), TIMEOUT);
      deepEqual(await phone.scan(10_000), []);
    });
    deepEqual(camera.controller.violations, []);
  });

  it("fast, then slow: an end while the start is on its way does not slow down the next advertisement", async () => {
    const { world, camera, phone, advertise } = createListeningScene();
    const fast = { intervalUs: 20_000, durationMs: 1000 };
    await world.run(async () => {
      await camera.host.activate();
      camera.controller.faults.answerDelayMs = 20;
      for (let timeoutMs = 0; timeoutMs < 120; timeoutMs += 10) {
        await rejects(advertise({ intervalUs: 1_000_000, fast, timeoutMs }), TIMEOUT);
        const next = rejects(advertise({ intervalUs: 20_000, timeoutMs: 2000 }), TIMEOUT);
        await world.clock.sleep(200);
        ok(gaps(await phone.scan(1700)).every((gap) => gap <= 30.001));
        await next;
      }
    });
  });

  it("fast, then slow: a payload that changes in the fast part stays, and the slow part comes", async () => {
    const { world, phone, advertise, updateAdvertising } = createListeningScene();
    const fast = { intervalUs: 20_000, durationMs: 2000 };
    await world.run(async () => {
      const ended = rejects(
        advertise({ intervalUs: 500_000, fast, name: "before", timeoutMs: 8000 }),
        TIMEOUT,
      );
      await updateAdvertising({ name: "while it starts" });
      await world.clock.sleep(500);
      await updateAdvertising({ name: "after" });
      await world.clock.sleep(2000);
      const reports = await phone.scan(4000);
      ok(gaps(reports).every((gap) => gap >= 500));
      ok(
        reports.every(
          ({ eventType, data }) => eventType === KIND.SCAN_RESPONSE || adValue(data, 9)?.length === 5,
        ),
      );
      await ended;
    });
  });
});
