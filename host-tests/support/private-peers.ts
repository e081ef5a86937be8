/** Two cameras that bond, of which one has private addresses. */
import type { Device } from "../../firmware/aioble/device.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { type ControllerOptions, DEFAULT_OPTIONS, LE_FEATURE } from "../../simulator/controller/options.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual } from "./assert.ts";
import { type AiobleCamera, addAioble, diagnostics, MemoryRecords } from "./cameras.ts";

export const ADVERTISING = { intervalUs: 100_000, name: "camera" };
/** Listens all the time. */
export const ALWAYS = { intervalUs: 100_000, windowUs: 100_000 };
export const LL_PRIVACY = { features: [...DEFAULT_OPTIONS.features, LE_FEATURE.LL_PRIVACY] };

/** Two cameras. The one that is called a peer has private addresses. */
export interface Scene {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly peer: AiobleCamera;
  readonly records: MemoryRecords;
}

export function createScene(options: Partial<ControllerOptions> = LL_PRIVACY): Scene {
  const world = createWorld();
  const records = new MemoryRecords();
  const camera = addAioble(world, { controller: options }, undefined, records);
  const peer = addAioble(world, { controller: LL_PRIVACY });
  peer.aioble.config({ addrMode: 2, rpaTimeoutMs: 60_000 });
  return { world, camera, peer, records };
}

export interface Meeting {
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

/** The peer advertises, the camera connects to whatever it hears. */
export async function meet({ camera, peer }: Scene): Promise<Meeting> {
  const advertised = peer.aioble.advertise({ ...ADVERTISING, name: "peer" });
  for await (const { device, name } of heard(camera)) {
    if (name === "peer") return { outgoing: await device.connect(), incoming: await advertised };
  }
  throw new Error("the peer was not heard");
}

export async function* heard(
  camera: AiobleCamera,
  devices?: Device[],
): AsyncGenerator<{ device: Device; name: string | undefined }> {
  for await (const result of camera.aioble.scan({ ...ALWAYS, devices, durationMs: 3000 }))
    yield { device: result.device, name: result.name() };
}

export async function part({ outgoing, incoming }: Meeting): Promise<void> {
  await outgoing.disconnect();
  await incoming.disconnected();
}

/** They meet, bond and part; returns the peer's identity. */
export async function bond(scene: Scene): Promise<Device> {
  const meeting = await meet(scene);
  await meeting.outgoing.pair();
  const { device } = meeting.outgoing;
  deepEqual(device.addr, scene.peer.host.ownAddress);
  await part(meeting);
  return new scene.camera.aioble.Device(device.addrType, device.addr);
}

export function checkSound({ camera, peer }: Scene): void {
  for (const { controller } of [camera, peer]) deepEqual(controller.violations, []);
  deepEqual([...diagnostics(camera), ...diagnostics(peer)], []);
}

/** How often each of these commands came since `from`. */
export function count({ camera }: Scene, opcode: number, from = 0): number {
  return camera.controller.commands.slice(from).filter((sent) => sent === opcode).length;
}
