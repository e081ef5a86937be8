/**
 * Features of an image: its manifest names those that it has (firmware/features). The build writes the module that
 * says so, so that what is left out is not imported and costs nothing but the names that say what is missing.
 */
import { join } from "node:path";
import type { Plugin } from "rollup";
import { root } from "../paths.ts";
import type { PublicModule } from "./imports.ts";
import { readJson } from "./json.ts";
import type { Manifest } from "./manifest.ts";

/** What firmware/features/catalogue.json says of a feature. */
export interface CatalogueEntry {
  /** What it is, for people. */
  readonly about: string;
  /** Classes and functions that it adds to the public modules: without the feature, each throws `not-supported`. */
  readonly api: Partial<Readonly<Record<PublicModule, readonly string[]>>>;
  /** Numbers and other values that it adds: an application that imports one does not build without the feature. */
  readonly constants: Partial<Readonly<Record<PublicModule, readonly string[]>>>;
  /** Methods that throw `not-supported` without it, of classes that are there: `Device.connect`. */
  readonly methods: readonly string[];
  /** Settings that it adds to `config`. */
  readonly settings: readonly string[];
}

const folder = join(root, "firmware/features");

/** Every feature that there is, by name. */
export const readCatalogue = (): Readonly<Record<string, CatalogueEntry>> =>
  readJson(join(folder, "catalogue.json"), "catalogue of features") as Record<string, CatalogueEntry>;

/** Rollup plugin that puts a manifest's choice into the firmware. */
export function featuresOf({ name, features }: Pick<Manifest, "name" | "features">): Plugin {
  const module = join(folder, "image.ts");
  return {
    name: "features",
    load: (id) => (id === module ? imageModule(name, features) : null),
  };
}

/** The module in place of firmware/features/image.ts. */
function imageModule(name: string, features: readonly string[]): string {
  const absent = Object.entries(readCatalogue()).filter(([feature]) => !features.includes(feature));
  const absentClasses = new Set(absent.flatMap(([, { api }]) => Object.values(api).flat()));
  // Nobody can call a method of a class that is missing itself.
  const isReachable = (method: string): boolean => !absentClasses.has(method.slice(0, method.indexOf(".")));
  const missing = absent.flatMap(([feature, { api, methods, settings }]) => {
    const names = withoutEmpty({ api, settings, methods: methods.filter(isReachable) });
    return Object.keys(names).length > 0 ? [{ feature, ...names }] : [];
  });
  const imports = features.map(
    (feature, at) => `import { feature as feature${at} } from ${JSON.stringify(`./${feature}.ts`)};\n`,
  );
  return `${imports.join("")}export const image = {
  manifest: ${JSON.stringify(name)},
  features: [${features.map((_, at) => `feature${at}`).join(", ")}],
  missing: ${JSON.stringify(missing)},
};
`;
}

/** The parts that have something in them: each of the others would be an object in flash. */
const withoutEmpty = (parts: Readonly<Record<string, object>>): Record<string, object> =>
  Object.fromEntries(Object.entries(parts).filter(([, part]) => Object.keys(part).length > 0));

/** Names of the features that an image is without. */
export function missingFeatures({ features }: Pick<Manifest, "features">): string[] {
  return Object.keys(readCatalogue()).filter((name) => !features.includes(name));
}

/** What an application imports of features that its image is without. */
export interface MissingImports {
  /** Sentences about names that throw when they are used. */
  readonly warnings: readonly string[];
  /** Sentences about names that are not there at all. */
  readonly errors: readonly string[];
}

/**
 * @param imported names by module
 */
export function missingImports(
  { name: manifest, features }: Pick<Manifest, "name" | "features">,
  imported: ReadonlyMap<string, readonly string[]>,
): MissingImports {
  const warnings: string[] = [];
  const errors: string[] = [];
  for (const [feature, { api, constants }] of Object.entries(readCatalogue())) {
    if (features.includes(feature)) continue;
    for (const [module, names] of imported) {
      const sentence = (found: readonly string[]): string =>
        `The application imports ${found.join(", ")} of "${module}", which needs the feature "${feature}": add it to "features" in the manifest ${manifest}, or build with --manifest camera, which has all.`;
      const absent = names.filter((name) => constants[module as PublicModule]?.includes(name));
      const throwing = names.filter((name) => api[module as PublicModule]?.includes(name));
      if (absent.length > 0) errors.push(sentence([...throwing, ...absent]));
      else if (throwing.length > 0) warnings.push(sentence(throwing));
    }
  }
  return { warnings, errors };
}
