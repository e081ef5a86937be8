/** Areas of flash on the natives. */
import type { FlashArea } from "../platform.ts";
import type { Native } from "./native.ts";

/** The natives that every image needs. */
export type FlashNatives = Pick<
  Native,
  "flashGeometry" | "flashRead" | "flashProgram" | "flashErase" | "flashSync"
>;

/** What `Platform.flash` is on a camera: finds areas by name. */
export function createFlash(native: FlashNatives): (area: string) => FlashArea {
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
    };
  };
}
