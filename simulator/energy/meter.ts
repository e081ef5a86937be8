/**
 * Adds up what a board draws: for each state the time in it, for each event its charge. It knows nothing of what the board
 * does; whoever plays the deployment says so.
 */
import type { FigureName, Profile } from "./profile.ts";

/** What the processor does. */
export type CpuState = "run" | "idle" | "lightSleep" | "deepSleep";

/** What the controller does between events. */
export type RadioState = "off" | "awake" | "asleep";

/** Something that happens at once. */
export type EventKind =
  | "connectable"
  | "nonconnectable"
  | "connection"
  | "dataByte"
  | "programByte"
  | "eraseKilobyte"
  | "sensor";

/** Charge by what took it, in millicoulombs. */
export type Charges = Readonly<Record<string, number>>;

/** A state for a while. */
export interface Segment {
  readonly lane: "cpu" | "radio";
  readonly state: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Names of consumers, as reports show them. */
const CPU: Readonly<Record<CpuState, readonly [name: string, figure: FigureName]>> = {
  run: ["processor: computing", "runMilliamps"],
  idle: ["processor: waiting", "idleMilliamps"],
  lightSleep: ["processor: light sleep", "lightSleepMilliamps"],
  deepSleep: ["deep sleep", "deepSleepMilliamps"],
};

const RADIO: Readonly<Record<Exclude<RadioState, "off">, readonly [name: string, figure: FigureName]>> = {
  awake: ["radio: started and awake", "radioAwakeMilliamps"],
  asleep: ["radio: asleep between events", "radioSleepMilliamps"],
};

/** Millicoulombs of one event, by the unit of its figure. */
const EVENTS: Readonly<Record<EventKind, readonly [name: string, figure: FigureName, unit: number]>> = {
  connectable: ["radio: advertising", "connectableEventMillicoulombs", 1],
  nonconnectable: ["radio: advertising", "nonconnectableEventMillicoulombs", 1],
  connection: ["radio: connections", "connectionEventMillicoulombs", 1],
  dataByte: ["radio: connections", "dataByteMicrocoulombs", 0.001],
  programByte: ["flash", "flashProgramMicrocoulombsPerByte", 0.001],
  eraseKilobyte: ["flash", "flashEraseMillicoulombsPerKilobyte", 1],
  sensor: ["sensors", "sensorReadingMillicoulombs", 1],
};

/** The timeline ends after so many segments: it is for a look at the first cycles. */
const SEGMENTS_MAX = 2000;

export class EnergyMeter {
  readonly profile: Profile;
  readonly segments: Segment[] = [];
  /** How often each kind of event happened. */
  readonly counts: Partial<Record<EventKind, number>> = {};
  /** Times in each state of the processor, in milliseconds. */
  readonly times: Record<CpuState, number> = { run: 0, idle: 0, lightSleep: 0, deepSleep: 0 };
  private readonly now: () => number;
  private readonly charges = new Map<string, number>();
  private cpu: CpuState = "idle";
  private radio: RadioState = "off";
  private scanShare = 0;
  private cpuSinceMs: number;
  private radioSinceMs: number;
  private scanSinceMs: number;

  /** @param now milliseconds of the deployment's time */
  constructor(profile: Profile, now: () => number) {
    this.profile = profile;
    this.now = now;
    this.cpuSinceMs = this.radioSinceMs = this.scanSinceMs = now();
  }

  setCpu(state: CpuState): void {
    this.settleCpu();
    this.cpu = state;
  }

  setRadio(state: RadioState): void {
    this.settleRadio();
    this.radio = state;
  }

  /** @param share of the time in which the receiver is on: window by interval, 0 for none */
  setScanning(share: number): void {
    this.settleScan();
    this.scanShare = share;
  }

  event(kind: EventKind, count = 1): void {
    const [name, figure, unit] = EVENTS[kind];
    this.counts[kind] = (this.counts[kind] ?? 0) + count;
    this.add(name, this.figure(figure) * unit * count);
  }

  /**
   * Work that takes no time in the deployment's: the time is taken from the state that the processor is in, whose charge it has
   * in any case.
   */
  work(instructions: number): void {
    const ms = instructions / this.figure("instructionsPerMs");
    const beyond = this.figure("runMilliamps") - this.figure(CPU[this.cpu][1]);
    this.times.run += ms;
    this.times[this.cpu] -= ms;
    this.add(CPU.run[0], (this.figure("runMilliamps") * ms) / 1000);
    this.add(CPU[this.cpu][0], ((beyond - this.figure("runMilliamps")) * ms) / 1000);
  }

  /** What every consumer took until now, the largest first. */
  total(): Charges {
    this.settleCpu();
    this.settleRadio();
    this.settleScan();
    return Object.fromEntries(
      [...this.charges].filter(([, charge]) => charge > 0).sort(([, a], [, b]) => b - a),
    );
  }

  private settleCpu(): void {
    const [name, figure] = CPU[this.cpu];
    const ms = this.now() - this.cpuSinceMs;
    this.times[this.cpu] += ms;
    this.add(name, (this.figure(figure) * ms) / 1000);
    this.draw("cpu", this.cpu, this.cpuSinceMs);
    this.cpuSinceMs = this.now();
  }

  private settleRadio(): void {
    if (this.radio !== "off") {
      const [name, figure] = RADIO[this.radio];
      this.add(name, (this.figure(figure) * (this.now() - this.radioSinceMs)) / 1000);
    }
    this.draw("radio", this.radio, this.radioSinceMs);
    this.radioSinceMs = this.now();
  }

  private settleScan(): void {
    const ms = this.now() - this.scanSinceMs;
    if (this.scanShare > 0)
      this.add("radio: scanning", (this.figure("scanMilliamps") * this.scanShare * ms) / 1000);
    this.scanSinceMs = this.now();
  }

  private draw(lane: Segment["lane"], state: string, fromMs: number): void {
    const toMs = this.now();
    if (toMs > fromMs && this.segments.length < SEGMENTS_MAX)
      this.segments.push({ lane, state, fromMs, toMs });
  }

  private figure(name: FigureName): number {
    return this.profile.figures[name].value;
  }

  private add(name: string, millicoulombs: number): void {
    this.charges.set(name, (this.charges.get(name) ?? 0) + millicoulombs);
  }
}
