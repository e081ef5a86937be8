/** A camera that bonds and is switched off and on, and a central. */

import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { CharacteristicOptions } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "./cameras.ts";
import { byte } from "./served.ts";

export const SERVICE = 0xfff0;
export const VALUE = 0xfff1;
export const OTHER = 0xfff2;
export const ADVERTISING = { intervalUs: 100_000, name: "camera" };
/** Listens all the time. */
export const ALWAYS = { intervalUs: 100_000, windowUs: 100_000 };
export const AUTHENTICATION = 0x05;
export const ENCRYPTION = 0x0f;

/** A camera that can be switched off and on, with what it has on flash, and another that is its central. */
export interface Scene {
  readonly world: World;
  readonly central: AiobleCamera;
  /** The one that runs. */
  readonly camera: AiobleCamera;
  readonly records: MemoryRecords;
  /** Ends the camera as a power cut does, and starts it again with this application. */
  restart(define?: (camera: AiobleCamera) => void): Promise<void>;
  meet(): Promise<Meeting>;
  sleep(ms: number): Promise<void>;
}

export interface Meeting {
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

export function offerValue(camera: AiobleCamera, options: CharacteristicOptions = {}, uuid = VALUE) {
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(SERVICE));
  const all = { read: true, write: true, notify: true, initial: byte(7), ...options };
  const value = new Characteristic(service, new UUID(uuid), all as CharacteristicOptions<false>);
  registerServices(service);
  return value;
}

export function createScene(define: (camera: AiobleCamera) => void = () => {}): Scene {
  const world = createWorld();
  const records = new MemoryRecords();
  const start = (application: (camera: AiobleCamera) => void): AiobleCamera => {
    const camera = addAioble(world, undefined, undefined, records);
    application(camera);
    return camera;
  };
  let camera = start(define);
  const central = addAioble(world);
  return {
    world,
    central,
    records,
    get camera() {
      return camera;
    },
    sleep: (ms) => world.clock.sleep(ms),
    async restart(application = define) {
      await camera.aioble.stop();
      camera = start(application);
    },
    async meet() {
      const advertised = camera.aioble.advertise(ADVERTISING);
      const { ADDR_RANDOM, Device } = central.aioble;
      const outgoing = await new Device(ADDR_RANDOM, camera.host.ownAddress).connect();
      return { outgoing, incoming: await advertised };
    },
  };
}

export async function remote(connection: DeviceConnection, uuid = VALUE) {
  const service = await connection.service(new UUID(SERVICE));
  const value = await service!.characteristic(new UUID(uuid));
  return value!;
}

/** Ends a link, and waits until both sides know. */
export async function part({ outgoing, incoming }: Meeting): Promise<void> {
  await outgoing.disconnect();
  await incoming.disconnected();
}
