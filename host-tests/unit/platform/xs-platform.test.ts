import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createXsPlatform } from "../../../firmware/platform/xs/index.ts";
import type { Native } from "../../../firmware/platform/xs/native.ts";

/** Natives that write down how they are called. */
function createNative() {
  const calls: [name: string, ...args: unknown[]][] = [];
  const results: Record<string, unknown> = {
    clockNow: 12.5,
    timerSet: 7,
    hciWrite: false,
    random: Uint8Array.of(1),
    uniqueId: new Uint8Array(8),
    flashGeometry: { size: 8192, eraseUnit: 4096, programUnit: 8 },
    flashRead: Uint8Array.of(2),
    heap: { floorBytes: 147_456 },
  };
  const native = new Proxy({} as Native, {
    get:
      (_, name: string) =>
      (...args: unknown[]) => {
        calls.push([name, ...args]);
        return results[name];
      },
  });
  return { native, calls };
}

describe("XS platform", () => {
  it("hands each call to its native, arguments and results unchanged", () => {
    const { native, calls } = createNative();
    const { clock, transport, ...platform } = createXsPlatform(native);
    const stateFlash = platform.flash("state");
    calls.length = 0;
    const callback = () => {};
    const bytes = Uint8Array.of(1, 2, 3);
    assert.equal(clock.now(), 12.5);
    assert.equal(clock.setTimer(callback, 20), 7);
    clock.clearTimer(7);
    assert.equal(transport.write(bytes, 2, bytes, 1, 3), false);
    transport.close();
    assert.deepEqual(platform.random(1), Uint8Array.of(1));
    assert.equal(platform.uniqueId().length, 8);
    assert.equal(platform.peerBytes, 29_491);
    assert.deepEqual([stateFlash.size, stateFlash.eraseUnit, stateFlash.programUnit], [8192, 4096, 8]);
    assert.deepEqual(stateFlash.read(16, 1), Uint8Array.of(2));
    stateFlash.program(8, bytes);
    stateFlash.erase(0, 4096);
    stateFlash.sync();
    platform.log("warning", "careful");
    assert.deepEqual(calls, [
      ["clockNow"],
      ["timerSet", callback, 20],
      ["timerClear", 7],
      ["hciWrite", bytes, 2, bytes, 1, 3],
      ["hciClose"],
      ["random", 1],
      ["uniqueId"],
      ["flashRead", "state", 16, 1],
      ["flashProgram", "state", 8, bytes],
      ["flashErase", "state", 0, 4096],
      ["flashSync", "state"],
      ["consoleWrite", "warning", "careful"],
    ]);
  });

  it("passes what the line says to the receiver", () => {
    const { native, calls } = createNative();
    const { transport } = createXsPlatform(native);
    const heard: unknown[] = [];
    transport.open({
      onPacket: (packet) => heard.push(packet),
      onWritable: () => heard.push("writable"),
      onFailure: (reason) => heard.push(reason),
    });
    const [, onPacket, onWritable, onFailure] = calls.at(-1) as [string, ...((value?: unknown) => void)[]];
    const packet = new DataView(new ArrayBuffer(3));
    onPacket!(packet);
    onWritable!();
    onFailure!("overrun");
    assert.deepEqual(heard, [packet, "writable", "overrun"]);
  });
});
