/** `npm run check`: format, lint and types of everything. */
import { check } from "../check/check.ts";
import { exitStatus, perform, tellFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";

/** Returns the exit status. */
export async function run(): Promise<number> {
  try {
    await perform(check(), textRenderer(process.stdout));
    return exitStatus.success;
  } catch (error) {
    return tellFailure(error);
  }
}
