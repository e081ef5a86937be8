/** The central of ble_subscribe: what it hears for each value of the CCCD. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_INDICATE,
  FLAG_NOTIFY,
  FLAG_READ,
  IRQ_GATTC_INDICATE,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_WRITE_DONE,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_subscribe, the central", () => {
  it("notifications, indications, both, neither", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const [[own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), FLAG_READ | FLAG_NOTIFY | FLAG_INDICATE]]],
    ]) as [[number]];
    await cameras.world.run(async () => {
      await cameras.offer();
      const conn = await cameras.meet();
      const handle = await cameras.handleOf(conn, CHAR_UUID);
      for (const [configuration, expected] of [
        [0, []],
        [1, [IRQ_GATTC_NOTIFY]],
        [2, [IRQ_GATTC_INDICATE]],
        [3, [IRQ_GATTC_NOTIFY]],
        [0, []],
      ] as const) {
        near.ble.gattcWrite(conn, handle + 1, new Uint8Array([configuration, 0]), 1);
        await near.event(IRQ_GATTC_WRITE_DONE);
        near.events.length = 0;
        far.ble.gattsWrite(own, `value ${configuration}`, true);
        await cameras.sleep(500);
        const heard = near.events.map(([event, data]) => [event, data[1], text(data[2] as Uint8Array)]);
        deepEqual(
          heard,
          expected.map((event) => [event, handle, `value ${configuration}`]),
        );
      }
      near.ble.gapDisconnect(conn);
      await near.event(IRQ_PERIPHERAL_DISCONNECT);
    });
  });
});
