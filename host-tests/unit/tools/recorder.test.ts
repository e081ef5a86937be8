/** The recorder's view of the H4 stream. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createH4Cutter } from "../../../tools/session/recorder.ts";

const packets = [
  "01030c00",
  "040e0401030c00",
  "0240200500010004000a",
  `02402000${"01"}${"ab".repeat(256)}`,
  "043e00",
];

describe("cutting the H4 stream into packets", () => {
  for (const size of [1, 2, 3, 7, 1000]) {
    it(`finds the packets in pieces of ${size}`, () => {
      const found: string[] = [];
      const cut = createH4Cutter((packet) => found.push(Buffer.from(packet).toString("hex")));
      const stream = Buffer.from(packets.join(""), "hex");
      for (let at = 0; at < stream.length; at += size) cut(stream.subarray(at, at + size));
      assert.deepEqual(found, packets);
    });
  }

  it("records what is no packet as it came, and goes on with what comes next", () => {
    const found: string[] = [];
    const cut = createH4Cutter((packet) => found.push(Buffer.from(packet).toString("hex")));
    cut(Buffer.from("ff0102", "hex"));
    cut(Buffer.from("01030c00", "hex"));
    assert.deepEqual(found, ["ff0102", "01030c00"]);
  });
});
