/**
 * The firmware's bytecode by TypeScript module. The bundle is compiled in one piece, so the shares are an estimate: each
 * module's part of the bundle is compiled alone, where it reaches other modules' names as globals, and the sizes are
 * scaled so that they add up to the bundle's bytecode. The symbols' names and the container's header are listed apart.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAst } from "rollup/parseAst";
import { bundle } from "../build/bundle.ts";
import { compilerProgram } from "../build/compiler.ts";
import { featuresOf } from "../build/features.ts";
import type { Manifest } from "../build/manifest.ts";
import { Lines } from "../build/origins.ts";
import { displayPath } from "../paths.ts";
import { mustRun } from "../process.ts";
import { type Sizes, sizes } from "./modules.ts";

/** Offset of the bytecode's length in a container (firmware/native/bundle.c). */
const CODE_SIZE = 60;

/** What became of a module in the bundle. */
export interface Part {
  readonly file: string;
  readonly code: string;
}

/** @param container the firmware's .xsb */
export async function bytecodeSizes(manifest: Manifest, container: string): Promise<Sizes> {
  const parts = await bundleParts(manifest);
  const folder = mkdtempSync(join(tmpdir(), "obscura-size-"));
  try {
    const empty = await compiledSize(folder, { file: "empty", code: "" });
    const alone: [string, number][] = [];
    for (const part of parts) {
      alone.push([displayPath(part.file), (await compiledSize(folder, part)) - empty]);
    }
    const bytes = readFileSync(container);
    const code = bytes.readUInt32LE(CODE_SIZE);
    const sum = alone.reduce((total, [, size]) => total + size, 0);
    const modules = new Map(alone.map(([file, size]) => [file, Math.round((size / sum) * code)]));
    modules.set("names of symbols", bytes.length - code);
    return sizes(modules);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A statement, and where it is in the text. */
interface Statement {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** What the build adds that no module has: what it lowers classes and `using` to. */
const HELPERS = "helpers of the build";

/** Each module's statements in the bundle: what nobody uses is not there any more. */
export async function bundleParts(
  manifest: Pick<Manifest, "firmware" | "features" | "name">,
): Promise<Part[]> {
  const { code, origins } = await bundle("firmware", manifest.firmware, [featuresOf(manifest)]);
  const lines = new Lines(code);
  const parts = new Map<string, string>();
  for (const { type, start, end } of parseAst(code).body as unknown as Statement[]) {
    // Of names of another part, and it makes no code.
    if (type === "ExportNamedDeclaration") continue;
    const file = origins.placeOf(lines.positionOf(start))?.file ?? HELPERS;
    parts.set(file, `${parts.get(file) ?? ""}${code.slice(start, end)}\n`);
  }
  return [...parts].map(([file, text]) => ({ file, code: text }));
}

/** Bytes of bytecode of one part. */
async function compiledSize(folder: string, { file, code }: Part): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const input = join(folder, "part.js");
  const output = join(folder, "part.xsb");
  writeFileSync(input, code);
  const args = ["--kind", "firmware", "--name", "firmware", "--output", output];
  await mustRun(compilerProgram, [...args, input], `${displayPath(file)} does not compile alone`);
  return readFileSync(output).readUInt32LE(CODE_SIZE);
}
