import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createXsPlatform } from "../../../firmware/platform/xs/index.ts";
import type { Native } from "../../../firmware/platform/xs/native.ts";
import { createPowerLines } from "../../../firmware/platform/xs/power.ts";
import { createRadioLines } from "../../../firmware/platform/xs/radio-lines.ts";

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
    radioLines: {
      driver: "cyw43",
      downloadBaud: 2_000_000,
      runBaud: 3_000_000,
      patchSize: 35,
      suspends: true,
      publicAddress: Uint8Array.of(1, 2, 3, 4, 5, 6),
    },
    radioHostWake: true,
    radioSuspend: false,
    radioReady: true,
    radioBaudRate: 2_999_999,
    radioPatch: Uint8Array.of(3),
    radioPatchU32: 0x8000_0004,
    radioSendPatch: 12,
    powerFigures: { wakeSources: 5, retainedBytes: 1024 },
    powerRtcNow: 99,
    powerRetained: Uint8Array.of(4),
    powerBattery: 3.7,
    resetCause: "timer",
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

  it("hands the lines of a controller, sleep and the battery to their natives", () => {
    const { native, calls } = createNative();
    const radioLines = createRadioLines(native);
    const power = createPowerLines(native);
    calls.length = 0;
    assert.equal(radioLines!.driver, "cyw43");
    assert.deepEqual(radioLines!.publicAddress, Uint8Array.of(1, 2, 3, 4, 5, 6));
    assert.deepEqual([radioLines!.downloadBaud, radioLines!.runBaud], [2_000_000, 3_000_000]);
    radioLines!.power(true);
    radioLines!.wake(false);
    assert.equal(radioLines!.isReady(), true);
    const listener = () => {};
    radioLines!.watchReady(listener);
    assert.equal(radioLines!.setBaudRate(3_000_000), 2_999_999);
    const hostWake = radioLines!.hostWake!;
    assert.equal(hostWake.isActive(), true);
    hostWake.watch(listener);
    assert.equal(hostWake.suspend(true), false);
    const patch = radioLines!.patch()!;
    assert.equal(patch.size, 35);
    assert.deepEqual(patch.read(7, 1), Uint8Array.of(3));
    assert.equal(patch.u32(8), 0x8000_0004);
    assert.equal(patch.send(9), 12);
    assert.equal(power.startCause, "timer");
    assert.deepEqual(power.wakeSources, ["timer", "button"]);
    assert.equal(power.retainedBytes, 1024);
    assert.equal(power.rtcNow(), 99);
    assert.deepEqual(power.readRetained(), Uint8Array.of(4));
    power.writeRetained(Uint8Array.of(5));
    assert.equal(power.batteryVolts(), 3.7);
    power.deepSleep(123, ["button"]);
    power.deepSleep(Number.POSITIVE_INFINITY, ["motion", "button"]);
    assert.deepEqual(calls, [
      ["radioPower", true],
      ["radioWake", false],
      ["radioReady"],
      ["radioWatchReady", listener],
      ["radioBaudRate", 3_000_000],
      ["radioHostWake"],
      ["radioWatchHostWake", listener],
      ["radioSuspend", true],
      ["radioPatch", 7, 1],
      ["radioPatchU32", 8],
      ["radioSendPatch", 9],
      ["powerRtcNow"],
      ["powerRetained"],
      ["powerRetain", Uint8Array.of(5)],
      ["powerBattery"],
      ["powerDeepSleep", 123, 5],
      ["powerDeepSleep", Number.POSITIVE_INFINITY, 6],
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
    const [, onPacket, onWritable, onFailure, onCompleted, onSucceeded] = calls.at(-1) as [
      string,
      ...((value?: unknown) => void)[],
    ];
    const packet = new DataView(new ArrayBuffer(3));
    onPacket!(packet);
    onWritable!();
    onFailure!("overrun");
    assert.deepEqual(heard, [packet, "writable", "overrun"]);
    assert.equal(onCompleted, undefined, "this receiver takes packets only");
    assert.equal(onSucceeded, undefined);
  });
});
