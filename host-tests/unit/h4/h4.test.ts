/** The C framer against the vectors that the TypeScript one is tested with too, and against random cuts. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";

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

  it("survives 2000 runs of random bytes", () => {
    let seed = 7;
    const byte = (): string => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return (seed >>> 24).toString(16).padStart(2, "0");
    };
    const starts = ["04", "02", ""];
    const runs = Array.from({ length: 2000 }, (_, i) => [
      starts[i % 3] + Array.from({ length: 40 }, byte).join(""),
      Array.from({ length: 400 }, byte).join(""),
    ]);
    assert.equal(frame(...runs).length, 2000);
  });
});
