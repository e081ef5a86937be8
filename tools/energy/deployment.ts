/**
 * A camera in the field for days, in virtual time: an application through all its starts, on the stack, the driver and a modelled
 * chip, with a meter beside it.
 */

import { Host } from "../../firmware/ble/host.ts";
import { errorText } from "../../firmware/ble/text.ts";
import { createCamera } from "../../firmware/camera/camera.ts";
import { controllerDriver, missingParts } from "../../firmware/features/feature.ts";
import { image } from "../../firmware/features/image.ts";
import { createModules } from "../../firmware/features/modules.ts";
import { createGlobals, createSignals } from "../../firmware/platform/globals.ts";
import type { LogLevel, Platform } from "../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import { RecordStore } from "../../firmware/storage/records.ts";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { EnergyMeter, type Segment } from "../../simulator/energy/meter.ts";
import type { Profile } from "../../simulator/energy/profile.ts";
import { DEFAULT_FLASH, SimulatedFlash } from "../../simulator/flash.ts";
import { clockOf } from "../../simulator/life.ts";
import { SimulatedPower } from "../../simulator/power.ts";
import { type ChipCamera, World } from "../../simulator/world.ts";
import { ToolError } from "../events.ts";
import { Player } from "../phone/player.ts";
import { parseScript } from "../phone/script.ts";
import { HeardLines } from "../session/heard.ts";
import { type Application, loadApplication } from "./application.ts";
import { MeteredCamera, type ProcessorFigures } from "./metered-camera.ts";

export const DAY_MS = 86_400_000;

/** What is deployed, and how. */
export interface DeploymentOptions {
  /** Name of an example, or path of an application. */
  readonly application: string;
  readonly profile: Profile;
  readonly days: number;
  readonly processor: ProcessorFigures;
  /** Whether the radio's start begins at the wake; as the firmware does by default. */
  readonly earlyRadio: boolean;
  /** Whether the board stops its clocks while the UART is stopped, as the firmware lets it; else the processor waits with them on. */
  readonly lightSleep: boolean;
  /** What a phone does again and again, a script of steps; nobody comes without one. */
  readonly script?: string;
  readonly signal?: AbortSignal;
  /** Called when the application has been bundled: it starts next. */
  onStart?(): void;
  /** Called again and again while virtual time goes on. */
  onProgress?(): void;
  /** Called with each line of the camera's console. */
  onLine?(level: LogLevel, line: string): void;
}

/** What became of it. */
export interface EnergyReport {
  readonly application: string;
  readonly profile: string;
  readonly title: string;
  readonly settings: string;
  readonly days: number;
  /** Starts of the camera; wakes are those from deep sleep. */
  readonly starts: number;
  readonly wakes: number;
  /** Charge by consumer, millicoulombs, the largest first. */
  readonly millicoulombs: Readonly<Record<string, number>>;
  readonly millicoulombsPerStart: number;
  /** Of it, what was taken awake: without deep sleep. */
  readonly awakeMillicoulombsPerStart: number;
  /** From a wake to the sleep behind it, on average. */
  readonly awakeMsPerWake: number;
  readonly milliampHoursPerDay: number;
  readonly batteryDays: number;
  /** Time in each state of the processor, in milliseconds. */
  readonly milliseconds: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  /** Figures that nobody has published. */
  readonly estimates: readonly string[];
  /** Of the first cycles. */
  readonly timeline: readonly Segment[];
}

/** The host of the comparison: it starts its controller when somebody asks for the radio. */
class HostInSequence extends Host {
  override prepareRadio(): void {}
}

const STATE_BYTES = 65_536;

class Deployment {
  private readonly options: DeploymentOptions;
  private readonly program: Application;
  private readonly world = new World(1);
  private readonly camera: ChipCamera;
  private readonly power = new SimulatedPower(this.world.clock);
  private readonly meter: EnergyMeter;
  private readonly metered: MeteredCamera;
  private readonly heard = new HeardLines(this.world.clock);
  private readonly endMs: number;
  /** Whether the application has begun. */
  private hasBegun = false;
  private starts = 0;
  private wakes = 0;
  private awakeMs = 0;

  constructor(options: DeploymentOptions, program: Application) {
    this.options = options;
    this.program = program;
    const { downloadBaud, patchBytes, patchRecords, runBaud } = options.profile.figures;
    const patch = syntheticPatch(patchRecords.value - 1, patchBytes.value);
    this.camera = this.world.addChipCamera({
      line: { patch, downloadBaud: downloadBaud.value, runBaud: runBaud.value },
      stateFlash: new SimulatedFlash({ ...DEFAULT_FLASH, size: STATE_BYTES }),
    });
    this.endMs = options.days * DAY_MS;
    this.meter = new EnergyMeter(options.profile, () => this.world.clock.now());
    const { lightSleep, processor } = options;
    const { camera, meter } = this;
    this.metered = new MeteredCamera({ camera, clock: this.world.clock, meter, processor, lightSleep });
  }

  async play(): Promise<EnergyReport> {
    const { clock } = this.world;
    this.startPhone();
    this.reportProgress();
    while (clock.now() < this.endMs) {
      this.options.signal?.throwIfAborted();
      const startedMs = clock.now();
      await this.start();
      if (this.power.wakeAtMs === undefined) break;
      if (this.power.startCause !== "power-on") {
        this.wakes++;
        this.awakeMs += clock.now() - startedMs;
      }
      const wakeMs = clock.now() + Math.max(0, this.power.wakeAtMs - this.power.rtcNow());
      this.meter.setCpu("deepSleep");
      await clock.advance(Math.min(wakeMs, this.endMs) - clock.now());
      this.power.restart("timer");
    }
    if (!this.hasBegun) {
      throw new ToolError(
        `${this.options.days} days end before the camera has started its application: give more --days.`,
      );
    }
    return this.report();
  }

  private reportProgress(): void {
    const { clock } = this.world;
    this.options.onProgress?.();
    clock.quiet.setTimer(() => this.reportProgress(), PROGRESS_MS);
  }

  /** One start of the camera, until it sleeps or the deployment ends. */
  private async start(): Promise<void> {
    const { clock } = this.world;
    const { processor, profile } = this.options;
    this.starts++;
    this.metered.begin();
    const { bootMs, instructionsPerMs } = profile.figures;
    const instructions = processor.bootToAdvertising + processor.verifyAtStart;
    await clock.advance(bootMs.value + instructions / instructionsPerMs.value);
    if (clock.now() >= this.endMs) return;
    this.hasBegun = true;
    this.metered.wait();
    const life = { isOver: false };
    let hasFailed = false;
    let failure: unknown;
    await clock.run(
      () =>
        new Promise<void>((resolve) => {
          this.power.onAsleep = resolve;
          const limit = clock.setTimer(resolve, this.endMs - clock.now());
          this.application(life).catch((error: unknown) => {
            if ((error as Error | undefined)?.name === "Asleep") return;
            hasFailed = true;
            failure = error;
            clock.clearTimer(limit);
            resolve();
          });
        }),
      this.endMs - clock.now() + 1,
    );
    life.isOver = true;
    this.camera.line.close();
    if (hasFailed) {
      throw new ToolError(
        `The application failed in the simulated camera: ${errorText(failure)}`,
        this.program.framesOf(failure).join("\n"),
      );
    }
  }

  private application(life: { readonly isOver: boolean }): Promise<void> {
    const platform = this.platform(life);
    const records = RecordStore.open(platform.flash("state"), platform.log);
    const Kind = this.options.earlyRadio ? Host : HostInSequence;
    const host = new Kind(platform, records, missingParts(image), controllerDriver(image, platform));
    const signals = createSignals(platform);
    const camera = createCamera({
      read: (sensor) => {
        this.meter.event("sensor");
        return sensor === "temperature" ? 20 : 40;
      },
    });
    const modules = { ...createModules(host, signals, image), camera };
    const globals = createGlobals({ ...platform, clock: this.metered.watched(platform.clock) }, signals);
    return this.program.run(modules, globals);
  }

  /** What a start finds. Nothing of it reaches into the next one. */
  private platform(life: { readonly isOver: boolean }): Platform {
    const { clock } = this.world;
    const { platform } = this.camera;
    const log = (level: LogLevel, line: string, error?: unknown): void => {
      if (life.isOver) return;
      this.heard.add(line);
      this.options.onLine?.(level, error === undefined ? line : `${line}: ${error}`);
    };
    return {
      ...platform,
      ...this.metered.parts(life),
      clock: createTimerQueue(clockOf(life, clock)),
      power: this.power,
      log,
    };
  }

  /** Somebody comes, does the same again and again, and is there all the time. */
  private startPhone(): void {
    const { clock } = this.world;
    this.camera.controller.onAir = (event) => {
      if (event.kind === "advertising")
        this.meter.event(event.isConnectable ? "connectable" : "nonconnectable");
      else if (event.kind === "scanning") this.meter.setScanning(event.share);
      else {
        this.meter.event("connection");
        if (event.bytes > 0) this.meter.event("dataByte", event.bytes);
      }
    };
    const { script } = this.options;
    if (script === undefined) return;
    const player = new Player(
      {
        wait: (ms) => clock.sleep(ms),
        addPhone: () => this.world.addPhone().phone,
        heard: (text, withinMs) => this.heard.heard(text, withinMs),
      },
      () => undefined,
    );
    const steps = parseScript(script, "the phone's script");
    const again = (): void => {
      player.playPart(steps).then(
        () => void clock.setTimer(again, 0),
        (error: Error) => {
          this.options.onLine?.("warning", `the phone's script begins anew: ${error.message}`);
          clock.setTimer(again, PHONE_PAUSE_MS);
        },
      );
    };
    clock.setTimer(again, 0);
  }

  private report(): EnergyReport {
    const { application, days, earlyRadio, lightSleep, profile } = this.options;
    const { figures } = profile;
    const millicoulombs = this.meter.total();
    const sum = Object.values(millicoulombs).reduce((total, each) => total + each, 0);
    const milliampHoursPerDay = sum / MILLICOULOMBS_PER_MILLIAMP_HOUR / days;
    const capacity = figures.batteryMilliampHours.value;
    const lostPerDay = (capacity * figures.selfDischargePerMonth.value) / 30;
    const starts = Math.max(1, this.starts);
    return {
      application,
      profile: profile.name,
      title: profile.title,
      settings: `${earlyRadio ? "radio's start at the wake" : "radio's start in sequence"}${lightSleep ? "" : ", clocks always on"}`,
      ...{ days, starts: this.starts, wakes: this.wakes, millicoulombs },
      millicoulombsPerStart: sum / starts,
      awakeMillicoulombsPerStart: (sum - (millicoulombs["deep sleep"] ?? 0)) / starts,
      awakeMsPerWake: this.wakes > 0 ? this.awakeMs / this.wakes : 0,
      milliampHoursPerDay,
      batteryDays: (capacity * figures.usableShare.value) / (milliampHoursPerDay + lostPerDay),
      milliseconds: { ...this.meter.times },
      counts: { ...this.meter.counts },
      estimates: Object.entries(figures).flatMap(([name, { estimate }]) => (estimate ? [name] : [])),
      timeline: this.meter.segments,
    };
  }
}

const PHONE_PAUSE_MS = 1000;
/** Virtual time between two signs of progress. */
const PROGRESS_MS = 60_000;
const MILLICOULOMBS_PER_MILLIAMP_HOUR = 3600;

/** Plays a deployment to its end. @throws ToolError when the application cannot be bundled, or fails. */
export async function deploy(options: DeploymentOptions): Promise<EnergyReport> {
  const application = await loadApplication(options.application);
  options.onStart?.();
  return new Deployment(options, application).play();
}
