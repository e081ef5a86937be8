/** A door that opens and closes, and its reader. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

/** The peer runs on this computer, whatever board the reader is on. */
export const cameras: Cameras = { switch: { application: "switch.ts", board: "host" }, reader: {} };

export default async function play({ camera }: Stage): Promise<void> {
  const reader = await camera("reader");
  await reader.says("listening to contact switches");
  await camera("switch");
  for (const state of ["closed", "open", "closed"]) await reader.says(`front door is ${state}, battery 93 %`);
}
