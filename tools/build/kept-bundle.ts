/**
 * Keeps bundles of the firmware. A bundle takes seconds and is the same for each application and board with the same
 * features, and most builds have changed nothing of it. What is kept is believed while every byte that it was made of is
 * as it was; it is written whole or not at all, so that builds side by side may share it.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { ToolError } from "../events.ts";
import { buildRoot, packageFolder, root } from "../paths.ts";
import { type Bundle, bundle } from "./bundle.ts";
import { featuresOf } from "./features.ts";
import { fingerprint } from "./fingerprint.ts";
import type { Manifest } from "./manifest.ts";
import type { Origins } from "./origins.ts";

/** A bundle whose origins are found when somebody asks: they are not kept. */
export interface KeptBundle extends Omit<Bundle, "origins"> {
  /** @throws ToolError when a file has changed since the bundle was made. */
  origins(): Promise<Origins>;
}

/** What the folder holds at most; the oldest go. */
const KEPT_MAX = 16;

/** The packages that make a bundle. */
const PACKAGES = [
  ...["@babel/core", "@babel/plugin-transform-explicit-resource-management", "@rollup/plugin-commonjs"],
  ...["@rollup/plugin-node-resolve", "esbuild", "eslint-scope", "rollup", "rollup-plugin-esbuild"],
];

/** Where what is kept lies, and the folder of sources whose imports lead nowhere else. */
export interface Keeping {
  readonly folder?: string;
  readonly sources?: string;
}

/** The files that a bundle depends on besides those that it is made of: what makes it, and in which version. */
function makers(): string[] {
  const folder = join(root, "tools/build");
  const own = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const packages = PACKAGES.flatMap((name) => {
    const found = packageFolder(name);
    return found === undefined ? [] : [join(found, "package.json")];
  });
  return [
    ...own.map((name) => join(folder, name)),
    join(root, "firmware/features/catalogue.json"),
    ...packages,
  ];
}

/** A file of the folder. */
interface Kept {
  readonly digest: string;
  readonly inputs: readonly string[];
  readonly code: string;
  readonly imports: readonly (readonly [string, readonly string[]])[];
}

/** The text of what an image has, which decides about its firmware with the files. */
const wordsOf = ({
  firmware,
  name,
  features,
}: Pick<Manifest, "firmware" | "features" | "name">): string[] => [
  ...[firmware, name, process.version],
  ...features,
];

function readKept(file: string, words: readonly string[]): Kept | undefined {
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Kept;
    return kept.digest === fingerprint([...kept.inputs, ...makers()], words) ? kept : undefined;
  } catch {
    // Not there, or of another version of this file.
    return undefined;
  }
}

/** Only what nobody has changed while it was read. */
function isOlder(files: readonly string[], startMs: number): boolean {
  return files.every((file) => {
    const status = statSync(file, { throwIfNoEntry: false });
    return status !== undefined && status.mtimeMs < startMs && status.ctimeMs < startMs;
  });
}

function keep(folder: string, name: string, kept: Kept): void {
  const file = join(folder, name);
  const own = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  writeFileSync(own, JSON.stringify(kept));
  renameSync(own, file);
  const age = (other: string): number =>
    statSync(join(folder, other), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const others = readdirSync(folder).sort((a, b) => age(b) - age(a));
  for (const old of others.slice(KEPT_MAX)) rmSync(join(folder, old), { force: true });
}

/**
 * The firmware's bundle with a manifest's features. Made anew for a firmware of somebody else's, outside of this package's
 * folder, whose imports may lead anywhere.
 * @throws ToolError when it cannot be made.
 */
export async function firmwareBundle(
  manifest: Pick<Manifest, "firmware" | "features" | "name">,
  { folder = join(buildRoot, "bundles"), sources = join(root, "firmware") }: Keeping = {},
): Promise<KeptBundle> {
  const make = (): Promise<Bundle> => bundle("firmware", manifest.firmware, [featuresOf(manifest)]);
  const words = wordsOf(manifest);
  const name = `${createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 24)}.json`;
  const found = readKept(join(folder, name), words);
  if (found) {
    const { code, inputs, imports } = found;
    const origins = async (): Promise<Origins> => {
      const again = await make();
      if (again.code !== code)
        throw new ToolError("The firmware was changed while it was built: build again.");
      return again.origins;
    };
    return { code, inputs, imports: new Map(imports), warnings: [], origins };
  }
  const startMs = Date.now();
  const made = await make();
  const inputs = made.inputs.filter((file) => !file.startsWith("\0"));
  const canBeKept = inputs.every((file) => file.startsWith(sources + sep)) && made.warnings.length === 0;
  if (canBeKept && isOlder([...inputs, ...makers()], startMs)) {
    mkdirSync(folder, { recursive: true });
    const digest = fingerprint([...inputs, ...makers()], words);
    keep(folder, name, { digest, inputs, code: made.code, imports: [...made.imports] });
  }
  return { ...made, origins: async () => made.origins };
}
