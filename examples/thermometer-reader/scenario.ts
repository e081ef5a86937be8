/** A thermometer that comes twice, and its reader. */
import type { Cameras, Stage } from "../../tools/scenario/stage.ts";

/** The peer runs on this computer, whatever board the reader is on. */
export const cameras: Cameras = { thermometer: { application: "thermometer.ts", board: "host" }, reader: {} };

export default async function play({ camera }: Stage): Promise<void> {
  const thermometer = await camera("thermometer");
  const reader = await camera("reader");
  for (const degrees of ["36.57", "36.64", "36.71"]) {
    await reader.says(`${degrees} °C`);
    await thermometer.says("the reader has it");
  }
  await reader.says("The device is not connected");
  for (const degrees of ["36.78", "36.85"]) await reader.says(`${degrees} °C`);
}
