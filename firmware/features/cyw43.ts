/** Controllers of the Cypress/Infineon CYW43 family, on boards whose lines to one are named. */
import { Cyw43 } from "../controllers/cyw43.ts";
import { createRadioLines } from "../platform/xs/radio-lines.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  platform(native) {
    const radioLines = createRadioLines(native);
    return radioLines ? { radioLines } : {};
  },
  controller({ clock, log, radioLines, transport }) {
    if (radioLines?.driver !== "cyw43") return undefined;
    return new Cyw43({ clock, lines: radioLines, log, transport });
  },
} satisfies Feature;
