/** Where things are. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Everything that tools make goes in here, and nowhere else. */
export const buildRoot = join(root, "build");

/** Python and its programs, in the virtual environment that set-up makes. */
export const venvProgram = (name: string): string => join(buildRoot, "venv", "bin", name);

/** A program of a package in node_modules. */
export const nodeProgram = (name: string): string => join(root, "node_modules", ".bin", name);

/** A path as a person reads it: relative to the repository when it is inside. */
export function displayPath(path: string): string {
  const short = relative(root, path);
  return short.startsWith("..") ? path : short;
}
