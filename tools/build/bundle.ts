/**
 * Makes one file of JavaScript of an entry and everything that it imports.
 *
 * A program means on the camera what it means on Node. Rollup's own removal of unused code does not keep to that: it
 * believes that loops end, that reading a property runs no code, and that `new Uint8Array(-1)` and `1n + 1` do not
 * throw. So Rollup only puts modules together, each of them whole, and esbuild then drops the declarations at the top
 * level that nothing refers to and that do nothing when they are evaluated. Whole modules are left out where their
 * package says that they may be (`"sideEffects": false`) and nothing uses them.
 */
import type { SourceMapPayload } from "node:module";
import commonjsPlugin from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { type OutputChunk, type Plugin, type RollupError, type RollupLog, rollup } from "rollup";
import esbuild from "rollup-plugin-esbuild";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";
import { constantUses, inlineConstants } from "./constants.ts";
import { lowerDisposal } from "./disposal.ts";
import { globalsRule } from "./globals.ts";
import { type Bundled, importRule } from "./imports.ts";
import { lowerTraced } from "./lower.ts";
import { Origins, replaced } from "./origins.ts";

// Its types speak of the package's other half.
const commonjs = commonjsPlugin as unknown as typeof commonjsPlugin.default;

/** A bundle, not yet written. */
export interface Bundle {
  readonly code: string;
  /** The files it was made of. */
  readonly inputs: readonly string[];
  readonly warnings: readonly string[];
  /** The names that it imports from modules outside it, by module. */
  readonly imports: ReadonlyMap<string, readonly string[]>;
  /** Where the code comes from. */
  readonly origins: Origins;
}

/**
 * Bundles `entry`, an absolute path. Throws ToolError when it cannot.
 * @param plugins asked before the rule of imports and the search for files
 */
export async function bundle(kind: Bundled, entry: string, plugins: readonly Plugin[] = []): Promise<Bundle> {
  const warnings: string[] = [];
  try {
    const { code, map, inputs, imports } = await link(kind, entry, plugins, warnings);
    // An application keeps its variables: a use before the declaration is evaluated is an error, not a value.
    const uses = kind === "application" ? [] : constantUses(code);
    const short = kind === "application" ? code : inlineConstants(code);
    const before = uses.length === 0 ? [] : [replaced(code, short, uses)];
    const { placeOf } = new Origins(map, process.cwd(), before);
    const lowered = await lowerTraced(short, displayPath(entry), { dropUnused: true, placeOf });
    const origins = new Origins(map, process.cwd(), [lowered.step, ...before]);
    return { code: lowered.code, inputs, imports, warnings, origins };
  } catch (error) {
    throw asToolError(error);
  }
}

/** An entry's modules, put together. */
interface Linked extends Pick<Bundle, "code" | "inputs" | "imports"> {
  readonly map: SourceMapPayload;
}

/** Puts an entry's modules together. */
async function link(
  kind: Bundled,
  entry: string,
  plugins: readonly Plugin[],
  warnings: string[],
): Promise<Linked> {
  const whole = new WholeModules();
  for (;;) {
    const before = whole.size;
    warnings.length = 0;
    const build = await rollup({
      input: entry,
      plugins: [
        ...plugins,
        importRule(kind),
        // Tests bring names of their own, host-tests/xs/main.ts says which.
        kind !== "tests" && globalsRule(kind),
        nodeResolve({
          extensions: [".ts", ".mjs", ".js", ".cjs", ".json"],
          exportConditions: ["import", "default"],
        }),
        // Packages that have no modules of the language yet.
        commonjs(),
        // Only takes the types away: lowering is for the whole bundle, so that its helpers are there once. What Rollup
        // cannot read is lowered here: `accessor`, which esbuild counts as part of decorators.
        withoutSearch(
          esbuild({
            include: /\.(?:[cm]?[jt]s|json)$/,
            exclude: [],
            target: "esnext",
            supported: { decorators: false },
            loaders: { ".json": "json", ".cjs": "js", ".mjs": "js", ".cts": "ts", ".mts": "ts" },
            define: { "process.env.NODE_ENV": '"production"' },
            tsconfig: false,
            tsconfigRaw: { compilerOptions: { useDefineForClassFields: true, verbatimModuleSyntax: true } },
          }),
        ),
        lowerDisposal(),
        whole.plugin,
      ],
      onLog(level, log) {
        if (level !== "warn") return;
        if (log.code === "EVAL") throw new ToolError(`${place(log)}: the camera has no parser, so no eval.`);
        warnings.push(`${place(log)}: ${log.message}`);
      },
    });
    if (whole.size === before) {
      const { output } = await build.generate({
        format: "es",
        inlineDynamicImports: true,
        sourcemap: "hidden",
      });
      whole.add(output[0]);
      if (whole.size === before) {
        await build.close();
        const { code, map, importedBindings } = output[0];
        return {
          code,
          map: map as unknown as SourceMapPayload,
          inputs: build.watchFiles,
          imports: new Map(Object.entries(importedBindings)),
        };
      }
    }
    await build.close();
  }
}

/**
 * Which modules go into a bundle whole: all but those that their package calls free of side effects and that nothing
 * uses. What is used of those shows only when the bundle has been made, so it is made again until none is added.
 */
class WholeModules {
  /** Modules that may be left out. */
  private readonly optional = new Set<string>();
  /** Those of them that are not. */
  private readonly used = new Set<string>();

  /** Behind all that transform: it sees what they and the search for files say of a module. */
  readonly plugin: Plugin;

  constructor() {
    const { optional, used } = this;
    this.plugin = {
      name: "whole-modules",
      transform(code, id) {
        const canGo = this.getModuleInfo(id)?.moduleSideEffects === false;
        if (canGo) optional.add(id);
        return canGo && !used.has(id) ? null : { code, map: null, moduleSideEffects: "no-treeshake" };
      },
      buildEnd() {
        // One that imports a module which must not be left out has effects of its own, whatever its package says.
        for (const id of optional) {
          const imported = this.getModuleInfo(id)?.importedIds ?? [];
          if (imported.some((other) => !optional.has(other))) used.add(id);
        }
      },
    };
  }

  /** How many modules are known to be used; grows from one bundle to the next. */
  get size(): number {
    return this.used.size;
  }

  /** Adds those that something was taken of. */
  add({ modules }: OutputChunk): void {
    for (const [id, { renderedLength }] of Object.entries(modules)) {
      if (renderedLength > 0 && this.optional.has(id)) this.used.add(id);
    }
  }
}

/** The plugin without its search for files, which overlooks what packages say of theirs. */
const withoutSearch = ({ resolveId: _, ...plugin }: Plugin): Plugin => plugin;

const place = (log: RollupLog): string =>
  log.loc?.file === undefined
    ? displayPath(log.id ?? log.ids?.[0] ?? "the bundle")
    : `${displayPath(log.loc.file)}:${log.loc.line}:${log.loc.column + 1}`;

/** Rollup wraps what a plugin throws. */
function asToolError(error: unknown): unknown {
  if (error instanceof ToolError) return error;
  const { cause, code, frame, message } = error as RollupError;
  if (cause instanceof ToolError) return cause;
  if (code === undefined) return error;
  return new ToolError(`${place(error as RollupError)}: ${message}`, frame ?? "");
}
