/** Builds images of the host board for tests, and runs them. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildCompiler, compilerProgram } from "../../tools/build/compiler.ts";
import { lock } from "../../tools/lock.mjs";
import { signForDevelopment } from "../../tools/update/development.ts";

const root = join(import.meta.dirname, "../..");

/** A net for a run that hangs, however busy the computer is. */
export const RUN_LIMIT_MS = 300_000;

/** What a program said and how it ended. */
export interface Run {
  readonly status: number | null;
  readonly signal: string | null;
  /** The console, one line each. */
  readonly lines: readonly string[];
}

function runTool(command: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", cwd: root });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stdout}${stderr}`);
}

/** A folder of one test file: bundles and images in it, removed by `dispose`. */
export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), "obscura-"));
  readonly #sanitize: boolean;

  private constructor(sanitize: boolean) {
    this.#sanitize = sanitize;
  }

  static async open({ sanitize = false }: { sanitize?: boolean } = {}): Promise<Bench> {
    await buildCompiler();
    return new Bench(sanitize);
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Compiles a module; returns the path of a firmware's container, or of an application, signed for a board. */
  compile(
    kind: "firmware" | "application",
    name: string,
    source: string,
    base?: string,
    board = "host",
  ): string {
    const input = this.path(`${name}.js`);
    const output = this.path(`${name}.xsb`);
    writeFileSync(input, source);
    const args = ["--kind", kind, "--name", kind, "--output", output];
    if (base !== undefined) args.push("--base", base);
    execFileSync(compilerProgram, [...args, input], { encoding: "utf8", stdio: "pipe" });
    return kind === "application" ? signForDevelopment(output, board) : output;
  }

  /** Links a firmware module into an image of the host board; returns the image's path. */
  async image(name: string, source: string): Promise<string> {
    const bundle = this.compile("firmware", name, source);
    const build = join(root, "build/test-engine", this.#sanitize ? "sanitize" : "plain");
    const linked = join(build, "bundle.xsb");
    const image = this.path(name);
    const unlock = await lock(`${build}.lock`);
    try {
      mkdirSync(build, { recursive: true });
      copyFileSync(bundle, linked);
      if (!existsSync(join(build, "build.ninja")))
        runTool("cmake", [
          ...["-G", "Ninja", "-S", join(root, "firmware"), "-B", build, "-DBOARD=host"],
          ...[`-DFIRMWARE_BUNDLE=${linked}`, `-DSANITIZE=${this.#sanitize ? "ON" : "OFF"}`],
        ]);
      runTool("ninja", ["-C", build, "firmware"]);
      copyFileSync(join(build, "firmware"), image);
    } finally {
      unlock();
    }
    return image;
  }
}

/**
 * Runs an image to its end. A run that takes longer than `limitMs` is killed, and its signal says so.
 * @param onFirstLine called once the console has said something
 */
export function run(
  image: string,
  args: readonly string[] = [],
  onFirstLine?: (child: ChildProcess) => void,
  limitMs = RUN_LIMIT_MS,
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(image, args, {
      stdio: ["ignore", "ignore", "pipe"],
      // The engine's arenas live as long as the process.
      env: { ...process.env, ASAN_OPTIONS: "detect_leaks=0" },
    });
    let text = "";
    const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (text === "") onFirstLine?.(child);
      text += chunk;
    });
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(limit);
      resolve({ status, signal, lines: text.split("\n").slice(0, -1) });
    });
  });
}

/** The other end of an HCI UART: a Unix socket. */
export class Controller {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly option: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.option = `unix:${path}`;
  }

  static listen(path: string, onConnection: (socket: Socket) => void): Promise<Controller> {
    return new Promise((resolve, reject) => {
      const server = createServer();
      const controller = new Controller(server, path);
      server.on("connection", (socket) => {
        controller.#sockets.push(socket);
        socket.on("error", () => {});
        onConnection(socket);
      });
      server.once("error", reject);
      server.listen(path, () => resolve(controller));
    });
  }

  /** Sends bytes, in hexadecimal, to everyone who is connected. */
  send(hex: string): void {
    for (const socket of this.#sockets) socket.write(Buffer.from(hex, "hex"));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
