/** The `tests` bundle: runs test files on XS, one after the other, and ends the process. */
// First: classes with a method [Symbol.asyncDispose] need the symbol when their modules are evaluated.
import "../../firmware/platform/dispose.ts";

import { createAbort } from "../../firmware/platform/abort.ts";
import { formatValue } from "../../firmware/platform/format.ts";
import { createXsPlatform } from "../../firmware/platform/xs/index.ts";
import type { Native } from "../../firmware/platform/xs/native.ts";
import "scenarios";
import type { Message } from "./messages.ts";
import { declared } from "./suite.ts";

/** Gives the test files the globals that they have on Node and that the engine lacks. */
function installGlobals(native: Native): void {
  const { clock, crypto } = createXsPlatform(native);
  const globals = {
    setTimeout: (callback: () => void, delayMs = 0) => native.timerSet(callback, delayMs),
    clearTimeout: (handle: number) => native.timerClear(handle),
    // A turn of the native loop runs every promise job before it calls the next timer.
    setImmediate: (callback: () => void) => native.timerSet(callback, 0),
    heapUsed: () => {
      native.collect();
      const { slotsUsed, chunksUsed } = native.heap();
      return slotsUsed + chunksUsed;
    },
    cameraCrypto: crypto,
    ...createAbort(clock, (error) => {
      throw error;
    }),
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value });
}

async function runTests(native: Native): Promise<void> {
  const say = (message: Message): void => native.consoleWrite("info", JSON.stringify(message));
  const turn = (): Promise<void> => new Promise((resolve) => native.timerSet(resolve, 0));
  for (const { path, work } of declared) {
    say({ begin: path });
    let failure: string | undefined;
    try {
      await work();
    } catch (error) {
      failure = formatValue(error);
    }
    // The engine reports a rejection that nobody handled at the end of a turn, once the promise has been collected.
    await turn();
    native.collect();
    await turn();
    say(failure === undefined ? { end: path } : { end: path, failure });
  }
  say({ total: declared.length });
}

export default function main(native: Native): void {
  installGlobals(native);
  runTests(native).then(
    () => native.exit(0),
    () => native.exit(1),
  );
}
