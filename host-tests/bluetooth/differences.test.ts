/** Defects of MicroPython's `bluetooth`, none of which we have: docs/differences.md names each. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createLowLevelPair } from "../multi/low-level.ts";
import { CHAR_UUID, findCharacteristics, SERVICE_UUID, writeLong } from "../multi/pair.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { describe, it } from "../support/suite.ts";

describe("bluetooth: differences", () => {
  it("⚠ 10.2: active(true) while the radio is on leaves links alone", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    await pair.world.run(async () => {
      await ble.active(true);
      await pair.advertise();
      const link = await pair.connect();
      await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
      equal(await ble.active(true), true);
      await pair.sleep(5000);
      equal(link.isConnected, true);
      equal(pair.events.length, 1);
    });
  });

  it("⚠ 10.2: a handler finds 512 bytes whole", async () => {
    const whole = Uint8Array.from({ length: 512 }, (_, index) => (index * 7) & 0xff);
    const seen: Uint8Array[] = [];
    const pair = createLowLevelPair((event, data) => {
      if (event === pair.bluetooth.IRQ_GATTS_WRITE) seen.push(pair.ble.gattsRead(data[1]));
    });
    const { ble, bluetooth } = pair;
    const services = [[new UUID(SERVICE_UUID), [[new UUID(CHAR_UUID), bluetooth.FLAG_WRITE]]]] as const;
    const [[handle]] = ble.gattsRegisterServices(services) as [[number]];
    ble.gattsSetBuffer(handle, 512);
    await pair.world.run(async () => {
      await ble.active(true);
      await pair.advertise();
      const link = await pair.connect();
      const [target] = await findCharacteristics(link, CHAR_UUID);
      await writeLong(link, target!, whole);
      await link.exchangeMtu(517);
      await link.write(target!, whole);
    });
    deepEqual(seen, [whole, whole]);
  });
});
