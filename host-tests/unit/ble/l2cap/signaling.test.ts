import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Signaling } from "../../../../firmware/ble/l2cap/signaling.ts";
import { concat, fromHex, le16, shiftedView, toHex } from "../../../support/bytes.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

/** What goes back for one frame on channel 0x0005. */
function answers(frame: Uint8Array): string[] {
  const sent: string[] = [];
  const signaling = new Signaling(
    { receiver: undefined, send: (_header, bytes) => sent.push(toHex(bytes)) > 0 },
    new VirtualClock(),
  );
  signaling.receive(shiftedView(frame), 0, frame.length);
  return sent;
}

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

  it("rejects what is longer than the signalling MTU, and tells it (4.1)", () => {
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

  it("ignores what is too short for a header", () => {
    for (const frame of ["", "06", "06 2a", "06 2a 04"]) assert.deepEqual(answers(fromHex(frame)), []);
  });
});
