/**
 * Fifty notifications, each answered before the next: by a notification of the central's own server, as in the original, or
 * by a phone's write.
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
import { createTwoCameras, discover } from "../two-cameras.ts";

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

  it("between two cameras, both of them server and client, as in the original", async () => {
    const cameras = createTwoCameras();
    const [theirs, ours] = [cameras.peripheral, cameras.central].map(({ aioble }) => {
      const service = new aioble.Service(new UUID(SERVICE_UUID));
      const characteristic = new aioble.Characteristic(service, new UUID(CHAR_UUID), { notify: true });
      aioble.registerServices(service);
      return characteristic;
    });
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        const [found] = await discover(connection, CHAR_UUID);
        await found!.subscribe();
        await cameras.wait("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          await theirs!.notify(connection, `peripheral${i}`);
          equal(text(await found!.notified({ timeoutMs: 5000 })), `centralperipheral${i}`);
        }
        await connection.disconnect();
      },
      async () => {
        const connection = await cameras.connect();
        const [found] = await discover(connection, CHAR_UUID);
        await found!.subscribe();
        cameras.broadcast("subscribed");
        for (let i = 0; i < NOTIFICATIONS; i++) {
          const value = await found!.notified({ timeoutMs: 5000 });
          await ours!.notify(connection, `central${text(value)}`);
        }
        await connection.disconnected({ timeoutMs: 20_000 });
        equal(connection.disconnectReason, 0x13);
      },
    );
  });
});
