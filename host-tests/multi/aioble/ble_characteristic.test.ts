/** A characteristic that is read, written, notified with its value and with another, and indicated. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { ADV_DATA, CHAR_UUID, createPair, INTERVAL_US, SERVICE_UUID, text } from "../pair.ts";
import { playCharacteristic, received } from "../phone-parts.ts";
import { createTwoCameras, discover } from "../two-cameras.ts";

function createScene() {
  const pair = createPair();
  const { Characteristic, registerServices, Service } = pair.camera.aioble;
  const service = new Service(new UUID(SERVICE_UUID));
  const options = { read: true, write: true, notify: true, indicate: true };
  const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
  registerServices(service);
  characteristic.write("periph0");
  return { pair, characteristic };
}

describe("multi: aioble ble_characteristic", () => {
  it("notify sends the value that was set or another, indicate waits, and reads show what was set", async () => {
    const { pair, characteristic } = createScene();
    const { advertise } = pair.camera.aioble;
    await pair.run(
      async () => {
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central0");
        characteristic.write("periph1");
        equal(await characteristic.notify(connection), true);
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central1");
        equal(await characteristic.notify(connection, "periph2"), true);
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central2");
        characteristic.write("periph3");
        equal(await characteristic.indicate(connection, undefined, { timeoutMs: 5000 }), true);
        await connection.disconnected({ timeoutMs: 5000 });
      },
      () => playCharacteristic(pair),
    );
  });

  it("a client that has not subscribed, as the original's, is sent nothing but by force", async () => {
    const { pair, characteristic } = createScene();
    await pair.run(
      async () => {
        const { advertise } = pair.camera.aioble;
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA });
        equal(await characteristic.notify(connection, "unasked"), false);
        equal(await characteristic.indicate(connection, "unasked"), false);
        equal(await characteristic.notify(connection, "forced", { force: true }), true);
        await connection.disconnected();
      },
      async () => {
        const link = await pair.connect();
        deepEqual(await received(link), ["notification", "forced"]);
        await link.disconnect();
      },
    );
  });

  it("between two cameras: the client reads, writes, is notified and indicated", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const options = { read: true, write: true, notify: true, indicate: true };
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
    registerServices(service);
    characteristic.write("periph0");
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central0");
        characteristic.write("periph1");
        await characteristic.notify(connection);
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central1");
        await characteristic.notify(connection, "periph2");
        await characteristic.written({ timeoutMs: 5000 });
        equal(text(characteristic.read()), "central2");
        characteristic.write("periph3");
        equal(await characteristic.indicate(connection, undefined, { timeoutMs: 5000 }), true);
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const connection = await cameras.connect();
        const [found] = await discover(connection, CHAR_UUID);
        await found!.subscribe({ notify: true, indicate: true });
        equal(text(await found!.read()), "periph0");
        await found!.write("central0", { response: true });
        equal(text(await found!.notified({ timeoutMs: 5000 })), "periph1");
        equal(text(await found!.read()), "periph1");
        await found!.write("central1", { response: true });
        equal(text(await found!.notified({ timeoutMs: 5000 })), "periph2");
        equal(text(await found!.read()), "central1");
        await found!.write("central2", { response: true });
        equal(text(await found!.indicated({ timeoutMs: 5000 })), "periph3");
        equal(text(await found!.read()), "periph3");
        await connection.disconnect();
      },
    );
  });
});
