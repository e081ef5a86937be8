/** Connections as a central, against a controller that decides every answer and every order. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Initiator } from "../../../../firmware/ble/gap/initiator.ts";
import { ADDRESS_MODE, OwnAddresses } from "../../../../firmware/ble/gap/own-address.ts";
import { Hci } from "../../../../firmware/ble/hci/hci.ts";
import { beginSession } from "../../../support/hci.ts";
import { commandComplete, commandStatus, ScriptedController } from "../../../support/scripted-controller.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

const CREATE = 0x200d;
const CANCEL = 0x200e;
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

async function createScene() {
  const controller = new ScriptedController();
  const settle = () => controller.settle();
  const clock = new VirtualClock(settle);
  const events: string[] = [];
  const hci = new Hci(
    { transport: controller, clock, log: () => {} },
    { data: { receive: () => true, completed() {}, drain() {} }, onFailure: () => events.push("lost") },
  );
  const addresses = new OwnAddresses({
    hci,
    records: { get: () => undefined, set() {}, delete: () => false, keys: () => [] },
    random: (length) => new Uint8Array(length).fill(0xc5),
    log: () => {},
  });
  const scanner = {
    suspend: async () => void events.push("scan off"),
    resume: async () => void events.push("scan on"),
  };
  const settings = { addrMode: ADDRESS_MODE.STATIC_RANDOM };
  const initiator = new Initiator<string>({ hci, clock, addresses, settings, scanner, log: () => {} });
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
  return { controller, clock, settle, initiator, events, connect, sent };
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
