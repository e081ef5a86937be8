/** What the soak runs: the product's firmware with a view of its memory, and the application of the soak. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Board, loadBoard } from "../build/boards.ts";
import { bundle } from "../build/bundle.ts";
import { buildCompiler, compile } from "../build/compiler.ts";
import { writeIfChanged } from "../build/fingerprint.ts";
import { buildImage } from "../build/image.ts";
import type { BundleKind } from "../build/imports.ts";
import { checkEntry } from "../build/typecheck.ts";
import type { Progress } from "../events.ts";
import { lock } from "../lock.ts";
import { buildRoot, root } from "../paths.ts";

/** Absolute paths. */
export interface SoakImage {
  readonly board: Board;
  readonly image: string;
  readonly application: string;
}

/** Builds both in a folder of their own: build/soak/<board>. */
export async function buildSoakImage(name: string, progress: Progress = () => undefined): Promise<SoakImage> {
  const board = loadBoard(name);
  const folder = join(buildRoot, "soak", name);
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, "build.lock"));
  try {
    await buildCompiler();
    const compiled = async (kind: BundleKind, base?: string): Promise<string> => {
      const script = join(folder, `${kind}.js`);
      const output = join(folder, `${kind}.xsb`);
      const entry = join(root, `tools/soak/${kind}.ts`);
      const { code } = await bundle(kind, entry);
      await checkEntry(entry, folder, kind);
      writeIfChanged(script, code);
      await compile({
        ...{ kind, name: kind, input: script, output },
        ...(base === undefined ? {} : { base }),
      });
      return output;
    };
    const firmware = await compiled("firmware");
    const application = await compiled("application", firmware);
    const { image } = await buildImage(board, { bundle: firmware, folder }, progress);
    return { board, image, application };
  } finally {
    unlock();
  }
}
