/** `npm start`: the whole path once, with the environment sensor. */
import { runCommandLine } from "../cli/program.ts";

/** Takes the options of `obscura run`. */
export const run = (args: readonly string[]): Promise<number> => runCommandLine(["run", ...args]);
