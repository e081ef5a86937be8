import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Stream } from "../../../firmware/aioble/stream.ts";

const DONE = { value: undefined, done: true };

function createScene() {
  const log: string[] = [];
  let close: () => void = () => {};
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const stream = new Stream<number>({
    onTaken: () => log.push("taken"),
    onEnd() {
      log.push("end");
      return closed;
    },
    onLeft: (items) => log.push(`left ${items.join(" ")}`),
  });
  return { stream, log, close };
}

describe("Stream", () => {
  it("yields items in order, those that wait and those that are waited for", async () => {
    const { stream, log } = createScene();
    stream.push(1);
    stream.push(2);
    assert.equal(stream.size, 2);
    assert.deepEqual(await stream.next(), { value: 1, done: false });
    const [second, third, fourth] = [stream.next(), stream.next(), stream.next()];
    stream.push(3);
    stream.push(4);
    assert.deepEqual(
      (await Promise.all([second, third, fourth])).map(({ value }) => value),
      [2, 3, 4],
    );
    assert.equal(stream.size, 0);
    assert.deepEqual(log, ["taken", "taken"], "an item that is waited for takes no room");
  });

  it("end(): what it holds can still be taken, then it is over; called once", async () => {
    const { stream, log } = createScene();
    stream.push(1);
    stream.end();
    stream.end({ error: new Error("later") });
    stream.push(2);
    assert.equal(stream.isEnded, true);
    assert.deepEqual(await stream.next(), { value: 1, done: false });
    assert.deepEqual(await stream.next(), DONE);
    assert.deepEqual(log, ["end", "taken"]);
  });

  it("end() with an error: one step rejects with it, the others find it over", async () => {
    const { stream } = createScene();
    const waiting = [stream.next(), stream.next()];
    stream.end({ error: new Error("lost") });
    await assert.rejects(waiting[0]!, /lost/);
    assert.deepEqual(await waiting[1], DONE);
    const other = createScene().stream;
    other.end({ error: undefined });
    await assert.rejects(other.next(), (error) => error === undefined);
    assert.deepEqual(await other.next(), DONE);
  });

  it("return(): a waiting step ends at once, and the call when the source is done", async () => {
    const { stream, log, close } = createScene();
    const waiting = stream.next();
    let left = false;
    const leaving = stream.return().then((result) => {
      left = true;
      return result;
    });
    assert.deepEqual(await waiting, DONE);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(left, false);
    close();
    assert.deepEqual(await leaving, DONE);
    assert.deepEqual(log, ["end"]);
  });

  it("return(): hands back what was not taken, also after the end, and swallows an error that nobody saw", async () => {
    const { stream, log, close } = createScene();
    close();
    stream.push(1);
    stream.push(2);
    stream.end({ error: new Error("lost") });
    await stream.return();
    assert.deepEqual(log, ["end", "left 1 2"]);
    assert.deepEqual(await stream.next(), DONE);
    await stream.return();
    assert.deepEqual(log, ["end", "left 1 2"], "once");
  });

  it("discard() takes back what nobody has taken", async () => {
    const { stream } = createScene();
    for (const item of [1, 2, 3, 4]) stream.push(item);
    stream.discard((item) => item % 2 === 0);
    assert.deepEqual([(await stream.next()).value, (await stream.next()).value, stream.size], [1, 3, 0]);
  });

  it("in a loop: break leaves it; so does await using", async () => {
    for (const leave of ["break", "using"] as const) {
      const { stream, log, close } = createScene();
      close();
      stream.push(1);
      stream.push(2);
      if (leave === "break") {
        for await (const item of stream) if (item === 1) break;
      } else {
        await using held = stream;
        await held.next();
      }
      assert.deepEqual(log, ["taken", "end", "left 2"]);
    }
  });

  it("works without a source that listens", async () => {
    const stream = new Stream<string>();
    stream.push("a");
    assert.equal((await stream.next()).value, "a");
    stream.push("b");
    assert.deepEqual(await stream.return(), DONE);
  });
});
