#!/usr/bin/env node
/** `npx obscura`: does the set-up that every command needs, then runs tools/cli/program.ts. */
import { SetupError, setUp } from "./setup.mjs";

const args = process.argv.slice(2);
const asksForHelp =
  args.length === 0 || args.some((arg) => arg === "--help" || arg === "-h" || arg === "help");
const forCortexM = args.some((arg) => /mps\d/.test(arg));
try {
  setUp([
    "node",
    ...(asksForHelp ? [] : ["native"]),
    ...(forCortexM ? ["cortex-m"] : []),
    ...(args[0] === "run" ? ["python"] : []),
  ]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(1);
}
const { register } = await import("tsx/esm/api");
register();
const { runCommandLine } = await import("./cli/program.ts");
process.exitCode = await runCommandLine(args);
