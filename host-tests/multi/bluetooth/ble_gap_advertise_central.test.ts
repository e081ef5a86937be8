/** The central of ble_gap_advertise: what a scan hears of each kind of advertisement, and that it ends. */
import { IRQ_SCAN_DONE, IRQ_SCAN_RESULT } from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, ok } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { ADV_DATA } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const ADV_IND = 0;
const ADV_NONCONN_IND = 3;

describe("multi: bluetooth ble_gap_advertise, the central", () => {
  it("hears what is advertised, with its kind, its address and its data; and nothing once it is off the air", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    await cameras.world.run(async () => {
      await near.ble.active(true);
      await far.ble.active(true);
      const scan = async (): Promise<number[]> => {
        near.events.length = 0;
        await near.ble.gapScan(3000, 30_000, 30_000);
        await near.event(IRQ_SCAN_DONE);
        const kinds: number[] = [];
        for (const [event, data] of near.events) {
          if (event !== IRQ_SCAN_RESULT) continue;
          const [addrType, addr, kind, rssi, bytes] = data;
          deepEqual([addrType, addr, bytes], [1, cameras.peripheral.host.ownAddress, ADV_DATA]);
          ok(rssi < 0);
          kinds.push(kind);
        }
        return kinds;
      };
      await far.ble.gapAdvertise(100_000, { advData: ADV_DATA, connectable: false });
      const slow = await scan();
      deepEqual([...new Set(slow)], [ADV_NONCONN_IND]);
      ok(slow.length >= 20 && slow.length <= 31, `${slow.length}`);
      await far.ble.gapAdvertise(20_000, { advData: ADV_DATA, connectable: true });
      const quick = await scan();
      deepEqual([...new Set(quick)], [ADV_IND]);
      ok(quick.length > 3 * slow.length, `${quick.length}`);
      await far.ble.gapAdvertise(null);
      deepEqual(await scan(), []);
    });
  });
});
