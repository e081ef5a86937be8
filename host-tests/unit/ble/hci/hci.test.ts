import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HciError } from "../../../../firmware/ble/errors.ts";
import { COMMAND_TIMEOUT_MS } from "../../../../firmware/ble/hci/command-queue.ts";
import { disconnectionComplete } from "../../../../firmware/ble/hci/events.ts";
import { toHex } from "../../../support/bytes.ts";
import * as commands from "../../../support/commands.ts";
import {
  aclFrame,
  commandComplete,
  commandStatus,
  eventPacket,
  type ScriptedController,
  SILENCE,
} from "../../../support/scripted-controller.ts";
import { setUp, watch } from "./hci-scene.ts";

describe("Hci commands (Vol 4, Part E, 4.4)", () => {
  it("sends indicator, opcode, length and parameters", async () => {
    const { hci, controller } = setUp();
    await Promise.all([
      hci.send(commands.reset, {}),
      hci.send(commands.disconnect, { connectionHandle: 0x40, reason: 0x13 }),
      controller.settle(),
    ]);
    assert.deepEqual(controller.take(), ["01 03 0c 00", "01 06 04 03 40 00 13"]);
  });

  it("sends one at a time, in order, and gives each its own answer", async () => {
    const { hci, controller } = setUp();
    controller.mute(0x1009);
    controller.mute(0x2002);
    const first = watch(hci.send(commands.readBdAddr, {}));
    const second = watch(hci.send(commands.leReadBufferSize, {}));
    await controller.settle();
    assert.deepEqual(controller.take(), ["01 09 10 00"]);
    controller.deliver(commandComplete(0x1009, [0, 1, 2, 3, 4, 5, 6], 5));
    await controller.settle();
    assert.equal(toHex(first.value!.bdAddr), "06 05 04 03 02 01");
    assert.deepEqual(controller.take(), ["01 02 20 00"]);
    controller.deliver(commandComplete(0x2002, [0, 27, 0, 3]));
    await controller.settle();
    assert.deepEqual(second.value, { leAclDataPacketLength: 27, totalNumLeAclDataPackets: 3 });
  });

  it("waits after zero credits until a Command Complete for no command grants them (7.7.14)", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x0c03, () => [commandComplete(0x0c03, [0], 0)]);
    const first = watch(hci.send(commands.reset, {}));
    const second = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS / 2);
    assert.equal(first.state, "resolved");
    assert.deepEqual(controller.take(), ["01 03 0c 00"], "nothing is sent without credit");
    controller.deliver(eventPacket(0x0e, [1, 0, 0]));
    await controller.settle();
    assert.equal(second.state, "resolved");
    assert.deepEqual(controller.take(), ["01 09 10 00"]);
    assert.equal(clock.pending, 0);
  });

  it("takes credits from a Command Status for no command as well (7.7.15)", async () => {
    const { hci, controller } = setUp();
    controller.script(0x0c03, () => [commandComplete(0x0c03, [0], 0)]);
    const both = [watch(hci.send(commands.reset, {})), watch(hci.send(commands.readBdAddr, {}))];
    await controller.settle();
    controller.deliver(commandStatus(0, 0, 1));
    await controller.settle();
    assert.deepEqual(
      both.map((seen) => seen.state),
      ["resolved", "resolved"],
    );
  });

  it("does not wait for credits for ever: the controller counts as dead", async () => {
    const { hci, controller, clock, failures } = setUp();
    controller.script(0x0c03, () => [commandComplete(0x0c03, [0], 0)]);
    await Promise.all([hci.send(commands.reset, {}), controller.settle()]);
    const starved = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(starved.state, "pending");
    await clock.advance(1);
    assert.equal(starved.error?.code, "controller-timeout");
    assert.equal(failures.length, 1);
  });

  it("gives every command its full time from when it was sent", async () => {
    const { hci, controller, clock } = setUp();
    controller.mute(0x1009);
    controller.mute(0x2002);
    const first = watch(hci.send(commands.readBdAddr, {}));
    const second = watch(hci.send(commands.leReadBufferSize, {}));
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    controller.deliver(commandComplete(0x1009, [0, 1, 2, 3, 4, 5, 6]));
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.deepEqual([first.state, second.state], ["resolved", "pending"]);
    controller.deliver(commandComplete(0x2002, [0, 27, 0, 3]));
    await controller.settle();
    assert.equal(second.state, "resolved");
    assert.equal(clock.pending, 0, "no timer is left");
  });

  it("rejects with the status that the controller gave", async () => {
    const { hci, controller } = setUp();
    controller.script(0x200a, () => [commandComplete(0x200a, [0x0c])]);
    controller.script(0x0406, () => [commandStatus(0x0406, 0x02)]);
    const refused = watch(hci.send(commands.leSetAdvertisingEnable, { advertisingEnable: 1 }));
    const gone = watch(hci.send(commands.disconnect, { connectionHandle: 1, reason: 0x13 }));
    await controller.settle();
    for (const [seen, status] of [
      [refused, 0x0c],
      [gone, 0x02],
    ] as const) {
      assert.ok(seen.error instanceof HciError);
      assert.equal(seen.error.code, "controller-refused");
      assert.equal(seen.error.status, status);
    }
    assert.match(refused.error!.message, /LE Set Advertising Enable.*command disallowed \(0x0c\)/);
  });

  it("rejects a command with results whose answer is an error without them (4.5)", async () => {
    const { hci, controller } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, [0x01])]);
    controller.script(0x2002, () => [commandStatus(0x2002, 0x01)]);
    const both = [watch(hci.send(commands.readBdAddr, {})), watch(hci.send(commands.leReadBufferSize, {}))];
    await controller.settle();
    assert.deepEqual(
      both.map((seen) => seen.error?.status),
      [0x01, 0x01],
    );
  });

  it("rejects an answer whose results are cut short, at every length", async () => {
    for (let length = 0; length < 7; length++) {
      const { hci, controller } = setUp();
      controller.script(0x1009, () => [commandComplete(0x1009, new Uint8Array(length))]);
      const seen = watch(hci.send(commands.readBdAddr, {}));
      await controller.settle();
      assert.equal(seen.error?.code, "controller-refused", `${length} bytes`);
    }
  });

  it("accepts results that a later version made longer (4.5)", async () => {
    const { hci, controller } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, [0, 1, 2, 3, 4, 5, 6, 0xff, 0xff])]);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(toHex(seen.value!.bdAddr), "06 05 04 03 02 01");
  });

  it("does not take Command Status for the result of a command that has results", async () => {
    const { hci, controller } = setUp();
    controller.script(0x1009, () => [commandStatus(0x1009, 0)]);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(seen.state, "pending");
    controller.deliver(commandComplete(0x1009, [0, 1, 2, 3, 4, 5, 6]));
    await controller.settle();
    assert.equal(toHex(seen.value!.bdAddr), "06 05 04 03 02 01");
  });

  it("logs sixteen answers that nobody awaits, and that there are more", async () => {
    const { controller, log } = setUp();
    for (let n = 0; n < 200; n++) controller.deliver(commandStatus(0x0406));
    await controller.settle();
    assert.equal(log.length, 17);
    assert.match(log.at(-1)!, /no more of it is logged/);
  });

  it("notes an answer that nobody awaits, and takes its credits", async () => {
    const { hci, controller, log } = setUp();
    controller.deliver(commandComplete(0x2002, [0, 27, 0, 3]), commandStatus(0x0406));
    await controller.settle();
    assert.equal(log.length, 2);
    assert.match(log[0]!, /0x2002, which is not waiting/);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(seen.state, "resolved");
  });

  it("does not give an unexpected answer to the command that waits", async () => {
    const { hci, controller } = setUp();
    controller.mute(0x1009);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    controller.deliver(commandComplete(0x0c03, [0]), commandStatus(0x0406, 0x0c));
    await controller.settle();
    assert.equal(seen.state, "pending");
    controller.deliver(commandComplete(0x1009, [0, 1, 2, 3, 4, 5, 6]));
    await controller.settle();
    assert.equal(seen.state, "resolved");
  });

  it("runs what follows an answer before the next event is handled, when the loop runs promise jobs between", async () => {
    const { hci, controller } = setUp();
    const order: string[] = [];
    hci.on(disconnectionComplete, () => order.push("event"));
    controller.script(0x0406, () => [commandStatus(0x0406), eventPacket(0x05, [0, 0x40, 0, 0x16])]);
    hci.send(commands.disconnect, { connectionHandle: 0x40, reason: 0x13 }).then(
      () => order.push("answer"),
      () => order.push("refused"),
    );
    await controller.settle();
    assert.deepEqual(order, ["answer", "event"]);
  });
});

describe("Hci failures", () => {
  it("times out: closes the line, rejects what was sent and what waits, notifies the host once", async () => {
    const { hci, controller, clock, failures } = setUp();
    controller.mute(0x0c03);
    const all = [
      watch(hci.send(commands.reset, {})),
      watch(hci.send(commands.readBdAddr, {})),
      watch(hci.send(commands.leReadBufferSize, {})),
    ];
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.deepEqual(
      all.map((seen) => seen.error?.code),
      new Array(3).fill("controller-timeout"),
    );
    assert.match(all[0]!.error!.message, /Reset within 2000 ms/);
    assert.equal(failures.length, 1);
    assert.equal(controller.closes, 1);
    await clock.advance(60_000);
    assert.equal(failures.length, 1);
  });

  it("rejects at once while closed, and ignores a controller that talks on", async () => {
    const { hci, controller, clock, failures, acl } = setUp();
    controller.mute(0x0c03);
    const first = watch(hci.send(commands.reset, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    const late = watch(hci.send(commands.readBdAddr, {}));
    hci.onPacket(new DataView(commandComplete(0x0c03).buffer as ArrayBuffer));
    hci.onPacket(new DataView(aclFrame(1, 4, [1]).buffer as ArrayBuffer));
    hci.onFailure("again");
    hci.onWritable();
    await controller.settle();
    assert.equal(first.state, "rejected");
    assert.equal(late.error?.code, "controller-timeout", "what ended the session");
    hci.close();
    const off = watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(off.error?.code, "radio-off", "switched off since");
    assert.equal(failures.length, 1);
    assert.deepEqual(acl, []);
  });

  it("completed packets that come as two numbers count like their packet: in a session that runs, and as a sign of life", async () => {
    const { hci, controller, clock, completed, failures } = setUp();
    hci.onCompleted(0x40, 0x8001);
    assert.deepEqual(completed, ["32769 of 64"]);
    controller.mute(0x1009);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    // What has arrived when the time is up is looked at before the silence is believed.
    clock.setTimer(() => hci.onCompleted(0x0eff, 2), COMMAND_TIMEOUT_MS);
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(completed.at(-1), "04 13 05 01 ff 0e 02 00");
    assert.deepEqual([seen.state, failures.length], ["pending", 0]);
    await clock.advance(1000);
    assert.equal(seen.error?.code, "controller-timeout");
    const { ignored } = hci;
    hci.onCompleted(0x40, 1);
    assert.deepEqual([completed.length, hci.ignored], [2, ignored], "the line is closed");
    hci.open();
    hci.onCompleted(0x40, 1);
    assert.deepEqual([completed.length, hci.ignored], [2, 1], "Reset has not been answered");
  });

  it("answers late: the answer of the life before does not confuse the next", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, SILENCE);
    const lost = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(lost.state, "rejected");
    hci.open();
    controller.script(0x0c03, () => [
      commandComplete(0x1009, [0, 9, 9, 9, 9, 9, 9]),
      commandComplete(0x0c03, [0]),
    ]);
    const reset = watch(hci.sendSetup(commands.reset, {}));
    const address = watch(hci.sendSetup(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(reset.state, "resolved");
    assert.equal(toHex(address.value!.bdAddr), "00 ff ee 00 00 01");
  });

  it("starts with one credit again after zero credits and a failure", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x0c03, () => [commandComplete(0x0c03, [0], 0)]);
    const first = watch(hci.send(commands.reset, {}));
    const starved = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.deepEqual([first.state, starved.state], ["resolved", "rejected"]);
    hci.open();
    const again = watch(hci.sendSetup(commands.reset, {}));
    await controller.settle();
    assert.equal(again.state, "resolved");
  });

  it("takes commands of the setup alone between open() and run(); others are refused for what ended the session before", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, SILENCE);
    const lost = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(lost.state, "rejected");
    controller.take();
    hci.open();
    const reset = watch(hci.sendSetup(commands.reset, {}));
    const behindReset = watch(hci.send(commands.leRand, {}));
    await controller.settle();
    const early = watch(hci.send(commands.leRand, {}));
    await controller.settle();
    for (const { error } of [behindReset, early]) assert.equal(error, lost.error);
    assert.equal(reset.state, "resolved");
    assert.deepEqual(controller.take(), ["01 03 0c 00"]);
    hci.run();
    const late = watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    assert.equal(late.state, "resolved");
  });

  it("reports a hardware error (7.7.16) and a broken line as a lost controller", async () => {
    for (const breakIt of [
      (controller: ScriptedController) => controller.deliver(eventPacket(0x10, [0x42])),
      (controller: ScriptedController) => controller.deliver(eventPacket(0x10, [])),
      (controller: ScriptedController) => controller.fail("framing lost"),
    ]) {
      const { hci, controller, failures } = setUp();
      controller.mute(0x0c03);
      const seen = watch(hci.send(commands.reset, {}));
      breakIt(controller);
      await controller.settle();
      assert.equal(seen.error?.code, "controller-lost");
      assert.equal(failures[0]?.code, "controller-lost");
    }
  });

  it("close() rejects what waits with radio-off and reports no failure", async () => {
    const { hci, controller, clock, failures } = setUp();
    controller.mute(0x0c03);
    const both = [watch(hci.send(commands.reset, {})), watch(hci.send(commands.readBdAddr, {}))];
    hci.close();
    hci.close();
    await controller.settle();
    assert.deepEqual(
      both.map((seen) => seen.error?.code),
      ["radio-off", "radio-off"],
    );
    assert.equal(failures.length, 0);
    assert.equal(clock.pending, 0);
    assert.equal(controller.closes, 1);
  });
});

describe("Hci and a full transport", () => {
  it("sends when there is room again", async () => {
    const { hci, controller, writableCalls } = setUp();
    controller.room = 0;
    const seen = watch(hci.send(commands.reset, {}));
    await controller.settle();
    assert.equal(controller.sent.length, 0);
    controller.writable();
    await controller.settle();
    assert.equal(seen.state, "resolved");
    assert.equal(writableCalls(), 1);
  });

  it("gives up a line that takes nothing", async () => {
    const { hci, controller, clock } = setUp();
    controller.room = 0;
    const seen = watch(hci.send(commands.reset, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  it("counts the time of an answer from when the command went out", async () => {
    const { hci, controller, clock } = setUp();
    controller.room = 0;
    controller.mute(0x0c03);
    const seen = watch(hci.send(commands.reset, {}));
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    controller.writable();
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(seen.state, "pending");
    await clock.advance(1);
    assert.equal(seen.state, "rejected");
  });
});
