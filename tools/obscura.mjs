#!/usr/bin/env node
/** `obscura`: does the set-up that every command needs, then runs tools/cli/program.ts. */
import { join } from "node:path";
import { root, version } from "./installation.mjs";
import { SetupError, SetupInterrupted, setUp } from "./setup.mjs";
import { watchOutput } from "./standard-output.mjs";

const args = process.argv.slice(2);
const output = watchOutput();
if (args[0] === "--version" || args[0] === "-V") {
  process.stdout.write(`${version}\n`);
  process.exit(await output.statusAfter(0));
}
if (args[0] === "doctor") {
  // Before set-up, for it says what set-up would do.
  const { runDoctor } = await import("./doctor/command.mjs");
  process.exit(await output.statusAfter(await runDoctor(args.slice(1))));
}
try {
  await setUp(["node"]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(error instanceof SetupInterrupted ? error.status : 1);
}
const { register } = await import("tsx/esm/api");
// Not the tsconfig.json of the folder where it is started.
register({ tsconfig: join(root, "tsconfig.json") });
const { runCommandLine } = await import("./cli/program.ts");
process.exitCode = await output.statusAfter(await runCommandLine(args));
