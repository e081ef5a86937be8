/** The capture queue under load: three clients write ten thousand times, drained and not. */
import type { Core } from "../../firmware/aioble/core.ts";
import type { Characteristic } from "../../firmware/aioble/server.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = 0xfff0;
const CHARACTERISTICS = [0xfff1, 0xfff2] as const;
const CLIENTS = 3;
const DEFAULT_SIZE = 10;

/** A client and one of its writes, as four bytes. */
function numbered(client: number, count: number): Uint8Array {
  return new Uint8Array([client, count >> 16, (count >> 8) & 0xff, count & 0xff]);
}

function numberOf(data: Uint8Array): readonly [client: number, count: number] {
  return [data[0]!, (data[1]! << 16) | (data[2]! << 8) | data[3]!];
}

/** A camera with two capture characteristics; `records`: what arrives, in order. */
function createScene({ records = false } = {}) {
  const world = createWorld();
  const camera = addAioble(world);
  const { advertise, Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(SERVICE));
  const targets = CHARACTERISTICS.map(
    (uuid) =>
      new Characteristic(service, new UUID(uuid), { write: true, writeNoResponse: true, capture: true }),
  );
  const arrived: (readonly [client: number, count: number])[] = [];
  if (records) {
    for (const target of targets) {
      target.onWrite = (_, data) => {
        arrived.push(numberOf(data));
        return 0;
      };
    }
  }
  registerServices(service);
  const meet = async () => {
    const { phone } = world.addPhone();
    const advertised = advertise({ intervalUs: 20_000, name: "obscura" });
    const link = await phone.connect(await phone.find({ name: "obscura" }), { intervalMs: 7.5 });
    const database = await link.discover();
    return {
      link,
      handles: CHARACTERISTICS.map((uuid) => database.characteristic(uuid).handle),
      connection: await advertised,
    };
  };
  const [first, second] = targets;
  /** The queue itself, whose size `config` sets. */
  const { capture } = (first as unknown as { registration: { core: Core } }).registration.core;
  return { world, camera, first: first!, second: second!, arrived, queue: capture, meet };
}

/** `count` writes, alternating between the characteristics. */
async function write(
  link: PhoneLink,
  handles: readonly number[],
  client: number,
  count: number,
): Promise<void> {
  for (let at = 0; at < count; at++) await link.write(handles[at & 1]!, numbered(client, at));
}

describe("capture: three clients at once", () => {
  it("ten thousand Write Requests, drained: each arrives once, in its client's order, with its connection", async () => {
    const { world, camera, first, second, meet } = createScene();
    const total = 10_000;
    const shares = [3334, 3333, 3333];
    const got: number[][] = shares.map(() => []);
    await world.run(async () => {
      const met = [await meet(), await meet(), await meet()];
      const drain = async (target: typeof first, parity: number): Promise<void> => {
        for await (const { connection, data } of target.writes()) {
          const [client, count] = numberOf(data);
          equal(connection, met[client]!.connection);
          equal(count & 1, parity);
          got[client]!.push(count);
          if (got.reduce((sum, { length }) => sum + length, 0) === total) return;
        }
      };
      const drains = [drain(first, 0), drain(second, 1)];
      await Promise.all(met.map(({ link, handles }, at) => write(link, handles, at, shares[at]!)));
      await Promise.race(drains);
    }, 1e7);
    for (const [client, counts] of got.entries()) {
      equal(counts.length, shares[client]!);
      for (const parity of [0, 1]) {
        const own = counts.filter((count) => (count & 1) === parity);
        ok(own.every((count, at) => count === at * 2 + parity));
      }
    }
    deepEqual([first.droppedWrites, second.droppedWrites], [0, 0]);
    deepEqual(diagnostics(camera), []);
    deepEqual(camera.controller.violations, []);
  });

  it("ten thousand that nobody takes: the last ten stay, in arrival order; the others are counted and warned of once", async () => {
    const { world, camera, first, second, arrived, meet } = createScene({ records: true });
    await world.run(async () => {
      const met = [await meet(), await meet(), await meet()];
      await Promise.all(met.map(({ link, handles }, at) => write(link, handles, at, at === 0 ? 3334 : 3333)));
      for (const { link } of met) await link.disconnect();
      await world.clock.sleep(1000);
      equal(arrived.length, 10_000);
      equal(first.droppedWrites + second.droppedWrites, 10_000 - DEFAULT_SIZE);
      const left = arrived.slice(-DEFAULT_SIZE);
      const dropped = arrived.slice(0, -DEFAULT_SIZE);
      equal(second.droppedWrites, dropped.filter(([, count]) => (count & 1) === 1).length);
      for (const [parity, target] of [first, second].entries()) {
        for (const expected of left.filter(([, count]) => (count & 1) === parity)) {
          const { connection, data } = await target.written({ timeoutMs: 0 });
          deepEqual(numberOf(data), expected);
          equal(connection, met[expected[0]]!.connection);
          equal(connection.isConnected(), false);
        }
        await rejects(target.written({ timeoutMs: 0 }), { code: "timeout" });
      }
    }, 1e7);
    deepEqual(diagnostics(camera), [
      "aioble: the capture queue of 10 writes is full, the oldest was dropped: await written() more often or raise captureQueueSize",
    ]);
  });

  it("taken now and then: what is taken, what is dropped and what stays is exactly what the rule says", async () => {
    const { world, first, second, arrived, meet } = createScene({ records: true });
    const random = new SeededRandom(4);
    const model: (readonly [client: number, count: number])[] = [];
    const dropped = [0, 0];
    let seen = 0;
    const follow = (): void => {
      for (; seen < arrived.length; seen++) {
        if (model.length === DEFAULT_SIZE) dropped[model.shift()![1] & 1]!++;
        model.push(arrived[seen]!);
      }
    };
    let taken = 0;
    await world.run(async () => {
      const met = [await meet(), await meet(), await meet()];
      let writing = CLIENTS;
      for (const [at, { link, handles }] of met.entries()) {
        write(link, handles, at, 300).then(
          () => writing--,
          () => (writing = Number.NaN),
        );
      }
      while (writing > 0) {
        await world.clock.sleep(random.u32() % 200);
        for (let turn = random.u32() % 12; turn > 0; turn--) {
          const parity = random.u32() % 2;
          follow();
          const at = model.findIndex(([, count]) => (count & 1) === parity);
          if (at < 0) continue;
          const expected = model.splice(at, 1)[0]!;
          const { connection, data } = await [first, second][parity]!.written();
          deepEqual(numberOf(data), expected);
          equal(connection, met[expected[0]]!.connection);
          taken++;
        }
      }
      equal(writing, 0);
    }, 1e7);
    follow();
    equal(taken + dropped[0]! + dropped[1]! + model.length, CLIENTS * 300);
    ok(taken > 50 && dropped[0]! > 50, `${taken} taken, ${dropped} dropped`);
    deepEqual([first.droppedWrites, second.droppedWrites], dropped);
  });
});

describe("capture: the queue", () => {
  it("that shrinks drops and counts the oldest of all, and keeps the rest in order; one that grows keeps all", async () => {
    const { world, camera, first, second, queue, meet } = createScene();
    await world.run(async () => {
      const { link, handles } = await meet();
      await write(link, handles, 0, 8);
      equal(queue.size, DEFAULT_SIZE);
      camera.aioble.config({ captureQueueSize: 3 });
      deepEqual([queue.size, queue.dropped], [3, 5]);
      deepEqual([first.droppedWrites, second.droppedWrites], [3, 2]);
      camera.aioble.config({ captureQueueSize: 5 });
      await write(link, handles, 1, 2);
      const take = async (target: typeof first) => numberOf((await target.written({ timeoutMs: 0 })).data);
      deepEqual(
        [await take(second), await take(second), await take(second)],
        [
          [0, 5],
          [0, 7],
          [1, 1],
        ],
      );
      deepEqual(
        [await take(first), await take(first)],
        [
          [0, 6],
          [1, 0],
        ],
      );
      equal(queue.dropped, 5);
    });
  });

  it("of a thousand holds a thousand and drops the oldest for the next, when config says so", async () => {
    const { world, camera, first, second, meet } = createScene();
    camera.aioble.config({ captureQueueSize: 1000 });
    await world.run(async () => {
      const { link, handles } = await meet();
      await write(link, handles, 0, 1001);
      deepEqual([first.droppedWrites, second.droppedWrites], [1, 0]);
      deepEqual(numberOf((await first.written()).data), [0, 2]);
    });
  });

  it("keeps no writes to characteristics that other services took the place of; to those that stay it does", async () => {
    const { world, camera, first, second, queue, meet } = createScene();
    const { aioble } = camera;
    await world.run(async () => {
      const { link, handles } = await meet();
      await write(link, handles, 0, 6);
      const service = new aioble.Service(new UUID(SERVICE));
      const options = { write: true, capture: true } as const;
      const fresh = new aioble.Characteristic(service, new UUID(0xfff3), options);
      service.characteristics.push(second as Characteristic<boolean>);
      aioble.registerServices(service);
      for (const count of [1, 3, 5]) deepEqual(numberOf((await second.written()).data), [0, count]);
      await rejects(fresh.written({ timeoutMs: 0 }), { code: "timeout" });
      throws(() => first.written(), TypeError);
      deepEqual([queue.dropped, (queue as unknown as { entries: unknown[] }).entries.length], [0, 0]);
    });
  });

  it("never holds a write that somebody waits for: a waiter gets the next one also when the queue is full of others", async () => {
    const { world, first, second, meet } = createScene();
    await world.run(async () => {
      const { link, handles } = await meet();
      for (let at = 0; at < DEFAULT_SIZE; at++) await link.write(handles[0]!, numbered(0, at));
      const waiting = second.written();
      await link.write(handles[1]!, numbered(0, 99));
      deepEqual(numberOf((await waiting).data), [0, 99]);
      equal(first.droppedWrites, 0);
    });
  });

  it("gives bytes of their own: what the application does with them changes neither the value nor other items", async () => {
    const { world, first, meet } = createScene();
    await world.run(async () => {
      const { link, handles } = await meet();
      const waiting = first.written();
      await link.write(handles[0]!, numbered(1, 1));
      (await waiting).data.fill(0xff);
      deepEqual(first.read(), numbered(1, 1));
      await link.writeWithoutResponse(handles[0]!, numbered(2, 2));
      await world.clock.sleep(100);
      first.read().fill(0xee);
      deepEqual((await first.written()).data, numbered(2, 2));
    });
  });
});
