/** Forty writes without response and forty with, each as long as the MTU allows: none is lost, none changes. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import type { IrqEvent } from "../../../firmware/bluetooth/irq.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { CHAR_UUID, findCharacteristics, SERVICE_UUID } from "../pair.ts";

const MTU = 131;
const SIZE = MTU - 3;
const WRITES = 40;

describe("multi: bluetooth perf_gatt_char_write", () => {
  it("every write is an event, in order, and its value is whole inside the handler", async () => {
    let sequence = 0;
    const pair = createLowLevelPair((...[event, data]: IrqEvent) => {
      if (event !== pair.bluetooth.IRQ_GATTS_WRITE) return;
      const value = pair.ble.gattsRead(data[1]);
      deepEqual([value.length, value[0], value.at(-1)], [SIZE, sequence, (256 - sequence) & 0xff]);
      sequence++;
    });
    const { ble, bluetooth } = pair;
    const flags = bluetooth.FLAG_WRITE | bluetooth.FLAG_WRITE_NO_RESPONSE;
    const [[handle]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags]]],
    ]) as [[number]];
    ble.gattsSetBuffer(handle, SIZE);
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        deepEqual((await pair.event(bluetooth.IRQ_MTU_EXCHANGED))[1], MTU);
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        await link.exchangeMtu(MTU);
        const [target] = await findCharacteristics(link, CHAR_UUID);
        for (let at = 0; at < 2 * WRITES; at++) {
          const value = Uint8Array.from({ length: SIZE }, (_, index) => 65 + (index % 64));
          value[0] = at;
          value[SIZE - 1] = (256 - at) & 0xff;
          if (at < WRITES) await link.writeWithoutResponse(target!, value);
          else await link.write(target!, value);
        }
        await link.disconnect();
      },
    );
    equal(sequence, 2 * WRITES);
  });
});
