/** What a camera keeps of its power-ons, in C and in a time that the test sets: on flash the row of them, in memory the windows. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { setUp } from "../../../tools/setup.mjs";
import { engineVersion, includes, sanitizers } from "./verifier.ts";

const flashAreas = `#define FLASH_AREA_STARTS
#define FLASH_AREA_UPDATE
#define FLASH_AREAS(AREA) AREA(STARTS, "starts", 0, 0, 0) AREA(UPDATE, "update", 0, 0, 0)
`;

describe("power-ons in C", function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "obscura-starts-"));
  const program = join(folder, "driver");
  const native = join(root, "firmware/native");

  before(async () => {
    await setUp(["native"]);
    writeFileSync(join(folder, "flash_areas.h"), flashAreas);
    writeFileSync(join(folder, "xsAll.h"), engineVersion);
    const sources = [
      join(root, "host-tests/unit/update/starts_lines.c"),
      ...["bundle.c"].map((name) => join(native, name)),
    ];
    const options = ["-std=c11", "-Wall", "-Wextra", "-Werror", ...sanitizers, "-I", folder, ...includes];
    execFileSync("cc", [...options, ...sources, "-o", program]);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  const ask = (...commands: readonly string[]): string[] =>
    execFileSync(program, { input: commands.map((line) => `${line}\n`).join(""), encoding: "utf8" })
      .split("\n")
      .slice(0, -1);

  /** "a" for the application, "r" for the recovery service, of each start. */
  const starts = (...commands: readonly string[]): string =>
    ask(...commands)
      .filter((line) => /^(application|recovery)/.test(line))
      .map((line) => line[0])
      .join("");

  const shortly = (count: number, ms = 2000): string[] =>
    new Array<string[]>(count).fill(["start power-on", `run ${ms}`]).flat();

  describe("in a row", () => {
    it("the third, fourth and fifth lead to the recovery service, then the application has its turn again", () => {
      assert.equal(starts(...shortly(12)), "aarrraarrraa");
    });

    it("one that lasts ten seconds ends the row", () => {
      assert.equal(starts(...shortly(2), ...shortly(1, 10_000), ...shortly(3)), "aaraar");
      assert.equal(starts(...shortly(3), ...shortly(1, 10_000), ...shortly(3)), "aarraar");
      assert.equal(starts(...shortly(4), ...shortly(1, 10_000), ...shortly(3)), "aarrraar");
      assert.equal(starts(...shortly(1), ...shortly(1, 10_000), ...shortly(3)), "aaaar");
      assert.equal(starts(...shortly(9, 10_000)), "a".repeat(9));
      assert.equal(starts(...shortly(3, 9998)), "aar");
    });

    it("no reset is a power-on, and none prolongs the ten seconds", () => {
      for (const cause of ["software", "watchdog", "fault", "timer"]) {
        const reset = [`start ${cause}`, "run 1000"];
        const resets = new Array<string[]>(5).fill(reset).flat();
        assert.equal(starts(...shortly(1), ...resets), "aaaaaa", cause);
        // Two seconds and five of one are still short; two and eight are not, and neither is a hang that the watchdog ends.
        assert.equal(starts(...shortly(1), ...resets, ...shortly(2)), "aaaaaaar", cause);
        assert.equal(
          starts(...shortly(2), ...resets, ...reset, ...reset, ...reset, ...shortly(2)),
          `aa${"a".repeat(8)}aa`,
          cause,
        );
        assert.equal(
          starts(...shortly(2), "hang 60000", `start ${cause}`, "run 0", ...shortly(2)),
          "aaaaa",
          cause,
        );
      }
    });

    it("an application that computes without an end is left out all the same", () => {
      const hangs = ["start power-on", "hang 30000"];
      assert.equal(starts(...hangs, ...hangs, ...hangs, ...hangs), "aara");
    });

    it("three short ones end in the recovery service after none, one and two long ones of such an application", () => {
      for (const [before, expected] of ["aar", "aarr", "aarrr"].entries()) {
        const hangs = new Array<string[]>(before).fill(["start power-on", "hang 30000"]).flat();
        assert.equal(starts(...hangs, ...shortly(3)), expected);
      }
    });

    it("a start after ten seconds ends the row before the application runs", () => {
      for (const cause of ["software", "watchdog", "fault", "timer"]) {
        const hangs = ["start power-on", "hang 60000", `start ${cause}`, "hang 30000"];
        assert.equal(starts(...hangs, ...hangs, ...hangs, ...shortly(3)), "aaaaaaaar", cause);
        const soon = ["start power-on", "hang 9000", `start ${cause}`, "hang 30000"];
        assert.equal(starts(...soon, ...soon, ...shortly(3)), "aaaarrr", cause);
      }
    });

    it("a reset in recovery ends the row: the application that it brings holds no place in it", () => {
      for (const before of [2, 3, 4]) {
        const row = [...shortly(before), "start power-on", "run 2000", "start software", "hang 30000"];
        assert.equal(starts(...row, ...shortly(3)), `aa${"r".repeat(before - 1)}aaar`);
      }
    });

    it("three short ones after a power-on that lasted end in the recovery service, whatever was before", () => {
      const lasting = [
        ["run 10000"],
        ["hang 30000"],
        ["hang 61000", "start watchdog"],
        ["hang 61000", "start watchdog", "hang 30000"],
        ["run 5000", "start software", "hang 30000"],
        ["hang 5000", "start fault", "run 5000"],
      ];
      const kinds = [["run 2000"], ["hang 5000"], ["run 2000", "start fault", "hang 2000"], ...lasting];
      for (const one of kinds) {
        const rows = kinds.flatMap((two) =>
          kinds.flatMap((three) =>
            lasting.map((four) => [
              ...[one, two, three, four].flatMap((kind) => ["start power-on", ...kind]),
              ...shortly(3),
            ]),
          ),
        );
        // In one process, each on a flash that is erased.
        const found = starts(...rows.flatMap((row) => ["flash 4096 8", ...row]));
        let at = 0;
        for (const row of rows) {
          at += row.filter((command) => command.startsWith("start")).length;
          assert.equal(found[at - 1], "r", row.join(", "));
        }
        assert.equal(at, found.length);
      }
    });

    it("a supply that comes and goes has the application back within four power-ons", () => {
      for (const kind of ["run 2000", "hang 2000", "hang 30000"])
        assert.doesNotMatch(
          starts(...new Array<string[]>(40).fill(["start power-on", kind]).flat()),
          /rrrr/,
          kind,
        );
    });

    it("counts how often that came about", () => {
      const counts = ask(...shortly(10)).map((line) => Number(line.split(" ")[1]));
      assert.deepEqual(counts, [0, 0, 1, 2, 3, 3, 3, 4, 5, 6]);
    });

    it("with a flash that fails the application runs, each time with a line", () => {
      const lines = ask("broken 1", ...shortly(4), "broken 0", ...shortly(3));
      assert.equal(lines.filter((line) => line.startsWith("application")).length, 6);
      assert.equal(lines.filter((line) => line.includes("cannot be counted")).length, 4);
      assert.ok(lines.at(-1)!.startsWith("recovery"));
    });
  });

  describe("windows", () => {
    /** Minutes that sleep is put off and pairing is open, of each start. */
    const windows = (...commands: readonly string[]): string[] =>
      ask(...commands)
        .filter((line) => /^(application|recovery)/.test(line))
        .map((line) => line.slice(line.indexOf("sleep ")).replace("sleep ", "").replace(" pairing ", "/"));

    it("pairing ends five minutes after power-on, whatever the camera is reset by", () => {
      for (const cause of ["software", "watchdog", "fault", "timer"]) {
        const passing = [`start ${cause}`, "run 61000"];
        const found = windows("start power-on", "run 1000", ...new Array<string[]>(7).fill(passing).flat());
        assert.deepEqual(
          found.map((each) => each.split("/")[1]),
          ["5", "5", "4", "3", "2", "1", "0", "0"],
          cause,
        );
      }
    });

    it("sleep is put off for five minutes after a start, and after a failure for one, or while pairing is open", () => {
      assert.deepEqual(
        windows(
          ...["start power-on", "run 1000", "start fault", "run 250000", "start watchdog", "run 1000"],
          ...["start software", "run 400000", "start fault", "run 30000", "start timer", "run 40000"],
          ...["start timer", "start watchdog", "start power-on"],
        ),
        ["5/5", "5/5", "1/1", "5/1", "1/0", "1/0", "0/0", "1/0", "5/5"],
      );
    });

    it("one that a device has taken is closed until the next power-on", () => {
      for (const cause of ["software", "watchdog", "fault", "timer"])
        assert.deepEqual(
          windows("start power-on", "paired", `start ${cause}`, `start ${cause}`, "start power-on").map(
            (each) => each.split("/")[1],
          ),
          ["5", "0", "0", "5"],
          cause,
        );
    });

    it("memory that holds anything opens none, but for power-on, which takes nothing from it", () => {
      for (let garbage = 1; garbage < 50; garbage++) {
        const found = windows(
          ...["start power-on", "run 20000", `garbage ${garbage}`, "start timer", `garbage ${garbage}`],
          ...["start fault", `garbage ${garbage}`, "start power-on"],
        );
        assert.deepEqual(found, ["5/5", "0/0", "1/0", "5/5"]);
      }
    });

    it("a start in place of a sleep changes neither", () => {
      assert.deepEqual(ask("start power-on", "run 70000", "sleep 90000", "start software", "sleep 90000"), [
        ...["application 0 sleep 5 pairing 5", "put off"],
        ...["application sleeps 0 sleep 4 pairing 4", "sleeps"],
      ]);
    });
  });

  for (const [unit, programUnit] of [
    [4096, 4],
    [4096, 8],
    [512, 16],
    [8192, 16],
    [8192, 32],
    [4096, 256],
    [512, 256],
  ] as const) {
    it(`survive a cut at every operation of flash, with units of ${unit} and ${programUnit} bytes`, () => {
      const rows = Math.min(40, Math.ceil((3 * unit) / Math.max(16, programUnit) / 5));
      const [runs, ...problems] = ask(`flash ${unit} ${programUnit}`, `cuts ${rows}`).reverse();
      assert.deepEqual(problems, []);
      assert.ok(Number(/^(\d+) runs$/.exec(runs!)?.[1]) > 10, runs);
    });
  }

  for (const [unit, programUnit, rows, cuts] of [
    [4096, 4, 40, ""],
    [4096, 8, 40, ""],
    [4096, 256, 16, " cuts"],
    [512, 32, 16, " cuts"],
  ] as const) {
    it(`count as without it with a record erased between others, units of ${unit} and ${programUnit} bytes${cuts && ", and at every cut"}`, () => {
      const [runs, ...problems] = ask(`flash ${unit} ${programUnit}`, `holes ${rows}${cuts}`).reverse();
      assert.deepEqual(problems, []);
      assert.ok(Number(/^(\d+) runs$/.exec(runs!)?.[1]) > 100, runs);
    });
  }

  it("wear a unit by one erasure in 128 power-ons, of which a larger one than 4 KB holds no more", () => {
    for (const flash of ["4096 8", "8192 8", "65536 8", "65536 64"])
      assert.deepEqual(ask(`flash ${flash}`, "wear 12800"), ["100 erasures"], flash);
  });

  it("with units that hold no power-on, or are too long to program, count none", () => {
    for (const flash of ["flash 256 256", "flash 4096 512"])
      assert.equal(starts(flash, ...shortly(5)), "aaaaa");
  });
});
