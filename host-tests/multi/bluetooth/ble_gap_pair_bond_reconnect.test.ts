/** ble_gap_pair_bond_reconnect and _persist: after both radios were off, the bond encrypts the link; nobody pairs. */
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { BONDED, BONDING, offerSecret, pairAndRead, registerSecret, returnAndRead } from "../secured.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gap_pair_bond_reconnect", () => {
  it("the bond outlives active(false) on both sides", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    await cameras.run(
      async () => {
        await offerSecret(cameras, registerSecret(cameras), "encrypted", BONDING);
        await far.ble.active(false);
        await cameras.sleep(100);
        // What was registered went with the radio, as in the original.
        await offerSecret(cameras, registerSecret(cameras), "after", BONDED);
      },
      async () => {
        await pairAndRead(cameras, "encrypted", BONDING);
        await near.ble.active(false);
        await cameras.sleep(100);
        await returnAndRead(cameras, "after");
      },
    );
    const { encryption } = cameras.peripheral.host;
    equal(encryption?.manager.failedPairings, 0);
    deepEqual(
      [cameras.central, cameras.peripheral].map(({ aioble }) => aioble.security.bonds.size),
      [1, 1],
    );
  });
});
