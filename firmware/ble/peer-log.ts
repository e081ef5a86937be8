/** The lines of the log that peers cause: some, and a count of the others. */
import { Allowance } from "./allowance.ts";

/** So many lines at once, over all links, for a peer may take another address for each. */
export const LINES_MAX = 16;
/** One more comes back in this time. */
export const LINE_REFILL_MS = 10_000;

/** As in the platform. */
type LogLevel = "error" | "warning" | "info" | "debug";

interface PeerLogPort {
  /** What tells the time, in milliseconds. */
  readonly clock: { now(): number };
  log(level: LogLevel, message: string, error?: unknown): void;
}

export class PeerLog {
  /** Lines that were only counted. */
  unlogged = 0;
  private readonly port: PeerLogPort;
  private readonly allowance: Allowance;

  constructor(port: PeerLogPort) {
    this.port = port;
    this.allowance = new Allowance(port.clock, LINES_MAX, LINE_REFILL_MS);
  }

  /**
   * Writes a line. A warning or an error of which there were too many of late is counted, and written at the level of debugging;
   * who asks for the levels below wants all lines.
   */
  readonly write = (level: LogLevel, message: string, error?: unknown): void => {
    const { allowance, port } = this;
    if (level === "info" || level === "debug") return port.log(level, message);
    if (!allowance.take(1)) {
      this.unlogged++;
      return port.log("debug", message);
    }
    const isLast = !allowance.has(1);
    port.log(
      level,
      isLast ? `${message} (more lines like this are only counted for a while)` : message,
      error,
    );
  };
}
