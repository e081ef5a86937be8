/** The stack is stopped and started again, with new services each time, and with an L2CAP channel. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { equal, rejects } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import {
  ADV_DATA,
  CHAR_UUID,
  createPair,
  findCharacteristics,
  INTERVAL_US,
  SERVICE_UUID,
  text,
} from "../pair.ts";
import { createTwoCameras } from "../two-cameras.ts";

const ROUNDS = [0, 1, 2];

describe("multi: aioble ble_shutdown", () => {
  it("register, serve, stop: three times; the last link is ended by stop itself", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service, stop } = pair.camera.aioble;
    await pair.run(
      async () => {
        for (const i of ROUNDS) {
          const service = new Service(new UUID(SERVICE_UUID));
          const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { read: true });
          registerServices(service);
          characteristic.write(`periph${i}`);
          pair.broadcast(`connect-${i}`);
          const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
          if (i < 2) await connection.disconnected({ timeoutMs: 5000 });
          else await pair.wait("read");
          await stop();
          equal(connection.isConnected(), false);
        }
      },
      async () => {
        for (const i of ROUNDS) {
          await pair.wait(`connect-${i}`);
          const link = await pair.connect();
          const [target] = await findCharacteristics(link, CHAR_UUID);
          equal(text(await link.read(target!)), `periph${i}`);
          if (i < 2) await link.disconnect();
          else {
            pair.broadcast("read");
            equal(await link.disconnected(), 0x15, "remote device terminated: power off");
          }
        }
      },
    );
  });

  it("a channel each time; stop() ends the last, and both sides hear it", async () => {
    const cameras = createTwoCameras();
    await cameras.run(
      async () => {
        for (const i of ROUNDS) {
          const connection = await cameras.advertise();
          const channel = await connection.l2capAccept(22, { mtu: 128 });
          equal(text(await channel.recv()), `l2cap${i}`);
          if (i < 2) await connection.disconnected({ timeoutMs: 5000 });
          await cameras.peripheral.aioble.stop();
          equal(channel.isConnected(), false);
        }
      },
      async () => {
        for (const i of ROUNDS) {
          const connection = await cameras.connect();
          const channel = await connection.l2capConnect(22, { mtu: 128 });
          await channel.send(`l2cap${i}`);
          await channel.flush();
          if (i < 2) await connection.disconnect();
          else await rejects(channel.recv(), { code: "l2cap-disconnected", reason: "link" });
        }
      },
    );
  });
});
