/** The native image: our C, the engine and the firmware bundle, by CMake and Ninja. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../events.ts";
import { cryptoFolder, engineSources, root } from "../paths.ts";
import { mustRun, ninjaProgress } from "../process.ts";
import type { Board } from "./boards.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";

/** What the toolchain files of Cortex-M boards include; CMake keeps the flags of its first run. */
const armToolchain = join(root, "boards/common/arm-none-eabi.cmake");

/** What of the image build is not the board's. */
export interface ImageOptions {
  /** The firmware's .xsb. */
  readonly bundle: string;
  /** Where to build. */
  readonly folder: string;
  /** Further CMake cache entries, such as `SANITIZE=ON`. */
  readonly settings?: readonly string[];
}

/** Builds the image; returns its path, and whether anything was to be done. */
export async function buildImage(
  board: Board,
  { bundle, folder, settings = [] }: ImageOptions,
  progress: Progress = () => undefined,
): Promise<{ readonly image: string; readonly changed: boolean }> {
  mkdirSync(folder, { recursive: true });
  const configure = [
    ...["-G", "Ninja", "-S", join(root, "firmware"), "-B", folder],
    ...(board.toolchain === undefined ? [] : ["--toolchain", board.toolchain]),
    ...[
      `-DBOARD=${board.name}`,
      `-DBOARD_DIRECTORY=${board.folder}`,
      `-DFIRMWARE_BUNDLE=${bundle}`,
      `-DXS_ROOT=${engineSources()}`,
      `-DCRYPTO_ROOT=${cryptoFolder}`,
    ],
    ...Object.entries(board.figures).map(([name, figure]) => `-D${name}=${figure}`),
    ...settings.map((setting) => `-D${setting}`),
  ];
  const toolchain = board.toolchain === undefined ? [] : [board.toolchain, armToolchain];
  const digest = fingerprint(toolchain, configure);
  const ninja = join(folder, "build.ninja");
  await unlessFresh(ninja, join(folder, "configured.stamp"), digest, async () => {
    await mustRun("cmake", ["--fresh", ...configure], `CMake could not set up the build for ${board.name}`);
  });
  const said = await mustRun(
    "ninja",
    ["-C", folder, "firmware"],
    `The image for ${board.name} does not build`,
    { onLine: ninjaProgress(progress) },
  );
  const image = join(folder, "firmware");
  if (!existsSync(image)) throw new Error(`${image} was not built`);
  return { image, changed: !said.includes("no work to do") };
}

/** Size of a file in kilobytes, for a person. */
export const kilobytes = (file: string): string => `${(statSync(file).size / 1024).toFixed(0)} KB`;
