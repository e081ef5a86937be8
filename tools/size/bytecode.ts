/**
 * The firmware's bytecode by TypeScript module. The bundle is compiled in one piece, so the shares are an estimate: each
 * module's part of the bundle is compiled alone, where it reaches other modules' names as globals, and the sizes are
 * scaled so that they add up to the bundle's bytecode. The symbols' names and the container's header are listed apart.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plugin } from "rollup";
import { bundle } from "../build/bundle.ts";
import { compilerProgram } from "../build/compiler.ts";
import { lower } from "../build/lower.ts";
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

/**
 * @param entry the firmware's entry
 * @param container the firmware's .xsb
 */
export async function bytecodeSizes(entry: string, container: string): Promise<Sizes> {
  const parts = await bundleParts(entry);
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

/** What rollup made of each module, and what is not tree-shaken away. */
export async function bundleParts(entry: string): Promise<Part[]> {
  const parts: Part[] = [];
  const collect: Plugin = {
    name: "collect-parts",
    generateBundle(_, output) {
      for (const chunk of Object.values(output)) {
        if (chunk.type !== "chunk") continue;
        for (const [file, { code }] of Object.entries(chunk.modules)) {
          if (code !== null && code.trim() !== "") parts.push({ file, code });
        }
      }
    },
  };
  await bundle("firmware", entry, [collect]);
  return parts;
}

/** Bytes of bytecode of one part. */
async function compiledSize(folder: string, { file, code }: Part): Promise<number> {
  mkdirSync(folder, { recursive: true });
  const input = join(folder, "part.js");
  const output = join(folder, "part.xsb");
  writeFileSync(input, await lower(code, displayPath(file)));
  const args = ["--kind", "firmware", "--name", "firmware", "--output", output];
  await mustRun(compilerProgram, [...args, input], `${displayPath(file)} does not compile alone`);
  return readFileSync(output).readUInt32LE(CODE_SIZE);
}
