/** Notifications that are cut or not sent, and what the log says of it; several values in one packet. */
import { UUID } from "../../firmware/ble/uuid.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { deepEqual, equal, rejects, throws } from "../support/assert.ts";
import { concat, counting, le16 } from "../support/bytes.ts";
import { diagnostics } from "../support/cameras.ts";
import { byte, type Central, createServed, offer } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const UUIDS = [0xfff1, 0xfff2, 0xfff3] as const;
const CLIENT_FEATURES = 0x2b29;
const MULTIPLE_NOTIFICATIONS = 0x04;
const NOTIFY = { read: true, notify: true };

async function subscribe({ link, database }: Central, ...uuids: readonly number[]): Promise<void> {
  for (const uuid of uuids) await link.subscribe(database.characteristic(uuid));
}

/** What the camera sent by itself: opcode and body. */
function unasked({ frames }: PhoneLink): Uint8Array[] {
  return frames
    .map(({ payload }) => payload)
    .filter(([opcode]) => opcode === 0x1b || opcode === 0x1d || opcode === 0x23);
}

describe("notifications capped at 20 bytes", () => {
  const LINE =
    "gatt: UUID(0xfff1) is capped at 20 bytes for this client: ATT_MTU is 23, the central did not exchange a larger one";

  it("by a central that did not exchange a larger MTU: the log names the cause, once for each client and value", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, NOTIFY, NOTIFY));
    const [first, second] = offered;
    await world.run(async () => {
      const central = await meet();
      await subscribe(central, UUIDS[0], UUIDS[1]);
      equal(await first!.notify(central.connection, counting(20)), true);
      deepEqual(diagnostics(camera), []);
      for (let turn = 0; turn < 3; turn++) {
        equal(await first!.notify(central.connection, counting(21)), true);
        equal(first!.write(counting(100), { sendUpdate: true }), 1);
      }
      deepEqual(diagnostics(camera), [LINE]);
      second!.write(counting(30), { sendUpdate: true });
      deepEqual(diagnostics(camera), [LINE, LINE.replace("fff1", "fff2")]);
      const other = await meet();
      await subscribe(other, UUIDS[0]);
      equal(await first!.notify(other.connection, counting(21)), true);
      equal(diagnostics(camera).length, 3);
      const { value } = await central.link.nextValue();
      deepEqual(value, counting(20));
      deepEqual((await central.link.nextValue()).value, counting(20), "cut to what fits");
    });
  });

  it("by the MTU that was exchanged: the log names it", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, NOTIFY));
    await world.run(async () => {
      const central = await meet();
      await central.link.exchangeMtu(50);
      await subscribe(central, UUIDS[0]);
      equal(await offered[0]!.notify(central.connection, counting(47)), true);
      deepEqual(diagnostics(camera), []);
      equal(await offered[0]!.notify(central.connection, counting(48)), true);
      deepEqual(diagnostics(camera), [
        "gatt: UUID(0xfff1) is capped at 47 bytes for this client: ATT_MTU is 50, as exchanged",
      ]);
    });
  });

  it("an indication that is cut says so too", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, { indicate: true }));
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.subscribe(database.characteristic(UUIDS[0]), "indicate");
      equal(await offered[0]!.indicate(connection, counting(21)), true);
      equal((await link.nextValue()).value.length, 20);
    });
    deepEqual(diagnostics(camera), [LINE]);
  });
});

describe("notifications never arrive", () => {
  it("at a client that has not subscribed: false, and the log names the cause, once for each client and value", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, NOTIFY));
    const line =
      "gatt: UUID(0xfff1) is not sent: the client has not subscribed (its CCCD is 0; 1 notify, 2 indicate)";
    await world.run(async () => {
      const { link, connection } = await meet();
      for (let turn = 0; turn < 3; turn++) equal(await offered[0]!.notify(connection, "x"), false);
      deepEqual(diagnostics(camera), [line]);
      const other = await meet();
      equal(await offered[0]!.notify(other.connection, "x"), false);
      deepEqual(diagnostics(camera), [line, line]);
      deepEqual(unasked(link), []);
    });
  });

  it("with sendUpdate and no subscriber: 0, which is worth no line in the log", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, NOTIFY));
    await world.run(async () => {
      await meet();
      equal(offered[0]!.write("x", { sendUpdate: true }), 0);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("of a characteristic that was declared without them: notify() throws, sendUpdate says so once", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, { read: true }));
    await world.run(async () => {
      const { connection } = await meet();
      throws(() => offered[0]!.notify(connection, "x"), TypeError);
      throws(() => offered[0]!.indicate(connection, "x"), TypeError);
      for (let turn = 0; turn < 3; turn++) equal(offered[0]!.write("x", { sendUpdate: true }), 0);
    });
    deepEqual(diagnostics(camera), [
      "aioble: sendUpdate of UUID(0xfff1) reaches nobody: it was declared without notify: true or indicate: true",
    ]);
  });

  it("a registration is a new beginning: the log may say it again", async () => {
    const { world, camera, offered, meet } = createServed((camera) => offer(camera, NOTIFY));
    await world.run(async () => {
      const { connection } = await meet();
      equal(await offered[0]!.notify(connection, "x"), false);
      const [fresh] = offer(camera, NOTIFY);
      equal(await fresh!.notify(connection, "x"), false);
    });
    equal(diagnostics(camera).length, 2);
  });
});

describe("notifyMultiple", () => {
  function createScene() {
    const served = createServed((camera) => offer(camera, NOTIFY, NOTIFY, NOTIFY));
    const { Characteristic } = served.camera.aioble;
    const [first, second, third] = served.offered;
    const connectCentral = async (features: number, mtu = 100) => {
      const central = await served.meet();
      const { link, database } = central;
      await link.exchangeMtu(mtu);
      if (features) await link.write(database.characteristic(CLIENT_FEATURES), byte(features));
      return { ...central, handles: UUIDS.map((uuid) => database.characteristic(uuid).handle) };
    };
    return { ...served, Characteristic, first: first!, second: second!, third: third!, connectCentral };
  }

  /** Handle, length and value, as they stand in a Multiple Handle Value Notification (Vol 3, Part F, 3.4.7.4). */
  const tuple = (handle: number, value: Uint8Array) => concat(le16(handle), le16(value.length), value);

  it("to a client that understands it: all in one packet, current values and others, in the order given", async () => {
    const { world, Characteristic, first, second, third, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral(MULTIPLE_NOTIFICATIONS);
      await subscribe(central, ...UUIDS);
      first.write(byte(1));
      const { connection, handles } = central;
      equal(
        await Characteristic.notifyMultiple(connection, [[third, "abc"], first, [second, new Uint8Array(0)]]),
        true,
      );
      await sleep(200);
      deepEqual(unasked(central.link), [
        concat(
          [0x23],
          tuple(handles[2]!, new Uint8Array([0x61, 0x62, 0x63])),
          tuple(handles[0]!, byte(1)),
          tuple(handles[1]!, new Uint8Array(0)),
        ),
      ]);
      deepEqual(first.read(), byte(1));
      deepEqual(third.read(), new Uint8Array(0), "what is sent is not stored");
    });
  });

  it("to a client that did not announce it: one by one", async () => {
    const { world, Characteristic, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral(0);
      await subscribe(central, UUIDS[0], UUIDS[1]);
      const { connection, handles } = central;
      equal(
        await Characteristic.notifyMultiple(connection, [
          [first, byte(1)],
          [second, byte(2)],
        ]),
        true,
      );
      await sleep(200);
      deepEqual(unasked(central.link), [
        concat([0x1b], le16(handles[0]!), [1]),
        concat([0x1b], le16(handles[1]!), [2]),
      ]);
    });
  });

  it("what does not fit one packet takes several, each tuple whole; one that is alone is cut as ever", async () => {
    const { world, camera, Characteristic, first, second, third, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral(MULTIPLE_NOTIFICATIONS, 50);
      await subscribe(central, ...UUIDS);
      const { connection, handles } = central;
      const updates = [
        [first, counting(20)],
        [second, counting(20)],
        [third, counting(60)],
      ] as const;
      equal(await Characteristic.notifyMultiple(connection, updates), true);
      await sleep(200);
      deepEqual(unasked(central.link), [
        concat([0x23], tuple(handles[0]!, counting(20)), tuple(handles[1]!, counting(20))),
        concat([0x1b], le16(handles[2]!), counting(47)),
      ]);
    });
    equal(diagnostics(camera).length, 1);
  });

  it("leaves out what the client has not subscribed; nothing at all is false", async () => {
    const { world, camera, Characteristic, first, second, third, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral(MULTIPLE_NOTIFICATIONS);
      const { connection, handles } = central;
      equal(await Characteristic.notifyMultiple(connection, [first, second]), false);
      equal(await Characteristic.notifyMultiple(connection, []), false);
      await subscribe(central, UUIDS[0], UUIDS[2]);
      equal(await Characteristic.notifyMultiple(connection, [first, second, third]), true);
      await sleep(200);
      const empty = new Uint8Array(0);
      deepEqual(unasked(central.link), [
        concat([0x23], tuple(handles[0]!, empty), tuple(handles[2]!, empty)),
      ]);
    });
    equal(diagnostics(camera).length, 2, "once for each value");
  });

  it("waits for the controller, and is refused when as many wait as may", async () => {
    const { world, Characteristic, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral(MULTIPLE_NOTIFICATIONS);
      const { connection, link } = central;
      await subscribe(central, UUIDS[0], UUIDS[1]);
      const outcomes: (boolean | string)[] = [];
      for (let count = 0; count < 60; count++) {
        Characteristic.notifyMultiple(connection, [[first, byte(count)], second]).then(
          (sent) => outcomes.push(sent),
          ({ code }) => outcomes.push(code),
        );
      }
      await sleep(2000);
      equal(outcomes.length, 60);
      const sent = outcomes.filter((outcome) => outcome === true).length;
      equal(unasked(link).length, sent);
      equal(outcomes.filter((outcome) => outcome === "send-queue-full").length, 60 - sent);
    });
  });

  it("throws, before anything is sent, for what is not registered or was declared without notify", async () => {
    const { world, camera, Characteristic, first, connectCentral, sleep } = createScene();
    const stranger = new Characteristic(
      new camera.aioble.Service(new UUID(0xfef0)),
      new UUID(0xfef1),
      NOTIFY,
    );
    await world.run(async () => {
      const central = await connectCentral(MULTIPLE_NOTIFICATIONS);
      await subscribe(central, UUIDS[0]);
      const { connection, link } = central;
      throws(() => Characteristic.notifyMultiple(connection, [first, stranger]), TypeError);
      throws(() => Characteristic.notifyMultiple(connection, [[first, 5 as unknown as string]]), TypeError);
      const [silent] = offer(camera, { read: true });
      throws(() => Characteristic.notifyMultiple(connection, [silent!]), TypeError);
      await sleep(200);
      deepEqual(unasked(link), []);
      await link.disconnect();
      await connection.disconnected();
      const [again] = offer(camera, NOTIFY);
      await rejects(Characteristic.notifyMultiple(connection, [again!]), { code: "device-disconnected" });
    });
  });
});
