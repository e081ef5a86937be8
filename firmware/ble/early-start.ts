/**
 * A controller that is started before anybody has asked for the radio: a camera that wakes for a burst has work of its own
 * to do meanwhile.
 */
import type { ControllerDriver } from "../controllers/driver.ts";
import type { Clock, LogLevel } from "../platform/platform.ts";
import type { Hci } from "./hci/hci.ts";

/** Nobody has asked for the radio within this time: the controller loses its supply. */
const ASKED_WITHIN_MS = 10_000;

/** What it is handed. */
export interface EarlyStartPort {
  readonly hci: Hci;
  readonly clock: Clock;
  readonly driver: ControllerDriver;
  log(level: LogLevel, message: string): void;
}

export class EarlyStart {
  private readonly port: EarlyStartPort;
  private readonly begunMs: number;
  private readonly starting: Promise<void>;
  private readonly limit: unknown;
  private isOver = false;

  /** @param offForMs how long the controller has been without supply, at least */
  constructor(port: EarlyStartPort, offForMs: number) {
    const { clock, driver, hci, log } = port;
    this.port = port;
    this.begunMs = clock.now();
    this.starting = driver.start(hci, offForMs);
    // Who asks for the radio is given it, and tries again.
    this.starting.catch(() => undefined);
    this.limit = clock.setTimer(() => {
      if (this.cancel())
        log("info", `host: nobody asked for the radio within ${ASKED_WITHIN_MS} ms: it is off again`);
    }, ASKED_WITHIN_MS);
  }

  /** The start that is under way, or over: the caller's from now on. Undefined when it was cancelled, or taken before. */
  take(): Promise<void> | undefined {
    if (!this.finish()) return undefined;
    const aheadMs = Math.round(this.port.clock.now() - this.begunMs);
    this.port.log("info", `host: the controller's start began ${aheadMs} ms before the radio was asked for`);
    return this.starting;
  }

  /** Takes the controller's supply away, unless somebody has taken the start over. Returns whether it did. */
  cancel(): boolean {
    if (!this.finish()) return false;
    const { driver, hci } = this.port;
    hci.close();
    driver.stop();
    return true;
  }

  private finish(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.port.clock.clearTimer(this.limit);
    return true;
  }
}
