/** Writes that come faster than the camera waits: lost without capture, kept with it. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
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

describe("multi: aioble ble_write_capture", () => {
  it("a sleeper misses values of a plain characteristic, and none of a captured one", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const plain = new Characteristic(service, new UUID(CHAR_UUID), { write: true });
    const captured = new Characteristic(service, new UUID(CHAR2_UUID), { write: true, capture: true });
    registerServices(service);
    const seen: string[] = [];
    await pair.run(
      async () => {
        await using connection = await advertise({
          intervalUs: INTERVAL_US,
          advData: ADV_DATA,
          timeoutMs: 5000,
        });
        for (let i = 0; i < 2; i++) {
          await plain.written({ timeoutMs: 5000 });
          seen.push(text(plain.read()));
          await pair.sleep(500);
        }
        for (let i = 0; i < 5; i++) {
          const { connection: writer, data } = await captured.written({ timeoutMs: 5000 });
          equal(writer, connection);
          seen.push(text(data));
          await pair.sleep(500);
        }
      },
      async () => {
        const link = await pair.connect();
        const targets = await findCharacteristics(link, CHAR_UUID, CHAR2_UUID);
        for (const target of targets) {
          for (let i = 0; i < 5; i++) {
            await link.write(target, bytes(`central${i}`));
            await pair.sleep(200);
          }
        }
        equal(await link.disconnected(), 0x13);
      },
    );
    deepEqual(seen.slice(2), ["central0", "central1", "central2", "central3", "central4"]);
    equal(seen[0], "central0");
    equal(seen[1], "central2", "the last of what came while it slept");
  });
});
