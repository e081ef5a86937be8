/**
 * The entry of every script in package.json: `node tools/run.mjs VERB [arguments]`. Does the set-up that the verb
 * needs, then runs tools/verbs/VERB.ts. Plain JavaScript: it runs before anything is installed.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./installation.mjs";
import { SetupError, SetupInterrupted, setUp, verbPieces } from "./setup.mjs";
import { watchOutput } from "./standard-output.mjs";

const [verb, ...args] = process.argv.slice(2);
const output = watchOutput();
if (verb === undefined || !(verb in verbPieces)) {
  const verbs = Object.keys(verbPieces).join(", ");
  console.error(`usage: node tools/run.mjs VERB [arguments], where VERB is one of ${verbs}`);
  process.exit(2);
}

try {
  await setUp(verbPieces[verb]);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exit(error instanceof SetupInterrupted ? error.status : 1);
}

const { register } = await import("tsx/esm/api");
// Not the tsconfig.json of the folder where it is started.
register({ tsconfig: join(root, "tsconfig.json") });
const file = new URL(`./verbs/${verb}.ts`, import.meta.url);
if (!existsSync(file)) throw new Error(`tools/verbs/${verb}.ts is missing`);
const { run } = await import(file.href);
process.exitCode = await output.statusAfter(await run(args));
