/**
 * Fifty notifications, each answered before the next. The original's answer is a notification of the central's own
 * server; this phone answers by a write, for the camera has no client yet.
 */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  bytes,
  CHAR_UUID,
  createPair,
  findCharacteristics,
  INTERVAL_US,
  SERVICE_UUID,
  text,
} from "../pair.ts";

const NOTIFICATIONS = 50;

describe("multi: aioble perf_gatt_notify", () => {
  it("each is answered before the next, and the last answer survives the disconnection", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { read: true, write: true, notify: true, indicate: true };
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
    registerServices(service);
    await pair.run(
      async () => {
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
        await pair.wait("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          await characteristic.notify(connection, `peripheral${i}`);
          await characteristic.written({ timeoutMs: 5000 });
          equal(text(characteristic.read()), `centralperipheral${i}`);
        }
        await connection.disconnect();
      },
      async () => {
        const link = await pair.connect({ intervalMs: 30 });
        const [target] = await findCharacteristics(link, CHAR_UUID);
        await link.subscribe(target!);
        pair.broadcast("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          const { value } = await link.nextValue(5000);
          await link.write(target!, bytes(`central${text(value)}`));
        }
        equal(await link.disconnected(20_000), 0x13);
      },
    );
  });
});
