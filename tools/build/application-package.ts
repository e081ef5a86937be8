/** What the package.json beside an application's entry says of it. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";

/** Unchecked: whoever uses a value checks it. */
export interface ApplicationPackage {
  /** The file, as a person reads its path. */
  readonly file: string;
  readonly version?: unknown;
  readonly obscura?: { readonly heap?: unknown; readonly counter?: unknown };
}

/** Without a file, nothing is said. @throws ToolError when it is no JSON. */
export function readPackage(entry: string): ApplicationPackage {
  const path = join(dirname(entry), "package.json");
  const file = displayPath(path);
  if (!existsSync(path)) return { file };
  try {
    return { ...(JSON.parse(readFileSync(path, "utf8")) as object), file };
  } catch (error) {
    throw new ToolError(`${file} is not JSON: ${(error as Error).message}`);
  }
}
