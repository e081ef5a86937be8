/** Values of a peer, by one camera of another: read, written, subscribed to. */
import type { ClientCharacteristic } from "../../firmware/aioble/client-characteristic.ts";
import type { BufferedCharacteristic, Characteristic } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { type CameraPair, withPair } from "../support/pair.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const PLAIN = new UUID(0xfff1);
const LONG = new UUID(0xfff2);
const NOTIFYING = new UUID(0xfff3);
const COMMANDS = new UUID(0xfff4);

interface Offered {
  readonly plain: Characteristic;
  readonly long: BufferedCharacteristic;
  readonly notifying: Characteristic;
  readonly commands: Characteristic<true>;
}

interface Found {
  readonly plain: ClientCharacteristic;
  readonly long: ClientCharacteristic;
  readonly notifying: ClientCharacteristic;
  readonly commands: ClientCharacteristic;
}

function offer({ aioble }: AiobleCamera): Offered {
  const { BufferedCharacteristic, Characteristic, Service, registerServices } = aioble;
  const service = new Service(SERVICE);
  const options = { read: true, write: true, reliableWrite: true };
  const offered = {
    plain: new Characteristic(service, PLAIN, { ...options, initial: new Uint8Array([1, 2]) }),
    long: new BufferedCharacteristic(service, LONG, { ...options, maxLen: 512 }),
    notifying: new Characteristic(service, NOTIFYING, { notify: true, indicate: true }),
    commands: new Characteristic(service, COMMANDS, { write: true, writeNoResponse: true, capture: true }),
  };
  registerServices(service);
  return offered;
}

async function withValues(
  work: (found: Found, offered: Offered, pair: CameraPair) => Promise<void>,
): Promise<void> {
  let offered: Offered | undefined;
  await withPair(
    (server) => {
      offered = offer(server);
    },
    async (pair) => {
      const service = (await pair.toServer.service(SERVICE))!;
      const of = async (uuid: UUID) => (await service.characteristic(uuid))!;
      const found = {
        plain: await of(PLAIN),
        long: await of(LONG),
        notifying: await of(NOTIFYING),
        commands: await of(COMMANDS),
      };
      await work(found, offered!, pair);
    },
  );
}

describe("client: reading and writing", () => {
  it("reads values of every length, at an MTU of 23 and of 517", async () => {
    await withValues(async ({ long }, offered, { toServer }) => {
      for (const mtu of [23, 517]) {
        if (mtu > 23) equal(await toServer.exchangeMtu(), mtu);
        for (const length of [0, 1, 21, 22, 23, 44, 45, 511, 512]) {
          offered.long.write(counting(length));
          deepEqual(await long.read(), counting(length), `${length} bytes at ${mtu}`);
        }
      }
    });
  });

  it("writes values of every length, each as a whole, and the peer sees one write", async () => {
    await withValues(async ({ long }, offered, { toServer }) => {
      let writes = 0;
      offered.long.onWrite = () => {
        writes++;
      };
      for (const mtu of [23, 185]) {
        if (mtu > 23) equal(await toServer.exchangeMtu({ mtu }), mtu);
        for (const length of [0, 1, 20, 21, 22, 182, 183, 512]) {
          await long.write(counting(length));
          deepEqual(offered.long.read(), counting(length), `${length} bytes at ${mtu}`);
        }
      }
      equal(writes, 16);
      await long.write("grüße");
      deepEqual(await long.read(), new Uint8Array([0x67, 0x72, 0xc3, 0xbc, 0xc3, 0x9f, 0x65]));
    });
  });

  it("a peer that refuses is a GattError with the plain code; nothing of a long write is kept", async () => {
    await withValues(async ({ long, plain }, offered) => {
      await rejects(plain.write(counting(21)), { name: "GattError", status: 0x0d });
      offered.plain.onRead = () => 0x80;
      await rejects(plain.read(), { name: "GattError", code: "gatt-error", status: 0x80 });
      offered.long.onWrite = (_, data) => (data.length > 100 ? 0x81 : undefined);
      await rejects(long.write(counting(200)), { status: 0x81 });
      await long.write(counting(3));
      deepEqual(offered.long.read(), counting(3));
    });
  });

  it("without a response it is only sent, in order, and what does not fit is a RangeError", async () => {
    await withValues(async ({ commands }, offered) => {
      for (let count = 0; count < 8; count++) await commands.write(new Uint8Array([count]));
      for (let count = 0; count < 8; count++) {
        deepEqual((await offered.commands.written()).data, new Uint8Array([count]));
      }
      await rejects(commands.write(counting(21), { response: false }), { name: "RangeError" });
      await rejects(commands.write(counting(513)), { name: "RangeError" });
      await rejects(commands.write(counting(21)), { name: "GattError", status: 0x0d });
    });
  });

  it("what a characteristic does not allow is a TypeError, and nothing is sent", async () => {
    await withValues(async ({ commands, notifying, plain }) => {
      await rejects(commands.read(), { name: "TypeError" });
      await rejects(notifying.write("x"), { name: "TypeError" });
      await rejects(plain.write("x", { response: false }), { name: "TypeError" });
      await rejects(plain.write(7 as never), { name: "TypeError" });
      await rejects(plain.notified(), { name: "TypeError" });
      await rejects(plain.subscribe(), { name: "TypeError" });
      await rejects(commands.write("x", { reliable: true }), { name: "TypeError" });
      await rejects(notifying.subscribe({ queueSize: 0 }), { name: "RangeError" });
      await rejects(plain.read({ timeoutMs: -1 }), { name: "RangeError" });
      throws(() => plain.notifications(), { name: "TypeError" });
    });
  });

  it("reads several values at once, whole, whatever the peer's packets hold", async () => {
    await withValues(async ({ long, plain }, offered, { toServer }) => {
      for (const length of [3, 40, 512]) {
        offered.long.write(counting(length));
        for (const options of [{}, { variable: true }]) {
          deepEqual(await toServer.readMultiple([plain, long, plain], options), [
            new Uint8Array([1, 2]),
            counting(length),
            new Uint8Array([1, 2]),
          ]);
        }
        deepEqual(await toServer.readMultiple([plain, long], { lengths: [2, length] }), [
          new Uint8Array([1, 2]),
          counting(length),
        ]);
      }
      const many = Array.from({ length: 30 }, () => plain);
      equal((await toServer.readMultiple(many)).length, 30);
      await rejects(toServer.readMultiple([]), { name: "TypeError" });
      await rejects(toServer.readMultiple([plain], { lengths: [] }), { name: "RangeError" });
    });
  });

  it("writes several values at once, all or none of them", async () => {
    await withValues(async ({ long, plain }, offered, { toServer }) => {
      await toServer.writeReliably([
        [plain, "a"],
        [long, counting(100)],
      ]);
      deepEqual(offered.plain.read(), new Uint8Array([0x61]));
      deepEqual(offered.long.read(), counting(100));
      await rejects(
        toServer.writeReliably([
          [plain, "b"],
          [plain, counting(30)],
        ]),
        { name: "GattError", status: 0x0d },
      );
      deepEqual(offered.plain.read(), new Uint8Array([0x61]), "not the first without the second");
      await plain.write("c", { reliable: true });
      deepEqual(offered.plain.read(), new Uint8Array([0x63]));
    });
  });

  it("operations of several tasks are not mixed up, long writes among them", async () => {
    await withValues(async ({ long, plain }, offered) => {
      const [, , value, , both] = await Promise.all([
        long.write(counting(300)),
        plain.write("x"),
        long.read(),
        long.write(counting(200, 7)),
        long.read(),
      ]);
      deepEqual(value, counting(300));
      deepEqual(both, counting(200, 7));
      deepEqual(offered.plain.read(), new Uint8Array([0x78]));
    });
  });

  it("descriptors are read and written; the peer says what it does not allow", async () => {
    await withPair(
      ({ aioble }) => {
        const service = new aioble.Service(SERVICE);
        const plain = new aioble.Characteristic(service, PLAIN, { read: true, description: "what it is" });
        new aioble.Descriptor(plain, LONG, { read: true, write: true, initial: counting(40) });
        aioble.registerServices(service);
      },
      async ({ toServer }) => {
        const plain = await (await toServer.service(SERVICE))?.characteristic(PLAIN);
        const own = await plain?.descriptor(LONG);
        deepEqual(await own?.read(), counting(40));
        await own?.write(counting(30, 9));
        deepEqual(await own?.read(), counting(30, 9));
        const description = await plain?.descriptor(new UUID(0x2901));
        deepEqual(String(await description?.read()), "119,104,97,116,32,105,116,32,105,115");
        await rejects(description!.write("else"), { name: "GattError", status: 0x03 });
      },
    );
  });
});

describe("client: notifications and indications", () => {
  it("what comes between subscribing and waiting is kept, in order, and handed out once", async () => {
    await withValues(async ({ notifying }, offered, { sleep, toClient }) => {
      await notifying.subscribe();
      for (let count = 0; count < 5; count++)
        await offered.notifying.notify(toClient, new Uint8Array([count]));
      await sleep(500);
      for (let count = 0; count < 5; count++) deepEqual(await notifying.notified(), new Uint8Array([count]));
      const next = notifying.notified({ timeoutMs: 1000 });
      await rejects(next, { name: "TimeoutError" });
      await offered.notifying.notify(toClient, "x");
      deepEqual(await notifying.notified(), new Uint8Array([0x78]), "a wait that timed out takes nothing");
      equal(notifying.droppedValues, 0);
    });
  });

  it("indications are confirmed, and kept apart from notifications", async () => {
    await withValues(async ({ notifying }, offered, { toClient }) => {
      await notifying.subscribe({ notify: true, indicate: true });
      equal(await offered.notifying.indicate(toClient, "i"), true);
      await offered.notifying.notify(toClient, "n");
      deepEqual(await notifying.notified(), new Uint8Array([0x6e]));
      deepEqual(await notifying.indicated(), new Uint8Array([0x69]));
      await notifying.subscribe({ notify: false });
      equal(await offered.notifying.indicate(toClient, "i"), false, "it asked for no more");
    });
  });

  it("the newest values are kept when nobody takes them, as many as queueSize, and the others counted", async () => {
    await withValues(async ({ notifying }, offered, { sleep, toClient }) => {
      await notifying.subscribe({ queueSize: 3 });
      for (let count = 0; count < 10; count++)
        await offered.notifying.notify(toClient, new Uint8Array([count]));
      await sleep(500);
      equal(notifying.droppedValues, 7);
      for (const count of [7, 8, 9]) deepEqual(await notifying.notified(), new Uint8Array([count]));
      await notifying.subscribe({ queueSize: 1 });
      for (const count of [1, 2, 3]) await offered.notifying.notify(toClient, new Uint8Array([count]));
      await sleep(500);
      deepEqual(await notifying.notified(), new Uint8Array([3]), "one value only: the newest, as in aioble");
    });
  });

  it("a loop gets every value; it ends when it is left, by its signal, and by the end of the link after the last value", async () => {
    await withValues(async ({ notifying }, offered, { client, sleep, toClient }) => {
      await notifying.subscribe();
      const seen: number[] = [];
      const looping = (async () => {
        for await (const value of notifying.notifications()) {
          seen.push(value[0]!);
          if (value[0] === 3) break;
        }
      })();
      for (const count of [1, 2, 3]) await offered.notifying.notify(toClient, new Uint8Array([count]));
      await looping;
      deepEqual(seen, [1, 2, 3]);
      const values = notifying.notifications();
      const pending = values.next();
      await values.return?.();
      equal((await pending).done, true);
      const { AbortController } = client.globals;
      const aborter = new AbortController();
      const aborted = notifying.notifications({ signal: aborter.signal }).next();
      const isAborted = rejects(aborted, { message: "enough" });
      aborter.abort(new Error("enough"));
      await isAborted;
      for (const count of [4, 5]) await offered.notifying.notify(toClient, new Uint8Array([count]));
      await sleep(500);
      await toClient.disconnect();
      await sleep(500);
      const last: number[] = [];
      await rejects(
        (async () => {
          for await (const value of notifying.notifications()) last.push(value[0]!);
        })(),
        { name: "DeviceDisconnectedError", reason: 0x13 },
      );
      deepEqual(last, [4, 5]);
    });
  });

  it("two waits get one value each, in their order; two objects for one characteristic share its values", async () => {
    await withValues(async ({ notifying }, offered, { toClient, toServer }) => {
      await notifying.subscribe();
      const other = (await (await toServer.service(SERVICE))!.characteristic(NOTIFYING))!;
      const waits = [notifying.notified(), other.notified()];
      for (const count of [1, 2]) await offered.notifying.notify(toClient, new Uint8Array([count]));
      deepEqual(await Promise.all(waits), [new Uint8Array([1]), new Uint8Array([2])]);
    });
  });

  it("several characteristics of one peer, each with its own values", async () => {
    await withPair(
      ({ aioble }) => {
        const service = new aioble.Service(SERVICE);
        const both = [PLAIN, NOTIFYING].map(
          (uuid) => new aioble.Characteristic(service, uuid, { notify: true }),
        );
        aioble.registerServices(service);
        for (const [at, each] of both.entries()) {
          each.onSubscribe = (connection) => {
            for (let count = 0; count < 3; count++)
              void each.notify(connection, new Uint8Array([10 * at + count]));
          };
        }
      },
      async ({ toServer }) => {
        const service = (await toServer.service(SERVICE))!;
        const values = await Promise.all(
          [PLAIN, NOTIFYING].map(async (uuid) => {
            const characteristic = (await service.characteristic(uuid))!;
            await characteristic.subscribe();
            const got: number[] = [];
            for (let count = 0; count < 3; count++) got.push((await characteristic.notified())[0]!);
            return got;
          }),
        );
        deepEqual(values, [
          [0, 1, 2],
          [10, 11, 12],
        ]);
      },
    );
  });
});

describe("client: its waits", () => {
  it("end with the link, and with stop(), as every wait does", async () => {
    for (const end of ["disconnect", "stop"] as const) {
      await withValues(async ({ notifying, plain }, offered, { client, toClient, toServer }) => {
        offered.plain.onRead = () => new Promise(() => {});
        const waits = {
          read: plain.read({ timeoutMs: 20_000 }),
          write: plain.write("x", { timeoutMs: 20_000 }),
          subscribe: notifying.subscribe({ timeoutMs: 20_000 }),
          notified: notifying.notified(),
          indicated: notifying.indicated({ timeoutMs: 20_000 }),
          service: toServer.service(SERVICE, { timeoutMs: 20_000 }),
          exchangeMtu: toServer.exchangeMtu({ timeoutMs: 20_000 }),
          descriptor: plain.descriptor(LONG, { timeoutMs: 20_000 }),
          readMultiple: toServer.readMultiple([plain, plain], { timeoutMs: 20_000 }),
          writeReliably: toServer.writeReliably([[plain, "x"]], { timeoutMs: 20_000 }),
        };
        const ends = Object.values(waits).map((wait) => rejects(wait, { name: "DeviceDisconnectedError" }));
        if (end === "stop") await client.aioble.stop();
        else await toClient.disconnect();
        await Promise.all(ends);
        for (const again of [
          plain.read(),
          plain.write("x"),
          notifying.subscribe(),
          notifying.notified(),
          toServer.service(SERVICE),
          toServer.exchangeMtu(),
        ]) {
          await rejects(again, { name: "DeviceDisconnectedError" });
        }
      });
    }
  });

  it("end by their timeout and by their signal, and then everything works again", async () => {
    await withValues(async ({ notifying, plain }, offered, { client, sleep }) => {
      const { AbortController, AbortSignal } = client.globals;
      let isSlow = true;
      offered.plain.onRead = () =>
        isSlow ? sleep(3000).then(() => new Uint8Array([7])) : new Uint8Array([8]);
      await rejects(plain.read({ timeoutMs: 300 }), { name: "TimeoutError", timeoutMs: 300 });
      await rejects(plain.read({ signal: AbortSignal.abort(new Error("no")) }), { message: "no" });
      const aborter = new AbortController();
      const reading = plain.read({ timeoutMs: 10_000, signal: aborter.signal });
      const isAborted = rejects(reading, { message: "enough" });
      await sleep(100);
      aborter.abort(new Error("enough"));
      await isAborted;
      await rejects(notifying.notified({ timeoutMs: 100 }), { name: "TimeoutError" });
      await rejects(notifying.indicated({ signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
      isSlow = false;
      deepEqual(await plain.read({ timeoutMs: 10_000 }), new Uint8Array([8]));
      ok((await notifying.descriptor(new UUID(0x2902))) !== undefined);
    });
  });
});
