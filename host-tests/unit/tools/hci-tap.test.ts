import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { HciReceiver } from "../../../firmware/platform/platform.ts";
import { tapTransport } from "../../../tools/trace/hci-tap.ts";
import { fromHex, toHex } from "../../support/bytes.ts";
import { ScriptedController, SILENCE } from "../../support/scripted-controller.ts";

function createScene() {
  const controller = new ScriptedController();
  controller.script(0x0c03, SILENCE);
  const seen: string[] = [];
  const calls: string[] = [];
  const tapped = tapTransport(controller, (direction, packet) => seen.push(`${direction} ${toHex(packet)}`));
  const receiver: HciReceiver = {
    onPacket: (view) => calls.push(toHex(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))),
    onWritable: () => calls.push("writable"),
    onFailure: (reason) => calls.push(reason),
  };
  tapped.open(receiver);
  return { controller, tapped, seen, calls };
}

describe("tap: a transport that is watched", () => {
  it("shows what is sent, gathered to whole packets, and sends it", () => {
    const { controller, tapped, seen } = createScene();
    assert.equal(tapped.write(fromHex("01 03 0c 00 ff"), 4), true);
    assert.equal(tapped.write(fromHex("02 40 00 02 00"), 5, fromHex("aa bb"), 0, 2), true);
    assert.equal(tapped.write(fromHex("02 40 00 01 00"), 5, fromHex("aa bb cc"), 1, 2), true);
    assert.equal(tapped.write(fromHex("02 40 00 01 00"), 5, fromHex("dd")), true);
    const packets = ["01 03 0c 00", "02 40 00 02 00 aa bb", "02 40 00 01 00 bb", "02 40 00 01 00 dd"];
    assert.deepEqual(
      seen,
      packets.map((packet) => `sent ${packet}`),
    );
    assert.deepEqual(controller.take(), packets);
  });

  it("does not show what the line refused", () => {
    const { controller, tapped, seen } = createScene();
    controller.room = 0;
    assert.equal(tapped.write(fromHex("01 03 0c 00"), 4), false);
    assert.deepEqual(seen, []);
  });

  it("shows what is received before the receiver has it, and hands everything on", async () => {
    const { controller, seen, calls } = createScene();
    controller.deliver(fromHex("04 10 01 07"));
    controller.writable();
    controller.fail("overrun");
    await controller.settle();
    assert.deepEqual(seen, ["received 04 10 01 07"]);
    assert.deepEqual(calls, ["04 10 01 07", "writable", "overrun"]);
  });

  it("keeps its own bytes, whatever the sender does with its buffer afterwards", () => {
    const packets: Uint8Array[] = [];
    const tapped = tapTransport(new ScriptedController(), (_, packet) => packets.push(packet));
    tapped.open({ onPacket: () => {}, onWritable: () => {}, onFailure: () => {} });
    const header = fromHex("01 03 0c 00");
    tapped.write(header, 4);
    header.fill(0xff);
    assert.equal(toHex(packets[0]!), "01 03 0c 00");
  });

  it("closes the line", () => {
    const { controller, tapped } = createScene();
    tapped.close();
    assert.deepEqual([controller.opens, controller.closes], [1, 1]);
  });
});
