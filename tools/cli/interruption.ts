/** What ends a tool from outside: Ctrl-C and signals. */
import { constants } from "node:os";
import { endPrograms } from "../process.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Listens for the signals that end a tool, from its making until `release`. */
export class Interruption {
  /** What the tool ends with by then: 128 and the signal's number, as a shell says it; 130 after Ctrl-C. */
  status: number = 128 + constants.signals.SIGINT;
  private readonly aborter = new AbortController();
  private readonly reason: Error | undefined;
  private readonly onSignal = (name: NodeJS.Signals): void => {
    if (!this.signal.aborted) this.status = 128 + constants.signals[name];
    this.interrupt();
  };

  /** @param reason what the steps that it ends fail with; an AbortError when left out */
  constructor(reason?: Error) {
    this.reason = reason;
    for (const name of signals) process.on(name, this.onSignal);
  }

  /** Aborted when the tool is to end. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  /** Ends what runs, as Ctrl-C does. */
  readonly interrupt = (): void => {
    this.aborter.abort(this.reason);
    endPrograms();
  };

  /**
   * Whether the tool is to end, for what has just failed. A signal that came while set-up held the process is seen only when
   * the event loop has turned.
   */
  async happened(): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.signal.aborted;
  }

  /** Listens no more. */
  release(): void {
    for (const name of signals) process.off(name, this.onSignal);
  }
}
