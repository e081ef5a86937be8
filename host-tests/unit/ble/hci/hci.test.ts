import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { HciError } from "../../../../firmware/ble/errors.ts";
import { Acl } from "../../../../firmware/ble/hci/acl.ts";
import { disconnectionComplete, encryptionKeyRefreshComplete } from "../../../../firmware/ble/hci/events.ts";
import { COMMAND_TIMEOUT_MS, Hci } from "../../../../firmware/ble/hci/hci.ts";
import {
  leConnectionComplete,
  leConnectionUpdateComplete,
  leDataLengthChange,
  leEnhancedConnectionComplete,
  leLongTermKeyRequest,
  lePhyUpdateComplete,
  leRemoteConnectionParameterRequest,
} from "../../../../firmware/ble/hci/le-events.ts";
import type { HciEvent } from "../../../../firmware/ble/hci/packet.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { EVENTS } from "../../../../tools/trace/packet-tables.ts";
import { fromHex, toHex } from "../../../support/bytes.ts";
import * as commands from "../../../support/commands.ts";
import { beginSession } from "../../../support/hci.ts";
import {
  aclFrame,
  commandComplete,
  commandStatus,
  completedPackets,
  eventPacket,
  lePacket,
  ScriptedController,
  SILENCE,
} from "../../../support/scripted-controller.ts";

function setUp() {
  const controller = new ScriptedController();
  const clock = new VirtualClock(() => controller.settle());
  const log: string[] = [];
  const failures: HciError[] = [];
  const acl: string[] = [];
  const completed: string[] = [];
  let writable = 0;
  const bytesOf = (view: DataView) => toHex(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  const lengths = new Acl({ transport: controller, log: () => {} });
  const hci = new Hci(
    { transport: controller, clock, log: (level, message) => log.push(`${level}: ${message}`) },
    {
      data: {
        receive(packet) {
          const sound = lengths.receive(packet);
          if (sound) acl.push(bytesOf(packet));
          return sound;
        },
        completed: (packet) => completed.push(bytesOf(packet)),
        drain: () => writable++,
      },
      onFailure: (error) => failures.push(error),
    },
  );
  beginSession(hci, controller);
  return { controller, clock, log, failures, acl, completed, hci, writableCalls: () => writable };
}

/** What became of a promise, readable without waiting for it. */
function watch<T>(promise: Promise<T>): {
  state: "pending" | "resolved" | "rejected";
  value?: T;
  error?: HciError;
} {
  const seen: ReturnType<typeof watch<T>> = { state: "pending" };
  promise.then(
    (value) => Object.assign(seen, { state: "resolved", value }),
    (error) => Object.assign(seen, { state: "rejected", error }),
  );
  return seen;
}

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
    assert.equal(late.error?.code, "radio-off");
    assert.equal(failures.length, 1);
    assert.deepEqual(acl, []);
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
    const reset = watch(hci.send(commands.reset, {}));
    const address = watch(hci.send(commands.readBdAddr, {}));
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
    const again = watch(hci.send(commands.reset, {}));
    await controller.settle();
    assert.equal(again.state, "resolved");
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

describe("Hci: what has arrived is looked at before a timeout is believed", () => {
  const answer = commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"));
  const noise = Array.from({ length: 30 }, () => aclFrame(0x99, 4, new Array<number>(200).fill(0)));

  /** As a loop does that was kept from its turn until the time was up: reads a part, then lets timers run. */
  function deliverInTurns(
    scene: ReturnType<typeof setUp>,
    ...turns: readonly (readonly Uint8Array[])[]
  ): void {
    const [turn, ...later] = turns;
    if (!turn) return;
    scene.controller.deliver(...turn);
    scene.clock.setTimer(() => deliverInTurns(scene, ...later), 0);
  }

  function send(scene: ReturnType<typeof setUp>) {
    scene.controller.script(0x1009, SILENCE);
    return watch(scene.hci.send(commands.readBdAddr, {}));
  }

  it("the answer waits behind 6 KB of data, more than one turn takes: it counts", async () => {
    const scene = setUp();
    const seen = send(scene);
    scene.clock.setTimer(
      () => deliverInTurns(scene, noise.slice(0, 20), [...noise.slice(20), answer]),
      COMMAND_TIMEOUT_MS,
    );
    await scene.clock.advance(COMMAND_TIMEOUT_MS + 1000);
    assert.equal(seen.state, "resolved");
    assert.deepEqual(scene.failures, []);
    assert.equal(scene.clock.pending, 0);
  });

  it("also the answer alone, in the turn after the time was up", async () => {
    const scene = setUp();
    const seen = send(scene);
    scene.clock.setTimer(() => scene.controller.deliver(answer), COMMAND_TIMEOUT_MS);
    await scene.clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(seen.state, "resolved");
  });

  it("a controller that is silent is dead at that moment, not later", async () => {
    const scene = setUp();
    const seen = send(scene);
    await scene.clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(seen.state, "pending");
    await scene.clock.advance(1);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  it("one that talks on and does not answer is dead too, within 1.5 s", async () => {
    const scene = setUp();
    const seen = send(scene);
    const talk = (): void => {
      scene.controller.deliver(noise[0]!);
      scene.clock.setTimer(talk, 10);
    };
    talk();
    await scene.clock.advance(COMMAND_TIMEOUT_MS + 1500);
    assert.equal(seen.error?.code, "controller-timeout");
  });

  it("the command behind it has its whole time", async () => {
    const scene = setUp();
    const first = send(scene);
    const second = send(scene);
    scene.clock.setTimer(() => scene.controller.deliver(answer), COMMAND_TIMEOUT_MS);
    await scene.clock.advance(2 * COMMAND_TIMEOUT_MS - 1);
    assert.deepEqual([first.state, second.state], ["resolved", "pending"]);
    await scene.clock.advance(1);
    assert.equal(second.error?.code, "controller-timeout");
  });
});

describe("Hci: an error says what happened", () => {
  it("a command that was not answered", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, SILENCE);
    const seen = watch(hci.send(commands.readBdAddr, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.match(seen.error!.message, /did not answer Read BD_ADDR within 2000 ms/);
  });

  it("a command that was never sent, for the controller allowed none", async () => {
    const { hci, controller, clock } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"), 0)]);
    const first = watch(hci.send(commands.readBdAddr, {}));
    const second = watch(hci.send(commands.leRand, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.equal(first.state, "resolved");
    assert.match(second.error!.message, /allowed no command for 2000 ms, so LE Rand was not sent/);
  });

  it("a command that was never sent, for the line took no bytes", async () => {
    const { hci, controller, clock } = setUp();
    controller.room = 0;
    const seen = watch(hci.send(commands.leRand, {}));
    await clock.advance(COMMAND_TIMEOUT_MS);
    assert.match(seen.error!.message, /took no bytes for 2000 ms, so LE Rand was not sent/);
  });

  it("Reset at the end, of a controller that allowed no command, is named itself", async () => {
    const { hci, controller, clock, log } = setUp();
    controller.script(0x1009, () => [commandComplete(0x1009, fromHex("00 01 00 00 ee ff 00"), 0)]);
    watch(hci.send(commands.readBdAddr, {}));
    await controller.settle();
    const waiting = watch(hci.send(commands.leRand, {}));
    await clock.advance(1000);
    const retired = hci.retire();
    await clock.advance(COMMAND_TIMEOUT_MS - 1);
    assert.equal(waiting.error?.code, "radio-off");
    assert.equal(log.length, 0, "Reset has its whole time");
    await clock.advance(1);
    await retired;
    assert.match(log.at(-1)!, /so Reset was not sent/);
  });
});

describe("Hci events", () => {
  it("delivers an event and an LE event to its handler, others to nobody", async () => {
    const { hci, controller } = setUp();
    const seen: unknown[] = [];
    hci.on(disconnectionComplete, (values) => seen.push(values));
    hci.on(leConnectionUpdateComplete, (values) => seen.push(values));
    controller.deliver(
      eventPacket(0x05, fromHex("00 40 00 13")),
      lePacket(0x03, fromHex("00 40 00 06 00 04 00 f4 01")),
      lePacket(0x05, fromHex("40 00")),
      lePacket(0xff, []),
      eventPacket(0x3e, []),
      eventPacket(0xff, [1, 2, 3]),
    );
    await controller.settle();
    assert.deepEqual(seen, [
      { status: 0, connectionHandle: 0x40, reason: 0x13 },
      {
        status: 0,
        connectionHandle: 0x40,
        connectionInterval: 6,
        peripheralLatency: 4,
        supervisionTimeout: 500,
      },
    ]);
    assert.equal(hci.malformed, 0, "unknown is not malformed");
  });

  it("every listener of an event hears it, in the order in which they began", async () => {
    const { hci, controller } = setUp();
    const seen: string[] = [];
    hci.on(disconnectionComplete, () => seen.push("first"));
    hci.on(disconnectionComplete, () => seen.push("second"));
    controller.deliver(eventPacket(0x05, fromHex("00 40 00 13")));
    await controller.settle();
    assert.deepEqual(seen, ["first", "second"]);
  });

  it("an event that demands a reply has one owner: a second throws", () => {
    const { hci } = setUp();
    for (const request of [leLongTermKeyRequest, leRemoteConnectionParameterRequest] as const) {
      hci.on(request as HciEvent, () => {});
      assert.throws(() => hci.on(request as HciEvent, () => {}), { message: /has an owner/ });
    }
    const demanding = EVENTS.filter((event) => event.demandsReply);
    assert.deepEqual(demanding, [leLongTermKeyRequest, leRemoteConnectionParameterRequest]);
  });

  it("both masks follow from what is listened to, cut to the features of the controller (7.3.1, 7.8.1)", () => {
    const { hci } = setUp();
    const masks = (features: string): string[] => {
      const { eventMask, leEventMask } = hci.eventMasks(fromHex(features));
      return [toHex(eventMask), toHex(leEventMask)];
    };
    const none = "00 00 00 00 00 00 00 00";
    assert.deepEqual(masks(none), ["00 80 00 00 00 00 00 00", none], "Hardware Error is for HCI itself");
    hci.on(disconnectionComplete, () => {});
    assert.deepEqual(masks(none), ["10 80 00 00 00 00 00 00", none], "no LE Meta event");
    hci.on(leConnectionComplete, () => {});
    hci.on(leRemoteConnectionParameterRequest, () => {});
    hci.on(leDataLengthChange, () => {});
    hci.on(leEnhancedConnectionComplete, () => {});
    hci.on(lePhyUpdateComplete, () => {});
    hci.on(encryptionKeyRefreshComplete, () => {});
    const common = "10 80 00 00 00 80 00 20";
    assert.deepEqual(masks(none), [common, "01 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("02 00 00 00 00 00 00 00"), [common, "21 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("20 00 00 00 00 00 00 00"), [common, "41 00 00 00 00 00 00 00"]);
    assert.deepEqual(masks("40 00 00 00 00 00 00 00"), [common, "01 02 00 00 00 00 00 00"]);
    assert.deepEqual(masks("00 01 00 00 00 00 00 00"), [common, "01 08 00 00 00 00 00 00"]);
    assert.deepEqual(masks("00 08 00 00 00 00 00 00"), [common, "01 08 00 00 00 00 00 00"]);
    assert.deepEqual(masks("ff ff ff ff ff ff ff ff"), [common, "61 0a 00 00 00 00 00 00"]);
    for (const event of EVENTS) {
      if (!event.demandsReply) hci.on(event, () => {});
    }
    const [eventMask] = masks(none);
    assert.equal(eventMask, "90 80 00 02 00 80 00 20", "what comes always has no bit");
  });

  it("drops and counts events that are cut short, and goes on", async () => {
    const { hci, controller, log } = setUp();
    const seen: unknown[] = [];
    hci.on(disconnectionComplete, (values) => seen.push(values));
    const short = [
      eventPacket(0x05, fromHex("00 40 00")),
      eventPacket(0x05, []),
      eventPacket(0x0e, [1, 0]),
      eventPacket(0x0f, [0, 1, 6]),
    ];
    controller.deliver(...short, eventPacket(0x05, fromHex("00 40 00 13")));
    await controller.settle();
    assert.equal(seen.length, 1);
    assert.equal(hci.malformed, short.length);
    assert.equal(log.length, short.length);
  });

  it("drops packets whose length is wrong or whose kind a controller never sends (Vol 4, Part A, 2)", async () => {
    const { hci, controller, acl } = setUp();
    const bad = [
      "04",
      "04 05",
      "04 05 04 00 40 00",
      "04 05 04 00 40 00 13 00",
      "02",
      "02 40 20",
      "02 40 20 01",
      "02 40 20 01 00",
      "02 40 20 00 00 01",
      "01 03 0c 00",
      "03 00 00 00",
      "00",
      "ff ff ff ff",
    ].map(fromHex);
    controller.deliver(...bad);
    await controller.settle();
    assert.equal(hci.malformed, bad.length);
    assert.deepEqual(acl, []);
    hci.open();
    assert.equal(hci.malformed, 0);
  });

  it("survives every event code with every length up to 12, garbage inside", async () => {
    const { hci, controller, failures } = setUp();
    hci.on(disconnectionComplete, () => {});
    hci.on(leConnectionUpdateComplete, () => {});
    for (let code = 0; code <= 0xff; code++) {
      if (code === 0x10) continue; // Hardware Error ends the line, and has its own test.
      for (let length = 0; length <= 12; length++) {
        for (const fill of [0x00, 0x03, 0xff]) {
          hci.onPacket(new DataView(eventPacket(code, new Array(length).fill(fill)).buffer as ArrayBuffer));
        }
      }
    }
    await controller.settle();
    assert.equal(failures.length, 0);
  });

  it("hands on whole ACL packets and Number Of Completed Packets", async () => {
    const { controller, acl, completed } = setUp();
    controller.deliver(aclFrame(0x40, 4, [0x0a, 3, 0]), completedPackets([0x40, 2]));
    await controller.settle();
    assert.deepEqual(acl, ["02 40 20 07 00 03 00 04 00 0a 03 00"]);
    assert.deepEqual(completed, ["04 13 05 01 40 00 02 00"]);
  });
});
