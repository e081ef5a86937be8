/** Areas of flash on the natives. What runs in the background goes in steps, so that no step holds up the others long. */
import type { FlashArea } from "../platform.ts";
import type { Native } from "./native.ts";

/** Bytes that one step programs at most: the C side copies as many. */
const STEP_BYTES = 1024;

type FlashNatives = Pick<
  Native,
  | "flashGeometry"
  | "flashRead"
  | "flashProgram"
  | "flashErase"
  | "flashSync"
  | "flashBeginProgram"
  | "flashBeginErase"
>;

/** What `Platform.flash` is on a camera: finds areas by name. */
export function createFlash(native: FlashNatives): (area: string) => FlashArea {
  // The last operation in the background, of all areas: the board carries out one at a time.
  let last: Promise<void> = Promise.resolve();

  /** Runs `steps` after all that was asked for before, also where that failed. */
  const inTurn = (steps: () => Promise<void>): Promise<void> => {
    const turn = last.then(steps);
    last = turn.catch(() => {});
    return turn;
  };

  const step = (what: string, offset: number, begin: (done: (worked: boolean) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      begin((worked) => {
        if (worked) resolve();
        else reject(new Error(`flash: cannot ${what} at ${offset}`));
      });
    });

  return (area) => {
    const { size, eraseUnit, programUnit } = native.flashGeometry(area);
    return {
      size,
      eraseUnit,
      programUnit,
      read: (offset, length) => native.flashRead(area, offset, length),
      program: (offset, bytes) => native.flashProgram(area, offset, bytes),
      erase: (offset, length) => native.flashErase(area, offset, length),
      sync: () => native.flashSync(area),
      programInBackground: (offset, bytes) =>
        inTurn(async () => {
          checkRange("program", offset, bytes.length, programUnit, size);
          for (let at = 0; at < bytes.length; at += STEP_BYTES) {
            const part = bytes.subarray(at, at + STEP_BYTES);
            await step("program", offset + at, (done) =>
              native.flashBeginProgram(area, offset + at, part, done),
            );
          }
        }),
      eraseInBackground: (offset, length) =>
        inTurn(async () => {
          checkRange("erase", offset, length, eraseUnit, size);
          for (let at = offset; at < offset + length; at += eraseUnit) {
            await step("erase", at, (done) => native.flashBeginErase(area, at, eraseUnit, done));
          }
        }),
    };
  };
}

/** Before the first step: a range that is wrong changes nothing. */
function checkRange(what: string, offset: number, length: number, unit: number, size: number): void {
  if (offset < 0 || offset + length > size || offset % unit !== 0 || length % unit !== 0) {
    throw new RangeError(
      `flash: cannot ${what} ${length} bytes at ${offset}: units of ${unit}, ${size} in all`,
    );
  }
}
