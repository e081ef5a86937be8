/** Images of the MPS boards for tests, built and run in QEMU; and the self-tests of any board. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type QemuOptions, qemuProgram } from "../../boards/common/mps/qemu.ts";
import { qemuArguments as an500Arguments } from "../../boards/mps2-an500/qemu.ts";
import { qemuArguments as an547Arguments } from "../../boards/mps3-an547/qemu.ts";
import { lock } from "../../tools/lock.mjs";
import { type Bench, RUN_LIMIT_MS } from "./image.ts";

const root = join(import.meta.dirname, "../..");
const toolchain = join(root, "boards/mps2-an500/toolchain.cmake");

const qemuArguments: Readonly<Record<string, (options: QemuOptions) => string[]>> = {
  "mps2-an500": an500Arguments,
  "mps3-an547": an547Arguments,
};

function runTool(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd: root });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** Builds the self-tests of a board; returns the folder that holds `port_selftest`. */
export async function buildSelftests(board: string): Promise<string> {
  const build = join(root, "build/selftest", board);
  const unlock = await lock(`${build}.lock`);
  try {
    if (!existsSync(join(build, "build.ninja"))) {
      const source = join(root, "boards/common/selftest");
      const cross = board === "host" ? [] : ["--toolchain", join(root, "boards", board, "toolchain.cmake")];
      runTool("cmake", ["-G", "Ninja", "-S", source, "-B", build, `-DBOARD=${board}`, ...cross]);
    }
    runTool("ninja", ["-C", build]);
  } finally {
    unlock();
  }
  return build;
}

/**
 * Links a firmware module into an image of mps2-an500; returns the image's path. Beside it is `<image>.linked`, from
 * which it was made: that one has no preloaded machine, and evaluates the module at every start.
 */
export async function buildImage(bench: Bench, name: string, source: string): Promise<string> {
  const bundle = bench.compile("firmware", name, source);
  const build = join(root, "build/test-mps2-an500");
  const linked = join(build, "bundle.xsb");
  const image = bench.path(name);
  const unlock = await lock(`${build}.lock`);
  try {
    mkdirSync(build, { recursive: true });
    copyFileSync(bundle, linked);
    if (!existsSync(join(build, "build.ninja"))) {
      const cross = ["-DBOARD=mps2-an500", "--toolchain", toolchain, `-DFIRMWARE_BUNDLE=${linked}`];
      runTool("cmake", ["-G", "Ninja", "-S", join(root, "firmware"), "-B", build, ...cross]);
    }
    runTool("ninja", ["-C", build, "firmware"]);
    copyFileSync(join(build, "firmware"), image);
    copyFileSync(join(build, "firmware.linked"), `${image}.linked`);
  } finally {
    unlock();
  }
  return image;
}

/** The function that holds an address of an image. */
export function functionAt(image: string, address: string): string {
  return runTool("arm-none-eabi-addr2line", ["-f", "-e", image, address]).split("\n")[0] ?? "";
}

/** How a run ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly lines: readonly string[];
}

/** One QEMU. A run that takes longer than its limit is killed, and its signal says so. */
export class QemuCamera {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  #waiting: (() => void)[] = [];

  constructor(
    board: string,
    options: QemuOptions,
    limitMs = RUN_LIMIT_MS,
    adapt: (args: string[]) => string[] = (args) => args,
  ) {
    const args = adapt(qemuArguments[board]!(options));
    const child = spawn(qemuProgram, args, { stdio: ["pipe", "pipe", "pipe"] });
    const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
    let partial = "";
    const take = (chunk: string): void => {
      const pieces = (partial + chunk).split("\n");
      partial = pieces.pop() ?? "";
      this.lines.push(...pieces.map((piece) => piece.replace(/\r$/, "")));
      this.#wake();
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status, signal) => {
        clearTimeout(limit);
        this.#wake();
        resolve({ status, signal, lines: this.lines });
      });
    });
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  get #isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when QEMU has ended by itself, or by its limit. */
  ended(): Promise<Ended> {
    return this.#ended;
  }

  /** The first console line that matches; throws when QEMU ends without one. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (!this.#isRunning) throw new Error(`no line ${pattern} in:\n${this.lines.join("\n")}`);
      await new Promise<void>((resume) => this.#waiting.push(resume));
    }
  }

  /** Sends bytes to its console. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Ends QEMU without giving it a chance to tidy up: a power cut. */
  kill(): Promise<Ended> {
    this.#child.kill("SIGKILL");
    return this.#ended;
  }
}

/** Runs QEMU to its end. */
export function runQemuOn(board: string, options: QemuOptions, limitMs?: number): Promise<Ended> {
  return new QemuCamera(board, options, limitMs).ended();
}

/** The same on mps2-an500. */
export const runQemu = (options: QemuOptions, limitMs?: number): Promise<Ended> =>
  runQemuOn("mps2-an500", options, limitMs);
