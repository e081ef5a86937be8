/**
 * What a bundle may import. The camera has no module loader but for the application's public modules, so that
 * everything else is either in the bundle or a mistake, and a mistake is reported at build time with the file's name.
 */
import { isBuiltin } from "node:module";
import { dirname, join, resolve, sep } from "node:path";
import type { Plugin } from "rollup";
import { ToolError } from "../events.ts";
import { displayPath, root } from "../paths.ts";

const modules = ["aioble", "bluetooth", "camera", "power", "update"] as const;

/** A module that an application imports from the camera. */
export type PublicModule = (typeof modules)[number];

/** The modules that an application imports from the camera. */
export const publicModules: readonly string[] = modules;

/** What a camera runs: a firmware, and an application on top of it. */
export type BundleKind = "firmware" | "application";

/** All that is bundled: also `tests`, a firmware that runs test files. */
export type Bundled = BundleKind | "tests";

const firmwareFolder = join(root, "firmware") + sep;

const sentence = new Intl.ListFormat("en").format(publicModules);

/**
 * The rule for one import: undefined when it is allowed, else why not.
 * @param target what a relative import points at
 */
export function importProblem(
  kind: Bundled,
  importer: string,
  specifier: string,
  target?: string,
): string | undefined {
  const what = `${displayPath(importer)} imports "${specifier}"`;
  if (isBuiltin(specifier)) {
    return `${what}: Node's modules do not exist on a camera. An application imports ${sentence}, its own files, and npm packages that need nothing of Node.`;
  }
  if (kind === "application" && target?.startsWith(firmwareFolder)) {
    return `${what}: the firmware's files are not an application's. An application imports ${sentence} instead.`;
  }
  if (kind !== "application" && publicModules.includes(specifier)) {
    return `${what}: inside the firmware its files are imported by relative path.`;
  }
  return undefined;
}

/** Rollup plugin that enforces the rule and marks the public modules as external. */
export function importRule(kind: Bundled): Plugin {
  return {
    name: "import-rule",
    async resolveId(specifier, importer, options) {
      if (importer === undefined) return null;
      const relative = specifier.startsWith(".") || specifier.startsWith("/");
      const problem = importProblem(
        kind,
        importer,
        specifier,
        relative ? resolve(dirname(importer), specifier) : undefined,
      );
      if (problem !== undefined) throw new ToolError(problem);
      if (kind === "application" && publicModules.includes(specifier))
        return { id: specifier, external: true };
      const resolved = await this.resolve(specifier, importer, { ...options, skipSelf: true });
      if (resolved !== null && !resolved.external) return resolved;
      const where = relative ? "there is no such file" : "no npm package of that name is installed";
      throw new ToolError(
        `${displayPath(importer)} imports "${specifier}": ${where}, and the camera has no such module.`,
      );
    },
  };
}
