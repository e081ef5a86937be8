/** ble_gap_pair_bond: pairing leaves a bond on both sides. */
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { BONDING, offerSecret, pairAndRead, registerSecret } from "../secured.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gap_pair_bond", () => {
  it("encrypts, and each side is bonded with the other", async () => {
    const cameras = createTwoLowLevel();
    for (const { ble } of [cameras.near, cameras.far]) ble.config({ bond: true, leSecure: true });
    const handle = registerSecret(cameras);
    await cameras.run(
      () => offerSecret(cameras, handle, "encrypted", BONDING),
      () => pairAndRead(cameras, "encrypted", BONDING),
    );
    for (const [camera, peer] of [
      [cameras.central, cameras.peripheral],
      [cameras.peripheral, cameras.central],
    ] as const) {
      const { ADDR_RANDOM, Device, security } = camera.aioble;
      equal(security.bonds.size, 1);
      const bond = security.bonds.get(new Device(ADDR_RANDOM, peer.host.ownAddress));
      equal(bond?.secureConnections, true);
    }
  });
});
