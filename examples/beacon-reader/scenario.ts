/** A beacon that comes, goes, and comes back, and its reader. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

const BEACON = "00112233-4455-6677-8899-aabbccddeeff 7/42";

/** The peer runs on this computer, whatever board the reader is on. */
export const cameras: Cameras = { beacon: { application: "beacon.ts", board: "host" }, reader: {} };

export default async function play({ camera, say }: Stage): Promise<void> {
  const reader = await camera("reader");
  await reader.says("listening for beacons");
  const beacon = await camera("beacon");
  await reader.says(`${BEACON} is here`);
  say("The beacon loses its power.");
  await beacon.stop();
  await reader.says(`${BEACON} is gone`);
  await beacon.start();
  await reader.says(`${BEACON} is here`);
}
