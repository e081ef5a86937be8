/**
 * Group 64, the first that is for a maker's own commands: the console, and what became of the last trial. `obscura logs` and
 * `obscura deploy` ask for it; other clients never do.
 */
import { utf8Encode } from "../ble/utf8.ts";
import { type CommandGroup, optionalCount } from "./commands.ts";
import type { ConsoleLines } from "./console-lines.ts";
import type { UpdateStore } from "./store.ts";

/** Bytes of lines in one answer: with the rest of it, a frame. */
const ANSWER_BYTES = 800;

/** Bytes of a line beside its text. */
const LINE_HEADER = 3;

/** @param droppedFrames incomplete frames that the server has dropped. */
export function consoleGroup(
  store: UpdateStore,
  lines: ConsoleLines,
  droppedFrames: () => number,
): CommandGroup {
  return {
    /** { from } → { first, next, lines } */
    0: {
      read: ({ map }) => {
        let room = ANSWER_BYTES;
        return lines.since(optionalCount(map, "from") ?? 0, (line) => {
          room -= utf8Encode(line).length + LINE_HEADER;
          return room >= 0;
        });
      },
    },
    /** → { running, trialLeftMs?, revert?, dropped?, recoveries? } */
    1: {
      read: () => ({
        running: store.running,
        trialLeftMs: store.trialLeftMs === undefined ? undefined : Math.max(0, Math.round(store.trialLeftMs)),
        revert: store.lastRevert,
        dropped: droppedFrames() || undefined,
        recoveries: store.powerOnRecoveries || undefined,
      }),
    },
  };
}
