/** The central of ble_gap_device_name: reads what the peripheral set last. */
import {
  IRQ_CENTRAL_DISCONNECT,
  IRQ_GATTC_READ_RESULT,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { text } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gap_device_name, the central", () => {
  it("reads the name of each connection", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    await cameras.run(
      async () => {
        for (const round of [0, 1]) {
          far.ble.config({ gapName: `GAP_NAME${round}` });
          await cameras.offer();
          await far.event(IRQ_CENTRAL_DISCONNECT);
        }
      },
      async () => {
        for (const round of [0, 1]) {
          const conn = await cameras.meet();
          near.ble.gattcRead(conn, await cameras.handleOf(conn, "00002a00-0000-1000-8000-00805f9b34fb"));
          equal(text((await near.event(IRQ_GATTC_READ_RESULT))[2]), `GAP_NAME${round}`);
          near.ble.gapDisconnect(conn);
          await near.event(IRQ_PERIPHERAL_DISCONNECT);
          await cameras.sleep(200);
        }
      },
    );
  });
});
