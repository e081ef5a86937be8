/** A simulated world: one air, virtual time, any number of cameras and phones. */
import type { Platform } from "../firmware/platform/platform.ts";
import type { Cyw43Chip } from "./chips/cyw43.ts";
import { ChipLine, type ChipLineOptions } from "./chips/line.ts";
import { DEFAULT_LIMIT_MS, VirtualClock } from "./clock.ts";
import { Controller } from "./controller/controller.ts";
import type { ControllerOptions } from "./controller/options.ts";
import { simulatedCrypto } from "./crypto.ts";
import type { SimulatedFlash } from "./flash.ts";
import type { LineOptions } from "./line.ts";
import { Air } from "./link.ts";
import { Phone } from "./phone/phone.ts";
import { PhoneSecurity } from "./phone/security.ts";
import { createSimulatedPlatform, type SimulatedPlatform } from "./platform.ts";
import { SeededRandom } from "./random.ts";

/** A camera's platform and the controller below it; the host is the test's to build. */
export interface SimulatedCamera {
  readonly platform: SimulatedPlatform;
  readonly controller: Controller;
}

/** A camera whose controller sits in a vendor's chip, which has to be brought up. */
export interface ChipCamera {
  readonly platform: Platform & Pick<SimulatedPlatform, "stateFlash" | "console">;
  readonly controller: Controller;
  readonly line: ChipLine;
  readonly chip: Cyw43Chip;
}

/** A phone and its controller. */
export interface SimulatedPhone {
  readonly phone: Phone;
  readonly controller: Controller;
}

export interface CameraOptions {
  readonly controller?: Partial<ControllerOptions>;
  readonly line?: LineOptions;
  /** Flash of an earlier camera. */
  readonly stateFlash?: SimulatedFlash;
}

export class World {
  readonly clock = new VirtualClock();
  readonly air: Air;
  private readonly seed: number;
  private devices = 0;

  /** @param seed the same seed gives the same world. */
  constructor(seed = 1) {
    this.seed = seed;
    this.air = new Air(this.clock.quiet, seed);
  }

  addCamera(options: CameraOptions = {}): SimulatedCamera {
    const controller = this.addController(options.controller);
    const { line, stateFlash } = options;
    const seed = this.seed * 1000 + this.devices;
    const platform = createSimulatedPlatform({ clock: this.clock, controller, seed, line, stateFlash });
    return { platform, controller };
  }

  addChipCamera(options: Omit<CameraOptions, "line"> & { readonly line?: ChipLineOptions } = {}): ChipCamera {
    const { line: lineOptions, ...others } = options;
    const { platform, controller } = this.addCamera(others);
    const line = new ChipLine(this.clock, controller, lineOptions);
    const { chip } = line;
    return { platform: { ...platform, transport: line, radioLines: line }, controller, line, chip };
  }

  addPhone(options: Partial<ControllerOptions> = {}): SimulatedPhone {
    const controller = this.addController(options);
    const random = new SeededRandom(this.seed * 1000 + this.devices);
    const address = random.bytes(6);
    address[0] = address[0]! | 0xc0;
    const security = new PhoneSecurity(simulatedCrypto, (length) => random.bytes(length));
    const { clock } = this;
    const phone = new Phone(
      clock,
      (packet) => clock.quiet.setTimer(() => controller.receive(packet), 0),
      address,
      security,
    );
    controller.onPacket = (packet) => clock.setTimer(() => phone.receive(packet), 0);
    return { phone, controller };
  }

  /** Runs a scenario in virtual time; see `VirtualClock.run`. */
  run<T>(scenario: () => Promise<T>, limitMs = DEFAULT_LIMIT_MS): Promise<T> {
    return this.clock.run(scenario, limitMs);
  }

  private addController(options: Partial<ControllerOptions> = {}): Controller {
    this.devices++;
    const publicAddress = new Uint8Array([0x00, 0x1b, 0xdc, 0x00, this.seed & 0xff, this.devices]);
    return new Controller(this.air, { publicAddress, ...options });
  }
}

export function createWorld(seed?: number): World {
  return new World(seed);
}
