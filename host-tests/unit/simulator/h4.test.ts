/** The TypeScript framer against the vectors that the C one is tested with too, and against random cuts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { hex } from "../../../firmware/ble/codec.ts";
import { FROM_CONTROLLER, FROM_HOST, H4Framer } from "../../../simulator/h4.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { bytesOf } from "./probe.ts";

interface Vector {
  readonly name: string;
  readonly chunks: readonly string[];
  readonly packets: readonly string[];
  readonly error?: string;
}

const file = join(import.meta.dirname, "../../vectors/h4.json");
const vectors: readonly Vector[] = JSON.parse(readFileSync(file, "utf8"));

function frame(chunks: readonly string[], accepted: readonly number[] = FROM_CONTROLLER) {
  const packets: string[] = [];
  const framer = new H4Framer(accepted, (packet) => packets.push(hex(packet)));
  for (const chunk of chunks) framer.push(bytesOf(chunk));
  return { packets, error: framer.desynchronised ? "desynchronised" : undefined, framer };
}

describe("H4 framer in TypeScript", () => {
  for (const vector of vectors) {
    it(vector.name, () => {
      const { packets, error } = frame(vector.chunks);
      assert.deepEqual(packets, vector.packets);
      assert.equal(error, vector.error);
    });
  }

  it("gives the same packets however the bytes are cut", () => {
    const packets = vectors.filter(({ error }) => !error).flatMap((vector) => vector.packets);
    const stream = packets.join("");
    const random = new SeededRandom(3);
    for (let run = 0; run < 200; run++) {
      const chunks: string[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = 2 * (1 + (random.u32() % (random.chance(0.5) ? 4 : 300)));
        chunks.push(stream.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(frame(chunks).packets, packets);
    }
  });

  it("takes commands from a host, but no events", () => {
    assert.deepEqual(frame(["01030c0002", "400003000102", "03"], FROM_HOST).packets, [
      "01030c00",
      "02400003000102" + "03",
    ]);
    assert.equal(frame(["040e0401030c00"], FROM_HOST).error, "desynchronised");
  });

  it("starts over after a reset", () => {
    const { framer, packets } = frame(["04ff0155", "0e"]);
    framer.reset();
    framer.push(bytesOf("04ff0166"));
    assert.deepEqual(packets, ["04ff0155", "04ff0166"]);
  });
});
