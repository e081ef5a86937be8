/** A camera and a phone in one world: what the two instances of a multitest are. */
import {
  executeWriteRequest,
  executeWriteResponse,
  prepareWriteRequest,
  prepareWriteResponse,
} from "../../firmware/ble/att/pdus.ts";
import { utf8Encode } from "../../firmware/ble/utf8.ts";
import { textOf } from "../../simulator/phone/assigned-numbers.ts";
import type { FoundCharacteristic, FoundService } from "../../simulator/phone/discovery.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import type { ConnectOptions, Phone } from "../../simulator/phone/phone.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { fromHex } from "../support/bytes.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";

/** What the originals advertise: flags, and manufacturer data that spell MPY. */
export const ADV_DATA: Uint8Array = fromHex("02 01 06 04 ff 4d 50 59");
/** Their interval, in microseconds. */
export const INTERVAL_US = 20_000;
export const SERVICE_UUID = "A5A5A5A5-FFFF-9999-1111-5A5A5A5A5A5A";
export const CHAR_UUID = "00000000-1111-2222-3333-444444444444";
export const CHAR2_UUID = "00000000-1111-2222-3333-555555555555";
export const CHAR3_UUID = "00000000-1111-2222-3333-666666666666";

export interface Pair {
  readonly world: World;
  readonly camera: AiobleCamera;
  readonly phone: Phone;
  sleep(delayMs: number): Promise<void>;
  /** The phone looks for the camera, whatever it advertises, and connects. */
  connect(options?: ConnectOptions): Promise<PhoneLink>;
  /** Runs both sides until both have ended. */
  run(camera: () => Promise<void>, phone: () => Promise<void>): Promise<void>;
  /** One side signals to the other that it got here. */
  broadcast(what: string): void;
  /** Waits until the other side got there. */
  wait(what: string): Promise<void>;
}

/** What one side signals to the other. */
export function createMessages(): Pick<Pair, "broadcast" | "wait"> {
  const said = new Set<string>();
  const waiting = new Map<string, () => void>();
  return {
    broadcast(what) {
      said.add(what);
      waiting.get(what)?.();
    },
    wait: (what) =>
      said.has(what) ? Promise.resolve() : new Promise((resolve) => waiting.set(what, resolve)),
  };
}

export function createPair(seed = 1): Pair {
  const world = createWorld(seed);
  const camera = addAioble(world);
  const { phone } = world.addPhone();
  return {
    world,
    camera,
    phone,
    sleep: (delayMs) => world.clock.sleep(delayMs),
    connect: async (options) => phone.connect(await phone.find({}), options),
    run: async (camera, phone) => {
      await world.run(() => Promise.all([camera(), phone()]));
    },
    ...createMessages(),
  };
}

/** The bytes of a text. */
export const bytes: (text: string) => Uint8Array = utf8Encode;

/** The text of bytes. */
export const text: (value: Uint8Array) => string = textOf;

/** The service with this UUID and its characteristics. */
export async function findService(link: PhoneLink, uuid: string = SERVICE_UUID): Promise<FoundService> {
  const { services } = await link.discover();
  const found = services.find((service) => String(service.uuid) === `UUID('${uuid.toLowerCase()}')`);
  if (!found) throw new Error(`no service ${uuid}`);
  return found;
}

/** The characteristics with these UUIDs, which the phone discovers. */
export async function findCharacteristics(
  link: PhoneLink,
  ...uuids: string[]
): Promise<FoundCharacteristic[]> {
  const database = await link.discover();
  return uuids.map((uuid) => database.characteristic(uuid));
}

/** Writes what does not fit one packet, in parts (Vol 3, Part G, 4.9.4). */
export async function writeLong(
  link: PhoneLink,
  { handle: attributeHandle }: Pick<FoundCharacteristic, "handle">,
  value: Uint8Array,
): Promise<void> {
  const room = link.att.mtu - 5;
  for (let valueOffset = 0; valueOffset < value.length; valueOffset += room) {
    const partAttributeValue = value.slice(valueOffset, valueOffset + room);
    const part = { attributeHandle, valueOffset, partAttributeValue };
    await link.att.request(prepareWriteRequest, part, prepareWriteResponse);
  }
  await link.att.request(executeWriteRequest, { flags: 1 }, executeWriteResponse);
}

/** Asks for notifications and indications both. */
export async function subscribeToBoth(link: PhoneLink, { descriptors }: FoundCharacteristic): Promise<void> {
  const cccd = descriptors.find(({ uuid }) => uuid.short === 0x2902);
  if (!cccd) throw new Error("the characteristic has no CCCD");
  await link.write(cccd, new Uint8Array([3, 0]));
}
