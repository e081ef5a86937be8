/** The examples of examples/, run as they stand on a simulated camera in virtual time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { root } from "../../tools/paths.ts";
import type { AiobleCamera } from "./cameras.ts";

/** An application that runs. */
export interface RunningExample {
  /** Lines that it has written to its console. */
  readonly lines: string[];
  /** What ended it: undefined while it runs, and when it came to its end. */
  readonly failure: () => unknown;
}

type Body = (...values: readonly unknown[]) => Promise<void>;
const AsyncFunction = (async () => {}).constructor as new (...text: readonly string[]) => Body;

/** The modules, by name, that `import` statements of a source name; each is a parameter of the function that it becomes. */
function compile(path: string): string {
  const source = readFileSync(join(root, path), "utf8");
  // An application has an await at its top level, which a CommonJS module may not have: its imports become destructuring.
  const { code } = transformSync(source, { loader: "ts", target: "es2022", format: "esm" });
  return code
    .replace(/^import \{([^}]*)\} from "([^"]+)";$/gm, (_, names: string, from: string) => {
      return `const {${names.replace(/ as /g, ": ")}} = modules[${JSON.stringify(from)}];`;
    })
    .replace(/^export \{[^}]*\};$/gm, "");
}

/**
 * Starts an example on a camera.
 * @param name the folder in examples/; its main.ts is run.
 * @param modules those that it imports beside `aioble` and `bluetooth`, by what stands in its import statements.
 */
export function startExample(
  camera: AiobleCamera,
  name: string,
  modules: Readonly<Record<string, unknown>> = {},
): RunningExample {
  const { aioble, bluetooth, globals, platform } = camera;
  const lines: string[] = [];
  const write = (...values: readonly unknown[]): number => lines.push(values.join(" "));
  const given: Readonly<Record<string, unknown>> = {
    modules: { aioble, bluetooth, ...modules },
    ...globals,
    console: { ...globals.console, log: write, info: write, error: write },
    Date: { now: () => platform.clock.now() },
  };
  const names = Object.keys(given);
  const body = new AsyncFunction(...names, compile(`examples/${name}/main.ts`));
  let failure: unknown;
  body(...names.map((each) => given[each])).catch((error: unknown) => {
    failure = error;
  });
  return { lines, failure: () => failure };
}
