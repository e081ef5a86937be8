/** Connections as a central, against a controller that decides every answer and every order. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Initiator } from "../../../../firmware/ble/gap/initiator.ts";
import { ADDRESS_MODE, OwnAddresses } from "../../../../firmware/ble/gap/own-address.ts";
import type { ScanSearch } from "../../../../firmware/ble/gap/scanner.ts";
import { SupportedStates } from "../../../../firmware/ble/gap/supported-states.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { simulatedCrypto } from "../../../../simulator/crypto.ts";
import { beginSession } from "../../../support/hci.ts";
import { commandComplete, commandStatus, ScriptedController } from "../../../support/scripted-controller.ts";

const CREATE = 0x200d;
const CANCEL = 0x200e;
const STATES = 0x201c;
const TARGET = { addressType: 1, address: new Uint8Array([0xc0, 0xff, 0xee, 0, 0, 1]) };
const OTHER = { addressType: 1, address: new Uint8Array([0xc0, 0xff, 0xee, 0, 0, 2]) };
const PARAMETERS = {
  scanIntervalUs: 10_000,
  scanWindowUs: 10_000,
  minIntervalUs: 30_000,
  maxIntervalUs: 50_000,
  latency: 0,
  supervisionTimeoutMs: 2560,
};

/** Whether the host alone resolves the addresses of those who are looked for, and what scans for them. */
interface Privacy {
  readonly isPrivate?: boolean;
  readonly hasScanner?: boolean;
}

async function createScene({ isPrivate = false, hasScanner = true }: Privacy = {}) {
  const controller = new ScriptedController();
  const settle = () => controller.settle();
  const clock = new VirtualClock(settle);
  const events: string[] = [];
  const hci = new Hci(
    { transport: controller, clock, log: () => {} },
    {
      data: { receive: () => true, completed() {}, completedOne() {}, drain() {} },
      onFailure: () => events.push("lost"),
    },
  );
  const addresses = new OwnAddresses({
    hci,
    aes128: simulatedCrypto.aes128,
    records: {
      get: () => Uint8Array.of(0xc5, 0xc5, 0xc5, 0xc5, 0xc5, 0xc5),
      set() {},
      delete: () => false,
      keys: () => [],
    },
    uniqueId: () => new Uint8Array(8),
    random: (length) => new Uint8Array(length).fill(0xc5),
    log: () => {},
  });
  const searches: ScanSearch[] = [];
  /** The latest search hears this device. */
  const hear = (device = TARGET): void => {
    searches.at(-1)!.onReport({ ...device, eventType: 0, data: new Uint8Array(0), rssi: -50 });
  };
  const scanner = {
    suspend: async () => void events.push("scan off"),
    resume: async () => void events.push("scan on"),
    async beginSearch(search: ScanSearch) {
      assert.ok(isPrivate);
      events.push("search");
      searches.push(search);
    },
    endSearch: async () => void events.push("search off"),
  };
  const peers = { identityOf: <T>(device: T) => device, isResolvedHere: () => isPrivate };
  const settings = { addrMode: ADDRESS_MODE.STATIC_RANDOM };
  const links = new Map<number, { role: number }>();
  const log = (): void => {};
  const states = new SupportedStates({ hci, links });
  const initiator = new Initiator<string>({
    ...{ hci, clock, addresses, states, settings, peers, log },
    hasFeature: () => false,
    scanner: () => (hasScanner ? scanner : undefined),
  });
  beginSession(hci, controller);
  await Promise.all([addresses.begin(), settle()]);
  initiator.begin();
  controller.take();
  const connect = (name: string, target = TARGET) =>
    initiator.connect(target, PARAMETERS, {
      onConnected: (connection) => events.push(`${name} connected ${connection}`),
      onFailed: (error) => events.push(`${name} ${(error as { code: string }).code}`),
    });
  /** The opcodes that were sent. */
  const sent = (): number[] => controller.takeOpcodes();
  return { controller, clock, settle, initiator, events, connect, hear, links, sent };
}

describe("Initiator (Vol 4, Part E, 7.8.12)", () => {
  it("a connection reaches who asked for it; the next has its turn then", async () => {
    const { settle, initiator, events, connect, sent } = await createScene();
    const first = connect("first");
    const second = connect("second", OTHER);
    await settle();
    assert.deepEqual(sent(), [CREATE]);
    assert.equal(initiator.connected(), first);
    await settle();
    assert.deepEqual(sent(), [CREATE]);
    assert.equal(initiator.connected(), second);
    assert.deepEqual(events, []);
  });

  it("a cancelled attempt leaves the controller; its link that comes up meanwhile belongs to nobody", async () => {
    const { controller, settle, initiator, connect, sent } = await createScene();
    const attempt = connect("first");
    await settle();
    controller.script(CANCEL, () => [commandComplete(CANCEL, [0])]);
    const cancelled = initiator.cancel(attempt);
    await settle();
    assert.deepEqual(sent(), [CREATE, CANCEL]);
    assert.equal(initiator.connected(), undefined);
    await Promise.all([cancelled, settle()]);
  });

  it("a cancellation ends with the report that there is no connection", async () => {
    const { settle, initiator, events, connect, sent } = await createScene();
    const attempt = connect("first");
    await settle();
    const cancelled = initiator.cancel(attempt);
    await settle();
    initiator.failed(0x02);
    await Promise.all([cancelled, settle()]);
    connect("second", OTHER);
    await settle();
    assert.deepEqual(sent(), [CREATE, CANCEL, CREATE]);
    assert.deepEqual(events, []);
  });

  it("a cancellation whose end the controller never reports ends by itself", async () => {
    const { clock, settle, initiator, connect, sent } = await createScene();
    const attempt = connect("first");
    await settle();
    const cancelled = initiator.cancel(attempt);
    await clock.advance(3000);
    await cancelled;
    connect("second", OTHER);
    await settle();
    assert.deepEqual(sent(), [CREATE, CANCEL, CREATE]);
  });

  it("a cancellation that is refused, because the link is up already, waits for its report", async () => {
    const { controller, settle, initiator, connect } = await createScene();
    const attempt = connect("first");
    await settle();
    controller.script(CANCEL, () => [commandComplete(CANCEL, [0x0c])]);
    let done = false;
    const cancelled = initiator.cancel(attempt).then(() => {
      done = true;
    });
    await settle();
    assert.equal(done, false);
    assert.equal(initiator.connected(), undefined);
    await Promise.all([cancelled, settle()]);
  });

  it("an attempt that waits for its turn is cancelled without a command", async () => {
    const { settle, initiator, connect, sent } = await createScene();
    connect("first");
    const second = connect("second", OTHER);
    await settle();
    await initiator.cancel(second);
    initiator.connected();
    await settle();
    assert.deepEqual(sent(), [CREATE]);
  });

  it("a failure is reported at once, and the next has its turn", async () => {
    const { settle, initiator, events, connect, sent } = await createScene();
    connect("first");
    connect("second", OTHER);
    await settle();
    initiator.failed(0x09);
    await settle();
    assert.deepEqual(events, ["first too-many-connections"]);
    assert.deepEqual(sent(), [CREATE, CREATE]);
  });

  it("a refused command is reported at once", async () => {
    const { controller, settle, events, connect } = await createScene();
    controller.script(CREATE, () => [commandStatus(CREATE, 0x12)]);
    connect("first");
    await settle();
    assert.deepEqual(events, ["first controller-refused"]);
  });

  it("a controller that cannot scan meanwhile has its scan paused", async () => {
    const { controller, settle, initiator, events, connect, sent } = await createScene();
    controller.script(CREATE, () => [commandStatus(CREATE, 0x0c)]);
    connect("first");
    await settle();
    assert.deepEqual(events, ["scan off"]);
    assert.deepEqual(sent(), [CREATE, CREATE]);
    initiator.connected();
    await settle();
    assert.deepEqual(events, ["scan off", "scan on"]);
  });

  it("one that is not found makes way for the next after 2 s, and goes on after it", async () => {
    const { clock, controller, settle, initiator, events, connect, sent } = await createScene();
    const targets = (): number[] =>
      controller.sent
        .filter((packet) => packet[1] === 0x0d && packet[2] === 0x20)
        .map((packet) => packet[10]!);
    const first = connect("first");
    await clock.advance(10_000);
    assert.deepEqual(targets(), [1], "alone it stays on the air");
    const second = connect("second", OTHER);
    await clock.advance(1999);
    assert.deepEqual(targets(), [1]);
    controller.sent.length = 0;
    for (const target of [2, 1, 2]) {
      await clock.advance(1);
      assert.deepEqual(sent(), [CANCEL]);
      initiator.failed(0x02);
      await settle();
      assert.deepEqual(targets(), [target]);
      controller.sent.length = 0;
      await clock.advance(1999);
    }
    assert.equal(initiator.connected(), second);
    await settle();
    assert.deepEqual(targets(), [1]);
    assert.equal(initiator.connected(), first);
    assert.deepEqual(events, []);
  });

  it("one that is found as its turn ends is not looked for again", async () => {
    const { clock, settle, initiator, connect, sent } = await createScene();
    const first = connect("first");
    const second = connect("second", OTHER);
    await clock.advance(2000);
    assert.deepEqual(sent(), [CREATE, CANCEL]);
    assert.equal(initiator.connected(), first);
    await settle();
    assert.deepEqual(sent(), [CREATE]);
    assert.equal(initiator.connected(), second);
    await settle();
    assert.deepEqual(sent(), []);
  });

  it("one that is given up while it makes way takes no other off the air", async () => {
    const { clock, settle, initiator, connect, sent } = await createScene();
    const first = connect("first");
    const second = connect("second", OTHER);
    await clock.advance(2000);
    const cancelled = initiator.cancel(first);
    await settle();
    initiator.failed(0x02);
    await Promise.all([cancelled, settle()]);
    assert.deepEqual(sent(), [CREATE, CANCEL, CREATE]);
    assert.equal(initiator.connected(), second);
  });

  for (const [role, bit] of [
    [0, 28],
    [1, 41],
  ] as const) {
    it(`is refused beside a link in role ${role} when the controller says that it cannot`, async () => {
      const { controller, settle, events, connect, links, sent } = await createScene();
      const states = new Uint8Array(8).fill(0xff);
      states[bit >> 3] = states[bit >> 3]! & ~(1 << (bit & 7));
      controller.script(STATES, () => [commandComplete(STATES, [0, ...states])]);
      links.set(1, { role });
      connect("first");
      await settle();
      assert.deepEqual(events, ["first connecting-while-connected"]);
      assert.deepEqual(sent(), [STATES]);
      links.set(1, { role: 1 - role });
      connect("second");
      await settle();
      assert.deepEqual(sent(), [CREATE]);
    });
  }

  it("reports for nobody change nothing", async () => {
    const { settle, initiator, events } = await createScene();
    initiator.failed(0x3e);
    assert.equal(initiator.connected(), undefined);
    await settle();
    assert.deepEqual(events, []);
  });

  it("is off with the radio: who waits hears why", async () => {
    const { settle, initiator, events, connect } = await createScene();
    connect("first");
    const second = connect("second", OTHER);
    await settle();
    await initiator.cancel(second);
    initiator.forget({ code: "radio-off" });
    assert.deepEqual(events, ["first radio-off"]);
  });
});

describe("Initiator: a device whose addresses the host resolves", () => {
  it("is heard first, and looked for under that address; others that are heard do not count", async () => {
    const { settle, initiator, events, connect, hear, sent } = await createScene({ isPrivate: true });
    const attempt = connect("first");
    await settle();
    hear(OTHER);
    await settle();
    assert.deepEqual([events.splice(0), sent()], [["search"], []]);
    hear();
    hear();
    await settle();
    assert.deepEqual([events.splice(0), sent()], [["search off"], [CREATE]]);
    assert.equal(initiator.connected(), attempt);
  });

  it("is heard anew after 3 s, 6 s, 12 s and 12 s of the controller's looking for the address", async () => {
    const { controller, clock, settle, initiator, connect, hear, sent } = await createScene({
      isPrivate: true,
    });
    controller.script(CANCEL, () => [commandComplete(CANCEL, [0])]);
    connect("first");
    await settle();
    for (const patienceMs of [3000, 6000, 12_000, 12_000]) {
      hear();
      await settle();
      assert.deepEqual(sent(), [CREATE]);
      await clock.advance(patienceMs - 10);
      assert.deepEqual(sent(), []);
      await clock.advance(20);
      assert.deepEqual(sent(), [CANCEL]);
      initiator.failed(0x02);
      await settle();
    }
  });

  it("is looked for under its identity at once in an image without scans", async () => {
    const { settle, initiator, events, connect, sent } = await createScene({
      isPrivate: true,
      hasScanner: false,
    });
    const attempt = connect("first");
    await settle();
    assert.deepEqual([events, sent()], [[], [CREATE]]);
    assert.equal(initiator.connected(), attempt);
  });

  it("that is given up while it is searched for leaves no search behind", async () => {
    const { settle, initiator, events, connect, hear, sent } = await createScene({ isPrivate: true });
    const attempt = connect("first");
    await settle();
    const cancelled = initiator.cancel(attempt);
    hear();
    await Promise.all([cancelled, settle()]);
    assert.deepEqual([events, sent()], [["search", "search off"], []]);
  });
});
