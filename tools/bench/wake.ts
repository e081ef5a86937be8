/** What `wakeCycle` counts: a burst of half a second on the air, to which nobody comes, and the sleep behind it. */
import { advertise, TimeoutError } from "aioble";
import { BLE } from "bluetooth";
import { dutyCycle } from "power";

await dutyCycle({
  intervalMs: 4000,
  deadlineMs: 3900,
  state: 0,
  async burst({ state }) {
    await new BLE().active(true);
    try {
      await advertise({ intervalUs: 100_000, name: "wake", timeoutMs: 500 });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
    return state + 1;
  },
});
