/** Makes one file of JavaScript of an entry and everything that it imports. */
import type { SourceMapPayload } from "node:module";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { type Plugin, type RollupError, type RollupLog, rollup } from "rollup";
import esbuild from "rollup-plugin-esbuild";
import { ToolError } from "../events.ts";
import { displayPath } from "../paths.ts";
import { constantUses, inlineConstants } from "./constants.ts";
import { globalsRule } from "./globals.ts";
import { type Bundled, importRule } from "./imports.ts";
import { lowerTraced } from "./lower.ts";
import { mapped, Origins, replaced, type Step } from "./origins.ts";

/** A bundle, not yet written. */
export interface Bundle {
  readonly code: string;
  /** The files it was made of. */
  readonly inputs: readonly string[];
  readonly warnings: readonly string[];
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
    const build = await rollup({
      input: entry,
      treeshake: treeshakeOf(kind),
      plugins: [
        ...plugins,
        importRule(kind),
        // Tests bring names of their own, host-tests/xs/main.ts says which.
        kind !== "tests" && globalsRule(kind),
        nodeResolve({ extensions: [".ts", ".mjs", ".js", ".json"], exportConditions: ["import", "default"] }),
        // Only takes the types away: lowering is for the whole bundle, so that its helpers are there once.
        esbuild({
          // TypeScript anywhere, ours included when it is an installed package; npm packages' JavaScript stays as it is.
          exclude: /node_modules\/.*\.jsx?$/,
          target: "esnext",
          tsconfig: false,
          tsconfigRaw: { compilerOptions: { useDefineForClassFields: true, verbatimModuleSyntax: true } },
        }),
      ],
      onLog(level, log) {
        if (level !== "warn") return;
        if (log.code === "EVAL") throw new ToolError(`${place(log)}: the camera has no parser, so no eval.`);
        warnings.push(`${place(log)}: ${log.message}`);
      },
    });
    const { output } = await build.generate({
      format: "es",
      inlineDynamicImports: true,
      sourcemap: "hidden",
    });
    await build.close();
    const { code: linked, map } = output[0];
    const inlined = inlineConstants(linked);
    const used = await withoutUnused(kind, inlined);
    const lowered = await lowerTraced(used.code, displayPath(entry));
    const steps = [lowered.step, used.step, replaced(linked, inlined, constantUses(linked))];
    return {
      code: lowered.code,
      inputs: build.watchFiles,
      warnings,
      origins: new Origins(map as unknown as SourceMapPayload, process.cwd(), steps),
    };
  } catch (error) {
    throw asToolError(error);
  }
}

/** Functions of the firmware that only make a value: what they declare costs nothing where nobody uses it. */
const DECLARING = ["defineCommand", "defineStarter", "defineEvent", "defineLeEvent", "defineLeRequest"];

/** Rollup goes by the name alone, so an application's functions are left out of it. */
function treeshakeOf(kind: Bundled): { manualPureFunctions: string[] } | true {
  return kind === "application" ? true : { manualPureFunctions: DECLARING };
}

/** Drops what a module does not use any more. */
async function withoutUnused(
  kind: Bundled,
  code: string,
): Promise<{ readonly code: string; readonly step: Step }> {
  const name = "bundle.js";
  const build = await rollup({
    input: name,
    treeshake: treeshakeOf(kind),
    plugins: [{ name: "bundle", resolveId: (id) => ({ id, external: id !== name }), load: () => code }],
    onLog: () => undefined,
  });
  const { output } = await build.generate({ format: "es", sourcemap: "hidden" });
  await build.close();
  return { code: output[0].code, step: mapped(output[0].map as unknown as SourceMapPayload) };
}

const place = (log: RollupLog): string =>
  log.loc?.file === undefined
    ? displayPath(log.id ?? log.ids?.[0] ?? "the bundle")
    : `${displayPath(log.loc.file)}:${log.loc.line}`;

/** Rollup wraps what a plugin throws. */
function asToolError(error: unknown): unknown {
  if (error instanceof ToolError) return error;
  const { cause, code, frame, message } = error as RollupError;
  if (cause instanceof ToolError) return cause;
  if (code === undefined) return error;
  return new ToolError(`${place(error as RollupError)}: ${message}`, frame ?? "");
}
