import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Reassembly } from "../../../../firmware/ble/l2cap/reassembly.ts";
import { concat, counting, le16, shiftedView, toHex } from "../../../support/bytes.ts";

const FIRST = 0b10;
const CONTINUING = 0b01;

function receive(reassembly: Reassembly, boundary: number, data: Uint8Array): void {
  const packet = concat([0x02], le16(0x0040 | (boundary << 12)), le16(data.length), data);
  reassembly.receive(shiftedView(packet), boundary, data.length);
}

function setUp(limit = 64) {
  const frames: string[] = [];
  const reassembly = new Reassembly(limit, {
    onFrame(channel, view, start, length) {
      const payload = new Uint8Array(view.buffer, view.byteOffset + start, length);
      frames.push(`${channel.toString(16)}: ${toHex(payload)}`);
    },
    onTooLong() {},
  });
  const start = (...data: number[]) => receive(reassembly, FIRST, Uint8Array.from(data));
  const more = (...data: number[]) => receive(reassembly, CONTINUING, Uint8Array.from(data));
  return { frames, reassembly, start, more };
}

/** A frame with `length` bytes of payload 0, 1, 2 … */
function frame(length: number, channel = 0x0004): Uint8Array {
  return concat(le16(length), le16(channel), counting(length));
}

/** Every way to cut `length` bytes into pieces of at least one byte. */
function* compositions(length: number): Generator<number[]> {
  for (let cuts = 0; cuts < 1 << (length - 1); cuts++) {
    const pieces: number[] = [];
    let piece = 1;
    for (let at = 0; at < length - 1; at++) {
      if ((cuts >> at) & 1) {
        pieces.push(piece);
        piece = 1;
      } else piece++;
    }
    pieces.push(piece);
    yield pieces;
  }
}

describe("Reassembly (Vol 3, Part A, 7.2.2)", () => {
  for (let payload = 0; payload <= 8; payload++) {
    it(`joins every split of a frame with ${payload} bytes of payload`, () => {
      const whole = frame(payload);
      const expected = `4: ${toHex(counting(payload))}`;
      for (const pieces of compositions(whole.length)) {
        const { frames, reassembly } = setUp();
        // Twice: what one frame leaves behind must not show in the next.
        for (let turn = 0; turn < 2; turn++) {
          let at = 0;
          for (const piece of pieces) {
            receive(reassembly, at === 0 ? FIRST : CONTINUING, whole.subarray(at, at + piece));
            at += piece;
          }
        }
        assert.deepEqual(frames, [expected, expected], pieces.join("+"));
        assert.equal(reassembly.dropped, 0);
      }
    });
  }

  it("empty fragments anywhere change nothing", () => {
    const { frames, reassembly, more } = setUp();
    const whole = frame(3);
    receive(reassembly, FIRST, whole.subarray(0, 2));
    more();
    receive(reassembly, CONTINUING, whole.subarray(2, 5));
    more();
    receive(reassembly, CONTINUING, whole.subarray(5));
    assert.deepEqual(frames, ["4: 00 01 02"]);
    assert.equal(reassembly.dropped, 0);
  });

  it("drops a continuation of nothing", () => {
    const { frames, reassembly, start, more } = setUp();
    more(1, 2, 3);
    assert.equal(reassembly.dropped, 1);
    start(...frame(1));
    more(9);
    assert.deepEqual(frames, ["4: 00"]);
    assert.equal(reassembly.dropped, 2);
  });

  it("a start during a frame drops that frame, once, and is heard", () => {
    for (const cut of [1, 2, 3, 4, 5, 8]) {
      const { frames, reassembly, start } = setUp();
      start(...frame(8).subarray(0, cut));
      start(...frame(2));
      assert.deepEqual(frames, ["4: 00 01"], `cut at ${cut}`);
      assert.equal(reassembly.dropped, 1);
    }
  });

  it("drops a frame with more bytes than its header says, in one packet or several", () => {
    const whole = concat(frame(4), [0xee]);
    for (const pieces of compositions(whole.length)) {
      const { frames, reassembly, start, more } = setUp();
      let at = 0;
      for (const [index, piece] of pieces.entries()) {
        const data = whole.subarray(at, at + piece);
        if (index === 0) start(...data);
        else more(...data);
        at += piece;
      }
      const lastAlone = pieces[pieces.length - 1] === 1;
      // A last packet with the odd byte alone continues nothing: the frame before it was whole.
      assert.deepEqual(frames, lastAlone ? ["4: 00 01 02 03"] : [], pieces.join("+"));
      assert.equal(reassembly.dropped, 1, pieces.join("+"));
    }
  });

  it("skips a frame above the limit to its end, counts it once, and hears the next", () => {
    const { frames, reassembly, start, more } = setUp(10);
    const long = frame(30);
    start(...long.subarray(0, 8));
    for (let at = 8; at < long.length; at += 5) more(...long.subarray(at, at + 5));
    assert.equal(reassembly.dropped, 1);
    start(...frame(10));
    assert.deepEqual(frames, [`4: ${toHex(counting(10))}`]);
    more(1);
    assert.equal(reassembly.dropped, 2, "the skipping has ended");
  });

  it("a start while it skips counts the frame above the limit once", () => {
    const { frames, reassembly, start } = setUp(10);
    start(...frame(30).subarray(0, 8));
    start(...frame(1));
    assert.deepEqual(frames, ["4: 00"]);
    assert.equal(reassembly.dropped, 1);
  });

  it("refuses a frame above the limit however it arrives", () => {
    for (const first of [1, 3, 4, 10, 15]) {
      const { frames, reassembly, start, more } = setUp(10);
      const long = frame(11);
      start(...long.subarray(0, first));
      if (first < long.length) more(...long.subarray(first));
      assert.deepEqual(frames, [], `first packet of ${first}`);
      assert.equal(reassembly.dropped, 1);
      start(...frame(10));
      assert.equal(frames.length, 1);
    }
  });

  it("shows the beginning of a frame above the limit once, with its announced length, when four bytes of it are there", () => {
    for (const first of [1, 4, 7, 8, 20]) {
      const shown: string[] = [];
      const reassembly = new Reassembly(10, {
        onFrame: () => assert.fail("a frame"),
        onTooLong: (channel, view, start, length) =>
          shown.push(`${channel}: ${view.getUint32(start, false)}, ${length}`),
      });
      const long = frame(30);
      receive(reassembly, FIRST, long.subarray(0, first));
      receive(reassembly, CONTINUING, long.subarray(first));
      // What came in the first packet counts; a header in two pieces is joined first.
      assert.deepEqual(
        shown,
        first >= 8 || first < 4 ? [`4: ${0x00010203}, 30`] : [],
        `first packet of ${first}`,
      );
      assert.equal(reassembly.dropped, 1);
    }
  });

  it("allocates no more than a frame may be long, whatever the header says", () => {
    const { frames, reassembly, start, more } = setUp(10);
    start(0xff, 0xff, 4, 0);
    for (let n = 0; n < 100; n++) more(...counting(20));
    assert.deepEqual(frames, []);
    assert.equal(reassembly.dropped, 1);
  });

  it("survives every mix of flags and lengths", () => {
    const { reassembly } = setUp();
    const alphabet: [number, number[]][] = [];
    for (const flags of [0x0000, CONTINUING, FIRST, 0x3000]) {
      for (const data of [
        [],
        [1],
        [1, 0],
        [1, 0, 4, 0],
        [1, 0, 4, 0, 9],
        [0, 0, 4, 0, 9],
        [0xff, 0xff, 4, 0],
      ]) {
        alphabet.push([flags, data]);
      }
    }
    for (const a of alphabet) {
      for (const b of alphabet) {
        for (const c of alphabet) {
          for (const [flags, data] of [a, b, c]) receive(reassembly, flags, Uint8Array.from(data));
        }
      }
    }
  });

  it("works with the Host-to-Controller flag of a first fragment too (Vol 4, Part E, 5.4.2)", () => {
    const { frames, reassembly } = setUp();
    receive(reassembly, 0b00, frame(1));
    assert.deepEqual(frames, ["4: 00"]);
  });
});
