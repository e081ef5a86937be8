/** Areas of flash on the natives that are written in the background: in steps, so that no step holds up others long. */
import type { BackgroundFlash } from "../platform.ts";
import { createFlash, type FlashNatives } from "./flash.ts";
import type { Native } from "./native.ts";

/** Bytes that one step programs at most: the C side copies as many. */
const STEP_BYTES = 1024;

/** Finds areas by name. The board carries out one operation at a time: there is one of these for a camera. */
export function createBackgroundFlash(
  native: FlashNatives & Pick<Native, "flashBeginProgram" | "flashBeginErase">,
): (area: string) => BackgroundFlash {
  const find = createFlash(native);
  // The last operation, of all areas.
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
    const flash = find(area);
    const { size, eraseUnit, programUnit } = flash;
    return {
      ...flash,
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
