/**
 * Programs that set-up runs, and its end by a signal: they end with all that they have started, and so does set-up, in a
 * second or two. Plain JavaScript, for nothing is installed yet.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { root } from "./installation.mjs";

/** A set-up that cannot go on; the message is one line that says what to do. */
export class SetupError extends Error {}

/** A set-up that a signal has ended. */
export class SetupInterrupted extends SetupError {
  /** @param {number} status what the process is to end with: 128 and the signal's number, as a shell says it */
  constructor(status) {
    super("set-up: interrupted; the next one does what it has not finished");
    this.status = status;
  }
}

/** @type {readonly NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** How long programs may take to end by themselves. */
const GRACE_MS = 1000;

/** How often a set-up that npm runs looks whether npm is there: npm hands no signal on. */
const PARENT_CHECK_MS = 500;

/** Listens for the signals that end a set-up, from its making until `release`. */
export class SetupPrograms {
  #aborter = new AbortController();
  /** @type {NodeJS.Timeout | undefined} */
  #parentCheck;
  /** @param {NodeJS.Signals} name */
  #onSignal = (name) => this.#aborter.abort(new SetupInterrupted(128 + constants.signals[name]));

  constructor() {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
    if (process.env.npm_lifecycle_event === undefined) return;
    const parent = process.ppid;
    this.#parentCheck = setInterval(() => {
      if (process.ppid !== parent) this.#onSignal("SIGINT");
    }, PARENT_CHECK_MS).unref();
  }

  /** Aborted with a `SetupInterrupted` when set-up is to end. */
  get signal() {
    return this.#aborter.signal;
  }

  /** Listens no more. */
  release() {
    clearInterval(this.#parentCheck);
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }

  /**
   * Runs a command to its end, with no standard input.
   * @param {string} command
   * @param {string[]} args
   * @param {Record<string, string>} [environment]
   * @returns {Promise<{ succeeded: boolean, stdout: string, output: string }>} `stdout` is what it was asked for, `output`
   *   with what it says of its work
   * @throws {SetupInterrupted} once it has ended
   */
  run(command, args, environment = {}) {
    const { signal } = this;
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const env = { ...process.env, ...environment };
      // In a group of its own, that whatever it starts can be ended with it.
      const child = spawn(command, args, {
        cwd: root,
        env,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let output = "";
      /** @type {NodeJS.Timeout | undefined} */
      let limit;
      const end = () => {
        killGroup(child.pid, "SIGTERM");
        limit = setTimeout(() => {
          killGroup(child.pid, "SIGKILL");
          over(false);
        }, GRACE_MS);
      };
      /** @param {boolean} succeeded */
      const over = (succeeded) => {
        clearTimeout(limit);
        signal.removeEventListener("abort", end);
        if (signal.aborted) reject(signal.reason);
        else resolve({ succeeded, stdout, output });
      };
      signal.addEventListener("abort", end);
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
        output += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
      child.on("error", (error) => {
        output += error.message;
        over(false);
      });
      // Its group may go on without it: `close` comes when nobody holds its output any more.
      child.on("close", (status) => over(status === 0));
    });
  }
}

/**
 * @param {number | undefined} pid of the group's first process
 * @param {NodeJS.Signals} name
 */
function killGroup(pid, name) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
