/** `npm run check` and `npm run format`: what a machine can say about our sources without running them. */
import { join } from "node:path";
import { checkProject } from "../build/typecheck.ts";
import { type Operation, StepFailed, step, ToolError } from "../events.ts";
import { nodeProgram, root, venvProgram } from "../paths.ts";
import { mustRun } from "../process.ts";

/** Our files of these kinds: in git, or new and not ignored. */
async function listFiles(...patterns: string[]): Promise<string[]> {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", ...patterns];
  const deleted = await mustRun("git", ["ls-files", "--deleted", ...patterns], "git does not list files");
  const gone = new Set(deleted.split("\n"));
  const listed = await mustRun("git", args, "git does not list files");
  return listed.split("\n").filter((file) => file !== "" && !gone.has(file));
}

const listC = () => listFiles("*.c", "*.h");
const listPython = () => listFiles("*.py");

interface Check {
  readonly name: string;
  readonly title: string;
  run(): Promise<string | undefined>;
}

const checks: readonly Check[] = [
  {
    name: "biome",
    title: "TypeScript: format and lint",
    run: async () => {
      const args = ["check", "--error-on-warnings", "--colors=off"];
      await mustRun(nodeProgram("biome"), args, "biome found faults; `npm run format` mends what it can");
      return undefined;
    },
  },
  {
    name: "types:tools",
    title: "Types: everything, as it runs on Node",
    run: async () => {
      await checkProject(join(root, "tsconfig.json"), "The repository");
      return undefined;
    },
  },
  {
    name: "types:camera",
    title: "Types: firmware and examples, as they run on a camera",
    run: async () => {
      await checkProject(join(root, "tsconfig.firmware.json"), "The firmware");
      return undefined;
    },
  },
  {
    name: "clang-format",
    title: "C: format",
    run: async () => {
      const files = await listC();
      const args = ["--dry-run", "-Werror", ...files];
      await mustRun(
        venvProgram("clang-format"),
        args,
        "clang-format found faults; `npm run format` mends it",
      );
      return `${files.length} files`;
    },
  },
  {
    name: "ruff",
    title: "Python: format and lint",
    run: async () => {
      const files = await listPython();
      const failure = "ruff found faults; `npm run format` mends what it can";
      await mustRun(venvProgram("ruff"), ["format", "--check", "--quiet", ...files], failure);
      await mustRun(venvProgram("ruff"), ["check", "--quiet", ...files], failure);
      return `${files.length} files`;
    },
  },
];

/** Runs every check, also after one has failed. Throws ToolError when any did. */
export async function* check(): Operation {
  const failed: string[] = [];
  for (const { name, title, run } of checks) {
    try {
      yield* step(name, title, async () => {
        const detail = await run();
        return { value: undefined, ...(detail === undefined ? {} : { detail }) };
      });
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      failed.push(name);
    }
  }
  if (failed.length > 0)
    throw new ToolError(`${failed.length} of ${checks.length} checks failed: ${failed.join(", ")}`);
}

/** Writes our files in the one format. What needs a decision is left for `check` to report. */
export async function* format(): Operation {
  yield* step("biome", "TypeScript", async () => {
    await mustRun(nodeProgram("biome"), ["format", "--write"], "biome cannot format");
    return { value: undefined };
  });
  yield* step("clang-format", "C", async () => {
    await mustRun(venvProgram("clang-format"), ["-i", ...(await listC())], "clang-format cannot format");
    return { value: undefined };
  });
  yield* step("ruff", "Python", async () => {
    await mustRun(venvProgram("ruff"), ["format", "--quiet", ...(await listPython())], "ruff cannot format");
    return { value: undefined };
  });
}
