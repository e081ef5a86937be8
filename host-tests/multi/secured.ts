/** Two cameras that pair through the module `bluetooth`, and the value that only an encrypted link may read. */
import { UUID } from "../../firmware/ble/uuid.ts";
import {
  FLAG_READ,
  FLAG_READ_ENCRYPTED,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_ENCRYPTION_UPDATE,
  IRQ_GATTC_READ_DONE,
  IRQ_GATTC_READ_RESULT,
  IRQ_GATTS_READ_REQUEST,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../firmware/bluetooth/constants.ts";
import { deepEqual, equal } from "../support/assert.ts";
import type { Events } from "./low-level.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "./pair.ts";
import type { TwoLowLevel } from "./two-low-level.ts";

/** Encrypted, authenticated, bonded: what `IRQ_ENCRYPTION_UPDATE` says of a link, beside the size of its key. */
export type Protection = readonly [encrypted: number, authenticated: number, bonded: number];

/** A pairing with Just Works that makes a bond: one event, as in the original. */
export const BONDING: readonly Protection[] = [[1, 0, 1]];
/** A later link, which the bond encrypts. */
export const BONDED: readonly Protection[] = [[1, 0, 1]];

/** This side's link changes its protection in these steps, by a key of 16 bytes. */
export async function expectProtection({ event }: Events, steps: readonly Protection[]): Promise<void> {
  for (const step of steps) {
    const [, ...protection] = await event(IRQ_ENCRYPTION_UPDATE);
    deepEqual(protection, [...step, 16]);
  }
}

/** The peripheral registers the protected value; returns its handle. */
export function registerSecret({ far }: TwoLowLevel): number {
  const characteristic = [new UUID(CHAR_UUID), FLAG_READ | FLAG_READ_ENCRYPTED] as const;
  const [[handle]] = far.ble.gattsRegisterServices([[new UUID(SERVICE_UUID), [characteristic]]]) as [
    [number],
  ];
  return handle;
}

/**
 * The peripheral's side of a link: it offers `value`, and sees how the link is protected, the read and the end.
 * @param handle of `registerSecret`.
 */
export async function offerSecret(
  cameras: TwoLowLevel,
  handle: number,
  value: string,
  protection: readonly Protection[],
): Promise<void> {
  const { far } = cameras;
  far.ble.gattsWrite(handle, value);
  await cameras.offer();
  await expectProtection(far, protection);
  deepEqual((await far.event(IRQ_GATTS_READ_REQUEST))[1], handle);
  await far.event(IRQ_CENTRAL_DISCONNECT);
}

/** The central reads the value at a handle; returns the text. */
export async function readSecret({ near }: TwoLowLevel, conn: number, handle: number): Promise<string> {
  near.ble.gattcRead(conn, handle);
  const [, , value] = await near.event(IRQ_GATTC_READ_RESULT);
  deepEqual(await near.event(IRQ_GATTC_READ_DONE), [conn, handle, 0]);
  return text(value);
}

/** The central ends the link and sees its end. */
export async function leave({ near }: TwoLowLevel, conn: number): Promise<void> {
  equal(near.ble.gapDisconnect(conn), true);
  await near.event(IRQ_PERIPHERAL_DISCONNECT);
}

/** The central's side of a link on which it pairs: it connects, pairs, reads and leaves. */
export async function pairAndRead(
  cameras: TwoLowLevel,
  value: string,
  protection: readonly Protection[],
): Promise<void> {
  const { near } = cameras;
  const conn = await cameras.meet();
  const handle = await cameras.handleOf(conn, CHAR_UUID);
  equal(near.ble.gapPair(conn), true);
  await expectProtection(near, protection);
  equal(await readSecret(cameras, conn, handle), value);
  await leave(cameras, conn);
}

/** The central's side of a later link: the bond encrypts it before anything is read, and nobody pairs. */
export async function returnAndRead(cameras: TwoLowLevel, value: string): Promise<void> {
  const conn = await cameras.meet();
  await expectProtection(cameras.near, BONDED);
  const handle = await cameras.handleOf(conn, CHAR_UUID);
  equal(await readSecret(cameras, conn, handle), value);
  await leave(cameras, conn);
}
