/** Writes the source maps of bytecode: a bundle's, and that of a preloaded image, whose functions lie elsewhere. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";
import type { Bundle } from "./bundle.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";
import type { KeptBundle } from "./kept-bundle.ts";
import { type BytecodeMap, encodeMap, type Segment, segmentsOf } from "./origins.ts";

/** The map of a .xsb file. */
export const mapOf = (bytecode: string): string => `${bytecode}.map`;

/** What the bytecode compiler says of a .xsb file. */
export const positionsOf = (bytecode: string): string => `${bytecode}.positions`;

/** The checksum at the end of a container (firmware/native/bundle.h), which names it in stacks. */
export function buildId(bytecode: string): string {
  const bytes = readFileSync(bytecode);
  return bytes
    .readUInt32LE(bytes.length - 4)
    .toString(16)
    .padStart(8, "0");
}

/** A compiled bundle, for its map. */
export interface Compiled {
  /** The .xsb file. */
  readonly bytecode: string;
  readonly bundle: KeptBundle;
  /** The folder that the paths of sources are relative to. */
  readonly sourceRoot: string;
}

const segments = async ({ bytecode, bundle }: Compiled): Promise<Segment[]> =>
  segmentsOf(readFileSync(positionsOf(bytecode), "utf8"), bundle.code, await bundle.origins());

const madeOf = ({ bytecode, bundle, sourceRoot }: Compiled, ...files: readonly string[]): string => {
  const sources = bundle.inputs.filter((file) => existsSync(file));
  return fingerprint([bytecode, positionsOf(bytecode), ...sources, ...files], [bundle.code, sourceRoot]);
};

/** The compiler's errors of a bundle in `script`, with places in the files that the bundle was made of. */
export function inSources(error: unknown, script: string, { origins }: Pick<Bundle, "origins">): unknown {
  if (!(error instanceof ToolError)) return error;
  const lines = error.output.split("\n").map((text) => {
    if (!text.startsWith(`${script}:`)) return text;
    const [, line, column, what] = /^:(\d+):(\d+): (.*)$/.exec(text.slice(script.length)) ?? [];
    if (what === undefined) return text;
    const place = origins.placeOf({ line: Number(line) - 1, column: Number(column) - 1 });
    return place === undefined ? text : `${displayPath(place.file)}:${place.line}:${place.column}: ${what}`;
  });
  return new ToolError(error.message, lines.join("\n"));
}

/** Writes the map of a bundle, unless it is there. */
export async function writeMap(compiled: Compiled): Promise<void> {
  const { bytecode, sourceRoot } = compiled;
  const map = mapOf(bytecode);
  await unlessFresh(map, `${map}.stamp`, madeOf(compiled), async () => {
    writeJson(map, encodeMap(basename(bytecode), buildId(bytecode), sourceRoot, await segments(compiled)));
  });
}

/** Writes the map of an image that has a preloaded machine, unless it is there. */
export async function writeImageMap(image: string, firmware: Compiled): Promise<void> {
  const log = `${image}.preload.log`;
  if (!existsSync(log)) return;
  const map = `${image}.rom.map`; // the linker writes firmware.map
  await unlessFresh(map, `${map}.stamp`, madeOf(firmware, log), async () => {
    writeJson(
      map,
      preloadedMap(readFileSync(log, "utf8"), basename(image), firmware.sourceRoot, await segments(firmware)),
    );
  });
}

/** Where a function of a preloaded image lies. */
interface Placed {
  readonly offset: number;
  /** Offset in the firmware's bytecode. */
  readonly origin: number;
  readonly length: number;
}

/**
 * Writes the map of the firmware in a preloaded image.
 * @param log what the preload said: the image's identifier, and where each function went (rom_pack_code.c)
 * @param firmware the segments of the firmware's bytecode
 */
export function preloadedMap(
  log: string,
  image: string,
  root: string,
  firmware: readonly Segment[],
): BytecodeMap {
  const id = /firmware ([0-9a-f]{8}) of /.exec(log)?.[1];
  if (id === undefined) throw new Error("The preload's log names no firmware");
  const copies = new Map<number, Placed[]>();
  for (const [, ...fields] of log.matchAll(/function (\d+) (\d+) (\d+)/g)) {
    const [offset, origin, length] = fields.map(Number) as [number, number, number];
    copies.set(offset, [...(copies.get(offset) ?? []), { offset, origin, length }]);
  }
  const segments = [...copies.values()]
    .sort(([a], [b]) => a!.offset - b!.offset)
    .flatMap(([placed, ...equal]) => {
      const { offset, origin, length } = placed!;
      const remark = equal.length === 0 ? {} : { remark: `or one of ${equal.length} equal functions` };
      const inside = firmware
        .filter(
          (segment, i) => segment.offset < origin + length && (firmware[i + 1]?.offset ?? Infinity) > origin,
        )
        .map((segment) => ({ ...segment, ...remark, offset: offset + Math.max(0, segment.offset - origin) }));
      return [...inside, { offset: offset + length, place: undefined }];
    });
  return encodeMap(image, id, root, segments);
}

const writeJson = (file: string, value: unknown): void => writeFileSync(file, `${JSON.stringify(value)}\n`);
