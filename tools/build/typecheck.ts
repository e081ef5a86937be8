/** Type checks: what a camera does not have fails here, not on the camera. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../events.ts";
import { root, typescriptCompiler } from "../paths.ts";
import { runProgram } from "../process.ts";

/** Runs the TypeScript compiler on a project. Throws ToolError with its complaints. */
export async function checkProject(project: string, what: string): Promise<void> {
  const [program, compiler] = typescriptCompiler();
  const { status, output } = await runProgram(program, [compiler, "-p", project, "--pretty", "false"]);
  if (status !== 0) throw new ToolError(`${what} does not pass the type check`, output.trim());
}

/**
 * Checks one bundle's entry and what it imports against the library that a camera has (tsconfig.firmware.json).
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
      include: [],
    }),
  );
  await checkProject(project, `The ${name}`);
}
