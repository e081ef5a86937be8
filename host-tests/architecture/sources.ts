/** The sources as the tests of the architecture read them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Import {
  readonly target: string;
  readonly isType: boolean;
}

/** The TypeScript sources in a folder and below it, as paths from the root of the repository. */
export function sourcesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name).split(sep).join("/"))
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .sort();
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** The imports of one source; relative ones as paths from the root of the repository. */
export function importsOf(file: string, text = textOf(file)): Import[] {
  const found: Import[] = [];
  const add = (specifier: string, isType: boolean): void => {
    const target = specifier.startsWith(".")
      ? relative(".", normalize(join(dirname(file), specifier)))
          .split(sep)
          .join("/")
      : specifier;
    found.push({ target, isType });
  };
  for (const [, type, names, specifier] of text.matchAll(
    /^(?:import|export)\s+(type\s+)?((?:[\w*${}\s,]+?)\s+from\s+)?"([^"]+)"/gm,
  )) {
    const inner = /\{([^}]*)\}/.exec(names ?? "")?.[1];
    const eachIsType =
      inner?.split(",").every((name) => name.trim() === "" || name.trim().startsWith("type ")) ?? false;
    add(specifier!, type !== undefined || (eachIsType && !/\w\s*,\s*\{/.test(names ?? "")));
  }
  for (const [, specifier] of text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)) add(specifier!, false);
  return found;
}

/** A source without its comments: they may speak of what the code does without. */
export function codeOf(file: string): string {
  return withoutComments(textOf(file));
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

export const FIRMWARE: readonly string[] = sourcesBelow("firmware");
