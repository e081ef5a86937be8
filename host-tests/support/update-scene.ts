/** A camera whose feature `update` starts with figures that the natives would have. */
import { feature } from "../../firmware/features/update.ts";
import type { ResetCause, UpdateFigures, UpdateLines } from "../../firmware/platform/platform.ts";
import { SERVICE_UUID } from "../../firmware/update/service.ts";
import { SimulatedPower } from "../../simulator/power.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

export interface UpdateScene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly central: AiobleCamera;
  /** When the camera sleeps, in milliseconds of the world, and with what. */
  readonly slept: { readonly atMs: number; readonly wakeAtMs: number; readonly sources: number }[];
  /** When a device took the window of power-on, in milliseconds of the world: each time that the natives heard so. */
  readonly pairedAtMs: number[];
  /** When the trial was within reach, in milliseconds of the world: each time that the natives heard so. */
  readonly reachedAtMs: number[];
  /** Whether the management service is on the air. */
  isHeard(): Promise<boolean>;
  connect(): ReturnType<InstanceType<AiobleCamera["aioble"]["Device"]>["connect"]>;
}

/** What else the natives say and do, and why the camera starts. */
export interface UpdateStart {
  readonly lines?: Partial<UpdateLines>;
  readonly startCause: ResetCause;
}

/** Starts the feature `update` of a camera of this world. @param figures what its natives say; of the rest they say the least */
export function startUpdate(
  world: World,
  { host }: AiobleCamera,
  figures: Partial<UpdateFigures>,
  { lines = {}, startCause }: UpdateStart,
): void {
  const update: Partial<UpdateLines> = {
    state: () => ({
      ...{ running: "confirmed", slotBytes: 0, slot: 0, offset: 0, trustsEverybody: true },
      ...{ windowMs: 0, pairingMs: 0, powerOnRecoveries: 0, awaitsReach: false, ...figures },
    }),
    image: () => undefined,
    rtcNow: () => world.clock.now(),
    reached: () => undefined,
    paired: () => undefined,
    ...lines,
  };
  const power = new SimulatedPower(world.clock);
  power.restart(startCause);
  Object.assign(host.platform, { update, power });
  feature.update(host);
}

/** What the natives would say, with these figures; the rest is never asked for here. */
export async function started(
  figures: Partial<UpdateFigures>,
  work: (scene: UpdateScene) => Promise<void>,
  startCause: ResetCause = "software",
): Promise<void> {
  const world = createWorld();
  const camera = addAioble(world);
  const central = addAioble(world);
  const slept: UpdateScene["slept"] = [];
  const pairedAtMs: number[] = [];
  const reachedAtMs: number[] = [];
  const lines: Partial<UpdateLines> = {
    reached: () => void reachedAtMs.push(world.clock.now()),
    paired: () => void pairedAtMs.push(world.clock.now()),
    sleep: (wakeAtMs, sources) => {
      slept.push({ atMs: world.clock.now(), wakeAtMs, sources });
      return undefined as never;
    },
  };
  startUpdate(world, camera, figures, { lines, startCause });
  const { host } = camera;
  await world.run(() =>
    work({
      ...{ world, camera, central, slept, pairedAtMs, reachedAtMs },
      async isHeard() {
        const scan = { durationMs: 1000, intervalUs: 30_000, windowUs: 30_000, active: true } as const;
        for await (const result of central.aioble.scan(scan))
          if (result.connectable && result.services().some((uuid) => uuid.equals(SERVICE_UUID))) return true;
        return false;
      },
      connect: () =>
        new central.aioble.Device(central.aioble.ADDR_RANDOM, host.ownAddress).connect({ timeoutMs: 5000 }),
    }),
  );
}
