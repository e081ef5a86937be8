/** The commands of an advertisement, and what comes in between. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Advertiser } from "../../../../firmware/ble/gap/advertiser.ts";
import type { AdvertisingEnd, AdvertisingParameters } from "../../../../firmware/ble/gap/advertising-set.ts";
import { OwnAddresses } from "../../../../firmware/ble/gap/own-address.ts";
import { SupportedStates } from "../../../../firmware/ble/gap/supported-states.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { ENABLE, ENABLE_OFF, ENABLE_ON, isOnAir } from "../../../support/advertising.ts";
import { fromHex } from "../../../support/bytes.ts";
import { beginSession } from "../../../support/hci.ts";
import {
  type Answer,
  commandComplete,
  ScriptedController,
  SILENCE,
} from "../../../support/scripted-controller.ts";

const PARAMETERS = 0x2006;
const DATA = 0x2008;
const RESPONSE = 0x2009;
const STATES = 0x201c;
const START = [PARAMETERS, DATA, RESPONSE, ENABLE];

const ADVERTISEMENT: AdvertisingParameters = {
  intervalUs: 100_000,
  connectable: true,
  advData: fromHex("02 01 06"),
  respData: new Uint8Array(0),
};
const BEACON = { ...ADVERTISEMENT, connectable: false };
const NAME = fromHex("03 09 61 62");

function createScene(links = 0) {
  const controller = new ScriptedController();
  const settle = () => controller.settle();
  const clock = new VirtualClock(settle);
  const hci = new Hci(
    { transport: controller, clock, log: () => {} },
    { data: { receive: () => true, completed() {}, completedOne() {}, drain() {} }, onFailure() {} },
  );
  beginSession(hci, controller);
  const connected = { size: links };
  const addresses = new OwnAddresses({
    hci,
    aes128: simulatedCrypto.aes128,
    records: { get: () => Uint8Array.of(0xc1, 1, 1, 1, 1, 1), set() {}, delete: () => false, keys: () => [] },
    uniqueId: () => new Uint8Array(8),
    random: (length) => new Uint8Array(length).fill(1),
    log: () => {},
  });
  // The random address that the controller has.
  addresses.forAdvertising = () => ({ type: 1 });
  const advertiser = new Advertiser({
    hci,
    links: connected,
    addresses,
    states: new SupportedStates({
      hci,
      links: { values: () => Array.from({ length: connected.size }, () => ({ role: 1 })) },
    }),
    settings: { addrMode: 1 },
    log: () => {},
  });
  const ends: AdvertisingEnd[] = [];
  const set = advertiser.acquire({ onEnded: (end) => ends.push(end), take: () => true })!;
  advertiser.begin(9);
  /** The controller was started again. */
  const restart = (): Promise<void> => {
    advertiser.end();
    advertiser.begin(9);
    return advertiser.restart();
  };
  /** Runs an operation to its end and returns the opcodes that it sent. */
  const opcodes = async (operation: () => Promise<unknown>): Promise<number[]> => {
    await Promise.all([operation(), settle()]);
    return controller.takeOpcodes();
  };
  return { controller, settle, clock, hci, connected, advertiser, set, ends, restart, opcodes };
}

const refuse = (opcode: number, status: number): Answer => {
  return () => [commandComplete(opcode, [status])];
};

/** LE_States with all combinations but these bits. */
function statesWithout(...bits: number[]): Answer {
  const states = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 0]);
  for (const bit of bits) states[bit >> 3]! &= ~(1 << (bit & 7));
  return () => [commandComplete(STATES, [0, ...states])];
}

describe("Advertiser (Vol 4, Part E, 7.8.5 to 7.8.9)", () => {
  it("starts, changes the data in place, and stops", async () => {
    const { advertiser, set, opcodes } = createScene();
    assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), START);
    assert.equal(advertiser.advertising, true);
    const none = new Uint8Array(0);
    assert.deepEqual(
      await opcodes(() => set.update(NAME, none)),
      [DATA],
      "there was no response, and is none",
    );
    assert.deepEqual(await opcodes(() => set.update(NAME, NAME)), [DATA, RESPONSE]);
    assert.deepEqual(await opcodes(() => set.update(NAME, none)), [DATA, RESPONSE], "it is cleared");
    assert.deepEqual(await opcodes(() => set.stop()), [ENABLE]);
    assert.equal(advertiser.advertising, false);
    assert.deepEqual(await opcodes(() => set.stop()), [], "it is off already");
    assert.deepEqual(await opcodes(() => set.update(NAME, NAME)), [], "nothing runs");
  });

  it("of several changes at once the last one counts, its scan response too", async () => {
    const { controller, set, opcodes, settle } = createScene();
    const none = new Uint8Array(0);
    await opcodes(() => set.start({ ...ADVERTISEMENT, respData: NAME }));
    const changes = Promise.all([set.update(NAME, none), set.update(none, none)]);
    await settle();
    await changes;
    const zeros = " 00".repeat(32);
    assert.deepEqual(controller.take(), [`01 08 20 20${zeros}`, `01 09 20 20${zeros}`]);
  });

  it("a start while one runs switches that off first: parameters may not change on the air", async () => {
    const { controller, set, opcodes, settle } = createScene();
    await opcodes(() => set.start(ADVERTISEMENT));
    const both = Promise.all([set.start(BEACON), set.start({ ...BEACON, advData: NAME })]);
    await settle();
    await both;
    const sent = controller.take();
    assert.deepEqual(
      [sent[0], sent.at(-1), sent.length],
      [ENABLE_OFF, ENABLE_ON, 5],
      "of two starts at once, only the later one is sent",
    );
  });

  it("Advertising_Type and what goes with it, of every kind", async () => {
    const peer = { addressType: 1, address: fromHex("c6 05 04 03 02 01") };
    for (const [parameters, type, data] of [
      [ADVERTISEMENT, "00 01 00 00 00 00 00 00 00", true],
      [{ ...ADVERTISEMENT, directedTo: peer, highDuty: true }, "01 01 01 01 02 03 04 05 c6", false],
      [{ ...BEACON, respData: NAME }, "02 01 00 00 00 00 00 00 00", true],
      [BEACON, "03 01 00 00 00 00 00 00 00", true],
      [{ ...ADVERTISEMENT, directedTo: peer }, "04 01 01 01 02 03 04 05 c6", false],
    ] as const) {
      const { controller, set, settle } = createScene();
      await Promise.all([set.start(parameters), settle()]);
      const sent = controller.take();
      assert.equal(sent[0], `01 06 20 0f a0 00 a0 00 ${type} 07 00`);
      assert.equal(sent.length, data ? 4 : 2);
    }
  });

  it("a change that makes another type of it restarts it", async () => {
    const { controller, set, opcodes, settle } = createScene();
    await opcodes(() => set.start(BEACON));
    assert.deepEqual(await opcodes(() => set.update(NAME, NAME)), [ENABLE, ...START]);
    assert.deepEqual(await opcodes(() => set.update(NAME, NAME)), [DATA, RESPONSE]);
    const shrinking = set.update(NAME, new Uint8Array(0));
    await settle();
    await shrinking;
    assert.equal(isOnAir(controller.take()), true);
  });

  it("a change while the start is on its way, at each of its commands: what was changed to is on the air", async () => {
    for (const parameters of [ADVERTISEMENT, BEACON]) {
      for (const opcode of START) {
        const { controller, advertiser, set, settle } = createScene();
        controller.script(opcode, SILENCE);
        const started = set.start(parameters);
        await settle();
        const updated = set.update(NAME, NAME);
        controller.deliver(commandComplete(opcode));
        await settle();
        await Promise.all([started, updated]);
        const sent = controller.take();
        const why = `0x${opcode.toString(16)}, connectable ${parameters.connectable}`;
        assert.equal(isOnAir(sent), true, why);
        const types = sent
          .filter((packet) => packet.startsWith("01 06 20"))
          .map((packet) => packet.slice(24, 26));
        assert.equal(types.at(-1), parameters.connectable ? "00" : "02", why);
        for (const command of ["01 08 20", "01 09 20"]) {
          const last = sent.filter((packet) => packet.startsWith(command)).at(-1)!;
          assert.ok(last.slice(12).startsWith("04 03 09 61 62"), why);
        }
        assert.equal(advertiser.advertising, true, why);
      }
    }
  });

  it("a stop while the start is on its way, at each of its commands: it is off", async () => {
    for (const opcode of START) {
      const { controller, set, settle } = createScene();
      controller.script(opcode, SILENCE);
      const started = set.start(ADVERTISEMENT);
      await settle();
      const stopped = set.stop();
      controller.deliver(commandComplete(opcode));
      await settle();
      await Promise.all([started, stopped]);
      assert.equal(isOnAir(controller.take()), false, `0x${opcode.toString(16)}`);
    }
  });

  it("a connection while the start is on its way, at each of its commands: nothing is left on the air", async () => {
    for (const opcode of START) {
      const { controller, advertiser, set, settle } = createScene();
      controller.script(opcode, SILENCE);
      const started = set.start(ADVERTISEMENT);
      await settle();
      advertiser.connected();
      controller.deliver(commandComplete(opcode));
      await settle();
      await started;
      assert.equal(isOnAir(controller.take()), false, `0x${opcode.toString(16)}`);
      assert.equal(advertiser.advertising, false);
    }
  });

  it("a connection ends it without a command; it concerns no advertisement that takes none", async () => {
    const { advertiser, set, opcodes } = createScene();
    await opcodes(() => set.start(ADVERTISEMENT));
    advertiser.connected();
    assert.equal(advertiser.advertising, false);
    assert.deepEqual(await opcodes(() => set.stop()), []);
    await opcodes(() => set.start(BEACON));
    advertiser.connected();
    assert.equal(advertiser.advertising, true);
    assert.deepEqual(await opcodes(() => set.stop()), [ENABLE]);
  });

  it("the end of high duty cycle advertising ends it, and concerns no other", async () => {
    const { advertiser, set, ends, opcodes } = createScene();
    const directedTo = { addressType: 1, address: new Uint8Array(6) };
    await opcodes(() => set.start({ ...ADVERTISEMENT, directedTo, highDuty: true }));
    advertiser.expired();
    assert.deepEqual(ends, [{ by: "timeout" }]);
    assert.equal(advertiser.advertising, false);
    assert.deepEqual(await opcodes(() => set.stop()), []);
    await opcodes(() => set.start(ADVERTISEMENT));
    advertiser.expired();
    assert.equal(ends.length, 1);
    assert.equal(advertiser.advertising, true);
  });

  it("slowDown() takes the data as they are by then, and does nothing when it is over", async () => {
    const { controller, set, opcodes, settle } = createScene();
    await opcodes(() => set.start({ ...ADVERTISEMENT, intervalUs: 20_000 }));
    await opcodes(() => set.update(NAME, NAME));
    const slowed = set.slowDown(1_000_000);
    await settle();
    await slowed;
    const sent = controller.take();
    assert.equal(sent[1]!.slice(0, 23), "01 06 20 0f 40 06 40 06");
    assert.ok(sent[2]!.includes("04 03 09 61 62"));
    await opcodes(() => set.stop());
    assert.deepEqual(await opcodes(() => set.slowDown(1_000_000)), []);
  });

  it("restart() goes on where it was on a controller that knows nothing", async () => {
    const { advertiser, set, restart, opcodes } = createScene();
    assert.deepEqual(await opcodes(() => restart()), []);
    await opcodes(() => set.start(ADVERTISEMENT));
    assert.deepEqual(await opcodes(() => restart()), START, "no Disable before");
    advertiser.forget(new Error("off"));
    assert.deepEqual(await opcodes(() => restart()), []);
  });

  it("checks interval and length before it sends anything; the interval also against the controller's version", async () => {
    const { controller, advertiser, set } = createScene();
    for (const [wrong, message] of [
      [{ intervalUs: 19_999 }, /19999/],
      [{ intervalUs: 10_240_001 }, /10240001/],
      [{ intervalUs: Number.NaN }, /NaN/],
      [{ advData: new Uint8Array(32) }, /advData has 32/],
      [{ respData: new Uint8Array(40) }, /respData has 40/],
    ] as const) {
      assert.throws(() => set.start({ ...ADVERTISEMENT, ...wrong }), { name: "RangeError", message });
      assert.equal(advertiser.advertising, false);
    }
    advertiser.begin(8);
    assert.throws(() => set.start({ ...BEACON, intervalUs: 99_999 }), {
      name: "RangeError",
      message: /100 ms/,
    });
    assert.deepEqual(controller.take(), []);
  });

  it("a refusal is reported, and leaves nothing that would be resumed", async () => {
    for (const opcode of START) {
      const { controller, advertiser, set, opcodes, settle } = createScene();
      controller.script(opcode, refuse(opcode, 0x12));
      const refused = assert.rejects(set.start(ADVERTISEMENT), {
        code: "controller-refused",
        status: 0x12,
      });
      await settle();
      await refused;
      assert.equal(advertiser.advertising, false);
      controller.take();
      assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), START, "no Disable: it never was on");
    }
  });

  it("a refused change of data leaves it on the air, a refused change of type does not", async () => {
    const { controller, advertiser, set, opcodes, settle } = createScene();
    await opcodes(() => set.start(BEACON));
    controller.script(DATA, refuse(DATA, 0x12));
    const refused = assert.rejects(set.update(NAME, new Uint8Array(0)), { status: 0x12 });
    await settle();
    await refused;
    assert.equal(advertiser.advertising, true);
    controller.script(PARAMETERS, refuse(PARAMETERS, 0x11));
    const over = assert.rejects(set.update(NAME, NAME), { status: 0x11 });
    await settle();
    await over;
    assert.equal(advertiser.advertising, false);
    assert.equal(isOnAir(controller.take()), false);
  });

  it("a controller that is lost in a change of type gets it when it is back", async () => {
    const { controller, hci, advertiser, set, restart, opcodes, settle } = createScene();
    await opcodes(() => set.start(BEACON));
    controller.script(PARAMETERS, SILENCE);
    const lost = assert.rejects(set.update(NAME, NAME), { code: "controller-lost" });
    await settle();
    controller.fail("unplugged");
    await settle();
    await lost;
    assert.equal(advertiser.advertising, true);
    beginSession(hci, controller);
    controller.take();
    const resumed = restart();
    await settle();
    await resumed;
    const sent = controller.take();
    assert.equal(sent[0]!.slice(24, 26), "02");
    assert.equal(isOnAir(sent), true);
  });
});

describe("Advertiser: beside links (Vol 4, Part E, 7.8.27)", () => {
  it("reads the controller's states once, and only when there is a link", async () => {
    const { connected, advertiser, set, restart, opcodes } = createScene();
    assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), START);
    advertiser.connected();
    connected.size = 1;
    assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), [STATES, ...START]);
    advertiser.connected();
    assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), START);
    assert.deepEqual((await opcodes(() => restart())).includes(STATES), true, "another controller, maybe");
  });

  const peer = { addressType: 1, address: new Uint8Array(6) };
  for (const [what, parameters, bit] of [
    ["connectable", ADVERTISEMENT, 38],
    ["directed at high duty cycle", { ...ADVERTISEMENT, directedTo: peer, highDuty: true }, 39],
    ["scannable", { ...BEACON, respData: NAME }, 21],
    ["non-connectable", BEACON, 20],
    ["directed", { ...ADVERTISEMENT, directedTo: peer }, 40],
  ] as const) {
    it(`${what} asks for bit ${bit}`, async () => {
      const all = [20, 21, 38, 39, 40];
      const { controller, set, settle } = createScene(1);
      controller.script(STATES, statesWithout(bit));
      const refused = assert.rejects(set.start(parameters), {
        name: "HciError",
        code: "advertising-while-connected",
        status: 0x0c,
      });
      await settle();
      await refused;
      assert.deepEqual(controller.takeOpcodes(), [STATES]);
      const other = createScene(1);
      other.controller.script(STATES, statesWithout(...all.filter((one) => one !== bit)));
      await other.opcodes(() => other.set.start(parameters));
      assert.equal(other.advertiser.advertising, true);
    });
  }

  it("tries a controller out that does not report its states, or reports none", async () => {
    for (const answer of [
      refuse(STATES, 0x01),
      () => [commandComplete(STATES, [0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ]) {
      const { controller, set, opcodes } = createScene(1);
      controller.script(STATES, answer);
      assert.deepEqual(await opcodes(() => set.start(ADVERTISEMENT)), [STATES, ...START]);
    }
  });

  it("names what a refusal means while devices are connected, and does not guess while none is", async () => {
    for (const [status, code] of [
      [0x0c, "advertising-while-connected"],
      [0x09, "too-many-connections"],
      [0x0d, "too-many-connections"],
      [0x07, "too-many-connections"],
      [0x12, "controller-refused"],
    ] as const) {
      for (const links of [1, 0]) {
        const { controller, set, settle } = createScene(links);
        controller.script(ENABLE, refuse(ENABLE, status));
        const expected = { name: "HciError", code: links > 0 ? code : "controller-refused", status };
        const refused = assert.rejects(set.start(ADVERTISEMENT), expected);
        await settle();
        await refused;
      }
    }
  });

  it("a controller that is lost while it is asked is no refusal: the start goes on when it is back", async () => {
    const { controller, hci, advertiser, set, restart, settle } = createScene(1);
    controller.script(STATES, SILENCE);
    const started = set.start(ADVERTISEMENT);
    await settle();
    controller.fail("unplugged");
    await settle();
    assert.equal(advertiser.advertising, true);
    beginSession(hci, controller);
    controller.take();
    const back = restart();
    await settle();
    await Promise.all([started, back]);
    assert.equal(isOnAir(controller.take()), true);
  });
});
