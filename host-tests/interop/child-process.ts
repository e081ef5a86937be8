/** Programs of the rig: their lines are kept, they are waited for, and they are ended by their own id. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Mailbox, within } from "./wait.ts";

/** Programs that run now. One list for the test process: what it leaves behind when it is ended is a global matter. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

// A run that is ended from outside never gets to its after hooks.
process.on("exit", endAll);
for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

/** A program under the rig's control. */
export class RigProcess {
  /** All lines of standard output and standard error so far. */
  readonly lines: string[] = [];
  /** Settles with the exit status, or the signal's name. */
  readonly ended: Promise<number | string>;
  private readonly child: ChildProcess;
  private readonly listeners = new Set<(line: string) => void>();
  private hasEnded = false;
  readonly name: string;

  constructor(
    name: string,
    program: string,
    args: readonly string[],
    environment: Record<string, string> = {},
  ) {
    this.name = name;
    this.child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.lines.push(line);
        for (const listener of [...this.listeners]) listener(line);
      });
    }
    this.child.stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.on("error", (error) => {
        this.lines.push(`${program} could not be started: ${error.message}`);
        this.hasEnded = true;
        running.delete(this.child);
        resolve("not started");
      });
      this.child.on("close", (status, signal) => {
        this.hasEnded = true;
        running.delete(this.child);
        resolve(status ?? signal ?? 1);
      });
    });
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  get isRunning(): boolean {
    return !this.hasEnded;
  }

  /** Writes one line to the program's standard input. */
  send(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Calls `listener` with every line from now on; returns the function that ends this. */
  onLine(listener: (line: string) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * The first line that matches, at index `from` of `lines` or later.
   * @throws WaitError when none comes in time; an Error when the program ends before.
   */
  async line(pattern: RegExp, timeoutMs?: number, from = 0): Promise<string> {
    const seen = this.lines.slice(from).find((line) => pattern.test(line));
    if (seen !== undefined) return seen;
    const box = new Mailbox<string>();
    const stop = this.onLine((line) => pattern.test(line) && box.put(line));
    void this.ended.then((how) =>
      box.close(new Error(`${this.name} ended (${how}) without a line like ${pattern}`)),
    );
    try {
      return await box.take(`a line like ${pattern} of ${this.name}`, timeoutMs);
    } finally {
      stop();
    }
  }

  /** What Ctrl-C does. */
  interrupt(): void {
    this.child.kill("SIGINT");
  }

  /** Ends the program at once, as a power cut would. */
  async kill(): Promise<void> {
    if (this.isRunning) this.child.kill("SIGKILL");
    await this.ended;
  }

  /** Asks the program to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.child.stdin?.end();
    this.child.kill("SIGTERM");
    try {
      await within(this.ended, `${this.name} to end`, 3000);
    } catch {
      await this.kill();
    }
  }
}
