/** Where things are. */
import { join, relative } from "node:path";
import { ToolError } from "./events.ts";
import {
  buildRoot,
  clientsVenv,
  cryptoFolder,
  engineFolder,
  packageFolder,
  root,
  venv,
} from "./installation.mjs";

export { buildRoot, cryptoFolder, packageFolder, root };

/** Python and its programs, in the virtual environment that set-up makes. */
export const venvProgram = (name: string): string => join(venv, "bin", name);

/** The same for the programs which update cameras. */
export const clientProgram = (name: string): string => join(clientsVenv, "bin", name);

/** A program of a package that only a clone has. */
export const nodeProgram = (name: string): string => join(root, "node_modules", ".bin", name);

/**
 * The folder of the package that the engine's sources came from, with its package.json.
 * @throws ToolError when npm did not install them.
 */
export function enginePackage(): string {
  const folder = engineFolder();
  if (folder === undefined)
    throw new ToolError(`The engine's sources are missing: npm install @agoric/xsnap beside ${root}`);
  return folder;
}

/** The engine's sources. */
export const engineSources = (): string => join(enginePackage(), "moddable/xs");

/** The program and first arguments that run the TypeScript compiler. */
export function typescriptCompiler(): [string, string] {
  const folder = packageFolder("typescript");
  if (folder === undefined) throw new Error(`The npm package typescript is not installed beside ${root}`);
  return [process.execPath, join(folder, "bin/tsc")];
}

/** A path as a person reads it: relative when it is inside the folder where the tool was started. */
export function displayPath(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short === ".." || short.startsWith("../") ? path : short;
}
