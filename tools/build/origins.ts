/**
 * Where the code of a bundle comes from: through the steps that made it, back to the files that people wrote; and the
 * source map of its bytecode, which is kept beside it and never goes to a camera.
 */
import { SourceMap, type SourceMapPayload } from "node:module";
import { relative, resolve } from "node:path";
import { parseAst } from "rollup/parseAst";

/** A place in a file: the line counts from 1, the column from 1. */
export interface Place {
  /** An absolute path. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A place in a text, both counted from 0, as source maps have it. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One step that made the bundle: from a position in its result to one in what it was given. */
export type Step = (position: Position) => Position | undefined;

/** Text by position and by offset. */
export class Lines {
  private readonly starts = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.starts.push(at + 1);
  }

  positionOf(offset: number): Position {
    let low = 0;
    let high = this.starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low, column: offset - this.starts[low]! };
  }

  offsetOf({ line, column }: Position): number {
    return (this.starts[line] ?? 0) + column;
  }
}

/** What `SourceMap.findEntry` finds, for what is in no source map is {}. */
interface Entry {
  readonly generatedLine?: number;
  readonly originalSource?: string;
  readonly originalLine?: number;
  readonly originalColumn?: number;
}

function entryAt(map: SourceMap, { line, column }: Position): Entry | undefined {
  const entry = map.findEntry(line, column) as Entry;
  return entry.generatedLine === line && entry.originalLine !== undefined ? entry : undefined;
}

/** A step that a source map describes. */
export function mapped(payload: SourceMapPayload): Step {
  const map = new SourceMap(payload);
  return (position) => {
    const entry = entryAt(map, position);
    return entry && { line: entry.originalLine!, column: entry.originalColumn ?? 0 };
  };
}

/** A piece of text that another took the place of. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The code with its pieces replaced, which do not overlap. */
export function withReplacements(code: string, replacements: readonly Replacement[]): string {
  let text = "";
  let at = 0;
  for (const { start, end, text: more } of [...replacements].sort((a, b) => a.start - b.start)) {
    text += code.slice(at, start) + more;
    at = end;
  }
  return text + code.slice(at);
}

/** A step that replaced pieces of `before`, which do not overlap, and left the rest. */
export function replaced(before: string, after: string, replacements: readonly Replacement[]): Step {
  const sorted = [...replacements].sort((a, b) => a.start - b.start);
  const linesBefore = new Lines(before);
  const linesAfter = new Lines(after);
  return (position) => {
    let offset = linesAfter.offsetOf(position);
    for (const { start, end, text } of sorted) {
      if (offset < start) break;
      offset = offset < start + text.length ? start : offset - text.length + (end - start);
    }
    return linesBefore.positionOf(offset);
  };
}

/** Follows positions in a bundle back to the files that it was made of. */
export class Origins {
  private readonly steps: readonly Step[];
  private readonly first: SourceMap;
  private readonly folder: string;

  /**
   * @param first the source map of the step that read the files
   * @param folder what its sources are relative to
   * @param steps the later ones, the last one first
   */
  constructor(first: SourceMapPayload, folder: string, steps: readonly Step[]) {
    this.first = new SourceMap(first);
    this.folder = folder;
    this.steps = steps;
  }

  /** Undefined for what the build added. */
  readonly placeOf = (position: Position): Place | undefined => {
    let at: Position | undefined = position;
    for (const step of this.steps) at = at && step(at);
    const entry = at && entryAt(this.first, at);
    if (entry?.originalSource === undefined) return undefined;
    return {
      file: resolve(this.folder, entry.originalSource),
      line: entry.originalLine! + 1,
      column: (entry.originalColumn ?? 0) + 1,
    };
  };
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/**
 * Where a person looks for a call or a property: at the name of what is called, not at the parenthesis or the dot that
 * the engine's parser notes.
 */
export function anchors(code: string): ReadonlyMap<number, number> {
  const anchors = new Map<number, number>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    const node = value as Node;
    if (node.type === "CallExpression" || node.type === "NewExpression") {
      const callee = node.callee as Node;
      const name = callee.type === "MemberExpression" ? (callee.property as Node) : callee;
      const parenthesis = code.indexOf("(", callee.end);
      if (parenthesis >= 0 && parenthesis < node.end) {
        anchors.set(parenthesis, node.type === "NewExpression" ? node.start : name.start);
      }
    }
    if (node.type === "MemberExpression" && node.computed !== true) {
      const { start } = node.property as Node;
      anchors.set(code.lastIndexOf(".", start), start);
    }
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(code));
  return anchors;
}

/** A run of bytecode: from this offset on, up to the next one's. */
export interface Segment {
  readonly offset: number;
  /** Undefined for what the build added. */
  readonly place: Place | undefined;
  /** Something to say about the place. */
  readonly remark?: string;
}

/**
 * The runs of a bundle's bytecode.
 * @param positions what the bytecode compiler says: lines of an offset in the bytecode and one in `code`
 */
export function segmentsOf(positions: string, code: string, origins: Origins): Segment[] {
  const lines = new Lines(code);
  const anchorOf = anchors(code);
  return positions
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [offset, at] = line.split(" ").map(Number) as [number, number];
      return { offset, place: origins.placeOf(lines.positionOf(anchorOf.get(at) ?? at)) };
    });
}

/** A source map of bytecode: one generated line, whose columns are offsets in the code. */
export interface BytecodeMap extends SourceMapPayload {
  /** What a camera calls the bytecode in its stacks: 8 hexadecimal digits. */
  debugId: string;
}

/** Makes the source map of runs in the order of their offsets. */
export function encodeMap(
  file: string,
  debugId: string,
  root: string,
  segments: readonly Segment[],
): BytecodeMap {
  const sources = new Index();
  const names = new Index();
  const previous = [0, 0, 0, 0, 0];
  const delta = (field: number, value: number): string => {
    const text = encodeNumber(value - previous[field]!);
    previous[field] = value;
    return text;
  };
  const mappings = segments.map(({ offset, place, remark }) => {
    const at = delta(0, offset);
    if (place === undefined) return at;
    const source = delta(1, sources.of(relative(root, place.file)));
    const where = delta(2, place.line - 1) + delta(3, place.column - 1);
    return at + source + where + (remark === undefined ? "" : delta(4, names.of(remark)));
  });
  return {
    version: 3,
    file,
    debugId,
    sourceRoot: root,
    sources: sources.list,
    sourcesContent: [],
    names: names.list,
    // Node reads a last segment of one field wrongly unless something follows it.
    mappings: `${mappings.join(",")};`,
  };
}

/** Numbers texts in the order in which they come. */
class Index {
  readonly list: string[] = [];
  private readonly numbers = new Map<string, number>();

  of(text: string): number {
    const known = this.numbers.get(text);
    if (known !== undefined) return known;
    this.numbers.set(text, this.list.length);
    return this.list.push(text) - 1;
  }
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Base 64 VLQ: the sign in the lowest bit, five bits a digit, the lowest first. */
function encodeNumber(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += digits[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}
