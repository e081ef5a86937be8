import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { isAllowedError } from "../../../../support/att.ts";
import { counting, fromHex, le16 } from "../../../../support/bytes.ts";
import {
  CLIENT_FEATURES,
  type Client,
  characteristic,
  createClient,
  deferred,
  error,
  service,
  VALUE,
} from "../../../../support/gatt.ts";

const READ = 0x0a;
const READ_MULTIPLE = 0x0e;
const WRITE = 0x12;
const EXECUTE = 0x18;
const UNLIKELY = 0x0e;
const OUT_OF_SYNC = 0x12;

/** Everything that a number can be, around and beyond one byte. */
const NUMBERS = [...counting(256)].concat([
  256,
  258,
  300,
  512 + 0x80,
  0xffff,
  -1,
  -0x80,
  2.5,
  128.5,
  NaN,
  Infinity,
]);

/** What no handler may answer. */
const NONSENSE: readonly unknown[] = [
  "2",
  "",
  true,
  false,
  {},
  [],
  [1],
  Symbol("no"),
  () => 1,
  1n,
  new ArrayBuffer(2),
];

function errorLines({ rig }: Client): string[] {
  return rig.log.filter(([level]) => level === "error").map(([, text]) => text);
}

/** The answer to one request whose handler answers this. */
async function ask(answer: unknown, request: number): Promise<{ reply: string; lines: string[] }> {
  const hooks = { onRead: () => answer as number, onWrite: () => answer as number };
  const client = await createClient([{ hooks }]);
  let replies: string[];
  if (request === READ) {
    replies = await client.read();
  } else if (request === WRITE) {
    replies = await client.write([1]);
  } else {
    await client.prepare(0, [1]);
    replies = await client.execute();
  }
  assert.equal(replies.length, 1);
  return { reply: replies[0]!, lines: errorLines(client) };
}

describe("the code that an application answers with (Vol 3, Part F, Table 3.44)", () => {
  for (const request of [READ, WRITE, EXECUTE]) {
    it(`request 0x${request.toString(16)}: any number gives the request's success or an allowed error`, async () => {
      for (const answer of NUMBERS) {
        const { reply, lines } = await ask(answer, request);
        const bytes = fromHex(reply);
        if (answer === 0) {
          assert.equal(bytes[0], request + 1);
          continue;
        }
        const code = bytes[4]!;
        assert.equal(bytes[0], 0x01, `${answer}`);
        assert.ok(isAllowedError(request, code), `${answer} became 0x${code.toString(16)}`);
        assert.ok(
          code === answer || code === UNLIKELY || (request === EXECUTE && code === 0xfc),
          `${answer}`,
        );
        assert.equal(lines.length, code === UNLIKELY && answer !== UNLIKELY ? 1 : 0, `${answer}: ${lines}`);
      }
    });
  }

  it("a code that reads may be refused with is passed on, one that only writes may be is not, and the other way", async () => {
    for (const code of [0x02, 0x05, 0x08, 0x0c, 0x0f, 0x11, 0x80, 0x9f, 0xe0, 0xff]) {
      assert.equal((await ask(code, READ)).reply, error(READ, code === 0x11 ? 0 : VALUE, code));
    }
    for (const code of [0x03, 0x05, 0x0d, 0x13, 0x80, 0xfc]) {
      assert.equal((await ask(code, WRITE)).reply, error(WRITE, VALUE, code));
    }
    for (const [code, request] of [
      [0x03, READ],
      [0x13, READ],
      [0x02, WRITE],
      [0xa0, READ],
      [0xdf, WRITE],
    ] as const) {
      const { reply, lines } = await ask(code, request);
      assert.equal(reply, error(request, 0, UNLIKELY));
      assert.match(lines[0]!, new RegExp(`UUID\\(0x2a6e\\) failed: ${code} is no answer to a (read|write)`));
    }
  });

  it("anything that is neither a number nor a value is Unlikely Error and a line in the log", async () => {
    for (const answer of NONSENSE) {
      for (const request of [READ, WRITE, EXECUTE]) {
        const { reply, lines } = await ask(answer, request);
        assert.equal(reply, error(request, 0, UNLIKELY), typeof answer);
        assert.equal(lines.length, 1);
      }
    }
    for (const length of [513, 2000]) {
      const { reply, lines } = await ask(counting(length), READ);
      assert.equal(reply, error(READ, 0, UNLIKELY), `${length} bytes are no value`);
      assert.match(
        lines.join(),
        new RegExp(`UUID\\(0x2a6e\\) failed: an array of ${length} bytes is no answer to a read$`),
      );
    }
    assert.match((await ask(counting(512), READ)).reply, /^0b 00 01 02/);
    assert.equal((await ask(counting(2), WRITE)).reply, error(WRITE, 0, UNLIKELY), "bytes answer no write");
    assert.equal((await ask(null, WRITE)).reply, "13");
    assert.equal((await ask(undefined, READ)).reply, "0b 00 01 02 03");
  });

  it("a command that is refused with anything is dropped, counted, and never answered", async () => {
    for (const answer of [0x03, 0x80, 300, "no", true]) {
      const client = await createClient([{ hooks: { onWrite: () => answer as number } }]);
      assert.deepEqual(await client.command([7]), []);
      assert.equal(client.rig.host.gatt.droppedCommands, 1);
      assert.deepEqual(client.values[0]!.value, counting(4));
    }
  });
});

describe("thenables are promises", () => {
  const later = (answer: unknown) => ({
    // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
    then(resolve: (answer: unknown) => void) {
      resolve(answer);
    },
  });

  it("their answer counts, once, as that of a promise", async () => {
    const hooks = {
      onRead: () => later(counting(3, 5)) as PromiseLike<Uint8Array>,
      onWrite: () => later(0x80) as PromiseLike<number>,
    };
    const client = await createClient([{ hooks }]);
    assert.deepEqual(await client.read(), ["0b 05 06 07"]);
    assert.deepEqual(await client.write([1]), [error(WRITE, VALUE, 0x80)]);
    assert.equal(client.rig.clock.pending, 0);
  });

  it("one that calls back twice, throws, or whose `then` cannot be read answers once", async () => {
    const bad: readonly [unknown, string][] = [
      [
        {
          // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
          then(resolve: (answer: number) => void, reject: (error: Error) => void) {
            resolve(0x81);
            reject(new Error("changed its mind"));
            resolve(0);
          },
        },
        error(WRITE, VALUE, 0x81),
      ],
      [
        {
          // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
          then() {
            throw new Error("no then");
          },
        },
        error(WRITE, 0, UNLIKELY),
      ],
      [
        {
          // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
          get then() {
            throw new Error("no getter");
          },
        },
        error(WRITE, 0, UNLIKELY),
      ],
    ];
    for (const [answer, expected] of bad) {
      const client = await createClient([{ hooks: { onWrite: () => answer as number } }]);
      assert.deepEqual(await client.write([1]), [expected]);
      assert.equal(client.rig.clock.pending, 0);
      assert.equal((await client.read()).length, 1, "the next request is served");
    }
  });

  it("one that never settles is Unlikely Error after 29 s", async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
    const client = await createClient([{ hooks: { onRead: () => ({ then() {} }) as unknown as number } }]);
    assert.deepEqual(await client.read(), []);
    await client.rig.clock.advance(29_000);
    assert.deepEqual(client.sent(), [error(READ, 0, UNLIKELY)]);
  });
});

describe("a registration while a request waits for the application", () => {
  async function createWaiting(robust: boolean) {
    const asked: ReturnType<typeof deferred<number>>[] = [];
    const wait = () => {
      asked.push(deferred<number>());
      return asked.at(-1)!.promise;
    };
    const client = await createClient([{ hooks: { onRead: wait, onWrite: wait } }, {}]);
    if (robust) await client.write([1], CLIENT_FEATURES);
    const old = client.values[0]!;
    /** Replaces the database, then lets the application accept. */
    const overtake = async () => {
      const [fresh] = client.rig.host.gatt.register([
        service(characteristic({ value: counting(40, 0x60) })),
      ])[0]!;
      asked[0]!.resolve(0);
      await client.rig.settle();
      return { fresh: fresh!, sent: client.sent() };
    };
    return { client, old, overtake };
  }

  for (const robust of [false, true]) {
    const code = robust ? OUT_OF_SYNC : UNLIKELY;
    const blame = robust ? VALUE : 0;

    describe(robust ? "of a client with robust caching" : "of any other client", () => {
      it("a write is refused, not lost in silence: nothing is stored, neither before nor after", async () => {
        const { client, old, overtake } = await createWaiting(robust);
        const calls: unknown[] = [];
        old.hooks!.onWritten = () => calls.push("written");
        assert.deepEqual(await client.write([9, 9]), []);
        const { fresh, sent } = await overtake();
        assert.deepEqual(sent, [error(WRITE, blame, code)]);
        assert.deepEqual([old.value, fresh.value.length, calls], [counting(4), 40, []]);
      });

      it("a read is refused, and leaves no parts for the value that has its handle now", async () => {
        const { client, overtake } = await createWaiting(robust);
        assert.deepEqual(await client.read(), []);
        assert.deepEqual((await overtake()).sent, [error(READ, blame, code)]);
        assert.deepEqual(await client.blob(38), ["0d 86 87"]);
      });

      it("Read Multiple is refused whole", async () => {
        const { client, overtake } = await createWaiting(robust);
        assert.deepEqual(await client.send([READ_MULTIPLE], le16(VALUE), le16(3)), []);
        assert.deepEqual((await overtake()).sent, [error(READ_MULTIPLE, blame, code)]);
      });

      it("prepared writes are refused, and the queue is empty", async () => {
        const { client, old, overtake } = await createWaiting(robust);
        await client.prepare(0, [9]);
        assert.deepEqual(await client.execute(), []);
        assert.deepEqual((await overtake()).sent, [error(EXECUTE, blame, code)]);
        assert.deepEqual(old.value, counting(4));
        assert.deepEqual(await client.execute(), ["19"]);
      });

      it("a command is dropped and counted", async () => {
        const { client, old, overtake } = await createWaiting(robust);
        assert.deepEqual(await client.command([9]), []);
        assert.deepEqual((await overtake()).sent, []);
        assert.deepEqual(old.value, counting(4));
        assert.equal(client.rig.host.gatt.droppedCommands, 1);
        const next = await client.read();
        assert.equal(next[0]!.startsWith("0b"), !robust, "a command does not count as awareness");
      });
    });
  }

  it("a handler that registers anew itself and accepts: the write is refused", async () => {
    const client: Client = await createClient([{ hooks: { onWrite: () => again() } }]);
    const again = () => {
      client.rig.host.gatt.register([service({})]);
      return 0;
    };
    assert.deepEqual(await client.write([1]), [error(WRITE, 0, UNLIKELY)]);
    assert.deepEqual(await client.read(), ["0b 00 01 02 03"]);
  });
});
