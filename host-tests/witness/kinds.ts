/** The cameras that the witness tests run on. WITNESS_CAMERAS names some of them, separated by commas. */
import { type CameraKind, standin } from "./cameras.ts";

const all: readonly CameraKind[] = [standin];

export const kinds: readonly CameraKind[] = selected(process.env.WITNESS_CAMERAS);

function selected(names: string | undefined): readonly CameraKind[] {
  if (names === undefined || names === "") return all;
  return names.split(",").map((name) => {
    const kind = all.find((candidate) => candidate.name === name);
    if (kind === undefined) throw new Error(`WITNESS_CAMERAS: no camera is called ${name}`);
    return kind;
  });
}
