/** `obscura trace`: a log of a camera, with its stacks in TypeScript. */
import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { type Operation, ToolError } from "../events.ts";
import { checkStandardInput, checkStream } from "../input-file.ts";
import { buildRoot } from "../paths.ts";
import { mapsIn } from "./maps.ts";
import { Tracer } from "./trace.ts";

/** What to translate. */
export interface TraceOptions {
  /** A file; standard input without one. */
  readonly file?: string;
  /** Folders with maps; what was built here is always known. */
  readonly maps: readonly string[];
  /** Ends it, though its input goes on. */
  readonly signal: AbortSignal;
}

/** @throws UsageError for a log that is none; ToolError when a stack is of bytecode that no map belongs to. */
export async function* traceLog({ file, maps, signal }: TraceOptions): Operation {
  if (file === undefined) checkStandardInput("log");
  else checkStream(file, "log");
  const built = existsSync(buildRoot) ? [buildRoot] : [];
  const tracer = new Tracer(mapsIn([...maps.map((folder) => resolve(folder)), ...built]));
  const input = file === undefined ? process.stdin : createReadStream(file);
  for await (const text of createInterface({ input, signal }))
    yield { type: "text", text: tracer.line(text) };
  if (tracer.unknown.size > 0) throw new ToolError(unknownSentence(tracer));
}

/** Says which bytecode is not known, and what to do. */
export function unknownSentence({ unknown }: Tracer): string {
  const which = [...unknown].map(([id, of]) => `${of} ${id}`);
  const list = new Intl.ListFormat("en").format(which);
  return `No map here belongs to ${list}: it was built from other sources or elsewhere. Build those sources again, or give the folder with the build's .map files (--maps).`;
}
