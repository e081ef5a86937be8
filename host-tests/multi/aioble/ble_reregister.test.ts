/** The same service and characteristic objects, registered again after each stop. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  createPair,
  findCharacteristics,
  INTERVAL_US,
  SERVICE_UUID,
  text,
} from "../pair.ts";

const ROUNDS = [0, 1, 2];

describe("multi: aioble ble_reregister", () => {
  it("keep their values and work again, three times", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service, stop } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    new Characteristic(service, new UUID(CHAR_UUID), { read: true, initial: "hello" });
    const written = new Characteristic(service, new UUID(CHAR2_UUID), { read: true, write: true });
    await pair.run(
      async () => {
        for (const i of ROUNDS) {
          registerServices(service);
          written.write(`periph${i}`);
          pair.broadcast(`connect-${i}`);
          const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
          await written.written({ timeoutMs: 5000 });
          equal(text(written.read()), `central${i}`);
          await connection.disconnected({ timeoutMs: 5000 });
          await stop();
          await pair.sleep(100);
        }
      },
      async () => {
        for (const i of ROUNDS) {
          await pair.wait(`connect-${i}`);
          const link = await pair.connect();
          const [initial, target] = await findCharacteristics(link, CHAR_UUID, CHAR2_UUID);
          equal(text(await link.read(initial!)), "hello");
          equal(text(await link.read(target!)), `periph${i}`);
          await link.write(target!, bytes(`central${i}`));
          await link.disconnect();
          await pair.sleep(100);
        }
      },
    );
  });
});
