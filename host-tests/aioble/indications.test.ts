/** Indications through the API: one at a time on a link, the 30 seconds, and what its waits end in. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { byte, type Central, createServed, offer } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { read: true, write: true, notify: true, indicate: true };
const TIMEOUT = { code: "timeout" };

function createScene() {
  const served = createServed((camera) => offer(camera, OPTIONS, OPTIONS));
  const [first, second] = served.offered;
  const connectCentral = async (kind: "indicate" | "notify" = "indicate"): Promise<Central> => {
    const central = await served.meet();
    for (const uuid of [0xfff1, 0xfff2])
      await central.link.subscribe(central.database.characteristic(uuid), kind);
    return central;
  };
  return { ...served, first: first!, second: second!, connectCentral };
}

/** What the phone received: kind, and the value's first byte. */
function received({ link }: Central): string[] {
  return link.att.values.map(({ kind, value }) => `${kind} ${value[0]}`);
}

describe("indications", () => {
  it("leave one at a time, in the order of the calls, across characteristics", async () => {
    const { world, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral();
      const { link, connection } = central;
      link.att.confirms = false;
      const results = [
        first.indicate(connection, byte(1), { timeoutMs: 5000 }),
        second.indicate(connection, byte(2), { timeoutMs: 5000 }),
        first.indicate(connection, byte(3), { timeoutMs: 5000 }),
      ];
      for (const expected of [["1"], ["1", "2"], ["1", "2", "3"]]) {
        await sleep(1000);
        deepEqual(
          received(central),
          expected.map((value) => `indication ${value}`),
        );
        link.sendFrame(0x0004, byte(0x1e));
      }
      deepEqual(await Promise.all(results), [true, true, true]);
    });
  });

  it("to one client wait for nobody else's confirmation", async () => {
    const { world, first, connectCentral } = createScene();
    await world.run(async () => {
      const silent = await connectCentral();
      const other = await connectCentral();
      silent.link.att.confirms = false;
      const waiting = first.indicate(silent.connection, byte(1));
      equal(await first.indicate(other.connection, byte(2)), true);
      await rejects(waiting, TIMEOUT);
    });
  });

  it("after a timeout: the late confirmation is swallowed, the next waits its turn, and none is confirmed by another's", async () => {
    const { world, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral();
      const { link, connection } = central;
      link.att.confirms = false;
      await rejects(first.indicate(connection, byte(1)), TIMEOUT);
      await rejects(first.indicate(connection, byte(2), { timeoutMs: 500 }), TIMEOUT);
      const third = second.indicate(connection, byte(3), { timeoutMs: 10_000 });
      equal(await first.notify(connection, byte(4), { force: true }), true);
      await sleep(500);
      deepEqual(received(central), ["indication 1", "notification 4"], "the second has never left");
      link.sendFrame(0x0004, byte(0x1e));
      await sleep(500);
      deepEqual(received(central), ["indication 1", "notification 4", "indication 3"]);
      let isConfirmed = false;
      third.then(
        () => {
          isConfirmed = true;
        },
        () => {},
      );
      await sleep(500);
      equal(isConfirmed, false);
      link.sendFrame(0x0004, byte(0x1e));
      equal(await third, true);
    });
  });

  it("without a confirmation for 30 s the link ends: who waits gets DeviceDisconnectedError, nothing more is sent", async () => {
    const { world, camera, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral();
      const { link, connection } = central;
      link.att.confirms = false;
      const wants: unknown[] = [];
      first.onSubscribe = (_, asked) => wants.push(asked);
      const [gone, later] = [
        first.indicate(connection, byte(1), { timeoutMs: 60_000 }),
        second.indicate(connection, byte(2), { timeoutMs: 60_000 }),
      ];
      const ended = { name: "DeviceDisconnectedError", reason: 0x16 };
      const both = Promise.all([rejects(gone, ended), rejects(later, ended)]);
      const startedMs = world.clock.now();
      const reason = await link.disconnected(60_000);
      equal(reason, 0x13);
      const tookMs = world.clock.now() - startedMs;
      ok(tookMs >= 30_000 && tookMs < 31_000, `${tookMs} ms`);
      await both;
      await rejects(first.indicate(connection, byte(3)), ended);
      await sleep(1000);
      deepEqual(received(central), ["indication 1"]);
      deepEqual(diagnostics(camera), ["att: the peer left a transaction open for 30 s; ending the link"]);
    });
  });

  it("end with the link, whatever they wait for", async () => {
    const { world, first, connectCentral } = createScene();
    await world.run(async () => {
      const { link, connection } = await connectCentral();
      link.att.confirms = false;
      const both = [1, 2].map((value) => first.indicate(connection, byte(value), { timeoutMs: 20_000 }));
      const ended = Promise.all(
        both.map((each) => rejects(each, { name: "DeviceDisconnectedError", reason: 0x13 })),
      );
      await link.disconnect();
      await ended;
    });
  });

  it("that have not left when the client unsubscribes are not sent: false", async () => {
    const { world, first, second, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral();
      const { link, database, connection } = central;
      link.att.confirms = false;
      const sent = first.indicate(connection, byte(1), { timeoutMs: 20_000 });
      const unwanted = first.indicate(connection, byte(2), { timeoutMs: 20_000 });
      const wanted = second.indicate(connection, byte(3), { timeoutMs: 20_000 });
      await link.subscribe(database.characteristic(0xfff1), "notify");
      equal(await unwanted, false);
      link.sendFrame(0x0004, byte(0x1e));
      equal(await sent, true);
      await sleep(200);
      link.sendFrame(0x0004, byte(0x1e));
      equal(await wanted, true);
      deepEqual(received(central), ["indication 1", "indication 3"]);
    });
  });

  it("that have not left when other services are registered are not sent: false", async () => {
    const { world, camera, first, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const central = await connectCentral();
      const { link, connection } = central;
      link.att.confirms = false;
      const sent = first.indicate(connection, byte(1), { timeoutMs: 20_000 });
      const late = first.indicate(connection, byte(2), { timeoutMs: 20_000 });
      await sleep(200);
      const { Service, registerServices } = camera.aioble;
      registerServices(new Service(new UUID(0x180f)));
      equal(await late, false);
      link.sendFrame(0x0004, byte(0x1e));
      equal(await sent, true);
      deepEqual(received(central), ["indication 1"]);
    });
  });

  it("to a client that asked for notifications only, or for nothing: false, and one line in the log", async () => {
    const { world, camera, first, connectCentral } = createScene();
    await world.run(async () => {
      const { connection } = await connectCentral("notify");
      for (let turn = 0; turn < 3; turn++) equal(await first.indicate(connection, byte(1)), false);
    });
    deepEqual(diagnostics(camera), [
      "gatt: UUID(0xfff1) is not sent: the client has not subscribed (its CCCD is 1; 1 notify, 2 indicate)",
    ]);
  });
});

describe("sendUpdate to three clients", () => {
  it("notifies, indicates, or leaves out each as it asked, and says how many were notified", async () => {
    const { world, first, connectCentral, meet, sleep } = createScene();
    await world.run(async () => {
      const notified = await connectCentral("notify");
      const indicated = await connectCentral("indicate");
      const uninterested = await meet();
      const both = await meet();
      const cccd = both.database.characteristic(0xfff1).descriptors[0]!;
      await both.link.write(cccd, new Uint8Array([3, 0]));
      equal(first.subscribers.length, 3);
      equal(first.write(byte(1), { sendUpdate: true }), 3);
      await sleep(500);
      equal(first.write(byte(2), { sendUpdate: true }), 3);
      await sleep(500);
      deepEqual(received(notified), ["notification 1", "notification 2"]);
      deepEqual(received(indicated), ["indication 1", "indication 2"]);
      deepEqual(received(both), ["notification 1", "notification 2"]);
      deepEqual(received(uninterested), []);
    });
  });

  it("a client that does not confirm gets the latest value next, and holds up nobody", async () => {
    const { world, first, connectCentral, sleep } = createScene();
    await world.run(async () => {
      const notified = await connectCentral("notify");
      const slow = await connectCentral("indicate");
      const quick = await connectCentral("indicate");
      slow.link.att.confirms = false;
      for (let value = 1; value <= 5; value++) {
        equal(first.write(byte(value), { sendUpdate: true }), 3);
        await sleep(500);
      }
      deepEqual(
        received(notified),
        [1, 2, 3, 4, 5].map((value) => `notification ${value}`),
      );
      deepEqual(
        received(quick),
        [1, 2, 3, 4, 5].map((value) => `indication ${value}`),
      );
      deepEqual(received(slow), ["indication 1"]);
      slow.link.att.confirms = true;
      slow.link.sendFrame(0x0004, byte(0x1e));
      await sleep(500);
      deepEqual(received(slow), ["indication 1", "indication 5"]);
    });
  });
});
