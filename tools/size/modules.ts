/** Flash and RAM of an image, by module. */
import type { Section } from "./elf.ts";
import type { Piece } from "./map.ts";

/** Bytes by module, the largest first, and their sum. */
export interface Sizes {
  readonly total: number;
  readonly modules: Readonly<Record<string, number>>;
}

/** Sorts and sums. */
export function sizes(modules: ReadonlyMap<string, number>): Sizes {
  const sorted = [...modules].filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a);
  return {
    total: sorted.reduce((sum, [, bytes]) => sum + bytes, 0),
    modules: Object.fromEntries(sorted),
  };
}

/** The module that an input section belongs to. */
export function moduleOf({ file, input }: Pick<Piece, "file" | "input">): string {
  if (file === "") return "alignment";
  if (file.includes("/native/firmware_bundle.S.")) return "firmware bytecode";
  // The arenas of memory.c.
  if (file.includes("/native/memory.c.") && input.startsWith(".bss")) return "JavaScript heap and stack";
  if (/libxs\.a\(/.test(file)) return "engine";
  if (/\/boards\/.+\.c\.o/.test(file)) return "board";
  if (/\/native\/[^/]+\.o/.test(file)) return "native";
  return "C library";
}

/** Sections that the linker script makes without input files. */
const whole: Readonly<Record<string, string>> = {
  ".rom": "preloaded machine",
  ".stack": "C stack",
};

/**
 * Bytes by module of the image's sections that `wanted` picks. What the map does not explain, alignment of sections
 * included, counts as alignment.
 */
export function sizesOf(
  sections: readonly Section[],
  pieces: readonly Piece[],
  wanted: (section: Section) => boolean,
): Sizes {
  const modules = new Map<string, number>();
  const add = (module: string, bytes: number) => modules.set(module, (modules.get(module) ?? 0) + bytes);
  for (const section of sections.filter(wanted)) {
    const own = whole[section.name];
    if (own !== undefined) {
      add(own, section.size);
      continue;
    }
    const inside = pieces.filter((piece) => piece.section === section.name);
    for (const piece of inside) add(moduleOf(piece), piece.size);
    add("alignment", section.size - inside.reduce((sum, { size }) => sum + size, 0));
  }
  return sizes(modules);
}
