/** What the soak runs: the product's firmware with a view of its memory, and an application of the soak. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Board, loadBoard } from "../build/boards.ts";
import { bundle } from "../build/bundle.ts";
import { buildCompiler, compile } from "../build/compiler.ts";
import { writeIfChanged } from "../build/fingerprint.ts";
import { buildImage } from "../build/image.ts";
import type { BundleKind } from "../build/imports.ts";
import { checkEntry } from "../build/typecheck.ts";
import type { Progress } from "../events.ts";
import { lock } from "../lock.mjs";
import { buildRoot, root } from "../paths.ts";
import { signForDevelopment } from "../update/development.ts";

/** Absolute paths. */
export interface SoakImage {
  readonly board: Board;
  readonly image: string;
  /** By the names that they were asked for with. */
  readonly applications: Readonly<Record<string, string>>;
}

/** Builds the firmware and applications, given by their entries, in a folder of their own: build/soak/<board>. */
export async function buildSoakImage(
  name: string,
  progress: Progress,
  entries: Readonly<Record<string, string>>,
): Promise<SoakImage> {
  const board = loadBoard(name);
  const folder = join(buildRoot, "soak", name);
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, "build.lock"));
  try {
    await buildCompiler();
    const compiled = async (
      kind: BundleKind,
      label: string,
      entry: string,
      base?: string,
    ): Promise<string> => {
      const script = join(folder, `${label}.js`);
      const output = join(folder, `${label}.xsb`);
      const { code } = await bundle(kind, entry);
      await checkEntry(entry, folder, label);
      writeIfChanged(script, code);
      await compile({
        ...{ kind, name: kind, input: script, output },
        ...(base === undefined ? {} : { base }),
      });
      return kind === "application" ? signForDevelopment(output, name) : output;
    };
    const firmware = await compiled("firmware", "firmware", join(root, "tools/soak/firmware.ts"));
    const applications: Record<string, string> = {};
    for (const [label, entry] of Object.entries(entries)) {
      applications[label] = await compiled("application", label, resolve(root, entry), firmware);
    }
    const { image } = await buildImage(board, { bundle: firmware, folder }, progress);
    return { board, image, applications };
  } finally {
    unlock();
  }
}
