/** The C framer against the vectors that the TypeScript one is tested with too, and against random cuts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { hex } from "../../../firmware/ble/codec.ts";
import { SeededRandom } from "../../../simulator/random.ts";

interface Vector {
  readonly name: string;
  readonly chunks: readonly string[];
  readonly packets: readonly string[];
  readonly error?: string;
}

interface Outcome {
  readonly packets: readonly string[];
  readonly error?: string;
}

const root = join(import.meta.dirname, "../../..");
const vectors: readonly Vector[] = JSON.parse(readFileSync(join(root, "host-tests/vectors/h4.json"), "utf8"));

describe("H4 framer in C", function () {
  this.timeout(600_000);
  let directory: string;
  let driver: string;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "obscura-h4-"));
    driver = join(directory, "h4_lines");
    execFileSync("cc", [
      ...["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined"],
      ...["-fno-sanitize-recover=undefined", "-I", join(root, "firmware/native"), "-o", driver],
      join(root, "host-tests/unit/h4/h4_lines.c"),
      join(root, "firmware/native/h4.c"),
    ]);
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs each list of chunks through a fresh framer. */
  function frame(...runs: readonly (readonly string[])[]): Outcome[] {
    const input = runs.map((chunks) => chunks.map((chunk) => `${chunk}\n`).join("")).join("\n");
    const lines = execFileSync(driver, { input, encoding: "utf8", maxBuffer: 1 << 26 });
    return lines
      .split("end\n")
      .slice(0, -1)
      .map((text) => {
        const packets = [...text.matchAll(/^packet (.*)$/gm)].map((match) => match[1] ?? "");
        return text.includes("desynchronised") ? { packets, error: "desynchronised" } : { packets };
      });
  }

  for (const vector of vectors) {
    it(vector.name, () => {
      const [outcome] = frame(vector.chunks);
      assert.deepEqual(outcome?.packets, vector.packets);
      assert.equal(outcome?.error, vector.error);
    });
  }

  it("finds a byte too many before each kind of packet, also where the lengths would fit", () => {
    // Disconnection Complete after 04 is an event of 5 bytes, whole: its link would never end.
    const disconnectionComplete = "04050400400013";
    for (const extra of ["04", "02"]) {
      for (const packet of [
        disconnectionComplete,
        "043e13010040",
        "04130501400001",
        "024020",
        "040e0401030c00",
      ]) {
        const rest = "00".repeat(1100);
        const [outcome] = frame([extra + packet + rest]);
        assert.deepEqual(outcome, { packets: outcome?.packets, error: "desynchronised" }, extra + packet);
      }
    }
    assert.deepEqual(frame([`04${disconnectionComplete}`]), [{ packets: [], error: "desynchronised" }]);
  });

  it("gives the same packets however the bytes are cut", () => {
    const stream = vectors.filter((v) => !v.error && v.packets.length > 0).flatMap((v) => v.packets);
    const hex = stream.join("");
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 16) % below;
    };
    const runs = Array.from({ length: 200 }, () => {
      const chunks: string[] = [];
      for (let at = 0; at < hex.length; ) {
        const size = 2 * (1 + random(random(2) === 0 ? 4 : 300));
        chunks.push(hex.slice(at, at + size));
        at += size;
      }
      return chunks;
    });
    for (const outcome of frame(...runs)) assert.deepEqual(outcome, { packets: stream });
  });

  describe("on a line of a million bits a second", () => {
    /** 500 ms, and 1029 bytes of 10 bits. */
    const limitUs = 500_000 + 10_290;

    /** What the driver prints, but for packets. */
    const remarks = (...chunks: readonly string[]): string[] =>
      execFileSync(driver, { input: chunks.map((chunk) => `${chunk}\n`).join(""), encoding: "utf8" })
        .split("\n")
        .filter((line) => line !== "" && line !== "end" && !line.startsWith("packet"));

    const truncated = {
      "an event after its indicator": "04",
      "an event inside its header": "043e",
      "an event inside its parameters": "043e4002",
      "ACL data inside its length": "02402010",
      "ACL data without any of its payload": "0240201000",
      "ACL data but for one byte": "02402003000102",
    };
    for (const [what, bytes] of Object.entries(truncated)) {
      it(`finds ${what} overdue, and not a microsecond early`, () => {
        assert.deepEqual(remarks("@1000", bytes, `@${1000 + limitUs - 1}`), []);
        assert.deepEqual(remarks("@1000", bytes, `@${1000 + limitUs}`), ["overdue"]);
      });
    }

    it("counts from the first byte, however the others come in", () => {
      assert.deepEqual(remarks("@0", "04", "@400000", "3e", `@${limitUs}`), ["overdue"]);
    });

    it("counts anew for the packet that follows", () => {
      const both = ["@0", "04", "@400000", "ff015504", `@${400_000 + limitUs - 1}`];
      assert.deepEqual(remarks(...both), []);
      assert.deepEqual(remarks(...both, `@${400_000 + limitUs}`), ["overdue"]);
    });

    it("finds nothing overdue between packets, before the first, nor once it is desynchronised", () => {
      assert.deepEqual(remarks("@1000000000"), []);
      assert.deepEqual(remarks("@0", "04ff0155", "@1000000000"), []);
      assert.deepEqual(remarks("@0", "0240200104", "@1000000000"), ["desynchronised"]);
    });
  });

  describe("the way back into step", () => {
    /** Command Complete of HCI Reset, and of another command. */
    const answer = "040e0401030c00";
    const other = "040e0401031000";

    /** What the driver prints for these lines. */
    const outputOf = (...lines: readonly string[]): string[] =>
      execFileSync(driver, { input: `${lines.join("\n")}\n`, encoding: "utf8" })
        .trim()
        .split("\n");

    const before = {
      nothing: "",
      "the rest of an event": "0401020304",
      "the rest of ACL data whose bytes look like headers": "0401ff02ffffff0700040e",
      "its own first byte": "04",
      "its own first two bytes, twice": "040e040e",
      "most of itself": "040e0401030c".slice(0, -2),
      "the start of a longer event of the kind": "040e0a01",
      "the answers to other commands": other + other,
      "an answer too short to have a status": "040e0301030c",
      "whole packets": `04130501400001000240200200${other}04ff0155`,
      noise: "ff00a55a01020304ff",
    };
    for (const [what, bytes] of Object.entries(before)) {
      it(`drops ${what}, finds the answer to HCI Reset and takes the packets that follow`, () => {
        const dropped = bytes === "" ? [] : [`dropped ${bytes.length / 2}`];
        const found = [`packet ${answer}`, `packet ${other}`, "packet 0240200100aa", ...dropped, "end"];
        assert.deepEqual(outputOf("seek", `${bytes}${answer}${other}0240200100aa`), found);
        const stream = `${bytes}${answer}${other}0240200100aa`;
        assert.deepEqual(outputOf("seek", ...(stream.match(/../g) ?? [])), found);
        for (let cut = 2; cut < stream.length; cut += 2)
          assert.deepEqual(outputOf("seek", stream.slice(0, cut), stream.slice(cut)), found, `cut at ${cut}`);
      });
    }

    it("finds an answer with more parameters than HCI Reset has", () => {
      assert.deepEqual(outputOf("seek", "ff040e0601030c000102"), [
        "packet 040e0601030c000102",
        "dropped 1",
        "end",
      ]);
    });

    it("leads out of lost framing, and out of an incomplete packet", () => {
      for (const lost of ["ff", "02402000ff", "0240201000aabb", "04"]) {
        const output = outputOf(lost, "seek", `0102${answer}`);
        assert.deepEqual(
          output.filter((line) => line.startsWith("packet")),
          [`packet ${answer}`],
        );
      }
    });

    it("finds nothing overdue while it seeks, and an answer that ends in its middle", () => {
      const late = "@100000000";
      assert.deepEqual(outputOf("seek", "040e0401", late), ["end"]);
      assert.deepEqual(outputOf("seek", "040e0401030c", late), ["overdue", "end"]);
    });

    it("finds the answer behind 2000 runs of random bytes", () => {
      const random = new SeededRandom(3);
      // Many of those that the answer has.
      const byte = (): string => ["04", "0e", "03", "0c"][random.below(8)] ?? hex(random.bytes(1));
      const runs = Array.from({ length: 2000 }, (_, index) => {
        const noise = Array.from({ length: index % 50 }, byte).join("");
        return ["seek", `${noise.replaceAll("030c", "0300")}0000000000${answer}`];
      });
      for (const [index, outcome] of frame(...runs).entries())
        assert.equal(outcome.packets.at(-1), answer, runs[index]?.[1]);
    });
  });

  it("survives 2000 runs of random bytes", () => {
    const random = new SeededRandom(7);
    const starts = ["04", "02", ""];
    const runs = Array.from({ length: 2000 }, (_, i) => [
      starts[i % 3] + hex(random.bytes(40)),
      hex(random.bytes(400)),
    ]);
    assert.equal(frame(...runs).length, 2000);
  });
});
