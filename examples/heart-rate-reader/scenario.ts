/** A strap and its reader; the strap runs out of power and comes back. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

/** The peer runs on this computer, whatever board the reader is on. */
export const cameras: Cameras = { strap: { application: "strap.ts", board: "host" }, reader: {} };

export default async function play({ camera, say, wait }: Stage): Promise<void> {
  const strap = await camera("strap");
  const reader = await camera("reader");
  await reader.says("found strap");
  await reader.says("worn at: chest");
  for (let count = 0; count < 3; count++) await reader.says("beats a minute, beats ");
  say("The strap loses its power.");
  await strap.stop();
  await reader.says("the strap is gone");
  await wait(1000);
  say("It has power again.");
  await strap.start();
  await reader.says("connected");
  await reader.says("beats a minute, beats ");
}
