/**
 * The module `power`, as an application imports it: deep sleep, why the camera woke, and the battery. These are
 * declarations only: the functions are bound to the camera that the application runs on, by `createPower`.
 */

/** What can end deep sleep. Which of them a board has, `wakeSources` says; all have the timer. */
export type WakeSource = "timer" | "motion" | "button";

/** Why the camera started: it woke from deep sleep, was supplied, or was reset. */
export type WakeCause = WakeSource | "power-on" | "software" | "watchdog" | "fault";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Why the camera started this time. */
export declare const wakeCause: WakeCause;

/** What can end this board's deep sleep. */
export declare const wakeSources: readonly WakeSource[];

/** How to sleep. */
export interface DeepSleepOptions {
  /** When to wake at the latest, in milliseconds from now, 1 to 2,592,000,000 (thirty days); never by time when left out. */
  readonly durationMs?: number;
  /** What else ends the sleep; all that the board has when left out. */
  readonly wakeOn?: readonly WakeSource[];
  /** What `retainedState` returns after the wake: at most 4,000 bytes of JSON. What was kept before stays when left out. */
  readonly state?: Json;
}

/**
 * Switches the radio off and sleeps as deep as the board can: everything but the retained state is lost, and the camera
 * starts again when it wakes. Does not return. What else waits for the radio meanwhile gets no error: it never ends.
 *
 * The state is kept in memory that survives sleep and resets where the board has enough of it, else on flash, which wears
 * (docs/power.md); only flash survives the loss of the supply.
 * @throws RangeError for a duration or a state out of range, and when nothing would ever wake the camera
 * @throws TypeError for a state that JSON cannot hold, a source that is none, an unknown option, a time that is no number,
 * and while `dutyCycle` runs: a burst returns, and the camera sleeps
 * @throws BleError `not-supported` for a source that this board is without, and on a board that cannot sleep; nothing has ended then
 */
export declare function deepSleep(options?: DeepSleepOptions): Promise<never>;

/**
 * What the latest `deepSleep` or `dutyCycle` before this start kept, or undefined: nothing was kept, or it was lost with
 * the supply.
 */
export declare function retainedState(): Json | undefined;

/**
 * The battery's voltage, in volts; undefined on a board that cannot measure it.
 */
export declare function batteryVolts(): number | undefined;

/** When `lowBattery` looks, and for what. */
export interface LowBatteryOptions {
  /** The voltage below which the battery is low, in volts, above 0, at most 100. */
  readonly lowVolts: number;
  /** How often it is measured, in milliseconds, 100 to 2,592,000,000 (thirty days); every minute when left out. */
  readonly intervalMs?: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/**
 * Waits until the battery has less than `lowVolts`, and resolves with its voltage: the event of a low battery, for a camera
 * that is awake all the time. It measures at once, and then every `intervalMs`. A `dutyCycle` measures by itself.
 * @throws TypeError for an unknown option and what is no number, RangeError for a voltage or an interval out of range
 * @throws BleError `not-supported` on a board that cannot measure its battery
 * @throws what `signal` was aborted with
 */
export declare function lowBattery(options: LowBatteryOptions): Promise<number>;

/** What a burst is given. */
export interface Burst<S> {
  /** What the burst before returned; at first what `dutyCycle` was given. */
  readonly state: S;
  /** Why the camera woke for it. */
  readonly cause: WakeCause;
  /** Counts bursts, those that failed included; 0 is the first since the state was lost. */
  readonly number: number;
  /** Bursts in a row that failed before this one, by what they threw, their deadline, a crash, or a state that cannot be kept. */
  readonly failures: number;
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
}

/** A duty cycle. */
export interface DutyCycleOptions<S> {
  /**
   * From the beginning of a burst to that of the next, in milliseconds, 100 to 2,592,000,000. Another one than before holds
   * from the first burst on.
   */
  readonly intervalMs: number;
  /** How long a burst may take, in milliseconds, 1 up to the interval. A second later the camera sleeps, burst or no burst. */
  readonly deadlineMs: number;
  /** What the first burst is given. States are what JSON can hold, at most 4,000 bytes of it. */
  readonly state: S;
  /** What wakes the camera beside the time; nothing when left out. Such a burst is one more: the cadence stays. */
  readonly wakeOn?: readonly WakeSource[];
  /** Below this voltage, in volts, above 0, at most 100, no burst runs, and `onLowBattery` does in its place. */
  readonly lowVolts?: number;
  /** Called in place of a burst, under the same deadline, where the battery has less than `lowVolts`, which it takes. */
  onLowBattery?(volts: number): Promise<void> | void;
  /** What the camera is awake for. It returns what the next one is given, or nothing to keep what there is. */
  burst(burst: Burst<S>): Promise<S | undefined | void> | S | undefined | void;
}

/**
 * Runs a burst, switches the radio off, sleeps, and wakes for the next one, at the same distance from the first however
 * long each took. A burst that throws, or outlasts its deadline, is reported and the camera sleeps all the same. After a
 * watchdog reset or a fault in a burst the camera sleeps longer, twice as long with each in a row, up to a day; any other start
 * runs a burst. A burst whose state cannot be kept has failed.
 * Call it at every start of the application, once, and neither it nor `deepSleep` while it runs. Does not return.
 * @throws RangeError, TypeError, BleError as `deepSleep`
 */
export declare function dutyCycle<S>(options: DutyCycleOptions<S>): Promise<never>;
