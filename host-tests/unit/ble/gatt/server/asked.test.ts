import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PROPERTY } from "../../../../../firmware/ble/gatt/types.ts";
import { concat, counting, le16, toHex } from "../../../../support/bytes.ts";
import { createClient, deferred, error, VALUE } from "../../../../support/gatt.ts";

const PLAIN = 18; // The value of a second characteristic; the first has a CCCD unless it says otherwise.
const READABLE = { properties: PROPERTY.READ | PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE };

describe("a promise from onRead", () => {
  it("in time: the request is answered then, and no timer is left", async () => {
    const answer = deferred<Uint8Array>();
    const client = await createClient([{ hooks: { onRead: () => answer.promise } }]);
    assert.deepEqual(await client.read(), []);
    await client.rig.clock.advance(28_999);
    answer.resolve(counting(3, 9));
    await client.rig.settle();
    assert.deepEqual(client.sent(), ["0b 09 0a 0b"]);
    assert.equal(client.rig.clock.pending, 0);
  });

  it("too late: Unlikely Error after 29 s, before the client gives up at 30 s (Vol 3, Part F, 3.3.3)", async () => {
    const answer = deferred<Uint8Array>();
    const client = await createClient([{ hooks: { onRead: () => answer.promise } }]);
    await client.read();
    await client.rig.clock.advance(28_999);
    assert.deepEqual(client.sent(), []);
    await client.rig.clock.advance(1);
    assert.deepEqual(client.sent(), [error(0x0a, 0, 0x0e)]);
    answer.resolve(counting(3));
    await client.rig.settle();
    assert.deepEqual(client.sent(), [], "the late answer is swallowed");
    assert.equal(client.rig.host.connections.size, 1, "the link stands");
  });

  it("rejected: Unlikely Error, and the log says why", async () => {
    const client = await createClient([
      { hooks: { onRead: () => Promise.reject(new Error("lens cap on")) } },
    ]);
    assert.deepEqual(await client.read(), [error(0x0a, 0, 0x0e)]);
    assert.ok(client.rig.log.some(([level, text]) => level === "error" && text.includes("lens cap on")));
    assert.equal(client.rig.clock.pending, 0);
  });

  it("the link ends meanwhile: nothing is sent, and the next client on the handle gets nothing of it", async () => {
    const answer = deferred<Uint8Array>();
    const client = await createClient([{ hooks: { onRead: () => answer.promise } }, READABLE]);
    await client.read();
    await client.rig.disconnect();
    const connected = client.rig.aioble.advertise({ intervalUs: 100_000 });
    await client.rig.settle();
    await client.rig.connect();
    await connected;
    client.rig.controller.sent.length = 0;
    answer.resolve(counting(3));
    await client.rig.settle();
    assert.deepEqual(client.sent(), []);
    assert.equal((await client.read(19)).length, 1, "the new client is served");
  });

  it("no answer on a link that ended is nobody's error", async () => {
    const client = await createClient([{ hooks: { onRead: () => new Promise<number>(() => {}) } }]);
    await client.read();
    await client.rig.disconnect();
    await client.rig.clock.advance(60_000);
    assert.deepEqual(
      client.rig.log.filter(([level]) => level === "error"),
      [],
    );
    assert.equal(client.rig.clock.pending, 0);
  });

  it("meanwhile a second request is dropped, a command is served, and afterwards all is well", async () => {
    const answer = deferred<number>();
    const client = await createClient([
      { properties: PROPERTY.READ, hooks: { onRead: () => answer.promise } },
      READABLE,
    ]);
    await client.read();
    assert.deepEqual(await client.read(PLAIN), []);
    assert.deepEqual(await client.write([1], PLAIN), []);
    assert.deepEqual(await client.send([0x04, 1, 0, 0xff, 0xff]), []);
    assert.deepEqual(await client.execute(), []);
    assert.ok(client.rig.log.some(([level, text]) => level === "warning" && text.includes("0xa")));
    await client.command([7], PLAIN);
    assert.equal(toHex(client.values[1]!.value), "07");
    answer.resolve(0x80);
    await client.rig.settle();
    assert.deepEqual(client.sent(), [error(0x0a, VALUE, 0x80)]);
    assert.deepEqual(await client.read(PLAIN), ["0b 07"]);
  });

  it("serves Read By Type and Read Multiple too, one answer to each request", async () => {
    const client = await createClient([{ hooks: { onRead: async () => counting(2, 0x40) } }]);
    assert.deepEqual(await client.send([0x08, 1, 0, 0xff, 0xff, 0x6e, 0x2a]), ["09 04 10 00 40 41"]);
    for (const [opcode, tuple] of [
      [0x0e, "40 41"],
      [0x20, "02 00 40 41"],
    ] as const) {
      const reply = await client.send([opcode], le16(VALUE), le16(VALUE));
      assert.deepEqual(reply, [`${(opcode + 1).toString(16).padStart(2, "0")} ${tuple} ${tuple}`]);
    }
    assert.equal(client.rig.clock.pending, 0);
  });
});

describe("a promise from onWrite", () => {
  it("accepts, refuses, rejects; the value changes only when accepted", async () => {
    for (const [settle, reply, value] of [
      [(answer: ReturnType<typeof deferred<number>>) => answer.resolve(0), "13", "09"],
      [
        (answer: ReturnType<typeof deferred<number>>) => answer.resolve(0x81),
        error(0x12, VALUE, 0x81),
        "00 01 02 03",
      ],
      [
        (answer: ReturnType<typeof deferred<number>>) => answer.reject("no"),
        error(0x12, 0, 0x0e),
        "00 01 02 03",
      ],
    ] as const) {
      const answer = deferred<number>();
      const client = await createClient([{ hooks: { onWrite: () => answer.promise } }]);
      assert.deepEqual(await client.write([9]), []);
      assert.equal(toHex(client.values[0]!.value), "00 01 02 03");
      settle(answer);
      await client.rig.settle();
      assert.deepEqual(client.sent(), [reply]);
      assert.equal(toHex(client.values[0]!.value), value);
    }
  });

  it("of a command: never answered; accepted later, or dropped and counted", async () => {
    const answers = [deferred<number>(), deferred<number>()];
    let turn = 0;
    const client = await createClient([{ hooks: { onWrite: () => answers[turn++]!.promise } }]);
    assert.deepEqual(await client.command([1]), []);
    assert.deepEqual(await client.command([2]), []);
    assert.equal((await client.read()).length, 1, "requests do not wait for a command");
    answers[0]!.resolve(0);
    answers[1]!.resolve(0x80);
    await client.rig.settle();
    assert.deepEqual(client.sent(), []);
    assert.equal(toHex(client.values[0]!.value), "01");
    assert.equal(client.rig.host.gatt.droppedCommands, 1);
  });

  it("the link ends meanwhile: nothing is stored", async () => {
    const answer = deferred<number>();
    const client = await createClient([{ hooks: { onWrite: () => answer.promise } }]);
    await client.write([9]);
    await client.rig.disconnect();
    answer.resolve(0);
    await client.rig.settle();
    assert.equal(toHex(client.values[0]!.value), "00 01 02 03");
  });
});

describe("a long read of an answer from onRead", () => {
  it("every part comes from the one answer, though the application goes on using its array", async () => {
    let asked = 0;
    const array = counting(60);
    const client = await createClient([
      {
        maxLength: 512,
        hooks: {
          onRead() {
            asked++;
            return array;
          },
        },
      },
    ]);
    const seen = [await client.read()];
    array.fill(0xee);
    for (const offset of [22, 44]) seen.push(await client.blob(offset));
    assert.deepEqual(
      seen.map(([text]) => text),
      [`0b ${toHex(counting(22))}`, `0d ${toHex(counting(22, 22))}`, `0d ${toHex(counting(16, 44))}`],
    );
    assert.equal(asked, 1);
  });

  it("of exactly ATT_MTU - 1 bytes: the blob at its end is empty, though less is stored", async () => {
    let asked = 0;
    const onRead = () => {
      asked++;
      return counting(22);
    };
    const client = await createClient([{ value: new Uint8Array(0), hooks: { onRead } }]);
    assert.deepEqual(await client.read(), [`0b ${toHex(counting(22))}`]);
    assert.deepEqual(await client.blob(22), ["0d"]);
    assert.deepEqual(await client.blob(23), [error(0x0c, VALUE, 0x07)]);
    assert.equal(asked, 1);
  });

  it("a refusal holds for the parts behind the first too", async () => {
    const client = await createClient([
      { value: counting(60), maxLength: 60, hooks: { onRead: () => 0x08 } },
    ]);
    assert.deepEqual(await client.read(), [error(0x0a, VALUE, 0x08)]);
    for (const offset of [0, 1, 22, 60, 61]) {
      assert.deepEqual(await client.blob(offset), [error(0x0c, VALUE, 0x08)], `offset ${offset}`);
    }
  });

  it("an answer of 512 bytes is served whole, one above refuses each part of the read (3.2.9)", async () => {
    let length = 512;
    const client = await createClient([{ hooks: { onRead: () => counting(length) } }], 517);
    assert.equal((await client.read())[0], `0b ${toHex(counting(512))}`);
    length = 513;
    assert.deepEqual(await client.read(), [error(0x0a, 0, 0x0e)]);
    for (const offset of [0, 511, 512]) assert.deepEqual(await client.blob(offset), [error(0x0c, 0, 0x0e)]);
  });
});

describe("Read Multiple and Read Multiple Variable (Vol 3, Part F, 3.4.4.7 and 3.4.4.11)", () => {
  const THREE = [
    { properties: PROPERTY.READ, value: counting(9) },
    { properties: PROPERTY.READ, value: counting(9, 0x20) },
    { properties: PROPERTY.WRITE, value: counting(9, 0x40) },
  ];
  const [A, B, SECRET] = [16, 18, 20];
  const multiple = (client: Awaited<ReturnType<typeof createClient>>, opcode: number, ...handles: number[]) =>
    client.send([opcode], concat(...handles.map(le16)));

  it("values in the order asked for, also one twice", async () => {
    const client = await createClient(THREE);
    assert.deepEqual(await multiple(client, 0x0e, B, A), [
      `0f ${toHex(counting(9, 0x20))} ${toHex(counting(9))}`,
    ]);
    assert.deepEqual(await multiple(client, 0x20, A, A), [
      `21 09 00 ${toHex(counting(9))} 09 00 ${toHex(counting(9))}`,
    ]);
  });

  it("the first handle that fails is blamed, and nothing is read", async () => {
    const client = await createClient(THREE);
    for (const opcode of [0x0e, 0x20]) {
      assert.deepEqual(await multiple(client, opcode, A, SECRET, 99), [error(opcode, SECRET, 0x02)]);
      assert.deepEqual(await multiple(client, opcode, A, 99, SECRET), [error(opcode, 99, 0x01)]);
      assert.deepEqual(
        await multiple(client, opcode, A, B, A, B, 0),
        [error(opcode, 0, 0x01)],
        "behind the cut",
      );
    }
  });

  it("fewer than two handles or half a one is Invalid PDU", async () => {
    const client = await createClient(THREE);
    for (const opcode of [0x0e, 0x20]) {
      for (const length of [0, 1, 2, 3, 5, 7]) {
        assert.deepEqual(await client.send([opcode], counting(length, A)), [error(opcode, 0, 0x04)]);
      }
    }
  });

  it("a plain answer is cut at ATT_MTU - 1", async () => {
    const client = await createClient(THREE);
    assert.deepEqual(await multiple(client, 0x0e, A, B, A), [
      `0f ${toHex(counting(9))} ${toHex(counting(9, 0x20))} 00 01 02 03`,
    ]);
  });

  it("a variable answer is cut in a value, or before a length, never in a length (3.4.4.12)", async () => {
    for (const [first, cut] of [
      [17, "01 00 aa"], // exactly full
      [18, "01 00"], // the length fits, its value does not
      [19, ""], // only half of the length would
      [20, ""],
      [21, ""],
    ] as const) {
      const client = await createClient([
        { properties: PROPERTY.READ, value: counting(first), maxLength: 30 },
        { properties: PROPERTY.READ, value: new Uint8Array([0xaa]) },
      ]);
      const head = toHex(counting(Math.min(first, 20)));
      const expected = `21 ${toHex(Uint8Array.from(le16(first)))} ${head} ${cut}`.trim();
      assert.deepEqual(await multiple(client, 0x20, A, B), [expected], `${first} bytes`);
    }
  });

  it("258 handles of 512 bytes each take no more memory than the answer, and every onRead is asked", async () => {
    let asked = 0;
    const onRead = () => {
      asked++;
      return counting(512);
    };
    const client = await createClient([{ properties: PROPERTY.READ, hooks: { onRead } }], 517);
    for (const opcode of [0x0e, 0x20]) {
      asked = 0;
      const [reply] = await multiple(client, opcode, ...new Array<number>(258).fill(A));
      assert.equal(reply!.split(" ").length, 517);
      assert.equal(asked, 258);
    }
  });
});
