/** ble_gap_unpair: a bond is deleted. `gap_unpair` takes the key of a secret; `security.bonds` has it by the device. */
import { IRQ_CENTRAL_DISCONNECT, IRQ_GATTC_READ_DONE } from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal, throws } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID } from "../pair.ts";
import { BONDING, leave, offerSecret, pairAndRead, registerSecret } from "../secured.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gap_unpair", () => {
  it("forgets who paired, once; who is not bonded is not there; then both pair anew", async () => {
    const cameras = createTwoLowLevel();
    const unpair = (camera: typeof cameras.central, peer: typeof cameras.central): boolean => {
      const { ADDR_RANDOM, Device, security } = camera.aioble;
      return security.bonds.delete(new Device(ADDR_RANDOM, peer.host.ownAddress));
    };
    const handle = registerSecret(cameras);
    await cameras.run(
      async () => {
        await offerSecret(cameras, handle, "encrypted", BONDING);
        equal(unpair(cameras.peripheral, cameras.central), true);
        equal(unpair(cameras.peripheral, cameras.central), false);
        const { ADDR_RANDOM, Device, security } = cameras.peripheral.aioble;
        equal(security.bonds.delete(new Device(ADDR_RANDOM, "c0:12:34:56:78:9a")), false);
        throws(() => security.bonds.delete(new Uint8Array(6) as never), TypeError);
        cameras.broadcast("unpaired");
        await offerSecret(cameras, handle, "anew", BONDING);
      },
      async () => {
        await pairAndRead(cameras, "encrypted", BONDING);
        await cameras.wait("unpaired");
        equal(unpair(cameras.central, cameras.peripheral), true);
        await pairAndRead(cameras, "anew", BONDING);
      },
    );
  });

  it("where one side alone has forgotten, nothing is read, and nobody pairs by itself", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const handle = registerSecret(cameras);
    await cameras.run(
      async () => {
        await offerSecret(cameras, handle, "encrypted", BONDING);
        cameras.peripheral.aioble.security.bonds.clear();
        await cameras.offer();
        await far.event(IRQ_CENTRAL_DISCONNECT);
      },
      async () => {
        await pairAndRead(cameras, "encrypted", BONDING);
        const conn = await cameras.meet();
        const found = await cameras.handleOf(conn, CHAR_UUID);
        near.ble.gattcRead(conn, found);
        const [, , status] = await near.event(IRQ_GATTC_READ_DONE);
        equal(status === 0, false);
        await leave(cameras, conn);
      },
    );
    deepEqual(
      [cameras.central, cameras.peripheral].map(({ aioble }) => aioble.security.bonds.size),
      [1, 0],
    );
  });
});
