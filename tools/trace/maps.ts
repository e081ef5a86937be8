/** The source maps of bytecode, found by what a camera calls the bytecode in its stacks. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { SourceMap } from "node:module";
import { join, relative, resolve } from "node:path";
import type { BytecodeMap } from "../build/origins.ts";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";

/** One bundle's map. */
export interface OffsetMap {
  /** The place of an instruction as a person reads it, `main.ts:12:5`; undefined for what the build added. */
  placeOf(offset: number): string | undefined;
}

/** Finds maps by the 8 digits in stacks. */
export type FindMap = (id: string) => OffsetMap | undefined;

/**
 * Finds the maps in these folders and in the folders in them. Of several for one bytecode, which equal sources in
 * different places make, the newest.
 * @param preferred maps that come before all others
 */
export function mapsIn(folders: readonly string[], preferred: readonly string[] = []): FindMap {
  let files: ReadonlyMap<string, string> | undefined;
  const maps = new Map<string, OffsetMap>();
  return (id) => {
    const known = maps.get(id);
    if (known !== undefined) return known;
    files ??= listMaps(folders, preferred);
    const file = files.get(id);
    if (file === undefined) return undefined;
    const map = loadMap(file);
    maps.set(id, map);
    return map;
  };
}

/** Names of the maps by their identifiers. */
function listMaps(folders: readonly string[], preferred: readonly string[]): ReadonlyMap<string, string> {
  const files: string[] = [];
  for (const folder of folders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory()) {
      throw new ToolError(`There is no folder ${displayPath(folder)} to look for maps in.`);
    }
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (/\.(?:xsb|rom)\.map$/.test(name)) files.push(join(folder, name));
    }
  }
  // A folder, a pipe or a link to nothing may have such a name, too.
  const there = files
    .map((file) => ({ file, stats: statSync(file, { throwIfNoEntry: false }) }))
    .filter(({ stats }) => stats?.isFile())
    .sort((a, b) => b.stats!.mtimeMs - a.stats!.mtimeMs)
    .map(({ file }) => file);
  const found = new Map<string, string>();
  for (const file of [...preferred.filter((each) => existsSync(each)), ...there]) {
    const id = /"debugId":"([0-9a-f]{8})"/.exec(readFileSync(file, "utf8"))?.[1];
    if (id !== undefined && !found.has(id)) found.set(id, file);
  }
  return found;
}

/** Reads one map. */
export function loadMap(file: string): OffsetMap {
  const payload = JSON.parse(readFileSync(file, "utf8")) as BytecodeMap;
  const map = new SourceMap({ ...payload, sourceRoot: "" });
  return {
    placeOf: (offset) => {
      const entry = map.findEntry(0, offset) as {
        readonly originalSource?: string;
        readonly originalLine?: number;
        readonly originalColumn?: number;
        readonly name?: string;
      };
      const { originalSource, originalLine = 0, originalColumn = 0, name } = entry;
      if (originalSource === undefined) return undefined;
      const place = `${shown(payload.sourceRoot, originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
      return name === undefined ? place : `${place} ${name}`;
    },
  };
}

/** A source as a person can open it; where it is not on this computer, as the map has it. */
function shown(folder: string, source: string): string {
  const file = resolve(folder, source);
  if (!existsSync(file)) return source;
  const short = relative(process.cwd(), file);
  return short.startsWith("..") ? file : short;
}
