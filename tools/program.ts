/** Programs that run beside the tool: their lines are read, and they are ended by their own process id. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { root } from "./paths.ts";

/** How long a program may take to end after it was asked to. */
const graceMs = 3000;

/** A running program. */
export class Program {
  readonly name: string;
  /** Settles with the exit status, or with the signal's name; never rejects. */
  readonly exited: Promise<number | string>;
  private readonly child: ChildProcess;
  private hasEnded = false;

  /**
   * Starts it. `onLine` gets each line of standard output and standard error. Standard input stays open: the rig's
   * programs end when it closes, so that they do not outlive a tool that was killed.
   */
  constructor(name: string, command: readonly [string, ...string[]], onLine: (line: string) => void) {
    this.name = name;
    const [file, ...args] = command;
    // A group of its own, so that Ctrl-C reaches the tool alone, which then ends its programs in order.
    const child = spawn(file, args, { cwd: root, stdio: ["pipe", "pipe", "pipe"], detached: true });
    this.child = child;
    // Whatever ends the tool, a defect included, ends its programs.
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    child.stdin.on("error", () => undefined);
    const streams = [child.stdout, child.stderr].map((input) => {
      const lines = createInterface({ input }).on("line", onLine);
      return new Promise<void>((resolve) => lines.once("close", resolve));
    });
    this.exited = new Promise((resolve) => {
      child.once("error", (error) => {
        this.hasEnded = true;
        onLine(`${file} could not be started: ${error.message}`);
        resolve(127);
      });
      child.once("exit", async (status, signal) => {
        this.hasEnded = true;
        await Promise.all(streams);
        resolve(status ?? signal ?? 1);
      });
    });
  }

  get isRunning(): boolean {
    return !this.hasEnded;
  }

  /** Writes a line to its standard input. */
  send(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** Asks it to end; ends it when it does not. */
  async stop(): Promise<void> {
    if (!this.hasEnded) {
      this.child.stdin?.end();
      this.child.kill("SIGTERM");
      const impatience = setTimeout(() => this.child.kill("SIGKILL"), graceMs);
      await this.exited;
      clearTimeout(impatience);
    }
    await this.exited;
  }
}
