/** The order of a peripheral's events over one session, and calls from inside the handler. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import type { IrqEvent } from "../../../firmware/bluetooth/irq.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { ADV_DATA, findCharacteristics, INTERVAL_US, SERVICE_UUID, text } from "../pair.ts";

const STATE = "a5a5a5a5-eeee-9999-1111-5a5a5a5a5a5a";

describe("multi: bluetooth ble_irq_calls", () => {
  it("connect, MTU, two reads, disconnect; the handler may write, notify and advertise", async () => {
    let handle = 0;
    let conn = 0;
    let reads = 0;
    const pair = createLowLevelPair((...[event, data]: IrqEvent) => {
      const { ble, bluetooth } = pair;
      if (event === bluetooth.IRQ_CENTRAL_CONNECT) {
        conn = data[0];
        ble.gattsWrite(handle, "connected");
      } else if (event === bluetooth.IRQ_GATTS_READ_REQUEST) {
        ble.gattsWrite(handle, `read ${++reads}`);
        ble.gattsNotify(conn, handle);
      } else if (event === bluetooth.IRQ_CENTRAL_DISCONNECT) {
        ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA }).catch(() => undefined);
      }
    });
    const { ble, bluetooth, phone } = pair;
    const flags = bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY;
    [[handle]] = ble.gattsRegisterServices([[new UUID(SERVICE_UUID), [[new UUID(STATE), flags]]]]) as [
      [number],
    ];
    await pair.world.run(async () => {
      await ble.active(true);
      await ble.gapAdvertise(500_000, { advData: ADV_DATA });
      const link = await pair.connect();
      const [target] = await findCharacteristics(link, STATE);
      await link.exchangeMtu(100);
      await link.subscribe(target!);
      equal(text(await link.read(target!)), "read 1");
      equal(text(await link.read(target!)), "read 2");
      await link.disconnect();
      await phone.find({});
      deepEqual(
        link.att.values.map(({ value }) => text(value)),
        ["read 1", "read 2"],
      );
    });
    deepEqual(
      pair.events.map(([event]) => event),
      [
        bluetooth.IRQ_CENTRAL_CONNECT,
        bluetooth.IRQ_MTU_EXCHANGED,
        bluetooth.IRQ_GATTS_READ_REQUEST,
        bluetooth.IRQ_GATTS_READ_REQUEST,
        bluetooth.IRQ_CENTRAL_DISCONNECT,
      ],
    );
  });
});
