/**
 * Manifests: what goes into an image, as small JSON files that include each other. A later file's words win over
 * those of the files that it includes.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";

/** What a manifest and all that it includes say together. */
export interface Manifest {
  /** Entry of the firmware bundle, an absolute path. */
  readonly firmware: string;
  /** Sizes and rates for the C side: the names of firmware/CMakeLists.txt. */
  readonly figures: Readonly<Record<string, number>>;
  /** All the files that were read. */
  readonly files: readonly string[];
}

interface ManifestFile {
  include?: string[];
  firmware?: string;
  figures?: Record<string, number>;
}

const keys: Record<keyof ManifestFile, (value: unknown) => boolean> = {
  include: (value) => Array.isArray(value) && value.every((path) => typeof path === "string"),
  firmware: (value) => typeof value === "string",
  figures: (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((figure) => Number.isInteger(figure)),
};

/** @throws ToolError when a file is missing, is no JSON, or has a key that nothing reads. */
export function loadManifest(file: string): Manifest {
  const merged = merge(file, []);
  if (merged.firmware === undefined) throw new ToolError(`${displayPath(file)} names no "firmware"`);
  return { figures: {}, ...merged, firmware: merged.firmware };
}

type Merged = Partial<Omit<Manifest, "files">> & { readonly files: readonly string[] };

function merge(file: string, includers: readonly string[]): Merged {
  if (includers.includes(file)) {
    throw new ToolError(
      `Manifests include each other in a circle: ${[...includers, file].map(displayPath).join(" → ")}`,
    );
  }
  const { include = [], firmware, figures } = read(file);
  let merged: Merged = { files: [file] };
  for (const path of include)
    merged = combine(merged, merge(resolve(dirname(file), path), [...includers, file]));
  return combine(merged, {
    files: [],
    ...(firmware === undefined ? {} : { firmware: resolve(dirname(file), firmware) }),
    ...(figures === undefined ? {} : { figures }),
  });
}

const combine = (first: Merged, second: Merged): Merged => ({
  ...first,
  ...second,
  figures: { ...first.figures, ...second.figures },
  files: [...first.files, ...second.files],
});

function read(file: string): ManifestFile {
  if (!existsSync(file)) throw new ToolError(`There is no manifest ${displayPath(file)}`);
  let contents: unknown;
  try {
    contents = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ToolError(`${displayPath(file)} is no JSON: ${(error as Error).message}`);
  }
  for (const [key, value] of Object.entries(contents as object)) {
    const known = Object.hasOwn(keys, key) && keys[key as keyof ManifestFile](value);
    if (!known) {
      throw new ToolError(
        `${displayPath(file)}: "${key}" is not understood; keys are ${Object.keys(keys).join(", ")}`,
      );
    }
  }
  return contents as ManifestFile;
}
