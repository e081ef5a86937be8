/**
 * Lowers a whole bundle, dependencies included, to what XS 13.3 runs: ES2021, top-level await, and instance
 * fields. The engine has fields of its own and they cost less than defining each one by a call. Static ones it
 * evaluates before the class is usable, so that `static ZERO = new Point()` fails when Point has fields: they move
 * behind the class. And it takes a module for one that awaits only when it finds an `await` outside `for await`, and
 * else crashes in the loop: such a module gets one.
 */
import type { SourceMapPayload } from "node:module";
import { type TransformFailure, transform } from "esbuild";
import { parseAst } from "rollup/parseAst";
import { ToolError } from "../events.ts";
import { mapped, type Step } from "./origins.ts";

/** Lowered code, and the way back from it. */
export interface Lowered {
  readonly code: string;
  readonly step: Step;
}

/** @throws ToolError when the code cannot be lowered, with the place. */
export async function lower(code: string, name: string): Promise<string> {
  return (await lowerTraced(code, name)).code;
}

/** The same, with the way back from what it returns. */
export async function lowerTraced(code: string, name: string): Promise<Lowered> {
  try {
    const result = await transform(code, {
      target: "es2021",
      supported: { "class-field": true, "top-level-await": true },
      format: "esm",
      legalComments: "none",
      sourcefile: name,
      sourcemap: "external",
      sourcesContent: false,
      logLevel: "silent",
    });
    const step = mapped(JSON.parse(result.map) as SourceMapPayload);
    const waits = hasLoopThatAwaits(parseAst(result.code));
    return { code: waits ? `${result.code}await undefined;\n` : result.code, step };
  } catch (error) {
    const { errors } = error as TransformFailure;
    if (!Array.isArray(errors)) throw error;
    const lines = errors.map(({ text, location }) => `${location?.file}:${location?.line}: ${text}`);
    throw new ToolError(`${name} cannot be lowered to what the engine runs`, lines.join("\n"));
  }
}

/** Whether the module itself, not a function in it, has a `for await`. */
function hasLoopThatAwaits(node: unknown): boolean {
  if (typeof node !== "object" || node === null) return false;
  const { type, await: awaits } = node as { type?: string; await?: boolean };
  if (type !== undefined && /Function/.test(type)) return false;
  if (type === "ForOfStatement" && awaits) return true;
  return Object.values(node).some(hasLoopThatAwaits);
}
