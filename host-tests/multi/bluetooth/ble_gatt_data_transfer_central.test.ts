/** The central of ble_gatt_data_transfer: what it writes and what it is notified arrives whole and in order. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_NOTIFY,
  FLAG_WRITE,
  FLAG_WRITE_NO_RESPONSE,
  IRQ_CENTRAL_CONNECT,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_WRITE_DONE,
  IRQ_GATTS_WRITE,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, throws } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, CHAR2_UUID, SERVICE_UUID } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const COUNT = 64;

describe("multi: bluetooth ble_gatt_data_transfer, the central", () => {
  it("writes without response until the queue is full, and goes on when it is not; then is notified as much", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const [[rx, tx]] = far.ble.gattsRegisterServices([
      [
        new UUID(SERVICE_UUID),
        [
          [new UUID(CHAR_UUID), FLAG_WRITE | FLAG_WRITE_NO_RESPONSE],
          [new UUID(CHAR2_UUID), FLAG_NOTIFY],
        ],
      ],
    ]) as [[number, number]];
    const counts = Array.from({ length: COUNT }, (_, index) => index);
    await cameras.run(
      async () => {
        await cameras.offer();
        const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
        const received: number[] = [];
        for (const _ of counts) {
          await far.event(IRQ_GATTS_WRITE);
          received.push(far.ble.gattsRead(rx)[0]!);
        }
        deepEqual(received.at(-1), COUNT - 1);
        await cameras.wait("subscribed");
        for (const count of counts) {
          for (;;) {
            try {
              far.ble.gattsNotify(conn, tx, new Uint8Array(20).fill(count));
              break;
            } catch {
              await cameras.sleep(20);
            }
          }
        }
      },
      async () => {
        const conn = await cameras.meet();
        const to = await cameras.handleOf(conn, CHAR_UUID);
        const from = await cameras.handleOf(conn, CHAR2_UUID);
        let sent = 0;
        throws(
          () => {
            for (; sent < COUNT; sent++) near.ble.gattcWrite(conn, to, new Uint8Array(20).fill(sent));
          },
          { code: "send-queue-full" },
        );
        for (; sent < COUNT; sent++) {
          await cameras.sleep(100);
          near.ble.gattcWrite(conn, to, new Uint8Array(20).fill(sent));
        }
        near.ble.gattcWrite(conn, from + 1, new Uint8Array([1, 0]), 1);
        await near.event(IRQ_GATTC_WRITE_DONE);
        cameras.broadcast("subscribed");
        const received: number[] = [];
        for (const _ of counts) received.push((await near.event(IRQ_GATTC_NOTIFY))[2][0]!);
        deepEqual(received, counts);
        near.ble.gapDisconnect(conn);
        await near.event(IRQ_PERIPHERAL_DISCONNECT);
      },
    );
  });
});
