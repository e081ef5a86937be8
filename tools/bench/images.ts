/** What the benchmark runs: the product's image with probes, and two applications for it. */
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { findApplication } from "../build/application.ts";
import { type Board, loadBoard } from "../build/boards.ts";
import { bundle } from "../build/bundle.ts";
import { buildCompiler, compile } from "../build/compiler.ts";
import { writeIfChanged } from "../build/fingerprint.ts";
import { buildImage } from "../build/image.ts";
import type { BundleKind } from "../build/imports.ts";
import { firmwareBundle } from "../build/kept-bundle.ts";
import type { Progress } from "../events.ts";
import { lock } from "../lock.mjs";
import { buildRoot, root } from "../paths.ts";
import { signForDevelopment } from "../update/development.ts";

/** The application whose start and memory are measured. */
export const EXAMPLE = "environment-sensor";

/** Files of one board's benchmark, absolute paths. */
export interface BenchImages {
  readonly board: Board;
  /** Where they are. */
  readonly folder: string;
  /** The image with probes. */
  readonly image: string;
  /** The application of the benchmark. */
  readonly application: string;
  /** The example, for the same firmware. */
  readonly example: string;
  /** The application that shows what fits. */
  readonly fit: string;
  /** The application that shows what a channel costs. */
  readonly channels: string;
  /** The application that shows what discovery costs. */
  readonly discovery: string;
  /** The application that shows what a scan costs. */
  readonly scan: string;
  /** The application that shows what a private address costs. */
  readonly bonds: string;
  /** The example in a bundle of 200 KB. */
  readonly large: string;
  /** The application that shows what an upload costs. */
  readonly upload: string;
  /** The application that shows what a pairing costs. */
  readonly pairing: string;
  /** The application that wakes, is on the air and sleeps; undefined for an image without the feature power. */
  readonly wake: string | undefined;
  /** The example behind a deep sleep; undefined for an image without the feature power. */
  readonly wokenExample: string | undefined;
}

/** Bytes of the largest bundle that a camera is expected to have. */
const LARGE_BYTES = 200_000;

/** Signs the container `from`, and zeros behind it that nothing reads; returns the signed file, beside `to`. */
function signLarge(from: string, to: string, board: string): string {
  copyFileSync(from, to);
  return signForDevelopment(to, board, { padding: LARGE_BYTES - statSync(from).size });
}

/**
 * Builds them in a folder of their own: build/bench/<board>.
 * @param options.profile with calls at the beginning and the end of each JavaScript function, in build/bench/profile/<board>.
 */
export async function buildBenchImages(
  name: string,
  progress: Progress = () => undefined,
  { profile = false, manifest }: { readonly profile?: boolean; readonly manifest?: string | undefined } = {},
): Promise<BenchImages> {
  const board = loadBoard(name, manifest);
  const folder = join(buildRoot, profile ? "bench/profile" : "bench", basename(board.output));
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, "build.lock"));
  try {
    await buildCompiler();
    const compiled = async (kind: BundleKind, entry: string, as: string, base?: string): Promise<string> => {
      const script = join(folder, `${as}.js`);
      const output = join(folder, `${as}.xsb`);
      const made = kind === "firmware" ? firmwareBundle(board.manifest) : bundle(kind, entry);
      writeIfChanged(script, (await made).code);
      await compile({
        kind,
        name: kind,
        input: script,
        output,
        ...(base === undefined ? {} : { base }),
      });
      return kind === "application" ? signForDevelopment(output, name) : output;
    };
    const firmware = await compiled("firmware", board.manifest.firmware, "firmware-bundle");
    const application = await compiled(
      "application",
      join(root, "tools/bench/application.ts"),
      "bench",
      firmware,
    );
    const fit = await compiled("application", join(root, "tools/bench/fit.ts"), "fit", firmware);
    const channelsEntry = join(root, "tools/bench/channels.ts");
    const channels = await compiled("application", channelsEntry, "channels", firmware);
    const discoveryEntry = join(root, "tools/bench/discovery.ts");
    const discovery = await compiled("application", discoveryEntry, "discovery", firmware);
    const scan = await compiled("application", join(root, "tools/bench/scan.ts"), "scan", firmware);
    const bonds = await compiled("application", join(root, "tools/bench/bonds.ts"), "bonds", firmware);
    const upload = await compiled("application", join(root, "tools/bench/upload.ts"), "upload", firmware);
    const pairingEntry = join(root, "tools/bench/pairing.ts");
    const pairing = await compiled("application", pairingEntry, "pairing", firmware);
    const canSleep = board.manifest.features.includes("power");
    const wakeEntry = join(root, "tools/bench/wake.ts");
    const wake = canSleep ? await compiled("application", wakeEntry, "wake", firmware) : undefined;
    const wokenEntry = join(root, "tools/bench/woken-example.ts");
    const wokenExample = canSleep
      ? await compiled("application", wokenEntry, "woken-example", firmware)
      : undefined;
    const example = await compiled("application", findApplication(EXAMPLE).entry, EXAMPLE, firmware);
    const large = signLarge(join(folder, `${EXAMPLE}.xsb`), join(folder, "large.xsb"), name);
    const probes = join(root, "tools/bench/native/probes.cmake");
    const settings = [`CMAKE_PROJECT_obscura_firmware_INCLUDE=${probes}`, ...(profile ? ["PROFILE=ON"] : [])];
    const { image } = await buildImage(board, { bundle: firmware, folder, settings }, progress);
    return {
      board,
      folder,
      image,
      application,
      example,
      fit,
      channels,
      discovery,
      scan,
      bonds,
      large,
      upload,
      pairing,
      wake,
      wokenExample,
    };
  } finally {
    unlock();
  }
}
