/** Who is notified of a value when: not subscribed, subscribed to notifications, to indications, and not any more. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { bytes, CHAR_UUID, findCharacteristics, SERVICE_UUID, text } from "../pair.ts";

describe("multi: bluetooth ble_subscribe", () => {
  it("gattsWrite notifies those that ask; gattsNotify notifies the others by force only", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const { FLAG_READ, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE } = bluetooth;
    const flags = FLAG_READ | FLAG_WRITE | FLAG_NOTIFY | FLAG_INDICATE;
    const [[handle]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        ble.gattsWrite(handle, "periph0");
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        const sync = async (round: string) => {
          await pair.event(bluetooth.IRQ_GATTS_WRITE);
          equal(text(ble.gattsRead(handle)), `central${round}`);
        };
        const write = async (value: string, sendUpdate?: boolean) => {
          ble.gattsWrite(handle, value, sendUpdate);
          await pair.sleep(100);
        };
        await sync("A");
        await write("periph1");
        await write("periph2");
        equal(ble.gattsNotify(conn, handle), false, "the original sends it");
        equal(ble.gattsNotify(conn, handle, undefined, { force: true }), true);
        await write("periph3", true);
        pair.broadcast("A");
        await sync("B");
        await write("periph4", false);
        await write("periph5", true);
        pair.broadcast("B");
        await sync("C");
        await write("periph6", false);
        await write("periph7", true);
        deepEqual(await pair.event(bluetooth.IRQ_GATTS_INDICATE_DONE), [conn, handle, 0]);
        pair.broadcast("C");
        await sync("D");
        await write("periph8", false);
        await write("periph9", true);
        await write("periph10");
        equal(ble.gattsNotify(conn, handle, undefined, { force: true }), true);
        await pair.sleep(100);
        pair.broadcast("D");
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const [target] = await findCharacteristics(link, CHAR_UUID);
        equal(text(await link.read(target!)), "periph0");
        for (const [round, kind] of [
          ["A", "none"],
          ["B", "notify"],
          ["C", "indicate"],
          ["D", "none"],
        ] as const) {
          if (round !== "A") await link.subscribe(target!, kind);
          await link.write(target!, bytes(`central${round}`));
          await pair.wait(round);
        }
        deepEqual(
          link.att.values.map(({ kind, value }) => `${kind} ${text(value)}`),
          ["notification periph2", "notification periph5", "indication periph7", "notification periph10"],
        );
        await link.disconnect();
      },
    );
  });
});
