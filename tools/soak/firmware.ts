// First: classes with a method [Symbol.asyncDispose] need the symbol when their modules are evaluated.
import "../../firmware/platform/dispose.ts";

import main from "../../firmware/main.ts";
import type { Native } from "../../firmware/platform/xs/native.ts";
import type { Memory } from "./script.ts";

/** The product's firmware, which gives the application one more global: how much memory is in use. */
export default function mainWithMemory(native: Native): Promise<never> {
  const memory: Memory = () => {
    native.collect();
    const { slotsUsed, chunksUsed } = native.heap();
    return { slots: slotsUsed, chunks: chunksUsed };
  };
  const natives: Native = Object.create(native);
  natives.applicationStart = (modules, globals, onError) =>
    native.applicationStart(modules, { ...globals, memory }, onError);
  return main(natives);
}
