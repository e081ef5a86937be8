/** Group 0: echo, reset, what the server can take, and what camera this is. */
import type { Clock } from "../platform/platform.ts";
import type { CborMap } from "./cbor.ts";
import { type Command, type CommandGroup, flagOf, optionalText, type Request } from "./commands.ts";
import { CommandError, GROUP, OS_ERROR, RC } from "./errors.ts";
import { FRAME_MAX, FRAMES_MAX } from "./session.ts";

/** How long a camera goes on after the answer to a reset: clients end their links meanwhile. */
export const RESET_DELAY_MS = 500;

/** A camera that has just started is not reset before this, but then: nobody keeps it from ever doing its work. */
export const RESET_PAUSE_MS = 5000;

/** What is known of this camera, for `info`. */
export interface CameraInfo {
  /** What it is called. */
  readonly name: string;
  /** Version of the application that runs. */
  readonly version: string;
}

/** Name of the system. */
const SYSTEM = "Obscura";

/** What the group is handed. */
export interface OsPort {
  info(): CameraInfo;
  readonly clock: Clock;
  /** Of the clock, when the camera started. */
  readonly startedAtMs: number;
  /** Why this client must not reset the camera now, unless by force; undefined when it may. */
  busy(client: object): string | undefined;
  /** Starts the camera again. */
  reset(): void;
  log(message: string): void;
}

/** Words of one answer. */
const LETTERS_MAX = 8;

/**
 * How the bundles change places, as clients number it: swapped. What runs is in slot 0 after each start, and what ran before
 * is in slot 1 (slots are logical).
 */
const MODE_SWAP = 3;

export function osGroup(port: OsPort): CommandGroup {
  const echo = ({ map }: Request): CborMap => {
    const text = optionalText(map, "d");
    if (text === undefined) throw new CommandError(RC.INVALID, "d is missing");
    return { r: text };
  };
  const reset = createReset(port);
  return {
    0: { read: echo, write: echo },
    5: { write: reset },
    6: { read: () => ({ buf_size: FRAME_MAX, buf_count: FRAMES_MAX }) },
    7: { read: ({ map }) => ({ output: describe(port.info(), optionalText(map, "format") ?? "s") }) },
    8: { read: ({ map }) => bootloader(optionalText(map, "query")) },
  };
}

/** A camera that is asked again while it is about to be reset says yes, and is reset once. */
function createReset(port: OsPort): Command {
  let isComing = false;
  return ({ map, client, afterAnswer }) => {
    const isForced = typeof map.force === "number" ? map.force !== 0 : flagOf(map, "force");
    const reason = isForced ? undefined : port.busy(client);
    if (reason !== undefined) throw new CommandError(RC.BUSY, reason);
    if (isComing) return {};
    isComing = true;
    port.log("update: a client resets the camera");
    afterAnswer(() => {
      const { clock, startedAtMs } = port;
      const pauseMs = RESET_PAUSE_MS - (clock.now() - startedAtMs);
      clock.setTimer(
        () => {
          isComing = false;
          port.reset();
        },
        Math.max(RESET_DELAY_MS, pauseMs),
      );
    });
    return {};
  };
}

/** As the program uname: each letter asks for one word. What a camera does not know of itself it has no letter for. */
function describe({ name, version }: CameraInfo, format: string): string {
  const words: Readonly<Record<string, string>> = { s: SYSTEM, n: name, r: version, v: version, o: SYSTEM };
  const letters = format.includes("a") ? ["s", "n", "r"] : [...format];
  if (letters.length > LETTERS_MAX || letters.some((letter) => words[letter] === undefined)) {
    throw new CommandError(RC.INVALID, "format has a letter that is none of s n r v o a", {
      group: GROUP.OS,
      rc: OS_ERROR.INVALID_FORMAT,
    });
  }
  return letters.map((letter) => words[letter]).join(" ");
}

function bootloader(query: string | undefined): CborMap {
  if (query === undefined) return { bootloader: "MCUboot" };
  if (query === "mode") return { mode: MODE_SWAP };
  throw new CommandError(RC.INVALID, "there is no answer to this query", {
    group: GROUP.OS,
    rc: OS_ERROR.NO_ANSWER,
  });
}
