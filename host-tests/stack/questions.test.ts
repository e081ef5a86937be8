/** Handlers that take their time, throw what has no text, or are more than can be asked; values that must not outgrow. */
import type { Timer } from "../../firmware/platform/platform.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import {
  ALL,
  CCCD,
  type Client,
  connectAnother,
  createClient,
  deferred,
  error,
  VALUE,
} from "../support/gatt.ts";
import { HANDLE } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

/** What an application may throw, none of which has a text. */
const WITHOUT_TEXT: readonly (readonly [string, () => unknown])[] = [
  ["a null-prototype object", () => Object.create(null)],
  [
    "an object whose toString throws",
    () => ({
      toString() {
        throw new Error("no text");
      },
    }),
  ],
  ["an object whose toString gives an object", () => ({ toString: () => ({}), valueOf: () => ({}) })],
  ["a symbol", () => Symbol("thrown")],
  ["undefined", () => undefined],
];

function never(): Promise<number> {
  return new Promise(() => {});
}

describe("stack: questions that take their time (A3)", () => {
  it("64 commands and a disconnect leave no timer, and the next client is served", async () => {
    const client = await createClient([{ hooks: { onWrite: never } }, {}]);
    for (let count = 0; count < 64; count++) deepEqual(await client.command([count]), []);
    equal(client.rig.clock.pending, 16, "so many questions are open");
    equal(client.rig.host.gatt.droppedCommands, 48, "the others are dropped and counted");
    equal(client.rig.log.filter(([, text]) => text.includes("has not answered the 16 before it")).length, 1);
    deepEqual(await client.read(), ["0b 00 01 02 03"], "commands keep no request from being served");
    await client.rig.disconnect();
    equal(client.rig.clock.pending, 0);
    const next = await connectAnother(client.rig, HANDLE);
    deepEqual(await next.write([1], 19), ["13"]);
    equal(client.rig.clock.pending, 0);
  });

  it("a request that nobody answers gives its timer back with the link", async () => {
    const client = await createClient([{ hooks: { onRead: never, onWrite: never } }]);
    for (const ask of [() => client.read(), () => client.write([1]), () => client.prepare(0, [1])])
      await ask();
    equal(client.rig.clock.pending, 1);
    await client.rig.disconnect();
    equal(client.rig.clock.pending, 0);
  });

  it("answered commands make room for others", async () => {
    const answers: ReturnType<typeof deferred<number>>[] = [];
    const hooks = {
      onWrite() {
        answers.push(deferred<number>());
        return answers.at(-1)!.promise;
      },
    };
    const client = await createClient([{ hooks }]);
    for (let count = 0; count < 40; count++) {
      await client.command([count]);
      answers[count]!.resolve(count % 2);
      await client.rig.settle();
    }
    equal(answers.length, 40);
    equal(client.rig.clock.pending, 0);
  });

  it("without a timer the question is not marked as asked: the client goes on", async () => {
    const answer = deferred<number>();
    const client = await createClient([
      { hooks: { onRead: () => answer.promise, onWrite: () => answer.promise } },
      {},
    ]);
    const { clock } = client.rig;
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (): Timer => {
      throw new RangeError("timerSet: none is left");
    };
    deepEqual(await client.read(), [error(0x0a, 0, 0x11)]);
    deepEqual(await client.write([1]), [error(0x12, 0, 0x11)]);
    deepEqual(await client.command([1]), []);
    equal(client.rig.host.gatt.droppedCommands, 1);
    clock.setTimer = setTimer;
    answer.resolve(0);
    await client.rig.settle();
    deepEqual(client.sent(), [], "the late answer is nobody's");
    deepEqual(await client.read(19), ["0b 00 01 02 03"]);
    deepEqual(await client.read(), ["0b 00 01 02 03"], "and it is asked again");
    equal(clock.pending, 0);
  });

  it("an indication without a timer is not sent, and those behind it are", async () => {
    const client = await createClient();
    const { host, clock } = client.rig;
    const { server } = host.connections.get(HANDLE)!;
    await client.write([2, 0], CCCD);
    const confirmations: boolean[] = [];
    const indicate = (value: number) =>
      host.gatt.updates.indicate(server, {
        attribute: client.values[0]!,
        value: Uint8Array.of(value),
        onConfirmed: (confirmed) => confirmations.push(confirmed),
      });
    const setTimer = clock.setTimer.bind(clock);
    clock.setTimer = (): Timer => {
      throw new RangeError("timerSet: none is left");
    };
    client.sent();
    equal(indicate(1), "waiting");
    deepEqual(confirmations, [false]);
    clock.setTimer = setTimer;
    equal(indicate(2), "waiting");
    deepEqual(client.sent(), ["1d 10 00 02"]);
  });
});

describe("stack: what handlers throw (A9)", () => {
  for (const [name, make] of WITHOUT_TEXT) {
    it(`${name} from each handler: the client gets an answer, the log a line, and the stack goes on`, async () => {
      const fail = (): never => {
        throw make();
      };
      const client = await createClient([
        { properties: ALL, hooks: { onRead: fail, onWrite: fail } },
        { properties: ALL, hooks: { onWritten: fail, onSubscribe: fail } },
        {
          properties: ALL,
          hooks: { onRead: () => Promise.reject(make()), onWrite: () => Promise.reject(make()) },
        },
        { properties: ALL, hooks: { onRead: () => make() as number, onWrite: () => make() as number } },
      ]);
      const [second, third, fourth] = [19, 22, 25];
      const lines = () => client.rig.log.filter(([level]) => level === "error").length;
      deepEqual(await client.read(), [error(0x0a, 0, 0x0e)]);
      deepEqual(await client.write([1]), [error(0x12, 0, 0x0e)]);
      deepEqual(await client.command([1]), []);
      equal(lines(), 3);
      deepEqual(await client.write([7], second), ["13"]);
      deepEqual(await client.read(second), ["0b 07"]);
      deepEqual(await client.write([1, 0], second! + 1), ["13"]);
      equal(lines(), 5);
      deepEqual(await client.read(third), [error(0x0a, 0, 0x0e)]);
      deepEqual(await client.write([1], third), [error(0x12, 0, 0x0e)]);
      equal(lines(), 7);
      const isAccepted = make() === undefined;
      deepEqual(await client.read(fourth), [isAccepted ? "0b 00 01 02 03" : error(0x0a, 0, 0x0e)]);
      deepEqual(await client.write([1], fourth), [isAccepted ? "13" : error(0x12, 0, 0x0e)]);
      await client.rig.disconnect();
      equal(client.rig.host.connections.size, 0);
      equal(client.rig.clock.pending, 0);
    });
  }

  it("onSubscribe that throws as all links end breaks nothing off: every link is gone", async () => {
    const hooks = {
      onSubscribe(_: unknown, configuration: number) {
        if (configuration === 0) throw Object.create(null);
      },
    };
    const client = await createClient([{ hooks }, { hooks }]);
    const other = await connectAnother(client.rig, HANDLE + 1);
    for (const each of [client, other]) {
      await each.write([1, 0], CCCD);
      await each.write([1, 0], CCCD + 3);
    }
    const stopped = client.rig.host.deactivate();
    await client.rig.clock.advance(2000);
    await stopped;
    equal(client.rig.host.connections.size, 0);
    equal(client.rig.host.gatt.clientCount, 0);
    equal(client.rig.log.filter(([level]) => level === "error").length, 4);
  });

  it("a promise that cannot be asked for its constructor is a failure like any other", async () => {
    const promise = Promise.resolve(0);
    Reflect.defineProperty(promise, "constructor", {
      get() {
        throw new Error("constructor");
      },
    });
    const client = await createClient([{ hooks: { onRead: () => promise } }]);
    deepEqual(await client.read(), [error(0x0a, 0, 0x0e)]);
    equal(client.rig.clock.pending, 0);
  });
});

describe("stack: what clients append has an end, whenever it is stored (A7)", () => {
  const ROOM = 10;

  function createAppending(
    onWrite: (client: unknown, value: Uint8Array) => Promise<number>,
  ): Promise<Client> {
    return createClient([
      { properties: ALL, append: true, maxLength: ROOM, value: new Uint8Array(0), hooks: { onWrite } },
    ]);
  }

  it("several writes wait for their answers, and only those that fit are stored", async () => {
    const answers: ReturnType<typeof deferred<number>>[] = [];
    const client = await createAppending(() => {
      answers.push(deferred<number>());
      return answers.at(-1)!.promise;
    });
    const other = await connectAnother(client.rig, HANDLE + 1);
    await client.write(counting(4));
    await other.write(counting(4, 10));
    for (const at of [20, 30]) await client.command(counting(4, at));
    equal(answers.length, 4);
    for (const answer of answers) answer.resolve(0);
    client.rig.controller.sent.length = 0;
    await client.rig.settle();
    equal(toHex(client.values[0]!.value), "00 01 02 03 0a 0b 0c 0d");
    equal(client.rig.host.gatt.droppedCommands, 2, "what had no room any more");
    deepEqual(client.sent(), ["13"]);
  });

  it("a request that finds no room any more is refused with 0x0D", async () => {
    const answer = deferred<number>();
    const client = await createAppending(() => answer.promise);
    await client.write(counting(6));
    client.values[0]!.value = counting(5);
    answer.resolve(0);
    await client.rig.settle();
    deepEqual(client.sent(), [error(0x12, VALUE, 0x0d)]);
    equal(client.values[0]!.value.length, 5, "what the application put there stays");
  });

  it("prepared writes: all or nothing, also when one has no room any more", async () => {
    const answer = deferred<number>();
    const appending = { append: true, maxLength: ROOM, value: new Uint8Array(0) };
    const client = await createClient([
      { ...appending, hooks: { onWrite: () => answer.promise } },
      { ...appending, hooks: { onWrite: () => answer.promise } },
    ]);
    await client.prepare(0, counting(6));
    await client.prepare(0, counting(6), 19);
    await client.execute();
    client.values[1]!.value = counting(5);
    answer.resolve(0);
    await client.rig.settle();
    deepEqual(client.sent(), [error(0x18, 19, 0x0d)]);
    equal(client.values[0]!.value.length, 0);
    equal(client.values[1]!.value.length, 5);
  });

  it("a value that is shortened meanwhile keeps to its new room", async () => {
    const answer = deferred<number>();
    const client = await createClient([{ maxLength: 20, hooks: { onWrite: () => answer.promise } }]);
    await client.write(counting(12));
    client.values[0]!.maxLength = 8;
    answer.resolve(0);
    await client.rig.settle();
    deepEqual(client.sent(), [error(0x12, VALUE, 0x0d)]);
    ok(client.values[0]!.value.length <= 8);
  });
});
