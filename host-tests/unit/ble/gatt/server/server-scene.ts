/** What the tests of the GATT server share. */
import type {
  Attribute,
  CharacteristicDefinition,
} from "../../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { concat, counting, le16, toHex } from "../../../../support/bytes.ts";
import { ATT, createConnectedRig, HANDLE, type Rig, takeFrames } from "../../../../support/rig.ts";

/** Handles of the first registered characteristic: its value, and its CCCD if it has one. */
export const VALUE = 16;
export const CCCD = 17;
export const SERVICE_CHANGED = 8;
export const SERVICE_CHANGED_CCCD = 9;
export const SECOND = HANDLE + 1;

export const ALL = PROPERTY.READ | PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE | PROPERTY.NOTIFY;

export interface ServerRig extends Rig {
  readonly attribute: Attribute;
}

export function definition(options: Partial<CharacteristicDefinition>): CharacteristicDefinition {
  return { uuid: new UUID(0x2a6e), properties: ALL, value: counting(4), maxLength: 20, ...options };
}

export async function rigWith(options: Partial<CharacteristicDefinition> = {}, mtu = 23): Promise<ServerRig> {
  let attribute: Attribute | undefined;
  const rig = await createConnectedRig((fresh) => {
    const [[value]] = fresh.host.gatt.register([
      { uuid: new UUID(0x181a), characteristics: [definition(options)] },
    ]) as [[Attribute]];
    attribute = value;
  });
  if (mtu !== 23) await rig.exchange(ATT, [0x02, ...le16(mtu)]);
  return { ...rig, attribute: attribute! };
}

export async function connectSecond(rig: Rig): Promise<void> {
  const connected = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(SECOND);
  await connected;
}

export const read = (rig: Rig, handle = VALUE, link = HANDLE) =>
  rig.exchange(ATT, [0x0a, ...le16(handle)], link);
export const blob = (rig: Rig, offset: number, handle = VALUE) =>
  rig.exchange(ATT, [0x0c, ...le16(handle), ...le16(offset)]);
export const write = (rig: Rig, value: Uint8Array | number[], handle = VALUE, link = HANDLE) =>
  rig.exchange(ATT, concat([0x12], le16(handle), value), link);
export const writeNoResponse = (rig: Rig, value: Uint8Array | number[], handle = VALUE) =>
  rig.exchange(ATT, concat([0x52], le16(handle), value));

/** ATT payloads on their way to one link. */
export function sentTo(rig: Rig, handle: number): string[] {
  return takeFrames(rig.controller, handle).map((frame) => toHex(frame.payload));
}

export function error(opcode: number, handle: number, code: number): string {
  return toHex(Uint8Array.from([0x01, opcode, ...le16(handle), code]));
}
