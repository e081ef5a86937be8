/** The central of ble_mtu: the exchange that it begins, a notification that is cut to it, and a value that is longer. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_NOTIFY,
  FLAG_READ,
  FLAG_WRITE,
  IRQ_CENTRAL_CONNECT,
  IRQ_CENTRAL_DISCONNECT,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_WRITE_DONE,
  IRQ_MTU_EXCHANGED,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const ROUNDS = [
  { preferred: 256, agreed: 256 },
  { preferred: 200, agreed: 200 },
  { preferred: 400, agreed: 300 },
  { preferred: 50, agreed: 50 },
];

describe("multi: bluetooth ble_mtu, the central", () => {
  it("begins the exchange; asked twice it is the same", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const [[own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), FLAG_READ | FLAG_WRITE | FLAG_NOTIFY]]],
    ]) as [[number]];
    far.ble.gattsSetBuffer(own, 500);
    await cameras.run(
      async () => {
        for (const [round, { preferred, agreed }] of ROUNDS.entries()) {
          far.ble.config({ mtu: preferred });
          await cameras.offer();
          const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
          deepEqual(await far.event(IRQ_MTU_EXCHANGED), [conn, agreed]);
          await cameras.wait(`subscribed ${round}`);
          far.ble.gattsNotify(conn, own, new Uint8Array(64).fill(round));
          await far.event(IRQ_CENTRAL_DISCONNECT);
          equal(far.ble.gattsRead(own).length, agreed + 20);
        }
      },
      async () => {
        near.ble.config({ mtu: 300 });
        for (const [round, { agreed }] of ROUNDS.entries()) {
          const conn = await cameras.meet();
          for (let turn = 0; turn < 2; turn++) {
            near.ble.gattcExchangeMtu(conn);
            deepEqual(await near.event(IRQ_MTU_EXCHANGED), [conn, agreed]);
          }
          const handle = await cameras.handleOf(conn, CHAR_UUID);
          near.ble.gattcWrite(conn, handle + 1, new Uint8Array([1, 0]), 1);
          await near.event(IRQ_GATTC_WRITE_DONE);
          cameras.broadcast(`subscribed ${round}`);
          const [, , value] = await near.event(IRQ_GATTC_NOTIFY);
          deepEqual(value, new Uint8Array(Math.min(64, agreed - 3)).fill(round));
          near.ble.gattcWrite(conn, handle, new Uint8Array(agreed + 20), 1);
          deepEqual(await near.event(IRQ_GATTC_WRITE_DONE), [conn, handle, 0]);
          near.ble.gapDisconnect(conn);
          await near.event(IRQ_PERIPHERAL_DISCONNECT);
          await cameras.sleep(200);
        }
      },
    );
  });
});
