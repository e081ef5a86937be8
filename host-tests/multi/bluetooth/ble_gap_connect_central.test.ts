/** The central of ble_gap_connect: a link that either side ends, an address where nobody is, and a cancellation. */
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const NOBODY: readonly [number, number, Uint8Array] = [0xffff, 0xff, new Uint8Array(6)];

describe("multi: bluetooth ble_gap_connect, the central", () => {
  it("connects, and hears of the end from either side; what does not come is an event too", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const address = cameras.peripheral.host.ownAddress;
    await cameras.run(
      async () => {
        await cameras.offer();
        await far.event(IRQ_CENTRAL_DISCONNECT);
        await cameras.offer();
        await far.event(IRQ_CENTRAL_CONNECT);
        const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
        equal(far.ble.gapDisconnect(conn), true);
      },
      async () => {
        const first = await cameras.meet();
        equal(near.ble.gapDisconnect(first), true);
        deepEqual(await near.event(IRQ_PERIPHERAL_DISCONNECT), [first, 1, address]);
        equal(near.ble.gapDisconnect(first), false);
        near.ble.gapConnect(1, new Uint8Array([0xc0, 0, 0, 0, 0, 1]), 300);
        deepEqual(await near.event(IRQ_PERIPHERAL_DISCONNECT), NOBODY);
        near.ble.gapConnect(1, new Uint8Array([0xc0, 0, 0, 0, 0, 1]), 60_000);
        await cameras.sleep(100);
        await near.ble.gapConnect(null);
        deepEqual(await near.event(IRQ_PERIPHERAL_DISCONNECT), NOBODY);
        near.ble.gapConnect(1, address, 5000);
        const [second] = await near.event(IRQ_PERIPHERAL_CONNECT);
        deepEqual(await near.event(IRQ_PERIPHERAL_DISCONNECT), [second, 1, address]);
      },
    );
  });
});
