/** Version 1 runs; version 2 is deployed, tried and confirmed; version 3 fails its health check and is reverted. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

export const cameras: Cameras = { camera: { versions: ["version-2.ts", "version-3.ts"], mayFail: true } };

export default async function play({ camera: start, deploy, say }: Stage): Promise<void> {
  const camera = await start("camera");
  await camera.says("version 1 runs");
  say("Version 2 is deployed, and works.");
  const refusal = await deploy(camera, "version-2.ts", "2.0.0");
  if (refusal !== undefined) throw new Error(`version 2 did not stay: ${refusal}`);
  await camera.says("version 2 runs, on trial");
  say("Version 3 is deployed, and its health check fails.");
  const why = await deploy(camera, "version-3.ts", "3.0.0");
  if (why === undefined) throw new Error("version 3 stayed, though it is not healthy");
  say(why);
  await camera.says("health check: the sensor reads");
  await camera.says("version 2 runs");
  say("After a power cut it is still version 2.");
  await camera.restart();
  await camera.says("version 2 runs");
}
