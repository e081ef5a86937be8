/**
 * What stands before the example in `coldStart`: behind the power-on a burst that uses the radio, so that the camera brings it up
 * by itself when it wakes; behind the wake a burst that is the rest of the bundle.
 */
import { BLE } from "bluetooth";
import { dutyCycle } from "power";

await new Promise<void>((goOn, fail) => {
  dutyCycle({
    intervalMs: 3000,
    deadlineMs: 2900,
    state: 0,
    async burst({ cause, state }) {
      if (cause === "timer") {
        if (state !== 1) throw new Error(`the wake found the state ${state}`);
        goOn();
        return new Promise<never>(() => undefined);
      }
      await new BLE().active(true);
      return state + 1;
    },
  }).catch(fail);
});
