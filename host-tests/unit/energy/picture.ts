/** A burst of a picture and half a second on the air: what a camera that only broadcasts is awake for. */
import { advertise, TimeoutError } from "aioble";
import { BLE } from "bluetooth";
import { dutyCycle } from "power";

const PICTURE_MS = 400;
const ON_AIR_MS = 500;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

await dutyCycle({
  intervalMs: 900_000,
  deadlineMs: 20_000,
  state: 0,
  async burst() {
    await pause(PICTURE_MS);
    await new BLE().active(true);
    try {
      await advertise({ intervalUs: 100_000, name: "picture", connectable: false, timeoutMs: ON_AIR_MS });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
    }
  },
});
