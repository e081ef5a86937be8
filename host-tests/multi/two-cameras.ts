/** Two cameras in one world, for multitests of which both instances are ours. */
import type { ClientCharacteristic } from "../../firmware/aioble/client-characteristic.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { ADV_DATA, createMessages, INTERVAL_US, type Pair, SERVICE_UUID } from "./pair.ts";

export interface TwoCameras extends Pick<Pair, "broadcast" | "run" | "sleep" | "wait"> {
  readonly world: World;
  readonly peripheral: AiobleCamera;
  readonly central: AiobleCamera;
  /** The peripheral advertises, and returns the central's connection. */
  advertise(): Promise<DeviceConnection>;
  /** The central connects to the peripheral. */
  connect(): Promise<DeviceConnection>;
}

export function createTwoCameras(seed = 1): TwoCameras {
  const world = createWorld(seed);
  const peripheral = addAioble(world);
  const central = addAioble(world);
  return {
    world,
    peripheral,
    central,
    sleep: (delayMs) => world.clock.sleep(delayMs),
    run: async (first, second) => {
      await world.run(() => Promise.all([first(), second()]));
    },
    advertise: () => peripheral.aioble.advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA }),
    connect() {
      const { ADDR_RANDOM, Device } = central.aioble;
      return new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    },
    ...createMessages(),
  };
}

/** The characteristics of a peer's service with these UUIDs, discovered as a multitest's central does. */
export async function discover(
  connection: DeviceConnection,
  ...uuids: string[]
): Promise<ClientCharacteristic[]> {
  const service = await connection.service(new UUID(SERVICE_UUID));
  const found: ClientCharacteristic[] = [];
  for (const uuid of uuids) {
    const characteristic = await service?.characteristic(new UUID(uuid));
    if (!characteristic) throw new Error(`no characteristic ${uuid}`);
    found.push(characteristic);
  }
  return found;
}
