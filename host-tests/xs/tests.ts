/** Builds the `tests` bundle into an image of the host board, and runs it. */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { loadBoard } from "../../tools/build/boards.ts";
import { bundle } from "../../tools/build/bundle.ts";
import { buildCompiler, compile } from "../../tools/build/compiler.ts";
import { writeIfChanged } from "../../tools/build/fingerprint.ts";
import { buildImage } from "../../tools/build/image.ts";
import { testFiles, testsEntry } from "../../tools/build/tests.ts";
import { lock } from "../../tools/lock.mjs";
import { buildRoot } from "../../tools/paths.ts";
import type { Message } from "./messages.ts";

/** Room for several hosts, their controllers and phones, and what the longest scenario keeps. */
const figures = { HEAP_CHUNKS: 64 * 1024 * 1024, HEAP_SLOTS: 2_000_000, HEAP_STACK: 65_536, TIMERS_MAX: 200 };

export interface BuildOptions {
  /** Test files, absolute paths. */
  readonly files: readonly string[];
  readonly sanitize: boolean;
  /** What the image's folder is called; an image has one of its own. */
  readonly folder: string;
}

/** Makes the image when something in it has changed; returns its path. */
export async function buildTests({ files, sanitize, folder: name }: BuildOptions): Promise<string> {
  const folder = join(buildRoot, "test-xs", name);
  mkdirSync(folder, { recursive: true });
  const unlock = await lock(join(folder, "build.lock"));
  try {
    await buildCompiler();
    const { code } = await bundle("tests", testsEntry, [testFiles(files)]);
    const input = join(folder, "tests.js");
    const output = join(folder, "tests.xsb");
    writeIfChanged(input, code);
    await compile({ kind: "firmware", name: "firmware", input, output });
    const host = loadBoard("host");
    const board = { ...host, figures: { ...host.figures, ...figures } };
    const settings = sanitize ? ["SANITIZE=ON"] : [];
    const { image } = await buildImage(board, { bundle: output, folder, settings });
    return image;
  } finally {
    unlock();
  }
}

/** One test as it ended. */
export interface Result {
  /** Titles from the outermost `describe` to the test's own. */
  readonly path: readonly string[];
  /** Why it failed, with the stack. */
  readonly failure: string | undefined;
  /** What the engine said meanwhile: rejections that nobody handled, what timers threw. */
  readonly diagnostics: readonly string[];
}

export interface Outcome {
  readonly results: readonly Result[];
  /** The test in which the process died. */
  readonly unfinished: readonly string[] | undefined;
  /** How many tests the bundle has, once all have run. */
  readonly total: number | undefined;
  readonly status: number | null;
  readonly signal: string | null;
  /** The last lines of the console that are no messages. */
  readonly console: readonly string[];
}

/** Runs an image of `buildTests` to its end; a run that takes longer than `limitMs` is killed. */
export function runTests(image: string, limitMs: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(image, ["--max-resets", "0", "--watchdog-ms", String(limitMs)], {
      stdio: ["ignore", "ignore", "pipe"],
      // The engine's arenas live as long as the process.
      env: {
        ...process.env,
        ASAN_OPTIONS: "detect_leaks=0",
        UBSAN_OPTIONS: "halt_on_error=1:print_stacktrace=1",
      },
    });
    const results: Result[] = [];
    const said: string[] = [];
    let unfinished: readonly string[] | undefined;
    let total: number | undefined;
    let diagnostics: string[] = [];

    function take(message: Message): void {
      if ("begin" in message) {
        unfinished = message.begin;
      } else if ("end" in message) {
        results.push({ path: message.end, failure: message.failure, diagnostics });
        diagnostics = [];
        unfinished = undefined;
      } else {
        total = message.total;
      }
    }

    const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (line.startsWith('info: {"')) return take(JSON.parse(line.slice(6)) as Message);
      said.push(line);
      if (unfinished !== undefined) diagnostics.push(line);
    });
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(limit);
      resolve({ results, unfinished, total, status, signal, console: said.slice(-40) });
    });
  });
}
