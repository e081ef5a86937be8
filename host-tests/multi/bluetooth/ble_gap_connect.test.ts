/** A link that the phone ends, and one that the camera ends. */
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";

describe("multi: bluetooth ble_gap_connect", () => {
  it("connect and disconnect come as events with the phone's address, from either side", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth, phone } = pair;
    const { IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT } = bluetooth;
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        const connected = await pair.event(IRQ_CENTRAL_CONNECT);
        deepEqual(connected.slice(1), [1, phone.address]);
        deepEqual(await pair.event(IRQ_CENTRAL_DISCONNECT), connected);
        equal(ble.gapDisconnect(connected[0]), false, "it is gone");
        await pair.advertise();
        const [conn] = await pair.event(IRQ_CENTRAL_CONNECT);
        equal(ble.gapDisconnect(conn), true);
        await pair.event(IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const first = await pair.connect();
        await first.disconnect();
        await pair.sleep(100);
        const second = await pair.connect();
        equal(await second.disconnected(), 0x13);
      },
    );
  });
});
