/**
 * Manifests: what goes into an image, as small JSON files that include each other (manifests/schema.json). A later file's
 * words win over those of the files that it includes; features add up.
 */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ToolError, UsageError } from "../events.ts";
import { displayPath, root } from "../paths.ts";
import { readCatalogue } from "./features.ts";
import { readChecked } from "./json.ts";
import { whyReserved } from "./output-folder.ts";

/** The manifest of images when none is named: it has every feature. */
export const DEFAULT_MANIFEST = "camera";

/** What a manifest and all that it includes say together. */
export interface Manifest {
  /** That of its file, without the ending. */
  readonly name: string;
  /** An absolute path. */
  readonly file: string;
  /** Entry of the firmware bundle, an absolute path. */
  readonly firmware: string;
  /** Names of the features that the image has (firmware/features), in the order of the alphabet. */
  readonly features: readonly string[];
  /** Sizes and rates for the C side: the names of firmware/CMakeLists.txt. */
  readonly figures: Readonly<Record<string, number>>;
  /** All the files that were read. */
  readonly files: readonly string[];
}

const folder = join(root, "manifests");
const schema = join(folder, "schema.json");

/** Names of the manifests in manifests/. */
export function listManifests(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".json") && name !== "schema.json")
    .map((name) => basename(name, ".json"))
    .sort();
}

/**
 * @param which path of a manifest, which ends in .json, or name of one in manifests/
 * @throws UsageError, with the manifests that there are; ToolError for a name that another image's folder has.
 */
export function findManifest(which: string): Manifest {
  if (which.endsWith(".json") && existsSync(which)) {
    const file = resolve(which);
    const why = whyTaken(file);
    if (why === undefined) return loadManifest(file);
    throw new ToolError(`${displayPath(file)}: ${why}. Give the file another name.`);
  }
  if (listManifests().includes(which)) return loadManifest(join(folder, `${which}.json`));
  throw new UsageError(
    `There is no manifest "${which}". Give the path of a .json file, or one of: ${listManifests().join(", ")}.`,
  );
}

/** Why no manifest can have the name of this file, which the folder of its images is called by. */
function whyTaken(file: string): string | undefined {
  const name = basename(file, ".json");
  if (listManifests().includes(name) && realpathSync(file) !== realpathSync(join(folder, `${name}.json`)))
    return `the manifest "${name}" is that of manifests/`;
  return whyReserved(name);
}

interface ManifestFile {
  readonly include?: readonly string[];
  readonly firmware?: string;
  readonly features?: readonly string[];
  readonly figures?: Readonly<Record<string, number>>;
}

/** @throws ToolError when a file is missing, is no JSON, or does not follow manifests/schema.json. */
export function loadManifest(file: string): Manifest {
  const merged = merge(file, []);
  if (merged.firmware === undefined) {
    throw new ToolError(
      `${displayPath(file)}: the key "firmware" is missing, there and in what it includes. The firmware's entry, as a path from the manifest's folder: "../firmware/main.ts".`,
    );
  }
  const { firmware, features = [], figures = {}, files } = merged;
  return { name: basename(file, ".json"), file, firmware, features: [...features].sort(), figures, files };
}

type Merged = Partial<Omit<Manifest, "file" | "files" | "name">> & { readonly files: readonly string[] };

function merge(file: string, includers: readonly string[]): Merged {
  if (includers.includes(file)) {
    throw new ToolError(
      `Manifests include each other in a circle: ${[...includers, file].map(displayPath).join(" → ")}`,
    );
  }
  const { include = [], firmware, features, figures } = readChecked<ManifestFile>(file, schema, "manifest");
  checkFeatures(file, features ?? []);
  let merged: Merged = { files: [file] };
  for (const path of include)
    merged = combine(merged, merge(resolve(dirname(file), path), [...includers, file]));
  return combine(merged, {
    files: [],
    ...(firmware === undefined ? {} : { firmware: resolve(dirname(file), firmware) }),
    ...(features === undefined ? {} : { features }),
    ...(figures === undefined ? {} : { figures }),
  });
}

const combine = (first: Merged, second: Merged): Merged => ({
  ...first,
  ...second,
  features: [...new Set([...(first.features ?? []), ...(second.features ?? [])])],
  figures: { ...first.figures, ...second.figures },
  files: [...first.files, ...second.files],
});

function checkFeatures(file: string, features: readonly string[]): void {
  const catalogue = readCatalogue();
  const unknown = features.find((feature) => !Object.hasOwn(catalogue, feature));
  if (unknown === undefined) return;
  const known = Object.entries(catalogue).map(([name, { about }]) => `${name} (${about})`);
  throw new ToolError(
    `${displayPath(file)}: "features" names "${unknown}", which is no feature; features are ${known.join("; ")}`,
  );
}
