/** What a simulated board does to save its battery: a clock and memory that go on through deep sleep, and what wakes it. */
import type { PowerLines, ResetCause, WakeSource } from "../firmware/platform/platform.ts";
import type { VirtualClock } from "./clock.ts";

/** Thrown where a board would be asleep: what follows in the program that called for it never happens. */
export class Asleep extends Error {
  override name = "Asleep";
}

export class SimulatedPower implements PowerLines {
  startCause: ResetCause = "power-on";
  wakeSources: readonly WakeSource[] = ["timer", "motion", "button"];
  volts: number | undefined = undefined;
  /** When the board wakes by time, while it sleeps; undefined while it is awake. */
  wakeAtMs: number | undefined = undefined;
  /** What else wakes it. */
  sources: readonly WakeSource[] = [];
  /** Called as the board falls asleep. */
  onAsleep: () => void = () => {};
  private readonly clock: VirtualClock;
  private memory: Uint8Array;
  private suppliedMs: number;

  constructor(clock: VirtualClock, retainedBytes = 1024) {
    this.clock = clock;
    this.memory = new Uint8Array(retainedBytes);
    this.suppliedMs = clock.now();
  }

  get retainedBytes(): number {
    return this.memory.length;
  }

  readRetained(): Uint8Array {
    return this.memory.slice();
  }

  writeRetained(bytes: Uint8Array): void {
    this.memory.set(bytes);
  }

  rtcNow(): number {
    return this.clock.now() - this.suppliedMs;
  }

  deepSleep(wakeAtMs: number, sources: readonly WakeSource[]): never {
    this.wakeAtMs = wakeAtMs;
    this.sources = sources;
    this.onAsleep();
    throw new Asleep("the board sleeps");
  }

  batteryVolts(): number | undefined {
    return this.volts;
  }

  /** Starts again, by a reset or by what ended the sleep. */
  restart(cause: ResetCause): void {
    this.startCause = cause;
    this.wakeAtMs = undefined;
    if (cause !== "power-on") return;
    this.memory = new Uint8Array(this.memory.length);
    this.suppliedMs = this.clock.now();
  }
}
