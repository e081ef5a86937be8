/** Type checks: what a camera does not have fails here, not on the camera. */
import { readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ToolError } from "../events.ts";
import { packageFolder, root, typescriptCompiler } from "../paths.ts";
import { runProgram } from "../process.ts";
import { fingerprint, unlessFresh } from "./fingerprint.ts";

/** Runs the TypeScript compiler on a project. Throws ToolError with its diagnostics. */
export async function checkProject(project: string, what: string): Promise<void> {
  const [program, compiler] = typescriptCompiler();
  const { status, output } = await runProgram(program, [compiler, "-p", project, "--pretty", "false"]);
  if (status !== 0) {
    throw new ToolError(
      `${what} does not pass the type check`,
      [output.trim(), ...remedies(output)].join("\n"),
    );
  }
}

/** What to do about a package without types, which the compiler only names. */
function remedies(output: string): string[] {
  const packages = output.matchAll(
    /error TS7016: Could not find a declaration file for module '([^'.][^']*)'/g,
  );
  return [...new Set([...packages].map(([, name]) => name!))].map(
    (name) =>
      `The package ${name} brings no types: install @types/${name.replace(/^@/, "").replace("/", "__")} if there is such a package, or write \`declare module "${name}";\` into a file packages.d.ts beside main.ts.`,
  );
}

/**
 * Checks one bundle's entry, what it imports and the declarations beside it (*.d.ts) against the library that a camera
 * has (tsconfig.firmware.json).
 * @param folder where the project file may be written
 */
export async function checkEntry(entry: string, folder: string, name: string): Promise<void> {
  const project = join(folder, `${name}.tsconfig.json`);
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, "tsconfig.firmware.json"),
      files: [
        join(root, "firmware/platform/globals.d.ts"),
        join(root, "firmware/platform/language.d.ts"),
        entry,
      ],
      include: [join(dirname(entry), "*.d.ts")],
    }),
  );
  await checkProject(project, `The ${name}`);
}

const firmwareFolder = join(root, "firmware");

/** The same of a firmware, unless nothing has changed in our folder of it since it passed. */
export async function checkFirmware(entry: string, folder: string, name: string): Promise<void> {
  if (dirname(entry) !== firmwareFolder) return checkEntry(entry, folder, name);
  const all = readdirSync(firmwareFolder, { recursive: true, encoding: "utf8" });
  const compiler = packageFolder("typescript");
  const files = [
    ...all.filter((file) => file.endsWith(".ts")).map((file) => join(firmwareFolder, file)),
    ...["tsconfig.json", "tsconfig.firmware.json"].map((file) => join(root, file)),
    ...(compiler === undefined ? [] : [join(compiler, "package.json")]),
  ];
  const project = join(folder, `${name}.tsconfig.json`);
  const stamp = join(folder, `${name}.checked.stamp`);
  await unlessFresh(project, stamp, fingerprint(files, [entry]), () => checkEntry(entry, folder, name));
}
