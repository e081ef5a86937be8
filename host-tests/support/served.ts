/** A simulated camera that serves what a scenario defines, and phones that come to it. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { Characteristic, CharacteristicOptions } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { FoundDatabase } from "../../simulator/phone/discovery.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import type { Phone } from "../../simulator/phone/phone.ts";
import { type CameraOptions, createWorld, type SimulatedPhone, type World } from "../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "./cameras.ts";

export const SERVICE = 0xfff0;

/** A phone that found the camera, connected, and discovered what it offers. */
export interface Central extends SimulatedPhone {
  readonly link: PhoneLink;
  readonly database: FoundDatabase;
  /** The same link on the camera's side. */
  readonly connection: DeviceConnection;
}

export interface Served<Offered> {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly offered: Offered;
  /** The next phone comes, or `known` comes again. */
  meet(known?: SimulatedPhone): Promise<Central>;
  sleep(delayMs: number): Promise<void>;
}

/** @param define makes and registers what the camera offers. */
export function createServed<Offered>(
  define: (camera: AiobleCamera) => Offered,
  options?: CameraOptions & { readonly seed?: number },
): Served<Offered> {
  const world = createWorld(options?.seed);
  const camera = addAioble(world, options);
  const offered = define(camera);
  return {
    world,
    camera,
    offered,
    async meet(known = world.addPhone()) {
      const { phone }: { phone: Phone } = known;
      const advertised = camera.aioble.advertise({ intervalUs: 20_000, name: "obscura" });
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      const database = await link.discover();
      return { ...known, link, database, connection: await advertised };
    },
    sleep: (delayMs) => world.clock.sleep(delayMs),
  };
}

/** A service of characteristics with these options, UUIDs 0xfff1 and up; registered. */
export function offer<Capture extends boolean = false>(
  { aioble }: AiobleCamera,
  ...options: readonly CharacteristicOptions<Capture>[]
): Characteristic<Capture>[] {
  const service = new aioble.Service(new UUID(SERVICE));
  const all = options.map((each, at) => new aioble.Characteristic(service, new UUID(SERVICE + 1 + at), each));
  aioble.registerServices(service);
  return all;
}

/** The bytes of one small number. */
export function byte(value: number): Uint8Array {
  return new Uint8Array([value]);
}
