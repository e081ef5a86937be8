/** The central of ble_irq_calls: everything is called from inside the handler. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_NOTIFY,
  FLAG_READ,
  IRQ_GATTC_CHARACTERISTIC_DONE,
  IRQ_GATTC_CHARACTERISTIC_RESULT,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_READ_DONE,
  IRQ_GATTC_SERVICE_DONE,
  IRQ_GATTC_SERVICE_RESULT,
  IRQ_GATTC_WRITE_DONE,
  IRQ_GATTS_READ_REQUEST,
  IRQ_MTU_EXCHANGED,
  IRQ_PERIPHERAL_CONNECT,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { SERVICE_UUID } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

const STATE = "a5a5a5a5-eeee-9999-1111-5a5a5a5a5a5a";

describe("multi: bluetooth ble_irq_calls, the central", () => {
  it("connect, MTU, discovery, subscription, two reads, disconnect: each from the event before", async () => {
    let range: [number, number] = [0, 0];
    let handle = 0;
    let reads = 0;
    const cameras = createTwoLowLevel((event, data) => {
      const { ble } = cameras.near;
      const conn = data[0] as number;
      if (event === IRQ_PERIPHERAL_CONNECT) ble.gattcExchangeMtu(conn);
      else if (event === IRQ_MTU_EXCHANGED) ble.gattcDiscoverServices(conn, new UUID(SERVICE_UUID));
      else if (event === IRQ_GATTC_SERVICE_RESULT) range = [data[1], data[2]];
      else if (event === IRQ_GATTC_SERVICE_DONE) ble.gattcDiscoverCharacteristics(conn, ...range);
      else if (event === IRQ_GATTC_CHARACTERISTIC_RESULT) handle = data[2];
      else if (event === IRQ_GATTC_CHARACTERISTIC_DONE)
        ble.gattcWrite(conn, handle + 1, new Uint8Array([1, 0]), 1);
      else if (event === IRQ_GATTC_WRITE_DONE) ble.gattcRead(conn, handle);
      else if (event === IRQ_GATTC_READ_DONE && ++reads < 2) ble.gattcRead(conn, handle);
      else if (event === IRQ_GATTC_READ_DONE) ble.gapDisconnect(conn);
    });
    const { near, far } = cameras;
    const [[own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(STATE), FLAG_READ | FLAG_NOTIFY]]],
    ]) as [[number]];
    await cameras.world.run(async () => {
      await cameras.offer();
      const meeting = cameras.meet();
      await meeting;
      const conn = 64;
      for (let count = 0; count < 2; count++) {
        await far.event(IRQ_GATTS_READ_REQUEST);
        far.ble.gattsNotify(conn, own, `read ${count}`);
      }
      await near.event(IRQ_PERIPHERAL_DISCONNECT);
      const kinds: number[] = near.events.map(([event]) => event);
      deepEqual(
        [
          IRQ_PERIPHERAL_CONNECT,
          IRQ_MTU_EXCHANGED,
          IRQ_GATTC_SERVICE_DONE,
          IRQ_GATTC_CHARACTERISTIC_DONE,
          IRQ_GATTC_WRITE_DONE,
        ].map((kind) => kinds.indexOf(kind)),
        [0, 1, 3, 5, 6],
      );
      deepEqual(kinds.filter((kind) => kind === IRQ_GATTC_NOTIFY).length, 2);
    });
  });
});
