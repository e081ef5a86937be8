/** Two cameras with a link between them: one is the client of the other. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

/** A pair of cameras. `toServer` and `toClient` are the two ends of their link. */
export interface CameraPair {
  readonly world: World;
  readonly client: AiobleCamera;
  readonly server: AiobleCamera;
  readonly toServer: DeviceConnection;
  readonly toClient: DeviceConnection;
  sleep(delayMs: number): Promise<void>;
}

/**
 * Runs `work` with a central that is the client of a peripheral.
 * @param define registers what the peripheral serves.
 */
export async function withPair(
  define: (server: AiobleCamera) => void,
  work: (pair: CameraPair) => Promise<void>,
  seed?: number,
): Promise<void> {
  const world = createWorld(seed);
  const client = addAioble(world);
  const server = addAioble(world);
  define(server);
  await world.run(async () => {
    const incoming = server.aioble.advertise({ intervalUs: 20_000 });
    const { ADDR_RANDOM, Device } = client.aioble;
    await server.host.activate();
    const toServer = await new Device(ADDR_RANDOM, server.host.ownAddress).connect();
    const sleep = (delayMs: number): Promise<void> => world.clock.sleep(delayMs);
    await work({ world, client, server, toServer, toClient: await incoming, sleep });
  });
}
