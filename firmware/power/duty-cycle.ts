/** Awake for a burst, asleep for the rest of the interval: what a camera on a battery does for a year. */
import { checkFunction } from "../ble/option-keys.ts";
import { errorText } from "../ble/text.ts";
import type { Burst, DutyCycleOptions, WakeCause } from "./index.ts";
import { checkMs, checkVolts, DURATION_MAX_MS, type PowerPort } from "./port.ts";

/** The shortest interval. */
const INTERVAL_MIN_MS = 100;

/** How long a burst is waited for behind its deadline. */
const GRACE_MS = 1000;

/** After failures in a row the camera sleeps no longer than a day at a time. */
const PAUSE_MAX_MS = 86_400_000;

/** What a start leaves for the next one. */
interface Kept<S> {
  /** As `retainedState` returns it. */
  readonly app: S;
  readonly cycle: {
    /** When the next burst is due, by the clock that goes on through sleep. */
    readonly dueMs: number;
    /** Bursts that have begun. */
    readonly number: number;
    /** Of these, the latest that failed in a row. */
    readonly failures: number;
    /** A burst runs: a start that finds this true follows a reset in its middle, or a state that could not be kept. */
    readonly isRunning: boolean;
  };
}

/** What became of a burst, or of what the log calls so in its place. */
type Outcome<S> = { readonly state: S | undefined } | { readonly error: unknown; readonly what: string };

export class DutyCycle<S> {
  private readonly port: PowerPort;
  private readonly options: DutyCycleOptions<S>;

  /**
   * @throws TypeError, RangeError for a number or a function that is none, or out of range, `onLowBattery` without `lowVolts`,
   * or a state that cannot be kept.
   */
  constructor(port: PowerPort, options: DutyCycleOptions<S>) {
    checkMs("intervalMs", options.intervalMs, INTERVAL_MIN_MS, DURATION_MAX_MS);
    checkMs("deadlineMs", options.deadlineMs, 1, options.intervalMs);
    if (options.lowVolts !== undefined) checkVolts("lowVolts", options.lowVolts);
    if (options.onLowBattery !== undefined) {
      checkFunction("onLowBattery", options.onLowBattery);
      if (options.lowVolts === undefined) {
        throw new TypeError(
          "onLowBattery is never called without lowVolts: give the voltage below which no burst runs",
        );
      }
    }
    checkFunction("burst", options.burst);
    port.retained.check(options.state);
    this.port = port;
    this.options = options;
  }

  /** @param found what the start before left, of this cycle or of another program. */
  async run(found: unknown): Promise<never> {
    const { lines } = this.port;
    const before = this.known(found);
    const { startCause } = lines;
    const isBroken = before.cycle.isRunning && (startCause === "watchdog" || startCause === "fault");
    if (isBroken) return this.sleep(this.broken(before));
    const kept = this.begin(before);
    const outcome = await this.limited(kept, startCause);
    const failed = "error" in outcome;
    if (failed) {
      const { error, what } = outcome;
      const message = `power: ${what} failed: ${errorText(error)}; the camera sleeps all the same`;
      this.port.log("error", message, error);
    }
    const app = failed || outcome.state === undefined ? kept.app : outcome.state;
    return this.sleep({
      app,
      cycle: { ...kept.cycle, failures: failed ? kept.cycle.failures + 1 : 0, isRunning: false },
    });
  }

  /** What is known of the cycle; its beginning where that is nothing. */
  private known(found: unknown): Kept<S> {
    const { state } = this.options;
    const fresh = { dueMs: this.port.lines.rtcNow(), number: 0, failures: 0, isRunning: false };
    const kept = found as Partial<Kept<S>> | undefined;
    if (kept?.cycle === undefined) return { app: state, cycle: fresh };
    const app = kept.app === undefined ? state : kept.app;
    // Without a supply the clock began anew.
    return this.port.lines.startCause === "power-on"
      ? { app, cycle: { ...fresh, number: kept.cycle.number } }
      : { app, cycle: kept.cycle };
  }

  /** The camera was reset in a burst: twice as long a sleep with each in a row. */
  private broken({ app, cycle }: Kept<S>): Kept<S> {
    const { lines, log } = this.port;
    const failures = cycle.failures + 1;
    const pauseMs = Math.min(this.options.intervalMs * 2 ** Math.min(failures, 30), PAUSE_MAX_MS);
    log(
      "warning",
      `power: reset in the middle of a burst (${lines.startCause}), ${failures} in a row: sleeping ${pauseMs} ms`,
    );
    return { app, cycle: { ...cycle, dueMs: lines.rtcNow() + pauseMs, failures, isRunning: false } };
  }

  /** Counts the burst, and says on which beat the next one is. */
  private begin({ app, cycle }: Kept<S>): Kept<S> {
    const { intervalMs } = this.options;
    const nowMs = this.port.lines.rtcNow();
    // Behind whatever start the next beat is at most an interval away: one that is due later was put off by resets, or is
    // that of a version with a longer interval.
    const missed = Math.floor((nowMs - cycle.dueMs) / intervalMs) + 1;
    const dueMs = cycle.dueMs + missed * intervalMs;
    const kept = { app, cycle: { ...cycle, dueMs, number: cycle.number + 1, isRunning: true } };
    try {
      this.port.retained.write(kept);
    } catch (error) {
      // The burst is what the camera is there for.
      const why = errorText(error);
      this.port.log(
        "error",
        `power: that a burst begins cannot be kept: ${why}; it runs all the same`,
        error,
      );
    }
    return kept;
  }

  /** Runs the burst, or what stands for it, no longer than it may. */
  private limited({ app, cycle }: Kept<S>, cause: WakeCause): Promise<Outcome<S>> {
    const { port } = this;
    const { deadlineMs, lowVolts, onLowBattery } = this.options;
    const abort = new port.signals.AbortController();
    const burst: Burst<S> = {
      state: app,
      cause,
      number: cycle.number - 1,
      failures: cycle.failures,
      signal: abort.signal,
    };
    const volts = lowVolts === undefined ? undefined : port.lines.batteryVolts();
    const isLow = volts !== undefined && volts < lowVolts!;
    if (isLow) port.log("warning", `power: the battery has ${volts} V, less than ${lowVolts}: no burst`);
    const what = isLow ? "onLowBattery" : "the burst";
    const work = async (): Promise<S | undefined> => {
      if (!isLow) return (await this.options.burst(burst)) as S | undefined;
      await onLowBattery?.(volts);
      return undefined;
    };
    return new Promise((resolve) => {
      const endWait = port.wait(deadlineMs, () => {
        abort.abort(new RangeError(`the burst's deadline of ${deadlineMs} ms has passed`));
        port.wait(GRACE_MS, () => {
          const late = `${what} did not end ${GRACE_MS} ms after its deadline of ${deadlineMs} ms`;
          resolve({ what, error: new Error(late) });
        });
      });
      const end = (outcome: Outcome<S>): void => {
        endWait();
        resolve(outcome);
      };
      work().then(
        (state) => end({ state }),
        (error: unknown) => end({ what, error }),
      );
    });
  }

  /** Never comes back: what is due is due at the next start. */
  private async sleep(kept: Kept<S>): Promise<never> {
    const { lines, log, retained } = this.port;
    await this.port.radioOff();
    const { intervalMs, wakeOn = [] } = this.options;
    const nowMs = lines.rtcNow();
    // A burst that took longer than its interval leaves out the beats that it covered.
    const late = Math.max(0, Math.floor((nowMs - kept.cycle.dueMs) / intervalMs) + 1);
    const dueMs = kept.cycle.dueMs + late * intervalMs;
    const radio = this.port.radioWasUsed() ? { offAtMs: nowMs } : undefined;
    const next = { ...kept, cycle: { ...kept.cycle, dueMs }, radio };
    try {
      retained.write(next);
    } catch (error) {
      log(
        "error",
        `power: the burst's state cannot be kept: ${errorText(error)}; the one before it stays`,
        error,
      );
      this.keepBefore(next);
    }
    return lines.deepSleep(dueMs, wakeOn);
  }

  /** The cycle as it is now, with the state that was kept last: a burst whose state is lost has failed. */
  private keepBefore(next: Kept<S>): void {
    const { log, retained } = this.port;
    const before = retained.read() as Partial<Kept<S>> | undefined;
    const app = before?.app === undefined ? this.options.state : before.app;
    const failures = (before?.cycle?.failures ?? 0) + 1;
    try {
      retained.write({ ...next, app, cycle: { ...next.cycle, failures } });
    } catch (error) {
      // A camera that cannot write sleeps all the same, and begins anew when it wakes.
      log("error", `power: nothing can be kept: ${errorText(error)}`, error);
    }
  }
}
