/** The ATT_MTU exchange that the peripheral begins, against what the central prefers. */
import {
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_MTU_EXCHANGED,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const ROUNDS = [
  { central: 256, agreed: 256 },
  { central: 200, agreed: 200 },
  { central: 400, agreed: 300 },
  { central: 50, agreed: 50 },
];

describe("multi: bluetooth ble_mtu_peripheral", () => {
  it("is the smaller of both, and both sides hear it", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    await cameras.run(
      async () => {
        far.ble.config({ mtu: 300 });
        for (const { agreed } of ROUNDS) {
          await cameras.offer();
          const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
          far.ble.gattcExchangeMtu(conn);
          deepEqual(await far.event(IRQ_MTU_EXCHANGED), [conn, agreed]);
          await far.event(IRQ_CENTRAL_DISCONNECT);
        }
      },
      async () => {
        for (const { central, agreed } of ROUNDS) {
          near.ble.config({ mtu: central });
          const conn = await cameras.meet();
          deepEqual(await near.event(IRQ_MTU_EXCHANGED), [conn, agreed]);
          // The answer is on its way.
          await cameras.sleep(100);
          near.ble.gapDisconnect(conn);
          await near.event(IRQ_PERIPHERAL_DISCONNECT);
          await cameras.sleep(200);
        }
      },
    );
  });
});
