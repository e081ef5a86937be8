/** Signed applications in two slots, and the module `update`. */
import { createUpdateLines } from "../platform/xs/update.ts";
import { Slots } from "../update/slots.ts";
import { createUpdate } from "../update/update.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  platform: (native) => ({ update: createUpdateLines(native) }),
  update({ platform, records }) {
    const { clock, power, update: lines } = platform;
    // The simulator's cameras have no slots: an application there is never on trial.
    if (lines === undefined) return { isTrial: () => false, confirm: () => undefined };
    const store = new Slots({
      lines,
      flash: lines.state().slotBytes > 0 ? platform.flash("update") : undefined,
      records,
      clock,
      batteryVolts: () => power?.batteryVolts(),
    });
    return createUpdate(store);
  },
} satisfies Feature;
