import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AdvertiseOptions } from "../../../firmware/aioble/advertising.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { fromHex } from "../../support/bytes.ts";
import { createRig, HANDLE, type Rig } from "../../support/rig.ts";
import {
  type Answer,
  aclFrame,
  commandComplete,
  connectionComplete,
  disconnectionComplete,
  SILENCE,
} from "../../support/scripted-controller.ts";

const PARAMETERS = 0x2006;
const ENABLE = 0x200a;
const ENABLE_ON = "01 0a 20 01 01";
const ENABLE_OFF = "01 0a 20 01 00";

const OPTIONS: AdvertiseOptions = { intervalUs: 250_000 };

/** Turns the radio on and forgets how. */
async function activeRig(): Promise<Rig> {
  const rig = createRig();
  await Promise.all([rig.host.activate(), rig.settle()]);
  rig.controller.sent.length = 0;
  return rig;
}

/** Whether advertising is on after these commands. */
function isOnAir(commands: readonly string[]): boolean {
  return commands.filter((command) => command.startsWith("01 0a 20")).at(-1) === ENABLE_ON;
}

function padded(text: string): string {
  const bytes = fromHex(text);
  return `${text}${" 00".repeat(31 - bytes.length)}`;
}

describe("advertise()", () => {
  it("sends the example's advertisement, byte for byte, and resolves with the connection", async () => {
    const rig = await activeRig();
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
    const rig = await activeRig();
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
      const rig = await activeRig();
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
      const rig = await activeRig();
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
    const rig = await activeRig();
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
    const rig = await activeRig();
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
    const rig = await activeRig();
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
    const rig = await activeRig();
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

describe("advertise(): its end", () => {
  it("timeout: off the air before the promise rejects", async () => {
    const rig = await activeRig();
    let settled = false;
    const ended = assert.rejects(
      rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }).finally(() => {
        settled = true;
      }),
      { name: "TimeoutError", code: "timeout", timeoutMs: 500 },
    );
    await rig.clock.advance(499);
    assert.equal(isOnAir(rig.controller.take()), true);
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(1);
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
    assert.equal(settled, false, "the controller has not confirmed yet");
    rig.controller.deliver(commandComplete(ENABLE));
    await rig.settle();
    await ended;
    assert.equal(rig.clock.pending, 0);
  });

  it("signal: off the air, then the signal's reason", async () => {
    const rig = await activeRig();
    const aborter = new AbortController();
    const reason = new Error("enough");
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }), reason);
    await rig.settle();
    rig.controller.sent.length = 0;
    aborter.abort(reason);
    await rig.settle();
    await ended;
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
  });

  it("a signal that is aborted already: the radio never sends", async () => {
    const rig = await activeRig();
    const ended = assert.rejects(
      rig.aioble.advertise({ ...OPTIONS, signal: AbortSignal.abort(new Error("no")) }),
      /no/,
    );
    await rig.settle();
    await ended;
    assert.equal(isOnAir(rig.controller.take()), false);
  });

  it("ended while its commands are on their way: advertising is never left on, at any of them", async () => {
    for (const opcode of [ENABLE, PARAMETERS, 0x2008, 0x2009]) {
      const rig = await activeRig();
      const aborter = new AbortController();
      const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }), {
        name: "AbortError",
      });
      rig.controller.script(opcode, SILENCE);
      await rig.settle();
      aborter.abort();
      rig.controller.deliver(commandComplete(opcode));
      await rig.settle();
      await ended;
      assert.equal(isOnAir(rig.controller.take()), false, `0x${opcode.toString(16)}`);
      assert.equal(rig.host.advertiser.advertising, false);
    }
  });

  it("ended while Enable itself is on its way: it is switched off behind", async () => {
    const rig = await activeRig();
    const aborter = new AbortController();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, signal: aborter.signal }));
    rig.controller.script(ENABLE, () => [commandComplete(ENABLE)], SILENCE);
    await rig.settle();
    assert.equal(rig.controller.take().at(-1), ENABLE_ON);
    aborter.abort();
    await rig.settle();
    rig.controller.deliver(commandComplete(ENABLE));
    await rig.settle();
    await ended;
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
  });

  it("ended while the radio is being switched on: it never advertises", async () => {
    const rig = createRig();
    rig.controller.script(0x0c03, SILENCE);
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 100 }), {
      name: "TimeoutError",
    });
    await rig.clock.advance(100);
    await ended;
    await rig.clock.advance(60_000);
    assert.equal(rig.host.active, true);
    assert.equal(isOnAir(rig.controller.take()), false);
  });

  it("ended while a lost controller is started again: nobody is left on the air", async () => {
    const rig = await activeRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 1000 }), {
      name: "TimeoutError",
    });
    await rig.settle();
    rig.controller.sent.length = 0;
    rig.controller.script(0x0c03, SILENCE);
    rig.controller.fail("unplugged");
    await rig.clock.advance(1000);
    await ended;
    await rig.clock.advance(60_000);
    assert.equal(rig.host.active, true);
    assert.equal(isOnAir(rig.controller.take()), false);
    assert.equal(rig.host.advertiser.advertising, false);
  });

  it("a refusal of the controller is reported, and the next call works", async () => {
    const rig = await activeRig();
    rig.controller.script(PARAMETERS, () => [commandComplete(PARAMETERS, [0x12])]);
    const failed = assert.rejects(rig.aioble.advertise(OPTIONS), {
      code: "controller-refused",
      status: 0x12,
    });
    await rig.settle();
    await failed;
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect();
    await advertising;
  });

  it("a controller that refuses to stop what does not run is no failure", async () => {
    const rig = await activeRig();
    const strict: Answer = ([enable]) => [commandComplete(ENABLE, [enable === 0 ? 0x0c : 0])];
    rig.controller.script(ENABLE, strict, strict);
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 100 }), {
      name: "TimeoutError",
    });
    await rig.clock.advance(100);
    await ended;
    assert.equal(isOnAir(rig.controller.take()), false);
  });
});

describe("advertise(): races with a connection", () => {
  it("a connection that comes while the end is on its way to the controller is returned", async () => {
    for (const end of ["timeout", "signal"] as const) {
      const rig = await activeRig();
      const aborter = new AbortController();
      const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500, signal: aborter.signal });
      await rig.settle();
      rig.controller.script(ENABLE, SILENCE);
      if (end === "timeout") await rig.clock.advance(500);
      else aborter.abort();
      await rig.settle();
      rig.controller.deliver(connectionComplete(HANDLE), commandComplete(ENABLE, [0x0c]));
      await rig.settle();
      const connection = await advertising;
      assert.equal(connection.isConnected(), true);
      rig.controller.sent.length = 0;
      assert.deepEqual(rig.controller.take(), []);
    }
  });

  it("also when the loop runs no promise job between the two events", async () => {
    const rig = await activeRig();
    const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 });
    await rig.settle();
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(500);
    rig.controller.deliverTogether(commandComplete(ENABLE), connectionComplete(HANDLE));
    await rig.settle();
    assert.equal((await advertising).isConnected(), true);
  });

  it("a connection that came and went in that time is not returned", async () => {
    const rig = await activeRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }), {
      name: "TimeoutError",
    });
    await rig.settle();
    rig.controller.script(ENABLE, SILENCE);
    await rig.clock.advance(500);
    rig.controller.deliver(
      connectionComplete(HANDLE),
      disconnectionComplete(HANDLE),
      commandComplete(ENABLE),
    );
    await rig.settle();
    await ended;
    const next = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    await rig.connect(HANDLE + 1);
    assert.equal((await next).link.handle, HANDLE + 1, "nor by the next call");
  });

  it("a connection and the timeout in the same moment: one of them, and no owner is lost", async () => {
    const rig = await activeRig();
    const advertising = rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 });
    await rig.clock.advance(499);
    rig.controller.deliver(connectionComplete(HANDLE));
    await rig.clock.advance(1);
    assert.equal((await advertising).isConnected(), true);
    assert.equal(rig.clock.pending, 0);
  });

  it("a connection that nobody waits for is ended", async () => {
    const rig = await activeRig();
    await rig.connect();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
    await rig.disconnect(HANDLE, 0x16);
    assert.equal(rig.host.connections.size, 0);
  });

  it("a connection after the timeout was reported is ended", async () => {
    const rig = await activeRig();
    const ended = assert.rejects(rig.aioble.advertise({ ...OPTIONS, timeoutMs: 500 }));
    await rig.clock.advance(500);
    await ended;
    rig.controller.sent.length = 0;
    await rig.connect();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
  });

  it("two connections at once: the first is returned, the second has no owner and is ended", async () => {
    const rig = await activeRig();
    const advertising = rig.aioble.advertise(OPTIONS);
    await rig.settle();
    rig.controller.sent.length = 0;
    rig.controller.deliverTogether(connectionComplete(1), connectionComplete(2));
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 02 00 13"]);
    rig.controller.deliver(aclFrame(1, 0x0004, [0x0a, 3, 0]));
    await rig.settle();
    assert.equal((await advertising).link.handle, 1);
  });
});
