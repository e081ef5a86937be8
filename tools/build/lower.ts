/**
 * Lowers a whole bundle, dependencies included, to what XS 13.3 runs: ES2021, top-level await, and instance
 * fields. The engine has fields of its own and they cost less than defining each one by a call. Static ones it
 * evaluates before the class is usable, so that `static ZERO = new Point()` fails when Point has fields: they move
 * behind the class.
 */
import { type TransformFailure, transform } from "esbuild";
import { ToolError } from "../events.ts";

/** @throws ToolError when the code cannot be lowered, with the place. */
export async function lower(code: string, name: string): Promise<string> {
  try {
    const result = await transform(code, {
      target: "es2021",
      supported: { "class-field": true, "top-level-await": true },
      format: "esm",
      legalComments: "none",
      sourcefile: name,
      logLevel: "silent",
    });
    return result.code;
  } catch (error) {
    const { errors } = error as TransformFailure;
    if (!Array.isArray(errors)) throw error;
    const lines = errors.map(({ text, location }) => `${location?.file}:${location?.line}: ${text}`);
    throw new ToolError(`${name} cannot be lowered to what the engine runs`, lines.join("\n"));
  }
}
