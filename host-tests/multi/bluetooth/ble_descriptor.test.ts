/** A descriptor beside its characteristic: read and written by the same events. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { bytes, CHAR_UUID, CHAR2_UUID, findCharacteristics, SERVICE_UUID, text } from "../pair.ts";

describe("multi: bluetooth ble_descriptor", () => {
  it("its handle follows the characteristic's, and writing it is an event", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const { FLAG_READ, FLAG_WRITE } = bluetooth;
    const flags = FLAG_READ | FLAG_WRITE;
    const descriptor = new UUID(CHAR2_UUID);
    const [[value, described]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags, [[descriptor, flags]]]]],
    ]) as [[number, number]];
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        ble.gattsWrite(value, "periph0");
        ble.gattsWrite(described, "desc_periph0");
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        for (const [handle, expected] of [
          [value, "central0"],
          [described, "desc_central0"],
          [described, "desc_central1"],
        ] as const) {
          deepEqual(await pair.event(bluetooth.IRQ_GATTS_WRITE), [conn, handle]);
          equal(text(ble.gattsRead(handle)), expected);
        }
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const [target] = await findCharacteristics(link, CHAR_UUID);
        const found = target!.descriptors.find(({ uuid }) => uuid.equals(descriptor))!;
        equal(text(await link.read(target!)), "periph0");
        equal(text(await link.read(found)), "desc_periph0");
        await link.write(target!, bytes("central0"));
        await pair.sleep(100);
        await link.write(found, bytes("desc_central0"));
        await pair.sleep(100);
        await link.write(found, bytes("desc_central1"));
        await pair.sleep(100);
        await link.disconnect();
      },
    );
  });

  it("takes writes without response when it was declared so, as the original's", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const flags = bluetooth.FLAG_READ | bluetooth.FLAG_WRITE_NO_RESPONSE;
    const [[, described]] = ble.gattsRegisterServices([
      [new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), flags, [[new UUID(CHAR2_UUID), flags]]]]],
    ]) as [[number, number]];
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        const [conn] = await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        deepEqual(await pair.event(bluetooth.IRQ_GATTS_WRITE), [conn, described]);
        equal(text(ble.gattsRead(described)), "command");
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const [target] = await findCharacteristics(link, CHAR_UUID);
        await link.writeWithoutResponse(target!.descriptors[0]!, bytes("command"));
        await pair.sleep(100);
        await link.disconnect();
      },
    );
  });
});
