/** The lines of a controller that has to be brought up, on the natives. */
import type { HostWake, RadioLines } from "../platform.ts";
import type { Native } from "./native.ts";

/** Undefined on a board whose controller is always on. */
export function createRadioLines(native: Native): RadioLines | undefined {
  const figures = native.radioLines();
  if (!figures) return undefined;
  const { driver, downloadBaud, runBaud, patchSize, publicAddress, suspends } = figures;
  const patch = {
    size: patchSize,
    read: native.radioPatch,
    u32: native.radioPatchU32,
    send: native.radioSendPatch,
  };
  return {
    driver,
    downloadBaud,
    runBaud,
    publicAddress,
    power: native.radioPower,
    wake: native.radioWake,
    isReady: native.radioReady,
    watchReady: native.radioWatchReady,
    setBaudRate: native.radioBaudRate,
    patch: () => (patchSize > 0 ? patch : undefined),
    ...(suspends ? { hostWake: createHostWake(native) } : {}),
  };
}

function createHostWake(native: Native): HostWake {
  return {
    isActive: native.radioHostWake,
    watch: native.radioWatchHostWake,
    suspend: native.radioSuspend,
  };
}
