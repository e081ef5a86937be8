/** What the package.json beside an application's entry says of it. */
import { dirname, join } from "node:path";
import { ToolError } from "../events.ts";
import { readInputIfThere, TEXT_BYTES_MAX } from "../input-file.ts";
import { displayPath } from "../paths.ts";

/** Unchecked: whoever uses a value checks it. */
export interface ApplicationPackage {
  /** The file, as a person reads its path. */
  readonly file: string;
  readonly version?: unknown;
  readonly obscura?: { readonly heap?: unknown; readonly counter?: unknown };
}

/** What `obscura` may say. */
const KEYS = ["counter", "heap"];

/** Without a file, nothing is said. @throws ToolError when it is no JSON, or says what nobody would heed. */
export function readPackage(entry: string): ApplicationPackage {
  const path = join(dirname(entry), "package.json");
  const file = displayPath(path);
  const text = readInputIfThere(path, { what: "package.json", bytesMax: TEXT_BYTES_MAX });
  if (!text) return { file };
  let content: unknown;
  try {
    content = JSON.parse(text.toString("utf8"));
  } catch (error) {
    throw new ToolError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(content)) throw new ToolError(`${file} is no JSON object ({ … })`);
  const { obscura } = content;
  if (obscura === undefined) return { ...content, file };
  if (!isObject(obscura))
    throw new ToolError(`${file}: "obscura" is ${JSON.stringify(obscura)}; it is an object ({ … })`);
  // One that is misspelt would be taken for none, and a counter of 0 protects nothing.
  const unknown = Object.keys(obscura).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new ToolError(`${file}: unknown key "${unknown}" in "obscura"; keys are ${KEYS.join(", ")}`);
  return { ...content, obscura, file };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
