/** What users of MicroPython's modules asked of the server in public issues, by their numbers. */
import type { Characteristic } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { diagnostics } from "../support/cameras.ts";
import { byte, createServed, offer } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const FIRST = 0xfff1;
const ALL = { read: true, write: true, notify: true, indicate: true };
/** Longest value of an attribute. */
const LONGEST = 512;

describe("requests of users: the server", () => {
  it("lib 912: two hundred characteristics are all there, with their values and descriptors, found by walking", async () => {
    const uuidOf = (index: number) =>
      index % 2 === 0
        ? new UUID(0xa000 + index)
        : new UUID(`6e40${(0x1000 + index).toString(16)}b5a3f393e0a9e50e24dcca9e`);
    const { world, camera, meet } = createServed(({ aioble }) => {
      const services = [0xfff0, 0xfef0].map((uuid) => new aioble.Service(new UUID(uuid)));
      for (let index = 0; index < 200; index++) {
        const options = {
          read: true,
          notify: index % 3 === 0,
          initial: counting(4, index),
          description: `${index}`,
        };
        new aioble.Characteristic(services[index % 2]!, uuidOf(index), options);
      }
      aioble.registerServices(...services);
    });
    await world.run(async () => {
      const { link, database } = await meet();
      await link.exchangeMtu(100);
      const found = database.services.slice(2).map(({ characteristics }) => characteristics);
      deepEqual(
        found.map(({ length }) => length),
        [100, 100],
      );
      for (let index = 0; index < 200; index++) {
        const characteristic = found[index % 2]![index >> 1]!;
        ok(characteristic.uuid.equals(uuidOf(index)), `${index}`);
        const types = characteristic.descriptors.map(({ uuid }) => uuid.short);
        deepEqual(types, index % 3 === 0 ? [0x2902, 0x2901] : [0x2901]);
        if (index % 20 === 0 || index > 197) deepEqual(await link.read(characteristic), counting(4, index));
      }
    }, 1e7);
    deepEqual(diagnostics(camera), []);
  });

  it("lib 912: services that the handles do not suffice for are an error, and the ones before stay", async () => {
    const { world, camera, offered, meet } = createServed((camera) =>
      offer(camera, { read: true, initial: "here" }),
    );
    const { registerServices, Service } = camera.aioble;
    const service = new Service(new UUID(0xfef0));
    const one = new camera.aioble.Characteristic(service, new UUID(0xfef1), { read: true });
    // Two attributes each; one object often, for the sake of the machine that runs this.
    for (let index = 0; index < 32_768; index++) service.characteristics.push(one as Characteristic<boolean>);
    let error: unknown;
    try {
      registerServices(service);
    } catch (caught) {
      error = caught;
    }
    ok(error instanceof RangeError, String(error));
    await world.run(async () => {
      const { link, database } = await meet();
      equal((await link.read(database.characteristic(FIRST))).length, 4);
    });
    equal(offered[0]!.read().length, 4);
  });

  it("lib PR 455: the first write is not lost, whether the wait comes before it or after", async () => {
    const { world, offered, meet } = createServed((camera) => offer(camera, { write: true }));
    const [target] = offered;
    await world.run(async () => {
      const { link, database, connection } = await meet();
      const waiting = target!.written();
      await link.write(database.characteristic(FIRST), byte(1));
      equal(await waiting, connection);
      await link.write(database.characteristic(FIRST), byte(2));
      equal(await target!.written(), connection);
      deepEqual(target!.read(), byte(2));
    });
  });

  it("lib PR 459: waiting twice at once is no error, and both end; one that is given up takes nothing away", async () => {
    const { world, offered, meet } = createServed((camera) => offer(camera, { write: true }));
    const [target] = offered;
    await world.run(async () => {
      const { link, database, connection } = await meet();
      const both = [target!.written(), target!.written()];
      await rejects(target!.written({ timeoutMs: 10 }), { code: "timeout" });
      await link.write(database.characteristic(FIRST), byte(1));
      deepEqual(await Promise.all(both), [connection, connection]);
    });
  });

  it("lib 433: what onSubscribe notifies at once comes after the Write Response, and is not lost", async () => {
    const { world, meet } = createServed((camera) => {
      const { Characteristic, registerServices, Service } = camera.aioble;
      const service = new Service(new UUID(0xfff0));
      const value = new Characteristic(service, new UUID(FIRST), { notify: true, initial: "now" });
      value.onSubscribe = (connection, { notify }) => {
        if (notify) value.notify(connection).catch(() => {});
      };
      registerServices(service);
    });
    await world.run(async () => {
      const { link, database } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      equal((await link.nextValue(100)).value.length, 3);
      deepEqual(
        link.frames.slice(-2).map(({ payload }) => payload[0]),
        [0x13, 0x1b],
      );
    });
  });

  it("lib 817, lib 866: whatever is asked of a connection that is down rejects with DeviceDisconnectedError", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, ALL));
    const { Characteristic } = camera.aioble;
    const [target] = offered;
    await world.run(async () => {
      const { link, connection } = await meet();
      await link.disconnect();
      await connection.disconnected();
      const gone = { name: "DeviceDisconnectedError", code: "device-disconnected", reason: 0x13 };
      await rejects(target!.notify(connection, "x"), gone);
      await rejects(target!.notify(connection, "x", { force: true }), gone);
      await rejects(target!.indicate(connection, "x"), gone);
      await rejects(Characteristic.notifyMultiple(connection, [target!]), gone);
      equal(target!.write("x", { sendUpdate: true }), 0);
    });
  });

  it("mp 7206: values around 64 bytes, and the longest, are read whole at every MTU", async () => {
    const { world, offered, meet } = createServed((camera) => offer(camera, { read: true }));
    await world.run(async () => {
      for (const mtu of [23, 65, 66, 185, 517]) {
        const { link, database } = await meet();
        if (mtu > 23) await link.exchangeMtu(mtu);
        for (const length of [0, 22, 63, 64, 65, 128, 200, LONGEST]) {
          offered[0]!.write(counting(length));
          deepEqual(await link.read(database.characteristic(FIRST)), counting(length));
        }
        await link.disconnect();
      }
    });
  });

  it("mp PR 7555: onSubscribe says who wants what, also that a link's end ended it; subscribers lists them", async () => {
    const changes: [connection: unknown, notify: boolean, indicate: boolean, subscribers: number][] = [];
    const { world, camera, offered, meet, sleep } = createServed((camera) => {
      const { Characteristic, registerServices, Service } = camera.aioble;
      const service = new Service(new UUID(0xfff0));
      const value = new Characteristic(service, new UUID(FIRST), ALL);
      value.onSubscribe = (connection, { notify, indicate }) => {
        changes.push([connection, notify, indicate, value.subscribers.length]);
      };
      registerServices(service);
      return value;
    });
    await world.run(async () => {
      const one = await meet();
      const two = await meet();
      await one.link.subscribe(one.database.characteristic(FIRST));
      await one.link.subscribe(one.database.characteristic(FIRST));
      await two.link.subscribe(two.database.characteristic(FIRST), "indicate");
      deepEqual(offered.subscribers, [one.connection, two.connection]);
      await one.link.subscribe(one.database.characteristic(FIRST), "none");
      deepEqual(offered.subscribers, [two.connection]);
      await one.link.disconnect();
      await two.link.disconnect();
      await sleep(100);
      deepEqual(offered.subscribers, []);
      const three = await meet();
      await three.link.subscribe(three.database.characteristic(FIRST));
      camera.aioble.registerServices();
      deepEqual(changes, [
        [one.connection, true, false, 1],
        [two.connection, false, true, 2],
        [one.connection, false, false, 1],
        [two.connection, false, false, 0],
        [three.connection, true, false, 1],
        [three.connection, false, false, 0],
      ]);
    });
  });

  it("mp PR 7564: write with sendUpdate notifies every subscriber, and says how many; a full queue is not one of them", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, { notify: true }), {
      controller: { aclPackets: 2 },
    });
    const [target] = offered;
    await world.run(async () => {
      equal(target!.write("nobody", { sendUpdate: true }), 0);
      const near = await meet();
      const far = await meet();
      for (const { link, database } of [near, far]) await link.subscribe(database.characteristic(FIRST));
      equal(target!.write("both", { sendUpdate: true }), 2);
      equal((await near.link.nextValue()).value.length, 4);
      equal((await far.link.nextValue()).value.length, 4);
      world.air.separate(far.controller, camera.controller);
      const counts = Array.from({ length: 60 }, () => target!.write("more", { sendUpdate: true }));
      equal(counts[0], 2);
      equal(counts.at(-1), 0, "nothing leaves within one turn, so both queues fill");
      const changes = counts.reduce((sum, count) => sum + count, 0);
      equal(camera.host.gatt.updates.droppedNotifications, 120 - changes);
    });
  });

  it("mp 12801: subscriptions start afresh with each connection", async () => {
    const { world, offered, meet, sleep } = createServed((camera) => offer(camera, { notify: true }));
    const [target] = offered;
    await world.run(async () => {
      const first = await meet();
      await first.link.subscribe(first.database.characteristic(FIRST));
      equal(await target!.notify(first.connection, "one"), true);
      await first.link.disconnect();
      await sleep(100);
      const again = await meet(first);
      const cccd = again.database.characteristic(FIRST).descriptors[0]!;
      deepEqual(await again.link.read(cccd.handle), new Uint8Array([0, 0]));
      equal(target!.write("unasked", { sendUpdate: true }), 0);
      equal(await target!.notify(again.connection, "unasked"), false);
      await again.link.subscribe(again.database.characteristic(FIRST));
      equal(target!.write("asked", { sendUpdate: true }), 1);
      equal((await again.link.nextValue()).value.length, 5);
      equal(again.link.att.values.length, 1);
    });
  });

  it("mp 7584: exchanging the MTU again is answered, and the latest figure holds", async () => {
    const { world, meet } = createServed((camera) => offer(camera, ALL));
    await world.run(async () => {
      const { link, connection } = await meet();
      equal(await link.exchangeMtu(185), 185);
      equal(await link.exchangeMtu(517), 517);
      equal(connection.mtu, 517);
    });
  });
});

describe("requests of users: esp-idf 9097, a producer that is faster than its client", () => {
  const COUNT = 2000;

  function createScene() {
    return createServed((camera) => offer(camera, { notify: true }), { controller: { aclPackets: 3 } });
  }

  const numbered = (count: number) => new Uint8Array([count & 0xff, count >> 8]);

  it("esp-idf 9097: one that awaits each notify() loses nothing, and never has more than one waiting", async () => {
    const { world, offered, meet, sleep } = createScene();
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      const acl = connection.link.link;
      let most = 0;
      for (let count = 0; count < COUNT; count++) {
        const sent = offered[0]!.notify(connection, numbered(count));
        most = Math.max(most, acl.queued);
        equal(await sent, true);
      }
      await sleep(2000);
      deepEqual(
        link.att.values.map(({ value }) => value[0]! | (value[1]! << 8)),
        Array.from({ length: COUNT }, (_, count) => count),
      );
      equal(most, 1);
    }, 1e7);
  });

  it("esp-idf 9097: one that awaits nothing is refused what does not fit: 32 wait, in order, and each promise says so", async () => {
    const { world, offered, meet, sleep } = createScene();
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(FIRST));
      const outcomes = Array.from({ length: COUNT }, (_, count) =>
        offered[0]!.notify(connection, numbered(count)).catch(({ code }) => code as string),
      );
      equal(connection.link.link.queued, 32);
      const settled = await Promise.all(outcomes);
      const accepted = settled.filter((outcome) => outcome === true).length;
      ok(accepted >= 32 && accepted <= 36, `${accepted}`);
      ok(settled.slice(accepted).every((outcome) => outcome === "send-queue-full"));
      await sleep(2000);
      deepEqual(
        link.att.values.map(({ value }) => value[0]! | (value[1]! << 8)),
        Array.from({ length: accepted }, (_, count) => count),
      );
      equal(await offered[0]!.notify(connection, "again"), true);
    });
  });

  it("esp-idf 9097: a client out of range holds up its own producer alone, until its link ends", async () => {
    const { world, camera, offered, meet } = createScene();
    await world.run(async () => {
      const near = await meet();
      const far = await meet();
      for (const { link, database } of [near, far]) await link.subscribe(database.characteristic(FIRST));
      world.air.separate(far.controller, camera.controller);
      const stuck = (async () => {
        for (;;) await offered[0]!.notify(far.connection, "far");
      })();
      const ended = rejects(stuck, { name: "DeviceDisconnectedError", reason: 0x08 });
      for (let count = 0; count < 200; count++)
        equal(await offered[0]!.notify(near.connection, numbered(count)), true);
      await ended;
      equal(await offered[0]!.notify(near.connection, "near"), true);
    }, 1e6);
  });
});
