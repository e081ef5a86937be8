import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  OPEN_REQUESTS_MAX,
  RESPONSE_TIMEOUT_MS,
  requestsOn,
} from "../../../../firmware/ble/l2cap/signal-requests.ts";
import { Signaling } from "../../../../firmware/ble/l2cap/signaling.ts";
import { VirtualClock } from "../../../../simulator/clock.ts";
import { concat, fromHex, le16, shiftedView, toHex } from "../../../support/bytes.ts";

/** What goes back for one frame on channel 0x0005. */
function answers(frame: Uint8Array): string[] {
  const sent: string[] = [];
  const signaling = new Signaling(
    { ...HEADER, receiver: undefined, send: (_header, bytes) => sent.push(toHex(bytes)) > 0 },
    new VirtualClock(),
  );
  signaling.receive(shiftedView(frame), 0, frame.length);
  return sent;
}

/** Where the channel has its headers. */
const HEADER = { header: new DataView(new ArrayBuffer(20)), headerOffset: 9 };

function command(code: number, identifier: number, data: readonly number[]): Uint8Array {
  return concat([code, identifier], le16(data.length), data);
}

const NOT_UNDERSTOOD = "01 2a 02 00 00 00";

describe("LE signalling (Vol 3, Part A, 4)", () => {
  it("rejects Disconnection Request for a channel that is not there with Invalid CID (4.6)", () => {
    assert.deepEqual(answers(fromHex("06 2a 04 00 40 00 41 00")), ["01 2a 06 00 02 00 40 00 41 00"]);
  });

  it("refuses LE Credit Based Connection Request: SPSM not supported (4.23)", () => {
    assert.deepEqual(answers(fromHex("14 2a 0a 00 80 00 40 00 00 02 40 00 05 00")), [
      "15 2a 0a 00 00 00 00 00 00 00 00 00 02 00",
    ]);
  });

  it("rejects Echo and Information requests, which LE does not have (L2CAP/LE/REJ/BI-02)", () => {
    assert.deepEqual(answers(fromHex("08 2a 00 00")), [NOT_UNDERSTOOD]);
    assert.deepEqual(answers(fromHex("0a 2a 02 00 02 00")), [NOT_UNDERSTOOD]);
  });

  it("rejects Connection Parameter Update Request: only a central takes it (4.20)", () => {
    assert.deepEqual(answers(fromHex("12 2a 08 00 06 00 0c 00 00 00 f4 01")), [NOT_UNDERSTOOD]);
  });

  it("rejects enhanced credit based requests with Command Reject, so that peers fall back (4.25)", () => {
    assert.deepEqual(answers(fromHex("17 2a 0a 00 80 00 40 00 40 00 05 00 40 00")), [NOT_UNDERSTOOD]);
    assert.deepEqual(answers(fromHex("19 2a 06 00 40 00 40 00 40 00")), [NOT_UNDERSTOOD]);
  });

  it("never answers an answer, a credit indication, or the illegal identifier 0", () => {
    for (const code of [0x01, 0x07, 0x13, 0x15, 0x16, 0x18, 0x1a]) {
      for (let length = 0; length <= 12; length++) {
        assert.deepEqual(answers(command(code, 0x2a, new Array(length).fill(0))), [], `code ${code}`);
      }
    }
    for (let code = 0; code <= 0xff; code++) assert.deepEqual(answers(command(code, 0, [])), []);
  });

  it("rejects what is longer than the signalling MTU, and reports it (4.1)", () => {
    assert.deepEqual(answers(command(0x14, 0x2a, new Array(20).fill(0))), ["01 2a 04 00 01 00 17 00"]);
    assert.deepEqual(answers(command(0x0a, 0x2a, new Array(19).fill(0))), [NOT_UNDERSTOOD]);
  });

  it("every code, every length of data up to 24, every wrong length field: one legal answer or none", () => {
    for (let code = 0; code <= 0xff; code++) {
      for (let length = 0; length <= 24; length++) {
        for (const claimed of [length, length + 1, length - 1, 0, 0xffff]) {
          const frame = concat([code, 0x2a], le16(claimed), new Array(length).fill(0x41));
          const sent = answers(frame);
          const name = `code ${code}, ${length} bytes, ${claimed} claimed`;
          assert.ok(sent.length <= 1, name);
          if (sent.length === 0) continue;
          const answer = fromHex(sent[0]!);
          assert.ok(answer[0] === 0x01 || (code === 0x14 && answer[0] === 0x15), name);
          assert.equal(answer[1], 0x2a, "the identifier of the request");
          assert.equal(answer[2]! | (answer[3]! << 8), answer.length - 4, "the length field is right");
          assert.ok(answer.length <= 23, "no longer than the signalling MTU");
          if (claimed !== length) assert.equal(answer[0], 0x01, "a malformed request is rejected");
        }
      }
    }
  });

  it("handlers of commands that few peers send are made with the first of these, once", () => {
    const sent: string[] = [];
    const served: number[] = [];
    let made = 0;
    const signaling = new Signaling(
      { ...HEADER, receiver: undefined, send: (_header, bytes) => sent.push(toHex(bytes)) > 0 },
      new VirtualClock(),
    );
    signaling.serveLater([0x17, 0x19], () => {
      made++;
      for (const code of [0x17, 0x19]) signaling.on(code, (identifier) => served.push(code, identifier));
    });
    const receive = (frame: Uint8Array): void => signaling.receive(shiftedView(frame), 0, frame.length);
    receive(command(0x0a, 0x2a, [2, 0]));
    assert.deepEqual([made, sent], [0, [NOT_UNDERSTOOD]]);
    receive(command(0x19, 1, [0, 0]));
    receive(command(0x17, 2, [0, 0]));
    receive(command(0x19, 3, [0, 0]));
    assert.deepEqual([made, served], [1, [0x19, 1, 0x17, 2, 0x19, 3]]);
    assert.equal(sent.length, 1);
  });

  it("ignores what is too short for a header", () => {
    for (const frame of ["", "06", "06 2a", "06 2a 04"]) assert.deepEqual(answers(fromHex(frame)), []);
  });
});

describe("LE signalling: requests of our own (Vol 3, Part A, 4 and 6.2.1)", () => {
  function setUp() {
    const sent: string[] = [];
    const clock = new VirtualClock();
    const signaling = new Signaling(
      { ...HEADER, receiver: undefined, send: (_header, bytes) => sent.push(toHex(bytes)) > 0 },
      clock,
    );
    const outcomes: string[] = [];
    const outcome = (name: string) => ({
      onResponse: (code: number, view: DataView, start: number, length: number) =>
        outcomes.push(
          `${name}: ${code}, ${toHex(new Uint8Array(view.buffer, view.byteOffset + start, length))}`,
        ),
      onFailure: (reason: string) => outcomes.push(`${name}: ${reason}`),
    });
    const receive = (...parts: (readonly number[])[]) => {
      const frame = concat(...parts);
      signaling.receive(shiftedView(frame), 0, frame.length);
    };
    return { signaling, clock, sent, outcomes, outcome, receive };
  }

  it("each has an identifier of its own, and its response comes to it", () => {
    const { signaling, clock, sent, outcomes, outcome, receive } = setUp();
    assert.ok(requestsOn(signaling).send(0x12, [6, 12, 0, 500], outcome("first")));
    assert.ok(requestsOn(signaling).send(0x06, [0x40, 0x41], outcome("second")));
    assert.deepEqual(sent, ["12 01 08 00 06 00 0c 00 00 00 f4 01", "06 02 04 00 40 00 41 00"]);
    receive([0x07, 2, 4, 0, 0x40, 0, 0x41, 0]);
    receive([0x13, 1, 2, 0, 0, 0]);
    assert.deepEqual(outcomes, ["second: 7, 40 00 41 00", "first: 19, 00 00"]);
    assert.equal(clock.pending, 0);
  });

  it("Command Reject answers any of them; what fits none is ignored", () => {
    const { signaling, clock, outcomes, outcome, receive } = setUp();
    requestsOn(signaling).send(0x17, [0x80, 64, 64, 5, 0x40], outcome("enhanced"));
    receive([0x13, 1, 2, 0, 0, 0]);
    receive([0x01, 9, 2, 0, 0, 0]);
    receive([0x18, 1, 9, 0, 0, 0]);
    assert.deepEqual(outcomes, []);
    receive([0x01, 1, 2, 0, 0, 0]);
    receive([0x01, 1, 2, 0, 0, 0]);
    assert.deepEqual(outcomes, ["enhanced: 1, 00 00"]);
    assert.equal(clock.pending, 0);
  });

  it("without a response it has failed after RTX; a late one is ignored", async () => {
    const { signaling, clock, outcomes, outcome, receive } = setUp();
    requestsOn(signaling).send(0x14, [0x80, 0x40, 64, 64, 1], outcome("default"));
    requestsOn(signaling).send(0x12, [6, 12, 0, 500], outcome("short"), 5000);
    await clock.advance(4999);
    assert.deepEqual(outcomes, []);
    await clock.advance(1);
    assert.deepEqual(outcomes, ["short: timeout"]);
    receive([0x13, 2, 2, 0, 0, 0]);
    await clock.advance(RESPONSE_TIMEOUT_MS - 5000);
    assert.deepEqual(outcomes, ["short: timeout", "default: timeout"]);
    assert.equal(clock.pending, 0);
  });

  it("all fail with the link, and leave no timer", () => {
    const { signaling, clock, outcomes, outcome } = setUp();
    for (const name of ["first", "second"]) requestsOn(signaling).send(0x12, [6, 12, 0, 500], outcome(name));
    signaling.close();
    signaling.close();
    assert.deepEqual(outcomes, ["first: closed", "second: closed"]);
    assert.equal(clock.pending, 0);
  });

  it("their number is bounded, and identifiers go round without 0 and without those in use", () => {
    const { signaling, sent, outcome, receive } = setUp();
    requestsOn(signaling).send(0x12, [], outcome("open"));
    for (let count = 0; count < 600; count++) {
      requestsOn(signaling).send(0x12, [], outcome("closed"));
      const identifier = fromHex(sent.at(-1)!)[1]!;
      assert.ok(identifier > 1, "0 is illegal, and 1 is in use");
      receive([0x13, identifier, 2, 0, 0, 0]);
    }
    for (let count = 1; count < OPEN_REQUESTS_MAX; count++)
      assert.ok(requestsOn(signaling).send(0x12, [], outcome("")));
    assert.equal(requestsOn(signaling).send(0x12, [], outcome("")), false);
  });

  it("commands go to whom they were registered, who is one, and answers them", () => {
    const { signaling, sent, receive } = setUp();
    signaling.on(0x14, (identifier, view, start, length) => {
      assert.equal(length, 10);
      signaling.send(0x15, identifier, [view.getUint16(start, true)]);
    });
    assert.throws(() => signaling.on(0x14, () => {}), /0x14 is served already/);
    receive([0x14, 3, 10, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(sent, ["15 03 02 00 80 00"]);
    receive([0x14, 3, 9, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(sent[1], "01 03 02 00 00 00", "a wrong length is rejected before");
    const credits: number[] = [];
    signaling.on(0x16, (_, view, start) => credits.push(view.getUint16(start + 2, true)));
    receive([0x16, 4, 4, 0, 0x40, 0, 5, 0]);
    assert.deepEqual(credits, [5]);
    assert.equal(sent.length, 2, "credits are never answered");
  });
});
