/** Commands in a series: while a controller is started and while one runs, with answers in packets and in numbers. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { COMMAND_TIMEOUT_MS } from "../../../../firmware/ble/hci/command-queue.ts";
import { writeRam } from "../../../../firmware/controllers/cyw43-commands.ts";
import * as commands from "../../../support/commands.ts";
import { openSession } from "../../../support/hci.ts";
import type { Answer } from "../../../support/scripted-controller.ts";
import { commandComplete, commandStatus, eventPacket } from "../../../support/scripted-controller.ts";
import { setUp, watch } from "./hci-scene.ts";

const OPCODE = writeRam.opcode;

/** Packets of the series by their number, which is their parameter. */
const numbered = (...numbers: number[]): string[] => numbers.map((at) => `01 4c fc 01 0${at}`);

const SCENES = [
  ["starts", "packets"],
  ["starts", "numbers"],
  ["runs", "packets"],
  ["runs", "numbers"],
] as const;

for (const [phase, form] of SCENES) {
  describe(`Hci: a series of commands, while a controller ${phase}, answered in ${form}`, () => {
    function scene() {
      const { controller, hci, ...rest } = setUp();
      if (phase === "starts") openSession(hci, controller);
      controller.inNumbers = form === "numbers";
      const series = (count: number) => {
        let at = 1;
        return {
          command: writeRam,
          send: () => controller.write(Uint8Array.of(1, 0x4c, 0xfc, 1, at), 5),
          next: () => at++ < count,
        };
      };
      const answers = (...list: readonly Answer[]): void => controller.script(OPCODE, ...list);
      return { controller, hci, ...rest, series, answers };
    }

    it("each goes out behind the answer to the one before, and other commands behind the last", async () => {
      const { hci, controller, series } = scene();
      controller.mute(OPCODE);
      const all = watch(hci.sendSeries(series(3)));
      const other = watch(hci.sendSetup(commands.readBdAddr, {}));
      for (const sent of numbered(1, 2, 3)) {
        await controller.settle();
        assert.deepEqual(controller.take(), [sent]);
        assert.equal(all.state, "pending");
        controller.deliver(commandComplete(OPCODE));
      }
      await controller.settle();
      assert.equal(all.state, "resolved");
      assert.deepEqual(controller.take(), ["01 09 10 00"]);
      assert.equal(other.state, "resolved");
    });

    it("each has its whole time, though the answer to the one before was listened for", async () => {
      const { clock, controller, hci, series } = scene();
      controller.mute(OPCODE);
      const all = watch(hci.sendSeries(series(3)));
      for (let at = 0; at < 2; at++) {
        for (let talk = 0; talk < 48; talk++) {
          await clock.advance(50);
          controller.deliver(eventPacket(0xff, [talk]));
          await controller.settle();
        }
        assert.equal(all.state, "pending");
        controller.deliver(commandComplete(OPCODE));
        await controller.settle();
      }
      await clock.advance(COMMAND_TIMEOUT_MS - 1);
      assert.equal(all.state, "pending");
      await clock.advance(1);
      assert.equal(all.error?.code, "controller-timeout");
    });

    it("they wait for room on the line", async () => {
      const { hci, controller, series } = scene();
      for (const room of [0, 1, 2]) {
        controller.room = room;
        const all = watch(hci.sendSeries(series(3)));
        await controller.settle();
        assert.equal(all.state, "pending");
        controller.writable();
        await controller.settle();
        assert.equal(all.state, "resolved");
        assert.deepEqual(controller.take(), numbered(1, 2, 3));
      }
    });

    it("they wait for a credit, and for a command that the controller only has begun", async () => {
      const { hci, controller, series, answers } = scene();
      answers(
        () => [commandComplete(OPCODE, [0], 0)],
        () => [commandStatus(OPCODE)],
      );
      const all = watch(hci.sendSeries(series(3)));
      await controller.settle();
      assert.deepEqual(controller.take(), numbered(1));
      controller.deliver(commandComplete(0, []));
      await controller.settle();
      assert.deepEqual(controller.take(), numbered(2));
      controller.deliver(commandComplete(OPCODE));
      await controller.settle();
      assert.deepEqual(controller.take(), numbered(3));
      assert.equal(all.state, "resolved");
    });

    it("the answer to another command, and events, are not theirs", async () => {
      const { hci, controller, series } = scene();
      controller.mute(OPCODE);
      const all = watch(hci.sendSeries(series(2)));
      controller.deliver(commandComplete(0x0c03), commandComplete(OPCODE + 1), Uint8Array.of(4, 0xff, 1, 0));
      await controller.settle();
      assert.deepEqual(controller.take(), numbered(1));
      controller.deliver(commandComplete(OPCODE), commandComplete(OPCODE));
      await controller.settle();
      assert.equal(all.state, "resolved");
    });

    it("the one that is refused is the last", async () => {
      const { hci, controller, series, answers } = scene();
      answers(
        () => [commandComplete(OPCODE)],
        () => [commandComplete(OPCODE, [0x12])],
      );
      const three = series(3);
      const all = watch(hci.sendSeries(three));
      await controller.settle();
      assert.deepEqual(controller.take(), numbered(1, 2));
      assert.equal(all.error?.status, 0x12);
      assert.ok(three.next() && !three.next(), "it stands at the second");
      const other = watch(hci.sendSetup(commands.readBdAddr, {}));
      await controller.settle();
      assert.equal(other.state, "resolved");
    });

    it("each may take its time, and no longer", async () => {
      const { hci, controller, clock, series } = scene();
      controller.mute(OPCODE);
      const all = watch(hci.sendSeries(series(3), 100));
      for (let turn = 0; turn < 2; turn++) {
        await clock.advance(90);
        assert.equal(all.state, "pending");
        controller.deliver(commandComplete(OPCODE));
        await controller.settle();
      }
      assert.deepEqual(controller.take(), numbered(1, 2, 3));
      await clock.advance(99);
      assert.equal(all.state, "pending");
      await clock.advance(60);
      assert.equal(all.error?.code, "controller-timeout");
      assert.match(all.error!.message, /Write RAM within 100 ms/);
    });

    it("they end when the radio is switched off, and none begins then", async () => {
      const { hci, controller, series } = scene();
      controller.mute(OPCODE);
      const closed = watch(hci.sendSeries(series(3)));
      await controller.settle();
      hci.close();
      await controller.settle();
      assert.equal(closed.error?.code, "radio-off");
      await assert.rejects(hci.sendSeries(series(3)), { code: "radio-off" });
    });

    it("they end at the Reset that ends the session", async () => {
      const { hci, controller, series } = scene();
      controller.mute(OPCODE);
      const all = watch(hci.sendSeries(series(3)));
      await controller.settle();
      const retired = hci.retire();
      controller.take();
      controller.deliver(commandComplete(OPCODE));
      await controller.settle();
      assert.equal(all.error?.code, "radio-off");
      assert.deepEqual(controller.take(), ["01 03 0c 00"]);
      await Promise.all([retired, controller.settle()]);
    });
  });
}
