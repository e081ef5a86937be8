/** Cameras with our host on them, for scenarios. */
import { type Aioble, createAioble } from "../../firmware/aioble/aioble.ts";
import { Host } from "../../firmware/ble/host.ts";
import { type Bluetooth, createBluetooth } from "../../firmware/bluetooth/bluetooth.ts";
import { createGlobals } from "../../firmware/platform/globals.ts";
import type { Records } from "../../firmware/platform/platform.ts";
import type { CameraOptions, SimulatedCamera, World } from "../../simulator/world.ts";

/** Records that live as long as the test. */
export class MemoryRecords implements Records {
  private readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  set(key: string, value: Uint8Array): void {
    this.values.set(key, value);
  }
}

/** A camera with a host. */
export interface HostCamera extends SimulatedCamera {
  readonly host: Host;
}

/** A camera with the application's modules on its host, and the globals that an application finds. */
export interface AiobleCamera extends HostCamera {
  readonly aioble: Aioble;
  readonly bluetooth: Bluetooth;
  readonly globals: ReturnType<typeof createGlobals>;
}

export function addHost(world: World, options?: CameraOptions): HostCamera {
  const camera = world.addCamera(options);
  return { ...camera, host: new Host(camera.platform, new MemoryRecords()) };
}

export function addAioble(world: World, options?: CameraOptions): AiobleCamera {
  const camera = addHost(world, options);
  const globals = createGlobals(camera.platform);
  const aioble = createAioble(camera.host, () => new globals.AbortController());
  return { ...camera, aioble, bluetooth: createBluetooth(camera.host), globals };
}

/** Warnings and errors that a camera logged. */
export function complaints(camera: SimulatedCamera): string[] {
  const { console } = camera.platform;
  return console
    .filter(({ level }) => level === "warning" || level === "error")
    .map(({ message }) => message);
}
