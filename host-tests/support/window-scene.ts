/** A camera with the firmware's own window, and what is heard of it on the air. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Access } from "../../firmware/update/access.ts";
import { ConsoleLines } from "../../firmware/update/console-lines.ts";
import { Management } from "../../firmware/update/management.ts";
import { RESERVED_PLACES, Reach } from "../../firmware/update/reach.ts";
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";
import { RUNNING } from "./management-scene.ts";
import { MemorySlots } from "./memory-slots.ts";

/** A camera with its management server and the window. */
export interface Scene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly central: AiobleCamera;
  readonly window: Reach;
  /** What a central hears within a second: "management" for the window, or the names of applications. */
  heard(): Promise<string[]>;
  connect(): Promise<DeviceConnection>;
  /** Another central connects. */
  another(): Promise<DeviceConnection>;
}

interface SceneOptions {
  readonly access?: Access;
  readonly isRecovery?: boolean;
}

/** Runs `work` with such a camera, and a central that knows it. */
export async function scene(
  work: (scene: Scene) => Promise<void>,
  { access = "open", isRecovery = false }: SceneOptions = {},
): Promise<void> {
  const world = createWorld();
  const camera = addAioble(world);
  const central = addAioble(world);
  const { host } = camera;
  if (!isRecovery) host.reservePlaces(RESERVED_PLACES);
  const store = new MemorySlots(RUNNING);
  const management = new Management({
    ...{ clock: camera.platform.clock, gatt: host.gatt, store, access, lines: new ConsoleLines() },
    random: (length) => camera.platform.random(length),
    info: () => ({ name: "camera", version: "1.0.0" }),
    claim: () => false,
    onUse: (connection) => window.used(connection),
    whenDelivered: (connection, callback) => void host.whenCompleted(connection, callback),
    reset: () => store.reset(),
    log: host.log,
  });
  host.observe({ onDisconnected: (connection) => management.ended(connection) });
  const window = new Reach(host, {
    ...{ access, isRecovery },
    name: () => new Uint8Array([0x63, 0x61, 0x6d]),
  });
  const connectFrom = ({ aioble: { ADDR_RANDOM, Device } }: AiobleCamera) =>
    new Device(ADDR_RANDOM, host.ownAddress).connect({ timeoutMs: 5000 });
  const service = SERVICE_UUID;
  await world.run(async () => {
    await work({
      ...{ world, camera, central, window },
      async heard() {
        const names = new Set<string>();
        const scan = { durationMs: 1000, intervalUs: 30_000, windowUs: 30_000, active: true } as const;
        for await (const result of central.aioble.scan(scan)) {
          const isWindow = result.services().some((uuid) => uuid.equals(service));
          if (result.connectable) names.add(isWindow ? "management" : (result.name() ?? "?"));
        }
        return [...names];
      },
      connect: () => connectFrom(central),
      another: () => connectFrom(addAioble(world)),
    });
    await host.deactivate();
  });
}
