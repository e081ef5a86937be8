/** Cameras with our host on them, for scenarios. */

import { Host } from "../../firmware/ble/host.ts";
import type { Bluetooth } from "../../firmware/bluetooth/bluetooth.ts";
import type { ControllerDriver } from "../../firmware/controllers/driver.ts";
import { createGlobals, createSignals } from "../../firmware/platform/globals.ts";
import type { Clock, Records } from "../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import type { Power } from "../../firmware/power/power.ts";
import type { CameraOptions, SimulatedCamera, World } from "../../simulator/world.ts";
import { ok } from "./assert.ts";
import { createWholeModules, type WholeAioble } from "./modules.ts";

/** Records that live as long as the test. */
export class MemoryRecords implements Records {
  private readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  set(key: string, value: Uint8Array): void {
    this.values.set(key, value);
  }

  delete(key: string): boolean {
    return this.values.delete(key);
  }

  keys(): string[] {
    return [...this.values.keys()];
  }
}

/** A camera of a world, and what starts its controller. */
export type CameraMaker = (
  world: World,
  options?: CameraOptions,
) => SimulatedCamera & { readonly driver?: ControllerDriver };

/** What a scenario has to know of the controllers that cameras have. */
export interface ControllerKind {
  /** How much later than on the air something may be done or known in the camera: a chip is woken first, and has a wire. */
  readonly lateMs: number;
  /** The code of a start whose controller answers no Reset of the host's, and of one that refuses it. */
  readonly unanswered: string;
  readonly resetRefused: string;
  /** How often a start opens the line, and how many Resets it sends to the controller itself. */
  readonly opensPerStart: number;
  readonly resetsPerStart: number;
}

const ALWAYS_ON: ControllerKind = {
  lateMs: 0,
  unanswered: "controller-timeout",
  resetRefused: "controller-refused",
  opensPerStart: 1,
  resetsPerStart: 1,
};

let makeCamera: CameraMaker = (world, options) => world.addCamera(options);
let kind = ALWAYS_ON;

/** Has every camera from now on made so: for a run of the scenarios on another controller (on-chip.ts). */
export function makeCamerasBy(maker: CameraMaker, itsKind: ControllerKind): void {
  makeCamera = maker;
  kind = itsKind;
}

/** That of the cameras that are made now. */
export const controllerKind = (): ControllerKind => kind;

/** Returns once a camera knows what is on the air: at once, where its controller is always on. */
export async function reported(world: World): Promise<void> {
  if (kind.lateMs > 0) await world.clock.sleep(kind.lateMs);
}

/** That something took so long: to the millisecond where a controller is always on. */
export function tookAsLong(tookMs: number, expectedMs: number): void {
  const { lateMs } = kind;
  ok(tookMs >= expectedMs && tookMs <= expectedMs + lateMs, `${tookMs} ms instead of ${expectedMs}`);
}

/** A camera with a host. */
export interface HostCamera extends SimulatedCamera {
  readonly host: Host;
}

/** A camera with the application's modules on its host, and the globals that an application finds. */
export interface AiobleCamera extends HostCamera {
  readonly aioble: WholeAioble;
  readonly bluetooth: Bluetooth;
  readonly power: Power;
  readonly globals: ReturnType<typeof createGlobals>;
  readonly signals: ReturnType<typeof createSignals>;
}

/**
 * @param adapt what stands between virtual time and the queue of the camera's timers.
 * @param records what it finds at its start, and leaves behind.
 */
export function addHost(
  world: World,
  options?: CameraOptions,
  adapt: (clock: Clock) => Clock = (clock) => clock,
  records: Records = new MemoryRecords(),
): HostCamera {
  const { platform: simulated, controller, driver } = makeCamera(world, options);
  const platform = { ...simulated, clock: createTimerQueue(adapt(simulated.clock)) };
  return { platform, controller, host: new Host(platform, records, new Map(), driver) };
}

/** @param adapt see `addHost`. */
export function addAioble(
  world: World,
  options?: CameraOptions,
  adapt?: (clock: Clock) => Clock,
  records?: Records,
): AiobleCamera {
  const camera = addHost(world, options, adapt, records);
  const signals = createSignals(camera.platform);
  const globals = createGlobals(camera.platform, signals);
  return { ...camera, ...createWholeModules(camera.host, signals), globals, signals };
}

/** Warnings and errors that a camera logged. */
export function diagnostics(camera: SimulatedCamera): string[] {
  const { console } = camera.platform;
  return console
    .filter(({ level }) => level === "warning" || level === "error")
    .map(({ message }) => message);
}
