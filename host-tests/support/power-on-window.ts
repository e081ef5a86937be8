/** The pairing window that the firmware opens at power-on, and devices that come in it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { UpdateFigures } from "../../firmware/platform/platform.ts";
import { WINDOW_MS } from "../../firmware/update/window.ts";
import { ManagementClient, openManagement } from "../../tools/update/management-client.ts";
import { equal } from "./assert.ts";
import type { AiobleCamera } from "./cameras.ts";
import { started, type UpdateScene } from "./update-scene.ts";

/** An image that does not trust everybody. */
export const RELEASE: Partial<UpdateFigures> = { trustsEverybody: false };
/** The same, switched on just now. */
export const POWER_ON: Partial<UpdateFigures> = { ...RELEASE, pairingMs: WINDOW_MS, windowMs: WINDOW_MS };

/** Runs `work` with such a camera. */
export const powerOn = (work: (scene: UpdateScene) => Promise<void>): Promise<void> =>
  started(POWER_ON, work, "power-on");

/** A device connects while the application advertises. */
export async function connect({ camera }: UpdateScene, device: AiobleCamera): Promise<DeviceConnection> {
  // The device may find the firmware's own advertisement first.
  const incoming = camera.aioble.advertise({ intervalUs: 20_000, timeoutMs: 2000 }).catch(() => undefined);
  const { ADDR_RANDOM, Device } = device.aioble;
  const link = await new Device(ADDR_RANDOM, camera.host.ownAddress).connect({ timeoutMs: 5000 });
  await incoming;
  return link;
}

/** Asks the management service for a sign of life. Rejects where the link may not manage the camera. */
export const echo = async (link: DeviceConnection): Promise<string> =>
  new ManagementClient((await openManagement(link))!).echo("in");

/** A device connects, pairs and says whether it may manage the camera. */
export async function pairs(scene: UpdateScene, device: AiobleCamera): Promise<"manages" | "may not"> {
  const link = await connect(scene, device);
  try {
    await link.pair();
    return (await echo(link)) === "in" ? "manages" : "may not";
  } catch {
    return "may not";
  } finally {
    await link.disconnect().catch(() => undefined);
    await scene.world.clock.sleep(1100);
  }
}

/** A device that is bonded comes back with its key. */
export async function comesBack(scene: UpdateScene, device: AiobleCamera): Promise<void> {
  const link = await connect(scene, device);
  await link.pair();
  equal(await echo(link), "in");
  await link.disconnect();
}
