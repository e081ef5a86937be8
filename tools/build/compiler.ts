/** The bytecode compiler of tools/bytecode: built once, then run on bundles. */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../events.ts";
import { lock } from "../lock.mjs";
import { buildRoot, displayPath, engineSources, root } from "../paths.ts";
import { mustRun, ninjaProgress } from "../process.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";
import type { BundleKind } from "./imports.ts";
import { positionsOf } from "./maps.ts";

const folder = join(buildRoot, "tools");

/** The compiler's program. */
export const compilerProgram = join(folder, "obscura-bytecode");

/** Builds the compiler when its sources have changed. Returns whether anything was to be done. */
export async function buildCompiler(progress: Progress = () => undefined): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, "build.lock"));
  try {
    const configure = [
      ...["-G", "Ninja", "-S", join(root, "tools/bytecode"), "-B", folder],
      `-DXS_ROOT=${engineSources()}`,
    ];
    const configured = join(folder, "configured.stamp");
    await unlessFresh(join(folder, "build.ninja"), configured, fingerprint([], configure), async () => {
      await mustRun(
        "cmake",
        ["--fresh", ...configure],
        "CMake could not set up the bytecode compiler's build",
      );
    });
    const said = await mustRun("ninja", ["-C", folder], "The bytecode compiler does not build", {
      onLine: ninjaProgress(progress),
    });
    return !said.includes("no work to do");
  } finally {
    unlock();
  }
}

/** One bundle to compile. */
export interface Compilation {
  readonly kind: BundleKind;
  /** The specifier under which the camera knows the module. */
  readonly name: string;
  /** The JavaScript file. */
  readonly input: string;
  /** The .xsb file to write. */
  readonly output: string;
  /** The firmware that an application stands on. */
  readonly base?: string;
  /** KB of heap that an application asks for. */
  readonly heapKb?: number;
}

/**
 * Compiles a bundle when it has changed, and notes where its bytecode comes from (maps.ts). Returns the size of the
 * bytecode container in bytes.
 */
export async function compile({ kind, name, input, output, base, heapKb = 0 }: Compilation): Promise<number> {
  const args = [
    ...["--kind", kind, "--name", name, "--output", output],
    ...(base === undefined ? [] : ["--base", base]),
    ...(heapKb === 0 ? [] : ["--heap-kb", `${heapKb}`]),
    ...["--positions", positionsOf(output)],
    input,
  ];
  const files = [compilerProgram, input, ...(base === undefined ? [] : [base])];
  await unlessFresh(output, `${output}.stamp`, fingerprint(files, args), async () => {
    await mustRun(compilerProgram, args, `${displayPath(input)} does not compile to bytecode`);
  });
  return statSync(output).size;
}
