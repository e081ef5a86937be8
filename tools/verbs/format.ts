/** `npm run format`: writes everything in the one format. */
import { format } from "../check/check.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { runVerb, verb } from "../cli/verb.ts";

/** Returns the exit status. */
export const run = (args: readonly string[]): Promise<number> =>
  runVerb(verb("format", "Writes everything in the one format."), args, async () => {
    await perform(format(), textRenderer(process.stdout));
    return exitStatus.success;
  });
