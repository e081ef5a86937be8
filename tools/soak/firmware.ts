// First: classes with a method [Symbol.asyncDispose] need the symbol when their modules are evaluated.
import "../../firmware/platform/dispose.ts";

import main from "../../firmware/main.ts";
import type { Native } from "../../firmware/platform/xs/native.ts";
import { LINES_MAX } from "../../firmware/update/console-lines.ts";
import { FILLER, type Memory } from "./script.ts";

/** The product's firmware, which gives the application one more global: how much memory is in use. */
export default function mainWithMemory(native: Native): Promise<never> {
  const memory = (console: Pick<Console, "log">): ReturnType<Memory> => {
    // The firmware keeps the console's last lines: the same ones each time, or their lengths would show.
    for (let line = 0; line < LINES_MAX; line++) console.log(FILLER);
    native.collect();
    const { slotsUsed, chunksUsed } = native.heap();
    return { slots: slotsUsed, chunks: chunksUsed };
  };
  const natives: Native = Object.create(native);
  natives.applicationStart = (modules, globals, onError) => {
    const { console } = globals as { console: Pick<Console, "log"> };
    return native.applicationStart(modules, { ...globals, memory: () => memory(console) }, onError);
  };
  return main(natives);
}
