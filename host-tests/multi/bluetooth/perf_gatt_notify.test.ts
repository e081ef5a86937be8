/**
 * Fifty notifications, each answered before the next. The original's answer is a notification of the central's own
 * server; this phone answers by a write, for the camera has no client yet.
 */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { bytes, CHAR_UUID, findCharacteristics, SERVICE_UUID, text } from "../pair.ts";

const NOTIFICATIONS = 50;

describe("multi: bluetooth perf_gatt_notify", () => {
  it("each is answered before the next", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const flags = bluetooth.FLAG_NOTIFY | bluetooth.FLAG_WRITE_NO_RESPONSE;
    const [[handle]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        await pair.wait("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          ble.gattsNotify(conn, handle, `peripheral${i}`);
          await pair.event(bluetooth.IRQ_GATTS_WRITE);
          equal(text(ble.gattsRead(handle)), `centralperipheral${i}`);
        }
        equal(ble.gapDisconnect(conn), true);
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const [target] = await findCharacteristics(link, CHAR_UUID);
        await link.subscribe(target!);
        pair.broadcast("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          const { value } = await link.nextValue(5000);
          await link.writeWithoutResponse(target!, bytes(`central${text(value)}`));
        }
        equal(await link.disconnected(20_000), 0x13);
      },
    );
  });
});
