import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { COMMAND_TIMEOUT_MS } from "../../../firmware/ble/hci/command-queue.ts";
import { utf8Encode } from "../../../firmware/ble/utf8.ts";
import { createConnectedRig, createRig, HANDLE, type Rig } from "../../support/rig.ts";
import { disconnectionComplete, eventPacket, SILENCE } from "../../support/scripted-controller.ts";

const RESET = 0x0c03;
const READ_COMMANDS = 0x1002;
const DISCONNECT = 0x0406;
const FAREWELL = "01 06 04 03 40 00 15";

/** Records the calls of observers. */
function watch(rig: Rig): string[] {
  const news: string[] = [];
  rig.host.observe({
    onStopping: () => news.push("stopping"),
    onStopped: () => news.push("stopped"),
    onRadioLost: (error) => news.push(`lost ${error.code}`),
    onDisconnected: (_, reason) => news.push(`down 0x${reason.toString(16)}`),
  });
  return news;
}

async function started(rig: Rig): Promise<void> {
  const activation = rig.host.activate();
  await rig.settle();
  await activation;
}

/** Registers for a rejection at once, so that it is not unhandled meanwhile. */
function radioOff(promise: Promise<unknown>): Promise<void> {
  return assert.rejects(promise, { code: "radio-off" });
}

describe("Host: switching the radio off", () => {
  it("ends links with 0x15, resets the controller, closes the line, and keeps what is registered", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    rig.host.gatt.generic.deviceName = utf8Encode("obscura");
    const off = rig.host.deactivate();
    await rig.settle();
    assert.deepEqual(rig.controller.take(), [FAREWELL]);
    rig.controller.deliver(disconnectionComplete(HANDLE, 0x16));
    await rig.settle();
    await off;
    assert.deepEqual(rig.controller.take(), ["01 03 0c 00"]);
    assert.deepEqual(news, ["stopping", "down 0x16", "stopped"]);
    assert.equal(rig.controller.closes, 1);
    assert.equal(rig.host.active, false);
    assert.equal(rig.host.connections.size, 0);
    assert.equal(rig.host.gatt.clientCount, 0);
    assert.equal(rig.clock.pending, 0);
    await started(rig);
    assert.equal(rig.host.active, true);
    assert.deepEqual(rig.host.gatt.generic.deviceName, utf8Encode("obscura"));
  });

  it("takes advertising off the air first, and does not resume it at the next start", async () => {
    const rig = createRig();
    await started(rig);
    const empty = new Uint8Array(0);
    const onAir = rig.host.advertiser.acquire({ onEnded() {}, take: () => true })!.start({
      intervalUs: 100_000,
      connectable: true,
      advData: empty,
      respData: empty,
    });
    await rig.settle();
    await onAir;
    rig.controller.take();
    const off = rig.host.deactivate();
    await rig.settle();
    await off;
    assert.deepEqual(rig.controller.take(), ["01 0a 20 01 00", "01 03 0c 00"]);
    assert.equal(rig.host.advertiser.advertising, false);
    await started(rig);
    assert.ok(!rig.controller.takeOpcodes().includes(0x200a));
  });

  it("waits one second for the farewell of a link, no longer", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    const off = rig.host.deactivate();
    await rig.clock.advance(999);
    assert.deepEqual(news, ["stopping"]);
    await rig.clock.advance(1);
    await off;
    assert.deepEqual(news, ["stopping", "down 0x16", "stopped"]);
    assert.equal(rig.clock.pending, 0);
  });

  it("takes a link that comes while advertising ends along", async () => {
    const rig = createRig();
    const advertising = radioOff(rig.aioble.advertise({ intervalUs: 100_000 }));
    await rig.settle();
    const off = rig.host.deactivate();
    await rig.connect();
    rig.controller.deliver(disconnectionComplete(HANDLE, 0x16));
    await rig.settle();
    await Promise.all([off, advertising]);
    assert.equal(rig.host.connections.size, 0);
    assert.ok(rig.controller.take().includes(FAREWELL));
    assert.equal(rig.clock.pending, 0);
  });

  it("is shared by its callers, does nothing when the radio is off, and activation waits for its end", async () => {
    const rig = await createConnectedRig();
    rig.controller.take();
    const both = [rig.host.deactivate(), rig.host.deactivate()];
    const again = rig.host.activate();
    await rig.settle();
    assert.deepEqual(rig.controller.takeOpcodes(), [DISCONNECT]);
    await rig.disconnect(HANDLE, 0x16);
    await Promise.all([...both, again]);
    assert.deepEqual(rig.controller.takeOpcodes().slice(0, 3), [RESET, RESET, READ_COMMANDS]);
    assert.equal(rig.host.active, true);
    await Promise.all([rig.host.deactivate(), rig.settle()]);
    const news = watch(rig);
    await rig.host.deactivate();
    assert.deepEqual(news, []);
  });

  it("gives up a start under way: in its commands, in a pause, and one that waits for the end", async () => {
    const rig = createRig();
    rig.controller.mute(RESET);
    // A command that has no answer yet, and the pause after it.
    for (const delayMs of [0, COMMAND_TIMEOUT_MS + 100]) {
      const start = radioOff(rig.host.activate());
      await rig.clock.advance(delayMs);
      const off = rig.host.deactivate();
      await rig.clock.advance(delayMs > 0 ? 0 : COMMAND_TIMEOUT_MS);
      await Promise.all([off, start]);
      assert.equal(rig.clock.pending, 0);
      assert.equal(rig.host.active, false);
    }
    const connected = await createConnectedRig();
    const off = connected.host.deactivate();
    const waiting = radioOff(connected.host.activate());
    const offAgain = connected.host.deactivate();
    await connected.disconnect(HANDLE, 0x16);
    await Promise.all([off, offAgain, waiting, connected.settle()]);
    assert.equal(connected.host.active, false);
    assert.equal(connected.controller.opens, 1);
  });

  it("closes the line when the controller has answered what it was asked, and a Reset", async () => {
    const rig = createRig();
    const start = radioOff(rig.host.activate());
    await undefined;
    const off = rig.host.deactivate();
    assert.equal(rig.controller.closes, 0);
    await Promise.all([start, off, rig.settle()]);
    assert.deepEqual(rig.controller.takeOpcodes(), [RESET, RESET]);
    assert.equal(rig.controller.closes, 1);
  });

  it("a start that was given up and one right after it do not disturb each other", async () => {
    for (let steps = 0; steps < 40; steps++) {
      const rig = createRig();
      const first = rig.host.activate().then(
        () => "on",
        (error: { code: string }) => error.code,
      );
      const settled = rig.settle();
      for (let step = 0; step < steps; step++) await undefined;
      const off = rig.host.deactivate();
      const second = rig.host.activate();
      await settled;
      await Promise.all([off, second, rig.settle()]);
      assert.ok(["on", "radio-off"].includes(await first));
      assert.equal(rig.host.active, true);
      assert.equal(rig.clock.pending, 0);
    }
  });

  it("ends a restart after a failure, and nobody is notified that the radio is lost", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    rig.controller.mute(RESET);
    rig.controller.fail("unplugged");
    await rig.clock.advance(COMMAND_TIMEOUT_MS + 100);
    await rig.host.deactivate();
    await rig.clock.advance(60_000);
    assert.deepEqual(news, ["down 0x3", "stopping", "stopped"]);
    assert.equal(rig.clock.pending, 0);
  });

  for (const [name, opcode] of [
    ["the end of a link", DISCONNECT],
    ["the reset", RESET],
  ] as const) {
    it(`ends all the same when the controller does not answer ${name}`, async () => {
      const rig = await createConnectedRig();
      const news = watch(rig);
      rig.controller.script(opcode, SILENCE);
      const off = rig.host.deactivate();
      await rig.clock.advance(1000 + COMMAND_TIMEOUT_MS);
      await off;
      assert.deepEqual(news, ["stopping", "down 0x16", "stopped"]);
      assert.equal(rig.host.active, false);
      assert.equal(rig.clock.pending, 0);
      await started(rig);
    });
  }

  it("ends all the same when the line breaks meanwhile", async () => {
    const rig = await createConnectedRig();
    const news = watch(rig);
    const off = rig.host.deactivate();
    rig.controller.fail("unplugged");
    await rig.settle();
    await off;
    assert.deepEqual(news, ["stopping", "down 0x3", "stopped"]);
    assert.equal(rig.host.active, false);
    assert.equal(rig.clock.pending, 0);
  });
});

describe("Host: weak spots of a start", () => {
  it("a flash that fails does not keep the radio off: the address is that of the unique identifier", async () => {
    for (const failing of ["get", "set"] as const) {
      const rig = createRig();
      rig.records[failing] = () => {
        throw new Error("flash: program failed");
      };
      await started(rig);
      const address = rig.host.ownAddress;
      await Promise.all([rig.host.deactivate(), rig.settle()]);
      await started(rig);
      assert.equal(rig.host.ownAddress, address);
      const warnings = rig.log.filter(([level]) => level === "warning");
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]![1], /address that is kept cannot be read, or not be kept: .*program failed/);
    }
  });

  it("a controller that refuses to advertise again after its restart is not called lost", async () => {
    const rig = createRig();
    const failed = assert.rejects(rig.aioble.advertise({ intervalUs: 100_000 }), {
      code: "controller-refused",
    });
    await rig.settle();
    const news = watch(rig);
    rig.controller.script(0x200a, () => [eventPacket(0x0e, [1, 0x0a, 0x20, 0x11])]);
    rig.controller.fail("unplugged");
    await rig.settle();
    await failed;
    assert.deepEqual(news, []);
    assert.match(rig.log.at(-1)![1], /^host: the radio is back, but does not advertise again: /);
    assert.equal(rig.host.active, true);
  });
});
