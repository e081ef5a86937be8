/** The ATT_MTU that a central asks for against the one that the camera prefers, and what fits a packet then. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { CHAR_UUID, findCharacteristics, SERVICE_UUID, writeLong } from "../pair.ts";

/** What the camera prefers, and what becomes of 300. The original's others are begun by the peripheral. */
const ROUNDS = [
  { preferred: 256, agreed: 256 },
  { preferred: 200, agreed: 200 },
  { preferred: 400, agreed: 300 },
  { preferred: 50, agreed: 50 },
];

describe("multi: bluetooth ble_mtu", () => {
  it("is the smaller of both; a notification is cut to it, a longer value is written in parts", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const flags = bluetooth.FLAG_READ | bluetooth.FLAG_WRITE | bluetooth.FLAG_NOTIFY;
    const [[handle]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    ble.gattsSetBuffer(handle, 500);
    await pair.run(
      async () => {
        await ble.active(true);
        for (const [round, { preferred, agreed }] of ROUNDS.entries()) {
          ble.config({ mtu: preferred });
          await pair.advertise();
          const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
          deepEqual(await pair.event(bluetooth.IRQ_MTU_EXCHANGED), [conn, agreed]);
          await pair.wait(`subscribed ${round}`);
          equal(ble.gattsNotify(conn, handle, new Uint8Array(64).fill(round)), true);
          await pair.event(bluetooth.IRQ_GATTS_WRITE);
          equal(ble.gattsRead(handle).length, agreed + 20);
          await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        }
        await ble.active(false);
      },
      async () => {
        for (const [round, { agreed }] of ROUNDS.entries()) {
          const link = await pair.connect();
          equal(await link.exchangeMtu(300), agreed);
          const [target] = await findCharacteristics(link, CHAR_UUID);
          await link.subscribe(target!);
          pair.broadcast(`subscribed ${round}`);
          deepEqual((await link.nextValue()).value, new Uint8Array(Math.min(64, agreed - 3)).fill(round));
          await writeLong(link, target!, new Uint8Array(agreed + 20));
          await link.disconnect();
          await pair.sleep(100);
        }
      },
    );
  });
});
