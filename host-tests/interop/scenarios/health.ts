/** Whether a camera is well: found on the air, connected to, and a value read. */
import assert from "node:assert/strict";
import { environmentSensor } from "../applications.ts";
import type { RawCentral } from "../raw-central.ts";
import type { Rig } from "../rig.ts";
import { WaitError } from "../wait.ts";

/** Tries, and the patience of the first; each further one has twice as much, whatever the machine is busy with. */
const TRIES = 6;
const FIRST_TRY_MS = 4_000;

/** Read Request (Vol 3, Part F, 3.4.4.3). */
export const readRequest = (handle: number): Buffer => Buffer.from([0x0a, handle & 0xff, handle >> 8]);

/** Asserts that the temperature is read over this connection. */
export async function assertReads(
  raw: RawCentral,
  temperatureHandle: number,
  timeoutMs?: number,
): Promise<void> {
  const answer = await raw.requestAtt(readRequest(temperatureHandle), timeoutMs);
  assert.equal(answer.length, 3, `Read Response with two bytes, not ${answer.toString("hex")}`);
  assert.equal(answer[0], 0x0b);
}

/**
 * Asserts that a central which comes now finds the camera and reads the temperature, at the latest when the camera
 * has recovered. A central tries again, as a phone would: bytes of its first try may complete a packet that
 * garbage began.
 */
export async function assertServes(rig: Rig): Promise<void> {
  for (let count = 1, tryMs = FIRST_TRY_MS; ; count++, tryMs *= 2) {
    const raw = await rig.raw();
    try {
      await raw.connect(environmentSensor.name, tryMs);
      await assertReads(raw, await raw.valueHandle(environmentSensor.temperature, tryMs), tryMs);
      await raw.disconnect();
      break;
    } catch (error) {
      if (count === TRIES || !(error instanceof WaitError)) throw error;
    } finally {
      raw.close();
    }
  }
  assert.ok(rig.camera.isRunning, "the camera's process still runs");
}
