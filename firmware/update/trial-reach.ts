/**
 * Whether whoever manages the camera could have connected to it during the trial of a new application. A trial that the camera
 * itself is to confirm waits for that (firmware/native/update.c).
 */
import type { Clock, LogLevel } from "../platform/platform.ts";
import { isFindable } from "./window.ts";

/** How long advertising that everybody can connect to, and find, must have been on the air, all its times since the start added. */
export const TRIAL_REACHED_MS = 2000;

/** From one look at what is on the air to the next. What begins or ends between two looks does not count. */
const LOOK_MS = 250;

/** What `TrialReach` is handed. */
export interface TrialReachPort {
  readonly clock: Clock;
  /** See `Advertiser.onAirForAll`. */
  readonly advertiser: {
    readonly onAirForAll: { readonly run: number; readonly intervalUs: number } | undefined;
  };
  /** Whether a central that may manage the camera is connected. */
  isManagerConnected(): boolean;
  /** Called once. */
  onReached(): void;
  log(level: LogLevel, message: string): void;
}

export class TrialReach {
  private readonly port: TrialReachPort;
  private sumMs = 0;
  /** What was on the air at the latest look, and when that was. */
  private run: number | undefined = undefined;
  private lookedAtMs = 0;

  constructor(port: TrialReachPort) {
    this.port = port;
  }

  /** From now on. */
  watch(): void {
    this.look();
  }

  private look(): void {
    const { advertiser, clock, isManagerConnected } = this.port;
    const onAir = advertiser.onAirForAll;
    const run = onAir && isFindable(onAir.intervalUs) ? onAir.run : undefined;
    const now = clock.now();
    if (run !== undefined && run === this.run) this.sumMs += now - this.lookedAtMs;
    this.run = run;
    this.lookedAtMs = now;
    if (isManagerConnected()) this.reached("a client that may manage it is connected");
    else if (this.sumMs >= TRIAL_REACHED_MS) this.reached("everybody could have connected to it");
    else clock.setTimer(() => this.look(), LOOK_MS);
  }

  private reached(how: string): void {
    const { log, onReached } = this.port;
    log("info", `update: the camera is within reach in this trial: ${how}`);
    onReached();
  }
}
