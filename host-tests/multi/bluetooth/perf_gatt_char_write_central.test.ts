/** The central of perf_gatt_char_write: many writes with response, one after the other. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_WRITE,
  IRQ_GATTC_WRITE_DONE,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, ok } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth perf_gatt_char_write, the central", () => {
  it("takes two connection intervals for each", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const [[own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), FLAG_WRITE]]],
    ]) as [[number]];
    await cameras.world.run(async () => {
      await cameras.offer();
      const conn = await cameras.meet();
      const handle = await cameras.handleOf(conn, CHAR_UUID);
      const startMs = cameras.world.clock.now();
      for (let count = 0; count < 50; count++) {
        near.ble.gattcWrite(conn, handle, new Uint8Array(20).fill(count), 1);
        deepEqual(await near.event(IRQ_GATTC_WRITE_DONE), [conn, handle, 0]);
      }
      deepEqual(far.ble.gattsRead(own), new Uint8Array(20).fill(49));
      // Two intervals of 50 ms each: the answer comes in the next.
      ok(cameras.world.clock.now() - startMs <= 102 * 50, `${cameras.world.clock.now() - startMs} ms`);
      near.ble.gapDisconnect(conn);
      await near.event(IRQ_PERIPHERAL_DISCONNECT);
    });
  });
});
