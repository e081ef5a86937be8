/** Commands that go out one behind the other, hundreds of them, with as little as possible between two. */
import type { AnyCommand } from "./packet.ts";

/** Commands with one opcode, whose bytes somebody has already and puts on the line himself. */
export interface CommandSeries {
  readonly command: AnyCommand;
  /** Puts the command that is due on the line, whole. False when the line has no room: it is asked again. */
  send(): boolean;
  /** The command that was due succeeded: the next one is. False behind the last. */
  next(): boolean;
}
