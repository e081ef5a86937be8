/** The module `power`: deep sleep, why the camera woke, the battery, and a duty cycle. */
import { EarlyStart } from "../ble/early-start.ts";
import { BleError } from "../ble/errors.ts";
import { utf8Decode, utf8Encode } from "../ble/utf8.ts";
import type { PowerLines } from "../platform/platform.ts";
import { createPowerLines } from "../platform/xs/power.ts";
import { createPower } from "../power/power.ts";
import { Retained } from "../power/retained.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  platform: (native) => ({ power: createPowerLines(native) }),
  power(host, signals) {
    const { log, platform, records } = host;
    const { clock } = platform;
    const lines = platform.power ?? withoutPower();
    return createPower({
      lines,
      retained: new Retained({ lines, records, encode: utf8Encode, decode: utf8Decode, log }),
      signals,
      wait(delayMs, callback) {
        const timer = clock.setTimer(callback, delayMs);
        return () => clock.clearTimer(timer);
      },
      radioOff: () => host.depart(),
      prepareRadio: (offForMs) => host.prepareRadio((port) => new EarlyStart(port, offForMs)),
      radioWasUsed: () => host.radioWasUsed,
      log,
      unsupported,
    });
  },
} satisfies Feature;

function unsupported(what: string): never {
  throw new BleError(
    "not-supported",
    `${what} is not what this board can do; power.wakeSources lists what it can.`,
  );
}

/** A board that saves nothing. */
function withoutPower(): PowerLines {
  return {
    startCause: "power-on",
    wakeSources: [],
    retainedBytes: 0,
    readRetained: () => new Uint8Array(0),
    writeRetained: () => undefined,
    rtcNow: () => 0,
    deepSleep: () => unsupported("Deep sleep"),
    batteryVolts: () => undefined,
  };
}
