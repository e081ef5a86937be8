/** Two cameras with a link between them, and with an L2CAP channel on it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { equal } from "./assert.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

export const PSM = 0x80;

export interface Linked {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  /** Each side's connection to the other. */
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

/** Two cameras with a link between them. */
export async function linked(body: (linked: Linked) => Promise<void>, seed?: number): Promise<void> {
  const world = createWorld(seed);
  const central = addAioble(world);
  const peripheral = addAioble(world);
  await world.run(async () => {
    const advertised = peripheral.aioble.advertise({ intervalUs: 50_000 });
    const { ADDR_RANDOM, Device } = central.aioble;
    const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    await body({ world, central, peripheral, outgoing, incoming: await advertised });
    await outgoing.disconnect();
    await world.clock.sleep(1000);
    for (const { host } of [central, peripheral]) {
      equal(host.connections.size, 0);
      equal(host.budget.held, 0, "nothing is set aside any more");
    }
  });
}

/** With a channel between them, that the central opened. */
export function opened(
  body: (linked: Linked & { readonly near: L2CAPChannel; readonly far: L2CAPChannel }) => Promise<void>,
  options = {},
): Promise<void> {
  return linked(async (both) => {
    const accepted = both.incoming.l2capAccept(PSM, options);
    const near = await both.outgoing.l2capConnect(PSM, options);
    const far = await accepted;
    await body({ ...both, near, far });
  });
}
