/** What the scenarios share. */
import type { L2CAPChannel } from "aioble";
import { SDU_COUNT, SDU_LENGTH } from "./names.ts";

/** The camera's side of one multitest. */
export type Scenario = () => Promise<void>;

export const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, delayMs));

/** Values here are ASCII. */
export const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** A line that the test waits for, or looks for afterwards. */
export function say(line: string): void {
  console.log(`multi: ${line}`);
}

/** @throws Error when they differ. */
export function equal(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

/** The bytes of one SDU of those that a scenario sends. */
export const sdu = (index: number): Uint8Array =>
  Uint8Array.from({ length: SDU_LENGTH }, (_, at) => (index + at) & 0xff);

/** @throws Error when these are not the next bytes of those SDUs. */
export function checkSdus(from: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at++) {
    const place = from + at;
    equal(bytes[at], (Math.floor(place / SDU_LENGTH) + (place % SDU_LENGTH)) & 0xff);
  }
}

export async function sendSdus(channel: L2CAPChannel): Promise<void> {
  for (let index = 0; index < SDU_COUNT; index++) await channel.send(sdu(index));
  await channel.flush();
}

/** Receives them in pieces of an odd size. */
export async function receiveSdus(channel: L2CAPChannel): Promise<void> {
  const buffer = new Uint8Array(50);
  for (let received = 0; received < SDU_COUNT * SDU_LENGTH; ) {
    const count = await channel.recvinto(buffer);
    checkSdus(received, buffer.subarray(0, count));
    received += count;
  }
}
