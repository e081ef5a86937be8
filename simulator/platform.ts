/** The platform of a simulated camera: what a host needs, in virtual time. */
import type { Clock, LogLevel, Platform } from "../firmware/platform/platform.ts";
import type { VirtualClock } from "./clock.ts";
import type { Controller } from "./controller/controller.ts";
import { simulatedCrypto } from "./crypto.ts";
import { SimulatedFlash } from "./flash.ts";
import { type LineOptions, SimulatedLine } from "./line.ts";
import { SeededRandom } from "./random.ts";

/** One line of a camera's console. */
export interface LogLine {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
}

export interface SimulatedPlatformOptions {
  readonly clock: VirtualClock | Clock;
  readonly controller: Controller;
  /** Seed of random numbers and of the unique id. */
  readonly seed?: number;
  /** Flash that outlives this platform, to start a camera again; new and empty by default. */
  readonly stateFlash?: SimulatedFlash;
  readonly line?: LineOptions;
}

export interface SimulatedPlatform extends Platform {
  readonly transport: SimulatedLine;
  /** The area `state`. */
  readonly stateFlash: SimulatedFlash;
  /** What was logged, in order. */
  readonly console: LogLine[];
}

export function createSimulatedPlatform(options: SimulatedPlatformOptions): SimulatedPlatform {
  const { clock, controller, seed = 1 } = options;
  const random = new SeededRandom(seed);
  const uniqueId = new SeededRandom(seed + 0x1d).bytes(8);
  const stateFlash = options.stateFlash ?? new SimulatedFlash();
  const console: LogLine[] = [];
  return {
    clock,
    transport: new SimulatedLine(clock, controller, options.line),
    random: (length) => random.bytes(length),
    crypto: simulatedCrypto,
    uniqueId: () => uniqueId.slice(),
    stateFlash,
    flash: (area) => {
      if (area !== "state") throw new TypeError(`no flash area is called ${area}; this board has state`);
      return stateFlash;
    },
    log: (level, message) => console.push({ atMs: clock.now(), level, message }),
    console,
  };
}
