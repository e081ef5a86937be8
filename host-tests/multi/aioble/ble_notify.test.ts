/** Who is notified of a new value: subscribers only, and each notification once. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, equal, rejects } from "../../support/assert.ts";
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
import { createTwoCameras, discover } from "../two-cameras.ts";

describe("multi: aioble ble_notify", () => {
  it("a write notifies subscribers only; of three quick notifications none is lost", async () => {
    const pair = createPair();
    const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { read: true, notify: true });
    registerServices(service);
    await pair.run(
      async () => {
        const connection = await advertise({ intervalUs: INTERVAL_US, advData: ADV_DATA, timeoutMs: 5000 });
        await pair.wait("discovery");
        await pair.sleep(100);
        equal(characteristic.write("before-subscribe", { sendUpdate: true }), 0);
        await pair.wait("subscribed");
        await pair.sleep(100);
        equal(characteristic.write("after-subscribe", { sendUpdate: true }), 1);
        await pair.wait("unsubscribed");
        await pair.sleep(100);
        equal(characteristic.write("after-unsubscribe", { sendUpdate: true }), 0);
        await pair.wait("start-direct");
        for (let i = 0; i < 5; i++) {
          for (let j = 0; j < (i === 2 ? 3 : 1); j++) {
            if (j > 0) await pair.sleep(100);
            equal(await characteristic.notify(connection, `direct-${i}-${j}`), true);
          }
          await pair.wait(`next-${i}`);
        }
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const link = await pair.connect();
        const [target] = await findCharacteristics(link, CHAR_UUID);
        const nothing = { name: "PhoneError" };
        pair.broadcast("discovery");
        await rejects(link.nextValue(500), nothing);
        await link.subscribe(target!);
        pair.broadcast("subscribed");
        equal(text((await link.nextValue()).value), "after-subscribe");
        await link.subscribe(target!, "none");
        pair.broadcast("unsubscribed");
        await rejects(link.nextValue(500), nothing);
        await link.subscribe(target!);
        pair.broadcast("start-direct");
        for (let i = 0; i < 5; i++) {
          const expected = (i === 2 ? [0, 1, 2] : [0]).map((j) => `direct-${i}-${j}`);
          const seen: string[] = [];
          for (const _ of expected) seen.push(text((await link.nextValue()).value));
          deepEqual(seen, expected);
          await rejects(link.nextValue(100), nothing);
          pair.broadcast(`next-${i}`);
        }
        await link.disconnect();
      },
    );
  });

  it("between two cameras: the client gets each notification once, in order; with queueSize 1 the newest, as the original's", async () => {
    const cameras = createTwoCameras();
    const { Characteristic, registerServices, Service } = cameras.peripheral.aioble;
    const service = new Service(new UUID(SERVICE_UUID));
    const characteristic = new Characteristic(service, new UUID(CHAR_UUID), { read: true, notify: true });
    registerServices(service);
    await cameras.run(
      async () => {
        const connection = await cameras.advertise();
        await cameras.wait("discovery");
        equal(characteristic.write("before-subscribe", { sendUpdate: true }), 0);
        await cameras.wait("subscribed");
        equal(characteristic.write("after-subscribe", { sendUpdate: true }), 1);
        await cameras.wait("unsubscribed");
        equal(characteristic.write("after-unsubscribe", { sendUpdate: true }), 0);
        for (let i = 0; i < 5; i++) {
          await cameras.wait(`next-${i}`);
          for (let j = 0; j < 3; j++)
            equal(await characteristic.notify(connection, `direct-${i}-${j}`), true);
        }
        await connection.disconnected({ timeoutMs: 5000 });
      },
      async () => {
        const connection = await cameras.connect();
        const [found] = await discover(connection, CHAR_UUID);
        const nothing = { name: "TimeoutError" };
        cameras.broadcast("discovery");
        await rejects(found!.notified({ timeoutMs: 500 }), nothing);
        await found!.subscribe();
        cameras.broadcast("subscribed");
        equal(text(await found!.notified()), "after-subscribe");
        await found!.subscribe({ notify: false });
        cameras.broadcast("unsubscribed");
        await rejects(found!.notified({ timeoutMs: 500 }), nothing);
        await found!.subscribe();
        for (let i = 0; i < 5; i++) {
          // The last round keeps one value, as the original always does.
          if (i === 4) await found!.subscribe({ queueSize: 1 });
          cameras.broadcast(`next-${i}`);
          await cameras.sleep(500);
          const expected = (i === 4 ? [2] : [0, 1, 2]).map((j) => `direct-${i}-${j}`);
          const seen: string[] = [];
          for (const _ of expected) seen.push(text(await found!.notified({ timeoutMs: 5000 })));
          deepEqual(seen, expected);
          await rejects(found!.notified({ timeoutMs: 100 }), nothing);
        }
        equal(found!.droppedValues, 2);
        await connection.disconnect();
      },
    );
  });
});
