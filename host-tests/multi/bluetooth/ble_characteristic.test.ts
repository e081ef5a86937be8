/** A characteristic that is read, written, notified with its value and with another, and indicated. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { CHAR_UUID, SERVICE_UUID, text } from "../pair.ts";
import { playCharacteristic } from "../phone-parts.ts";

describe("multi: bluetooth ble_characteristic", () => {
  it("each write is an event; notify, notify with data and indicate reach the phone", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const { FLAG_READ, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE } = bluetooth;
    const flags = FLAG_READ | FLAG_WRITE | FLAG_NOTIFY | FLAG_INDICATE;
    const [[handle]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    const written = async () => {
      const [, attribute] = await pair.event(bluetooth.IRQ_GATTS_WRITE);
      equal(attribute, handle);
      return text(ble.gattsRead(handle));
    };
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        equal(ble.gattsWrite(handle, "periph0"), 7);
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        equal(await written(), "central0");
        await pair.sleep(1000);
        ble.gattsWrite(handle, "periph1");
        equal(ble.gattsNotify(conn, handle), true);
        equal(await written(), "central1");
        await pair.sleep(1000);
        ble.gattsNotify(conn, handle, "periph2");
        equal(await written(), "central2");
        await pair.sleep(1000);
        ble.gattsWrite(handle, "periph3");
        ble.gattsIndicate(conn, handle);
        deepEqual(await pair.event(bluetooth.IRQ_GATTS_INDICATE_DONE), [conn, handle, 0]);
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        equal(await ble.active(false), false);
      },
      () => playCharacteristic(pair),
    );
  });
});
