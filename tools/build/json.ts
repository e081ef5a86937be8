/** JSON files that people write, held against their schemas; what is wrong names the file, the key and the remedy. */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { ToolError } from "../events.ts";
import { readInput, TEXT_BYTES_MAX } from "../input-file.ts";
import { displayPath } from "../paths.ts";

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });
const compiled = new Map<string, ValidateFunction>();

/** @throws UsageError when there is no such file, or it cannot be read; ToolError when it is no JSON. */
export function readJson(file: string, what: string): unknown {
  const text = readInput(file, { what, bytesMax: TEXT_BYTES_MAX }).toString("utf8");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ToolError(`${displayPath(file)} is no JSON: ${(error as Error).message}`);
  }
}

/**
 * Reads a JSON file that follows a schema, which is a JSON file too.
 * @throws ToolError with everything that does not follow it, a line each.
 */
export function readChecked<T>(file: string, schema: string, what: string): T {
  const contents = readJson(file, what);
  let validate = compiled.get(schema);
  if (validate === undefined) {
    validate = ajv.compile(readJson(schema, "schema") as object);
    compiled.set(schema, validate);
  }
  if (validate(contents)) return contents as T;
  const lines = sentences(validate.errors ?? []).map((sentence) => `${displayPath(file)}: ${sentence}`);
  throw new ToolError(lines.join("\n"));
}

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** One sentence for each mistake. */
const sentences = (errors: readonly ErrorObject[]): string[] => [
  // That an `if` led to a mistake says nothing that the mistake does not.
  ...new Set(errors.filter(({ keyword }) => keyword !== "if").map(sentence)),
];

/** `/memory/2/size` as `memory[2].size`. */
const keyOf = (path: string): string =>
  path
    .slice(1)
    .replace(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".");

function sentence({ instancePath, keyword, params, message, parentSchema, data }: ErrorObject): string {
  const key = keyOf(instancePath);
  const schema = parentSchema as Schema;
  const inside = key === "" ? "" : ` in "${key}"`;
  if (keyword === "additionalProperties") {
    const known = Object.keys(schema.properties ?? {}).filter((name) => name !== "$schema");
    return `unknown key "${params.additionalProperty}"${inside}; keys are ${known.join(", ")}`;
  }
  if (keyword === "required") {
    const missing = String(params.missingProperty);
    return `the key "${missing}"${inside} is missing${hint(schema.properties?.[missing])}`;
  }
  const value = JSON.stringify(data);
  if (keyword === "enum" || keyword === "const") {
    const allowed: unknown[] = keyword === "enum" ? params.allowedValues : [params.allowedValue];
    return `"${key}" is ${value}; it may be ${allowed.map((one) => JSON.stringify(one)).join(", ")}${hint(schema)}`;
  }
  return `"${key}" is ${value} and ${message}${hint(schema)}`;
}

/** What the schema says of a key. */
const hint = (schema: Schema | undefined): string =>
  schema?.description === undefined ? "" : `. ${schema.description}`;
