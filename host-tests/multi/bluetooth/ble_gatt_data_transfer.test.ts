/** Data both ways: appended writes with and without response, and notifications of two characteristics. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { bytes, findCharacteristics, text } from "../pair.ts";

const SERVICE = "00000001-1111-2222-3333-444444444444";
const CTRL = "00000002-1111-2222-3333-444444444444";
const RX = "00000003-1111-2222-3333-444444444444";
const TX = "00000004-1111-2222-3333-444444444444";

describe("multi: bluetooth ble_gatt_data_transfer", () => {
  it("gattsSetBuffer collects what comes, and notifications arrive in order", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const { FLAG_WRITE, FLAG_WRITE_NO_RESPONSE, FLAG_NOTIFY } = bluetooth;
    const [[ctrl, rx, tx]] = ble.gattsRegisterServices([
      [
        new UUID(SERVICE),
        [
          [new UUID(CTRL), FLAG_WRITE | FLAG_NOTIFY],
          [new UUID(RX), FLAG_WRITE | FLAG_WRITE_NO_RESPONSE],
          [new UUID(TX), FLAG_NOTIFY],
        ],
      ],
    ]) as [[number, number, number]];
    ble.gattsSetBuffer(rx, 100, true);
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        for (;;) {
          const [, handle] = await pair.event(bluetooth.IRQ_GATTS_WRITE);
          if (handle === ctrl) break;
        }
        equal(text(ble.gattsRead(rx)), "central0central1central2central3");
        equal(ble.gattsRead(rx).length, 0, "reading empties it");
        for (let i = 0; i < 4; i++) {
          await pair.sleep(300);
          ble.gattsNotify(conn, tx, `message${i}`);
        }
        await pair.sleep(300);
        ble.gattsNotify(conn, ctrl, "OK");
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const [control, receive, transmit] = await findCharacteristics(link, CTRL, RX, TX);
        await link.subscribe(control!);
        await link.subscribe(transmit!);
        for (let i = 0; i < 4; i++) {
          const send = i & 1 ? link.write(receive!, bytes(`central${i}`)) : undefined;
          await (send ?? link.writeWithoutResponse(receive!, bytes(`central${i}`)));
          await pair.sleep(400);
        }
        await link.write(control!, bytes("OK"));
        const seen: string[] = [];
        while (seen.at(-1) !== "OK") seen.push(text((await link.nextValue(5000)).value));
        deepEqual(seen, ["message0", "message1", "message2", "message3", "OK"]);
        await link.disconnect();
      },
    );
  });
});
