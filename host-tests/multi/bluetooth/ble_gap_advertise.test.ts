/** Advertising without connections, then with, then none. */
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { ADV_DATA } from "../pair.ts";

const ADV_IND = 0;
const ADV_NONCONN_IND = 3;
const ADV_TIME_MS = 3000;

describe("multi: bluetooth ble_gap_advertise", () => {
  it("not connectable, connectable, and off the air", async () => {
    const pair = createLowLevelPair();
    const { ble } = pair;
    const scan = async (durationMs: number) => {
      const reports = await pair.phone.scan(durationMs, { active: false });
      for (const { data } of reports) deepEqual(data, ADV_DATA);
      return [...new Set(reports.map(({ eventType }) => eventType))];
    };
    await pair.world.run(async () => {
      await ble.active(true);
      await ble.gapAdvertise(100_000, { advData: ADV_DATA, connectable: false });
      // The original says ADV_SCAN_IND (2), though there is nothing to ask for.
      deepEqual(await scan(ADV_TIME_MS), [ADV_NONCONN_IND]);
      await ble.gapAdvertise(20_000, { advData: ADV_DATA, connectable: true });
      deepEqual(await scan(ADV_TIME_MS), [ADV_IND]);
      await ble.gapAdvertise(null);
      deepEqual(await scan(1000), []);
      equal(await ble.active(false), false);
    });
  });
});
