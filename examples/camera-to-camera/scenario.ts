/** Two cameras on the board of the session: one sends a picture, the other checks it and says so. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

export const cameras: Cameras = { receiver: { application: "receiver.ts" }, sender: {} };

export default async function play({ camera }: Stage): Promise<void> {
  const receiver = await camera("receiver");
  await receiver.says("taking pictures");
  const sender = await camera("sender");
  await receiver.says("a picture of 65536 bytes: whole", 120_000);
  await sender.says("65536 bytes with hash", 120_000);
}
