/** The central of ble_characteristic: discovery, reads, writes, notifications and indications, event by event. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  FLAG_INDICATE,
  FLAG_NOTIFY,
  FLAG_READ,
  FLAG_WRITE,
  IRQ_CENTRAL_CONNECT,
  IRQ_GATTC_INDICATE,
  IRQ_GATTC_NOTIFY,
  IRQ_GATTC_READ_DONE,
  IRQ_GATTC_READ_RESULT,
  IRQ_GATTC_WRITE_DONE,
  IRQ_GATTS_INDICATE_DONE,
  IRQ_GATTS_WRITE,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_characteristic, the central", () => {
  it("reads what the peripheral set, and hears what it notifies and indicates", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const flags = FLAG_READ | FLAG_WRITE | FLAG_NOTIFY | FLAG_INDICATE;
    const [[own]] = far.ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    far.ble.gattsWrite(own, "periph0");
    await cameras.run(
      async () => {
        await cameras.offer();
        const [conn] = await far.event(IRQ_CENTRAL_CONNECT);
        const written = async () => {
          await far.event(IRQ_GATTS_WRITE);
          return text(far.ble.gattsRead(own));
        };
        equal(await written(), "central0");
        far.ble.gattsWrite(own, "periph1");
        far.ble.gattsNotify(conn, own);
        equal(await written(), "central1");
        far.ble.gattsNotify(conn, own, "periph2");
        equal(await written(), "central2");
        far.ble.gattsWrite(own, "periph3");
        far.ble.gattsIndicate(conn, own);
        deepEqual(await far.event(IRQ_GATTS_INDICATE_DONE), [conn, own, 0]);
      },
      async () => {
        const conn = await cameras.meet();
        const handle = await cameras.handleOf(conn, CHAR_UUID);
        const read = async () => {
          near.ble.gattcRead(conn, handle);
          const [, , value] = await near.event(IRQ_GATTC_READ_RESULT);
          deepEqual(await near.event(IRQ_GATTC_READ_DONE), [conn, handle, 0]);
          return text(value);
        };
        const write = async (at: number, value: string | Uint8Array) => {
          near.ble.gattcWrite(conn, at, value, 1);
          deepEqual(await near.event(IRQ_GATTC_WRITE_DONE), [conn, at, 0]);
        };
        await write(handle + 1, new Uint8Array([3, 0]));
        equal(await read(), "periph0");
        await write(handle, "central0");
        equal(text((await near.event(IRQ_GATTC_NOTIFY))[2]), "periph1");
        equal(await read(), "periph1");
        await write(handle, "central1");
        equal(text((await near.event(IRQ_GATTC_NOTIFY))[2]), "periph2");
        equal(await read(), "central1");
        await write(handle, "central2");
        equal(text((await near.event(IRQ_GATTC_INDICATE))[2]), "periph3");
        equal(await read(), "periph3");
        near.ble.gapDisconnect(conn);
        await near.event(IRQ_PERIPHERAL_DISCONNECT);
      },
    );
  });
});
