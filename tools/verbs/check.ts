/** `npm run check`: format, lint and types of everything. */
import { check } from "../check/check.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { runVerb, verb } from "../cli/verb.ts";

/** Returns the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runVerb(verb("check", "Checks format, lint and types of everything."), args, async () => {
    await perform(check(), textRenderer(process.stdout));
    return exitStatus.success;
  });
