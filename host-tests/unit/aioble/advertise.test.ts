import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AdvertiseOptions } from "../../../firmware/aioble/advertising.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { createActiveRig, ENABLE_ON, isOnAir } from "../../support/advertising.ts";
import { fromHex } from "../../support/bytes.ts";
import { createRig, HANDLE } from "../../support/rig.ts";

const OPTIONS: AdvertiseOptions = { intervalUs: 250_000 };

function padded(text: string): string {
  const bytes = fromHex(text);
  return `${text}${" 00".repeat(31 - bytes.length)}`;
}

describe("advertise()", () => {
  it("sends the example's advertisement, byte for byte, and resolves with the connection", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise({
      intervalUs: 250_000,
      name: "obscura-env",
      services: [new UUID(0x181a)],
      appearance: 0x0540,
      manufacturer: [0xffff, fromHex("4f62736375726101")],
    });
    await rig.settle();
    const adv = "02 01 06 03 03 1a 18 0c 09 6f 62 73 63 75 72 61 2d 65 6e 76 03 19 40 05";
    assert.deepEqual(rig.controller.take(), [
      "01 06 20 0f 90 01 90 01 00 01 00 00 00 00 00 00 00 07 00",
      `01 08 20 20 18 ${padded(adv)}`,
      `01 09 20 20 0c ${padded("0b ff ff ff 4f 62 73 63 75 72 61 01")}`,
      ENABLE_ON,
    ]);
    await rig.connect();
    const connection = await advertising;
    assert.equal(connection.isConnected(), true);
    assert.equal(connection.device.addrHex(), "c6:05:04:03:02:01");
    assert.equal(connection.device.addrType, rig.aioble.ADDR_RANDOM);
    assert.equal(connection.mtu, 23);
    assert.deepEqual(rig.controller.take(), [], "the controller has stopped by itself");
    assert.equal(rig.clock.pending, 0);
  });

  it("sets the GAP name and appearance to what it advertises (CSS, Part A, 1.2 and 1.12)", async () => {
    const rig = await createActiveRig();
    const advertising = rig.aioble.advertise({ ...OPTIONS, name: "käfer", appearance: 0x0540 });
    await rig.settle();
    await rig.connect();
    await advertising;
    rig.controller.autoComplete = true;
    assert.deepEqual(await rig.exchange(0x0004, [0x0a, 3, 0]), ["0b 6b c3 a4 66 65 72"]);
    assert.deepEqual(await rig.exchange(0x0004, [0x0a, 5, 0]), ["0b 40 05"]);
  });

  it("rounds the interval down to 625 microseconds", async () => {
    for (const [intervalUs, wire] of [
      [20_000, "20 00"],
      [20_624, "20 00"],
      [20_625, "21 00"],
      [10_240_000, "00 40"],
    ] as const) {
      const rig = await createActiveRig();
      const aborter = new AbortController();
      const ended = assert.rejects(rig.aioble.advertise({ intervalUs, signal: aborter.signal }));
      await rig.settle();
      assert.ok(rig.controller.take()[0]!.startsWith(`01 06 20 0f ${wire} ${wire} 00`));
      aborter.abort();
      await rig.settle();
      await ended;
    }
  });

  it("not connectable: ADV_NONCONN_IND without a scan response, ADV_SCAN_IND with one, no discoverable flag", async () => {
    for (const [name, data, type] of [
      ["a", new Uint8Array(0), "03"],
      ["a".repeat(20), new Uint8Array(20), "02"],
    ] as const) {
      const rig = await createActiveRig();
      const options = { ...OPTIONS, name, manufacturer: [1, data] as const };
      const ended = assert.rejects(
        rig.aioble.advertise({ ...options, connectable: false, timeoutMs: 1000 }),
        {
          name: "TimeoutError",
        },
      );
      await rig.settle();
      const sent = rig.controller.take();
      assert.equal(sent[0], `01 06 20 0f 90 01 90 01 ${type} 01 00 00 00 00 00 00 00 07 00`);
      assert.equal(sent[1]!.slice(15, 23), "02 01 04");
      await rig.clock.advance(1000);
      await ended;
    }
  });

  it("clears the scan response of the advertisement before", async () => {
    const rig = await createActiveRig();
    const first = assert.rejects(rig.aioble.advertise({ ...OPTIONS, name: "a".repeat(29), timeoutMs: 10 }));
    await rig.clock.advance(10);
    await first;
    rig.controller.sent.length = 0;
    const second = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 10 }));
    await rig.clock.advance(10);
    await second;
    assert.ok(rig.controller.take().includes(`01 09 20 20 00${" 00".repeat(31)}`));
  });

  it("again and again, connection after connection", async () => {
    const rig = await createActiveRig();
    for (let turn = 0; turn < 4; turn++) {
      const advertising = rig.aioble.advertise(OPTIONS);
      await rig.settle();
      assert.equal(isOnAir(rig.controller.take()), true);
      await rig.connect(HANDLE + turn);
      const connection = await advertising;
      assert.equal(connection.link.handle, HANDLE + turn);
    }
    await assert.rejects(rig.aioble.advertise(OPTIONS), { code: "too-many-connections" });
    assert.equal(rig.host.connections.size, 4);
  });

  it("a second call is refused while one runs, and works when it has ended", async () => {
    const rig = await createActiveRig();
    const first = rig.aioble.advertise(OPTIONS);
    await assert.rejects(rig.aioble.advertise(OPTIONS), { name: "BleError", code: "already-advertising" });
    await rig.settle();
    await assert.rejects(rig.aioble.advertise(OPTIONS), { code: "already-advertising" });
    await rig.connect();
    await first;
    const second = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect(HANDLE + 1);
    assert.equal((await second).link.handle, HANDLE + 1);
  });

  it("a call from the very continuation of the one before is welcome", async () => {
    const rig = await createActiveRig();
    const both = (async () => {
      const first = await rig.aioble.advertise(OPTIONS);
      const second = await rig.aioble.advertise(OPTIONS);
      return [first.link.handle, second.link.handle];
    })();
    await rig.settle();
    await rig.connect(1);
    await rig.connect(2);
    assert.deepEqual(await both, [1, 2]);
  });
});

describe("advertise(): a caller's mistake throws at once, and nothing is sent", () => {
  const uuid = new UUID(0x181a);
  const cases: [string, unknown, ErrorConstructor, RegExp][] = [
    ["no intervalUs", {}, TypeError, /intervalUs/],
    ["intervalUs as text", { intervalUs: "100000" }, TypeError, /intervalUs/],
    ["intervalUs too short", { intervalUs: 19_999 }, RangeError, /19999/],
    ["intervalUs too long", { intervalUs: 10_240_001 }, RangeError, /10240001/],
    ["intervalUs NaN", { intervalUs: Number.NaN }, RangeError, /NaN/],
    ["timeoutMs negative", { ...OPTIONS, timeoutMs: -1 }, RangeError, /timeoutMs -1/],
    ["timeoutMs NaN", { ...OPTIONS, timeoutMs: Number.NaN }, RangeError, /timeoutMs NaN/],
    [
      "timeoutMs infinite",
      { ...OPTIONS, timeoutMs: Number.POSITIVE_INFINITY },
      RangeError,
      /Infinity.*leave it out/,
    ],
    ["appearance", { ...OPTIONS, appearance: 0x10000 }, RangeError, /appearance 65536/],
    ["appearance with a fraction", { ...OPTIONS, appearance: 1.5 }, RangeError, /appearance 1\.5/],
    ["company identifier", { ...OPTIONS, manufacturer: [-1, new Uint8Array(0)] }, RangeError, /-1/],
    ["manufacturer data as text", { ...OPTIONS, manufacturer: [1, "abc"] }, TypeError, /manufacturer/],
    ["a service that is no UUID", { ...OPTIONS, services: [uuid, 0x181a] }, TypeError, /services/],
    ["a name that is no text", { ...OPTIONS, name: 5 }, TypeError, /name/],
    ["a field that does not fit", { ...OPTIONS, name: "n".repeat(30) }, RangeError, /"name"/],
  ];
  for (const [name, options, type, message] of cases) {
    it(name, async () => {
      const rig = createRig();
      assert.throws(
        () => void rig.aioble.advertise(options as AdvertiseOptions),
        (error: Error) => error instanceof type && message.test(error.message),
      );
      await rig.settle();
      assert.equal(rig.controller.opens, 0);
      const advertising = rig.aioble.advertise(OPTIONS);
      await rig.settle();
      await rig.connect();
      await advertising;
    });
  }
});
