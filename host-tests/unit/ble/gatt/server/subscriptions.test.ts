import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Attribute } from "../../../../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { UUID } from "../../../../../firmware/ble/uuid.ts";
import { fromHex } from "../../../../support/bytes.ts";
import { ATT, HANDLE } from "../../../../support/rig.ts";

import {
  CCCD,
  connectSecond,
  definition,
  error,
  read,
  rigWith,
  SECOND,
  SERVICE_CHANGED_CCCD,
  type ServerRig,
  sentTo,
  write,
} from "./server-scene.ts";

describe("client characteristic configuration (Vol 3, Part G, 3.3.3.3)", () => {
  it("nothing is notified before the client asks, and the Write Response comes first", async () => {
    const rig: ServerRig = await rigWith({
      hooks: {
        onSubscribe(client, configuration) {
          assert.equal(client, rig.host.connections.get(HANDLE));
          if (configuration) rig.host.gatt.updates.notifySubscribers(rig.attribute);
        },
      },
    });
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    assert.deepEqual(sentTo(rig, HANDLE), []);
    assert.deepEqual(await write(rig, [1, 0], CCCD), ["13", "1b 10 00 00 01 02 03"]);
    assert.deepEqual(await read(rig, CCCD), ["0b 01 00"]);
    assert.deepEqual(await write(rig, [0, 0], CCCD), ["13"]);
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    assert.deepEqual(sentTo(rig, HANDLE), []);
  });

  it("is called once for each change", async () => {
    const changes: number[] = [];
    const rig = await rigWith({
      properties: PROPERTY.NOTIFY | PROPERTY.INDICATE,
      hooks: { onSubscribe: (_, configuration) => changes.push(configuration) },
    });
    for (const configuration of [1, 1, 3, 2, 0, 0]) await write(rig, [configuration, 0], CCCD);
    assert.deepEqual(changes, [1, 3, 2, 0]);
  });

  it("is each client's own, and shown to each as its own", async () => {
    const rig = await rigWith();
    await connectSecond(rig);
    await write(rig, [1, 0], CCCD, SECOND);
    assert.deepEqual(await read(rig, CCCD, HANDLE), ["0b 00 00"]);
    assert.deepEqual(await read(rig, CCCD, SECOND), ["0b 01 00"]);
    rig.controller.sent.length = 0;
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    const packets = [...rig.controller.sent];
    assert.deepEqual(sentTo(rig, HANDLE), []);
    rig.controller.sent.push(...packets);
    assert.deepEqual(sentTo(rig, SECOND), ["1b 10 00 00 01 02 03"]);
  });

  it("is forgotten with the link: nothing until subscribed again", async () => {
    const rig = await rigWith();
    await write(rig, [1, 0], CCCD);
    await rig.disconnect();
    const connected = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect();
    await connected;
    rig.controller.sent.length = 0;
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    assert.deepEqual(sentTo(rig, HANDLE), []);
    assert.deepEqual(await read(rig, CCCD), ["0b 00 00"]);
    await write(rig, [1, 0], CCCD);
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    assert.equal(sentTo(rig, HANDLE).length, 1);
  });

  it("refuses more than two bytes, and bits that the properties do not offer", async () => {
    const rig = await rigWith();
    for (const value of [
      [1, 0, 0],
      [0, 0, 0, 0],
    ]) {
      assert.deepEqual(await write(rig, value, CCCD), [error(0x12, CCCD, 0x0d)], `${value.length} bytes`);
    }
    for (let low = 0; low <= 0xff; low++) {
      for (const high of [0, 1, 0x80]) {
        const [reply] = await write(rig, [low, high], CCCD);
        const isLegal = high === 0 && (low === 0 || low === 1);
        assert.equal(reply, isLegal ? "13" : error(0x12, CCCD, 0xfd), `${low} ${high}`);
      }
    }
    const both = await rigWith({ properties: PROPERTY.NOTIFY | PROPERTY.INDICATE });
    for (const low of [1, 2, 3]) assert.deepEqual(await write(both, [low, 0], CCCD), ["13"]);
    const indicateOnly = await rigWith({ properties: PROPERTY.INDICATE });
    assert.deepEqual(await write(indicateOnly, [1, 0], CCCD), [error(0x12, CCCD, 0xfd)]);
  });

  it("a shorter write leaves the bytes behind it, as any write to a fixed length (Part F, 3.4.5.1; A9)", async () => {
    const changes: number[] = [];
    const rig = await rigWith({
      properties: PROPERTY.NOTIFY | PROPERTY.INDICATE,
      hooks: { onSubscribe: (_, configuration) => changes.push(configuration) },
    });
    assert.deepEqual(await write(rig, [2], CCCD), ["13"]);
    assert.deepEqual(await read(rig, CCCD), ["0b 02 00"]);
    assert.deepEqual(await write(rig, [], CCCD), ["13"]);
    assert.deepEqual(await read(rig, CCCD), ["0b 02 00"]);
    assert.deepEqual(await write(rig, [4], CCCD), [error(0x12, CCCD, 0xfd)], "its bits are checked");
    assert.deepEqual(await write(rig, [0], CCCD), ["13"]);
    assert.deepEqual(await read(rig, CCCD), ["0b 00 00"]);
    assert.deepEqual(changes, [2, 0]);
  });

  it("a client whose queue is full misses a notification and is counted; others are notified", async () => {
    const rig = await rigWith();
    await connectSecond(rig);
    await write(rig, [1, 0], CCCD, HANDLE);
    await write(rig, [1, 0], CCCD, SECOND);
    rig.controller.autoComplete = false;
    const [first, second] = [rig.host.connections.get(HANDLE)!, rig.host.connections.get(SECOND)!];
    for (let outcome = "sent"; outcome !== "full"; ) {
      outcome = rig.host.gatt.updates.notify(first.server, rig.attribute, fromHex("00"));
      assert.notEqual(outcome, "unsubscribed");
    }
    rig.controller.sent.length = 0;
    rig.host.gatt.updates.notifySubscribers(rig.attribute);
    assert.equal(rig.host.gatt.updates.droppedNotifications, 1);
    assert.deepEqual(sentTo(rig, SECOND), ["1b 10 00 00 01 02 03"]);
    assert.equal(second.link.inController, 1);
  });
});

describe("Service Changed (Vol 3, Part G, 7.1)", () => {
  it("is indicated to clients that ask for it, with the range of everything; other subscriptions end", async () => {
    const rig = await rigWith();
    await connectSecond(rig);
    await write(rig, [2, 0], SERVICE_CHANGED_CCCD, HANDLE);
    await write(rig, [1, 0], CCCD, HANDLE);
    await write(rig, [1, 0], CCCD, SECOND);
    rig.controller.sent.length = 0;
    const [[attribute]] = rig.host.gatt.register([
      { uuid: new UUID(0x180f), characteristics: [definition({}), definition({})] },
    ]) as [[Attribute]];
    const packets = [...rig.controller.sent];
    assert.deepEqual(sentTo(rig, HANDLE), ["1d 08 00 01 00 ff ff"]);
    rig.controller.sent.push(...packets);
    assert.deepEqual(sentTo(rig, SECOND), []);
    rig.host.gatt.updates.notifySubscribers(attribute);
    assert.deepEqual(sentTo(rig, HANDLE), []);
    assert.deepEqual(await read(rig, SERVICE_CHANGED_CCCD), ["0b 02 00"], "it stays subscribed to this one");
  });

  it("ends its range at 0xFFFF, which no client takes for a part of its database (A10)", async () => {
    const rig = await rigWith();
    await write(rig, [2, 0], SERVICE_CHANGED_CCCD);
    rig.controller.sent.length = 0;
    rig.host.gatt.register([]);
    assert.deepEqual(sentTo(rig, HANDLE), ["1d 08 00 01 00 ff ff"]);
  });

  it("a second change before the confirmation is indicated after it", async () => {
    const rig = await rigWith();
    await write(rig, [2, 0], SERVICE_CHANGED_CCCD);
    rig.controller.sent.length = 0;
    rig.host.gatt.register([]);
    rig.host.gatt.register([{ uuid: new UUID(0x180f), characteristics: [definition({}), definition({})] }]);
    rig.host.gatt.register([]);
    assert.deepEqual(sentTo(rig, HANDLE), ["1d 08 00 01 00 ff ff"], "one at a time");
    assert.deepEqual(await rig.exchange(ATT, [0x1e]), ["1d 08 00 01 00 ff ff"], "once for all since");
    assert.deepEqual(await rig.exchange(ATT, [0x1e]), []);
  });
});
