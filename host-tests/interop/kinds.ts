/** The cameras that the interoperability tests run on: our firmware on the host board and in QEMU. INTEROP_CAMERAS names
 * others, separated by commas: stand-in, host, mps2-an500, mps3-an547. */
import { boardCamera, type CameraKind, standIn } from "./cameras.ts";

const all: readonly CameraKind[] = [
  standIn,
  boardCamera("host"),
  boardCamera("mps2-an500"),
  boardCamera("mps3-an547"),
];

/**
 * The stand-in proves the rig; a run of all tests has the firmware to prove it. Of mps3-an547 a usual run has a part
 * (mps3-an547.test.ts).
 */
const usual = all.filter(({ name }) => name === "host" || name === "mps2-an500");

export const kinds: readonly CameraKind[] = selected(process.env.INTEROP_CAMERAS);

/**
 * Whether this camera plays the multitests: on the host board only when it is asked for, for there they also run against
 * the simulator's phone, on the same engine (host-tests/multi).
 */
export const playsMultitests = ({ name }: CameraKind): boolean =>
  name !== "host" || !!process.env.INTEROP_CAMERAS;

function selected(names: string | undefined): readonly CameraKind[] {
  if (names === undefined || names === "") return usual;
  return names.split(",").map((name) => {
    const kind = all.find((candidate) => candidate.name === name);
    if (kind === undefined) throw new Error(`INTEROP_CAMERAS: no camera is called ${name}`);
    return kind;
  });
}
