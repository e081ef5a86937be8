/** ble_gap_pair: the central pairs without a bond, and reads what only an encrypted link may read. */
import {
  IRQ_CENTRAL_DISCONNECT,
  IRQ_ENCRYPTION_UPDATE,
  IRQ_GATTC_READ_DONE,
  IRQ_PASSKEY_ACTION,
  PASSKEY_ACTION_DISPLAY,
  PASSKEY_ACTION_INPUT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal, ok } from "../../support/assert.ts";
import { diagnostics } from "../../support/cameras.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID } from "../pair.ts";
import { expectProtection, leave, offerSecret, pairAndRead, readSecret, registerSecret } from "../secured.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gap_pair", () => {
  it("encrypts without a user, and nothing of it is kept", async () => {
    const cameras = createTwoLowLevel();
    for (const { ble } of [cameras.near, cameras.far]) ble.config({ bond: false, leSecure: true });
    const handle = registerSecret(cameras);
    await cameras.run(
      async () => {
        await offerSecret(cameras, handle, "encrypted", [[1, 0, 0]]);
        await offerSecret(cameras, handle, "again", [[1, 0, 0]]);
      },
      async () => {
        await pairAndRead(cameras, "encrypted", [[1, 0, 0]]);
        await pairAndRead(cameras, "again", [[1, 0, 0]]);
      },
    );
    for (const { aioble } of [cameras.central, cameras.peripheral]) equal(aioble.security.bonds.size, 0);
  });

  it("with mitm, one side shows six digits and the other types them", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    far.ble.config({ bond: false, mitm: true, io: 0 });
    near.ble.config({ bond: false, mitm: true, io: 2 });
    const handle = registerSecret(cameras);
    let shown = -1;
    await cameras.run(
      async () => {
        const offered = offerSecret(cameras, handle, "encrypted", [[1, 1, 0]]);
        const [, action, passkey] = await far.event(IRQ_PASSKEY_ACTION);
        equal(action, PASSKEY_ACTION_DISPLAY);
        ok(passkey >= 0 && passkey <= 999_999);
        shown = passkey;
        cameras.broadcast("shown");
        await offered;
      },
      async () => {
        const conn = await cameras.meet();
        const found = await cameras.handleOf(conn, CHAR_UUID);
        equal(near.ble.gapPair(conn), true);
        const [asked, action] = await near.event(IRQ_PASSKEY_ACTION);
        deepEqual([asked, action], [conn, PASSKEY_ACTION_INPUT]);
        await cameras.wait("shown");
        equal(near.ble.gapPasskey(conn, action, shown), true);
        await expectProtection(near, [[1, 1, 0]]);
        equal(await readSecret(cameras, conn, found), "encrypted");
        await leave(cameras, conn);
      },
    );
  });

  it("with mitm and no user on either side the pairing fails: the original's link is encrypted, but proves nothing", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    for (const { ble } of [near, far]) ble.config({ bond: false, mitm: true });
    near.ble.config({ autoPair: "never" });
    const handle = registerSecret(cameras);
    await cameras.run(
      async () => {
        await cameras.offer();
        await far.event(IRQ_CENTRAL_DISCONNECT);
      },
      async () => {
        const conn = await cameras.meet();
        equal(near.ble.gapPair(conn), true);
        deepEqual(await near.event(IRQ_ENCRYPTION_UPDATE), [conn, 0, 0, 0, 0]);
        near.ble.gattcRead(conn, handle);
        deepEqual(await near.event(IRQ_GATTC_READ_DONE), [conn, handle, 0x05]);
        await leave(cameras, conn);
      },
    );
    ok(diagnostics(cameras.central).some((line) => line.includes("pairing failed")));
  });
});
