/** An application as a function: bundled as for a camera, and called with the modules and globals of one, as often as it starts. */
import { findApplication } from "../build/application.ts";
import { bundle } from "../build/bundle.ts";
import { ToolError } from "../events.ts";

/** Modules by name. */
export type Modules = Readonly<Record<string, object>>;

/** Evaluates the application; settles when its module has been evaluated to its end. */
export type Run = (modules: Modules, globals: object) => Promise<void>;

const IMPORT =
  /^import\s+(?:\*\s*as\s+([\w$]+)|\{([^}]*)\})\s*from\s*["'](aioble|bluetooth|camera|power)["'];?$/gm;
const SIDE_EFFECT = /^import\s*["'](?:aioble|bluetooth|camera|power)["'];?$/gm;
const EXPORTS = /^export\s*\{[^}]*\};?$/gm;

/** @throws ToolError for an application that cannot be bundled. */
export async function loadApplication(which: string): Promise<Run> {
  const { entry } = findApplication(which);
  const { code } = await bundle("application", entry);
  const body = asFunctionBody(code);
  if (/^(?:import|export)\b/m.test(body))
    throw new ToolError(`${which} imports or exports what the energy model does not know`);
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...words: string[]
  ) => (modules: Modules, ...globals: unknown[]) => Promise<void>;
  return (modules, globals) =>
    new AsyncFunction("modules", ...Object.keys(globals), body)(modules, ...Object.values(globals));
}

/** A module's code with its imports as variables. */
export function asFunctionBody(code: string): string {
  const binding = (_: string, all: string | undefined, names: string | undefined, module: string): string =>
    all === undefined
      ? `const {${names!.replace(/([\w$]+)\s+as\s+([\w$]+)/g, "$1: $2")}} = modules.${module};`
      : `const ${all} = modules.${module};`;
  return `"use strict";\n${code.replace(IMPORT, binding).replace(SIDE_EFFECT, "").replace(EXPORTS, "")}`;
}
