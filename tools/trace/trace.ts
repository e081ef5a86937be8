/**
 * Stacks of a camera in TypeScript. The camera says `application 5f2c01aa+1432`: which bytecode, and the offset in it.
 * The map that was written with the bytecode has the file, the line and the column.
 */
import type { FindMap } from "./maps.ts";

/** Translates a camera's console, line after line. */
export class Tracer {
  /** Identifiers in the stacks so far that no map belongs to, and what each is of. */
  readonly unknown = new Map<string, string>();
  private readonly find: FindMap;
  /** Whether the instruction at the offset threw by itself, not one that it had called. */
  private throwsAtOffset = false;

  constructor(find: FindMap) {
    this.find = find;
  }

  /** The line with places in TypeScript instead of offsets; what no map belongs to stays as it is. */
  line(text: string): string {
    let places = 0;
    // The code of a module itself is a function that is called like the module.
    const plain = text.replace(/\bat (application|firmware) \((\1 [0-9a-f]{8}\+\d+)\)/, "at $2");
    const translated = plain.replace(
      /\b(application|firmware) ([0-9a-f]{8})\+(\d+)/g,
      (all, of, id, offset) => {
        const map = this.find(id);
        if (map === undefined) {
          this.unknown.set(id, of);
          return all;
        }
        const exact = places++ === 0 && this.throwsAtOffset;
        return (
          map.placeOf(exact ? Number(offset) : Math.max(0, Number(offset) - 1)) ??
          `added by the build (${all})`
        );
      },
    );
    if (translated !== text || !/^\s*at /.test(text))
      this.throwsAtOffset = places === 0 && throwsAtOffset.test(text);
    return translated;
  }
}

/**
 * What instructions throw before the engine goes on to the next one. For all others the offset on top of a stack is the
 * next instruction's, or lies inside a call.
 */
const throwsAtOffset =
  /: (?:cannot coerce|invalid (?:value|result)|this is|super|template|BigInt|.*(?:division by zero|bigint))/i;
