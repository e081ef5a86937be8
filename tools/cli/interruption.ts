/** What ends a tool from outside: Ctrl-C, signals, and the end of the npm that runs it. */
import { constants } from "node:os";
import { endPrograms } from "../process.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How long a tool may take to end in order: a step in its middle may not know of the interruption. */
const GRACE_MS = 10_000;

/** How often a tool that npm runs looks whether npm is there. */
const PARENT_CHECK_MS = 500;

/** Listens for the signals that end a tool, from its making until `release`. */
export class Interruption {
  /** What the tool ends with by then: 128 and the signal's number, as a shell says it; 130 after Ctrl-C. */
  status: number = 128 + constants.signals.SIGINT;
  private readonly aborter = new AbortController();
  private readonly reason: Error | undefined;
  private readonly parentCheck: NodeJS.Timeout | undefined;
  private readonly onSignal = (name: NodeJS.Signals): void => {
    if (!this.signal.aborted) this.status = 128 + constants.signals[name];
    this.interrupt();
  };

  /** @param reason what the steps that it ends fail with; an AbortError when left out */
  constructor(reason?: Error) {
    this.reason = reason;
    for (const name of signals) process.on(name, this.onSignal);
    this.parentCheck = this.watchNpm();
  }

  /** npm hands no signal on to what it runs: it ends, and its script would go on without anybody who knows of it. */
  private watchNpm(): NodeJS.Timeout | undefined {
    if (process.env.npm_lifecycle_event === undefined) return undefined;
    const parent = process.ppid;
    return setInterval(() => {
      if (process.ppid !== parent) this.interrupt();
    }, PARENT_CHECK_MS).unref();
  }

  /** Aborted when the tool is to end. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  /** Ends what runs, as Ctrl-C does. */
  readonly interrupt = (): void => {
    if (!this.signal.aborted) setTimeout(() => process.exit(this.status), GRACE_MS).unref();
    endPrograms();
    this.aborter.abort(this.reason);
  };

  /**
   * Whether the tool is to end, for what has just failed or ended. A signal that came while set-up held the process is seen only when
   * the event loop has turned.
   */
  async happened(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.signal.aborted;
  }

  /**
   * What the tool ends with where its work has come to its end, with `status`: a shell that sent the signal is to know of it, and
   * what was to be shown since is missing.
   */
  async endWith(status: number): Promise<number> {
    return (await this.happened()) ? this.status : status;
  }

  /** Listens no more. */
  release(): void {
    clearInterval(this.parentCheck);
    for (const name of signals) process.off(name, this.onSignal);
  }
}
