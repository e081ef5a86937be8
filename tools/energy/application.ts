/** An application as a function: bundled as for a camera, and called with the modules and globals of one, as often as it starts. */
import { findApplication } from "../build/application.ts";
import { bundle } from "../build/bundle.ts";
import type { Origins } from "../build/origins.ts";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";

/** Modules by name. */
export type Modules = Readonly<Record<string, object>>;

/** Evaluates the application; settles when its module has been evaluated to its end. */
export type Run = (modules: Modules, globals: object) => Promise<void>;

/** An application that can be started. */
export interface Application {
  readonly run: Run;
  /** Where an error came from in the application's sources, a line each as the engine writes them; empty for what has no stack. */
  framesOf(error: unknown): string[];
}

/** What the engine calls the function in its stacks. */
const SCRIPT = "obscura-application";

/** Lines of the function before the module's: two of its own, and the directive. */
const LINES_BEFORE = 3;

const IMPORT =
  /^import\s+(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})\s*from\s*["'](aioble|bluetooth|camera|power)["'];?$/gm;
const SIDE_EFFECT = /^import\s*["'](?:aioble|bluetooth|camera|power)["'];?$/gm;
const EXPORTS = /^export\s*\{[^}]*\};?$/gm;

/** @throws ToolError for an application that cannot be bundled. */
export async function loadApplication(which: string): Promise<Application> {
  const { entry } = findApplication(which);
  const { code, origins } = await bundle("application", entry);
  const body = asFunctionBody(code);
  if (/^(?:import|export)\b/m.test(body))
    throw new ToolError(`${which} imports or exports what the energy model does not know`);
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...words: string[]
  ) => (modules: Modules, ...globals: unknown[]) => Promise<void>;
  const script = `${body}\n//# sourceURL=${SCRIPT}`;
  return {
    run: (modules, globals) =>
      new AsyncFunction("modules", ...Object.keys(globals), script)(modules, ...Object.values(globals)),
    framesOf: (error) => framesOf(error, origins),
  };
}

/** The frames of the application alone: those of the simulated camera say nothing to its author. */
function framesOf(error: unknown, { placeOf }: Pick<Origins, "placeOf">): string[] {
  const stack = (error as Partial<Error> | null | undefined)?.stack;
  if (typeof stack !== "string") return [];
  return stack.split("\n").flatMap((frame) => {
    const [at, line, column] = FRAME.exec(frame) ?? [];
    if (at === undefined) return [];
    const place = placeOf({ line: Number(line) - 1 - LINES_BEFORE, column: Number(column) - 1 });
    return place ? [frame.replace(at, `${displayPath(place.file)}:${place.line}:${place.column}`)] : [];
  });
}

const FRAME = new RegExp(`${SCRIPT}:(\\d+):(\\d+)`);

/** A module's code with its imports as variables. */
export function asFunctionBody(code: string): string {
  const binding = (_: string, all: string | undefined, names: string | undefined, module: string): string =>
    all === undefined
      ? `const {${names!.replace(/([\w$]+)\s+as\s+([\w$]+)/g, "$1: $2")}} = modules.${module};`
      : `const ${all} = modules.${module};`;
  return `"use strict";\n${code.replace(IMPORT, binding).replace(SIDE_EFFECT, "").replace(EXPORTS, "")}`;
}
