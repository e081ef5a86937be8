/** aioble's defects in the GATT client, none of which we have: docs/differences.md names each. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting, fromHex } from "../support/bytes.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { withPair } from "../support/pair.ts";
import { collect, createScriptedServer, findBattery, findLevel, LEVEL } from "../support/scripted-server.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const FIRST = new UUID(0xfff1);
const SECOND = new UUID(0xfff2);
/** A 32-bit UUID in both its forms. */
const SHORT = new UUID(0x12345678);
const WIDENED = "12345678-0000-1000-8000-00805f9b34fb";

function serve({ aioble }: AiobleCamera) {
  const { BufferedCharacteristic, Service, registerServices } = aioble;
  const services = [new Service(SERVICE), new Service(SHORT)];
  const options = { read: true, write: true, notify: true, maxLen: 512 };
  const both = [FIRST, SECOND].map((uuid) => new BufferedCharacteristic(services[0]!, uuid, options));
  registerServices(...services);
  return both;
}

describe("aioble: differences in the client", () => {
  it("⚠ 5: a discovery that is left blocks none that comes after", async () => {
    await withPair(serve, async ({ toServer }) => {
      for await (const service of toServer.services()) {
        for await (const characteristic of service.characteristics()) {
          ok(characteristic.uuid);
          break;
        }
        break;
      }
      await rejects(toServer.service(SERVICE, { timeoutMs: 1 }), { name: "TimeoutError", timeoutMs: 1 });
      const service = await toServer.service(SERVICE);
      equal((await collect(service!.characteristics())).length, 2);
    });
  });

  it("⚠ 5: what is discovered comes in the order of its handles", async () => {
    await withPair(serve, async ({ toServer }) => {
      const services = await collect(toServer.services());
      deepEqual(
        services.map(({ uuid }) => uuid.short),
        [0x1800, 0x1801, 0xfff0, 0x12345678],
      );
      const characteristics = await collect(services[2]!.characteristics());
      deepEqual(
        characteristics.map(({ uuid }) => uuid.short),
        [0xfff1, 0xfff2],
      );
    });
  });

  it("⚠ 5: a discovery that fails says so", async () => {
    const peer = await createScriptedServer();
    const services = collect(peer.connection.services());
    await peer.answer(services, "01 10 01 00 0e");
    await rejects(services, { name: "GattError", status: 0x0e });
    const service = await findBattery(peer);
    const characteristic = service.characteristic(LEVEL);
    await peer.answer(characteristic, "01 08 02 00 05");
    await rejects(characteristic, { name: "GattError", status: 0x05 });
  });

  it("⚠ 2.3: a discovery ends with the error of a link that is lost, not as if there were nothing", async () => {
    const peer = await createScriptedServer();
    const service = peer.connection.service(SERVICE);
    const isLost = rejects(service, { name: "DeviceDisconnectedError", reason: 0x08 });
    await peer.sent();
    await peer.rig.disconnect(undefined, 0x08);
    await isLost;
  });

  it("the timeout of a discovery is honoured, and does not count what the loop takes (C12)", async () => {
    await withPair(serve, async ({ sleep, toServer }) => {
      let found = 0;
      for await (const service of toServer.services(undefined, { timeoutMs: 1500 })) {
        ok(service);
        found++;
        await sleep(1000);
      }
      equal(found, 4);
    });
    const peer = await createScriptedServer();
    const silent = peer.connection.service(SERVICE);
    const isLate = rejects(silent, { name: "TimeoutError", timeoutMs: 2000 });
    await peer.rig.clock.advance(2000);
    await isLate;
  });

  it("a client reads and writes whole what is longer than a packet (C4)", async () => {
    let offered: ReturnType<typeof serve> | undefined;
    await withPair(
      (server) => {
        offered = serve(server);
      },
      async ({ toServer }) => {
        const first = await (await toServer.service(SERVICE))!.characteristic(FIRST);
        await first!.write(counting(200));
        deepEqual(offered![0]!.read(), counting(200));
        deepEqual(await first!.read(), counting(200));
      },
    );
  });

  it("⚠ 5: the late answer to a write that timed out is nobody's", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const late = level.write("a", { response: true, timeoutMs: 100 });
    const isLate = rejects(late, { name: "TimeoutError" });
    await peer.rig.clock.advance(100);
    await isLate;
    const next = level.write("b", { response: true });
    deepEqual(await peer.answer(next, "01 12 03 00 80", "13"), ["12 03 00 61", "12 03 00 62"]);
    await next;
  });

  it("⚠ 2.2: the late reply to an exchange of the MTU is no other call's result", async () => {
    const peer = await createScriptedServer();
    const late = peer.connection.exchangeMtu({ timeoutMs: 100 });
    const isLate = rejects(late, { name: "TimeoutError" });
    await peer.rig.clock.advance(100);
    await isLate;
    const service = peer.connection.service(SERVICE);
    await peer.answer(service, "03 64 00", "01 06 01 00 0a");
    equal(await service, undefined);
    equal(peer.connection.mtu, 100, "the peer has agreed, and goes by it");
    const again = peer.connection.exchangeMtu();
    equal(await again, 100);
    deepEqual(await peer.sent(), [], "there is one exchange on a link");
  });

  it("⚠ 5: reads and writes of several tasks each get their own answer", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const all = Promise.allSettled([level.read(), level.write("a", { response: true }), level.read()]);
    await peer.answer(all, "0b 01", "01 12 03 00 03", "0b 02");
    deepEqual(
      (await all).map((each) => (each.status === "fulfilled" ? each.value : each.reason.status)),
      [fromHex("01"), 3, fromHex("02")],
    );
  });

  it("⚠ 5: a notification that comes before the first wait is kept", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const subscribing = level.subscribe();
    await peer.answer(subscribing, "05 01 04 00 02 29");
    await peer.send("1b 03 00 01", "13", "1b 03 00 02");
    await subscribing;
    deepEqual(await level.notified(), fromHex("01"), "even before the answer");
    deepEqual(await level.notified(), fromHex("02"));
  });

  it("⚠ 5: a longer queue of notifications works", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer);
    const subscribing = level.subscribe({ queueSize: 100 });
    await peer.answer(subscribing, "05 01 04 00 02 29", "13");
    await subscribing;
    for (let count = 0; count < 100; count++)
      await peer.send(`1b 03 00 ${count.toString(16).padStart(2, "0")}`);
    for (let count = 0; count < 100; count++) deepEqual(await level.notified(), Uint8Array.of(count));
    equal(level.droppedValues, 0);
  });

  it("⚠ 5: a notification of a characteristic without that property harms nothing", async () => {
    const peer = await createScriptedServer();
    const level = await findLevel(peer, "02");
    await peer.send("1b 03 00 01");
    const reading = level.read();
    await peer.answer(reading, "0b 05");
    deepEqual(await reading, fromHex("05"));
  });

  it("⚠ 5: two characteristics are subscribed to at once", async () => {
    let offered: ReturnType<typeof serve> | undefined;
    await withPair(
      (server) => {
        offered = serve(server);
      },
      async ({ toClient, toServer }) => {
        const service = (await toServer.service(SERVICE))!;
        const both = await collect(service.characteristics());
        await Promise.all(both.map((each) => each.subscribe()));
        for (const [at, each] of offered!.entries()) {
          await each.notify(toClient, Uint8Array.of(at));
          deepEqual(await both[at]!.notified(), Uint8Array.of(at));
        }
      },
    );
  });

  it("⚠ 5: a 32-bit UUID finds what has its 128-bit form", async () => {
    await withPair(serve, async ({ toServer }) => {
      ok(await toServer.service(SHORT));
      ok(await toServer.service(new UUID(WIDENED)));
    });
  });
});
