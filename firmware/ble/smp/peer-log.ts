/** The lines of the log that peers cause with their PDUs: some, and a count of the others. */
import type { LogLevel } from "../../platform/platform.ts";
import { Allowance } from "../allowance.ts";
import type { SecurityPort } from "./port.ts";

/** So many lines at once, over all links, for a peer may take another address for each. */
export const LINES_MAX = 16;
/** One more comes back in this time. */
export const LINE_REFILL_MS = 10_000;

export class PeerLog {
  /** Lines that were only counted. */
  unlogged = 0;
  private readonly port: Pick<SecurityPort, "clock" | "log">;
  private readonly allowance: Allowance;

  constructor(port: Pick<SecurityPort, "clock" | "log">) {
    this.port = port;
    this.allowance = new Allowance(port.clock, LINES_MAX, LINE_REFILL_MS);
  }

  /** Writes a line; where there were too many of late it is counted, and written at the level of debugging. */
  write(level: LogLevel, message: string, error?: unknown): void {
    const { allowance, port } = this;
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
  }
}
