/** Errors of an application as `obscura run` and `obscura trace` show them: in TypeScript, on every board. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "mocha";
import { buildRoot } from "../../tools/paths.ts";
import { checker, lib, Marked, main, phone } from "./failing-application.ts";
import { obscura } from "./run.ts";

for (const board of ["host", "mps2-an500"]) {
  describe(`errors of an application on ${board}`, function () {
    this.timeout(600_000);
    const application = new Marked();
    let output = "";
    let status: number | null = null;

    before(async () => {
      application.write("main.ts", main);
      application.write("lib.ts", lib);
      application.write("node_modules/checker/index.js", checker);
      const described = {
        name: "checker",
        version: "1.0.0",
        type: "module",
        exports: "./index.js",
        types: "./index.d.ts",
      };
      application.write("node_modules/checker/package.json", JSON.stringify(described));
      application.write("node_modules/checker/index.d.ts", "export function check(value: number): number;");
      application.write("phone.txt", phone);
      const session = obscura("run", application.folder, "--board", board);
      status = await session.ended;
      output = session.output();
    });

    after(() => rmSync(application.folder, { recursive: true }));

    /** The lines of the camera from this one on, without the source and the level. */
    const from = (start: string): string => {
      const lines = output
        .split("\n")
        .filter((line) => line.startsWith("camera"))
        .map((line) =>
          line
            .slice(11)
            .replace(/^(?:error|info): /, "")
            .trim(),
        );
      const first = lines.findIndex((line) => line.includes(start));
      assert.ok(first >= 0, `there is no "${start}" in\n${output}`);
      return lines.slice(first).join("\n");
    };

    /** Asserts the first lines of an error: `at NAME` or `at`, and a marked place. */
    const shows = (start: string, ...frames: string[]): void => {
      const said = from(start)
        .split("\n")
        .slice(1, 1 + frames.length);
      const expected = frames.map((frame) => {
        const [, async = "", name, mark] = /^(async )?(?:(\S+) )?\[(.*)\]$/.exec(frame) ?? assert.fail(frame);
        return name === undefined
          ? `at ${async}${application.at(mark!)}`
          : `at ${async}${name} (${application.at(mark!)})`;
      });
      assert.deepEqual(said, expected, from(start).slice(0, 2000));
    };

    it("names a constructor's and a field's places", () => {
      const [error, explode, field, , construct] = from("== construct").split("\n").slice(1);
      assert.equal(error, "Error: boom: in a field");
      assert.equal(explode, `at explode (${application.at("explode")})`);
      assert.equal(field, `at ${application.at("field")}`);
      assert.equal(construct, `at construct (${application.at("new Holder")})`);
    });

    it("names a getter's place, in an expression of several lines", () => {
      const missing = "TypeError: cannot coerce undefined to object";
      assert.equal(from("== getter").split("\n")[1], missing);
      shows(missing, "broken [getter]");
    });

    it("names a static method's place, in a class whose static members refer to it", () => {
      shows("Error: no table of 4", "failing [class static]", "statics [Table.failing]", "[attempt]");
    });

    it("names a generator's place", () => shows("RangeError: in a generator", "numbers [generator]"));

    it("names an arrow function's place, behind a function of the engine", () => {
      const [, error, explode, arrow, native] = from("== arrow").split("\n");
      assert.equal(error, "Error: boom: arrow 1");
      assert.equal(explode, `at explode (${application.at("explode")})`);
      assert.equal(arrow, `at ${application.at("in arrow")}`);
      assert.equal(native, "at map (native)");
    });

    it("cuts a long stack and says by how much", () => {
      const lines = from("Error: boom: at the bottom").split("\n");
      assert.equal(lines[1], `at explode (${application.at("explode")})`);
      assert.equal(lines[2], `at fall (${application.at("bottom")})`);
      assert.equal(lines[3], `at fall (${application.at("fall")})`);
      const frames = lines.findIndex((line) => line.startsWith("=="));
      assert.equal(frames, 18, lines.slice(0, 30).join("\n"));
      assert.match(lines[13] ?? "", /^… (?:8|9)\d more$|^… 1\d\d more$/);
    });

    it("names the place of a call of what is not a function", () => {
      assert.match(from("== notFunction").split("\n")[2] ?? "", /^at notFunction /);
      assert.equal(
        from("== notFunction").split("\n")[2],
        `at notFunction (${application.at("not a function")})`,
      );
      assert.equal(from("== noMethod").split("\n")[2], `at noMethod (${application.at("no method")})`);
    });

    it("names the place of what an instruction of the engine refuses", () => {
      assert.equal(from("== early").split("\n")[2], `at read (${application.at("early")})`);
      assert.equal(from("== constant").split("\n")[2], `at constant (${application.at("frozen")})`);
      const iterate = from("== iterate").split("\n")[2] ?? "";
      assert.ok(iterate.startsWith(`at iterate (${application.folder}/main.ts:`), iterate);
      assert.equal(iterate.split(":").at(-2), application.at("not iterable").split(":").at(-2));
    });

    it("names the places in an npm package", () => {
      shows("RangeError: too little: -1", "check [in a package]", "packaged [call of a package]");
    });

    it("names a function whose last act is a call", () => {
      shows("Error: boom: returned", "explode [explode]", "inner [returned call]", "outer [returning call]");
    });

    it("shows the stacks of causes, and of the errors that an AggregateError holds", () => {
      shows("Error: outer", "cause [outer cause]");
      shows("[cause] Error: boom: inner", "explode [explode]", "cause [inner cause]");
      shows("AggregateError: several", "aggregate [aggregate]");
      shows("[errors] Error: one", "aggregate [one of several]");
      assert.match(from("[errors] Error: one"), /\[errors\] "two"/);
    });

    it("names the place in a timer's callback", () => {
      shows("A timer's callback failed: Error: boom: in a timer", "explode [explode]", "[in a timer]");
    });

    it("names the place of an unhandled rejection, in an async function or not", () => {
      shows("unhandled rejection: Error: boom: in an async", "explode [explode]", "[in an async function]");
      shows("unhandled rejection: RangeError: in an async generator", "readings [async generator]");
      shows("unhandled rejection: TypeError: rejected", "[rejected error]");
    });

    it("names the functions that await an error", () => {
      const awaited = "unhandled rejection: Error: boom: awaited";
      shows(
        awaited,
        "explode [explode]",
        "sink [awaited explode]",
        "async source [await sink]",
        "async [await source]",
      );
      const lines = from("unhandled rejection: BleError: An advertisement runs already").split("\n");
      const end = lines.findIndex((line, index) => index > 0 && !line.startsWith("at "));
      assert.equal(lines[end - 1], `at async ${application.at("early advertising")}`);
    });

    it("names where a value that is no Error was thrown", () => {
      shows("A timer's callback failed: text in a timer", "[thrown text]");
      const [, place] = from("unhandled rejection: a value that cannot be shown").split("\n");
      assert.equal(place, `at ${application.at("thrown object")}`);
    });

    it("names the place in a handler that the stack calls, behind several lines of arguments", () => {
      const failed = "the application's handler for UUID(0x2a6e) failed: Error: boom: in onWrite";
      shows(failed, "explode [explode]", "onWrite [argument of several lines]");
    });

    it("names the firmware's places too", () => {
      assert.match(from("Error: boom: in a timer"), /\n *at call \(firmware\/platform\/timers\.ts:\d+:\d+\)/);
    });

    it("ends after an error at the top level, and says which in its last line", () => {
      assert.equal(status, 1, output);
      const error = "The application failed: TypeError: cannot coerce null to object";
      shows(error, "[top level]");
      const lines = output.trimEnd().split("\n");
      assert.equal(lines.at(-1), `obscura: ${error}, at ${application.at("top level")}`);
      assert.equal(lines.filter((line) => line.includes("== construct")).length, 1);
      assert.doesNotMatch(output, /[0-9a-f]{8}\+\d/, "an offset was left");
    });

    it("are translated by obscura trace, in a log, and what it does not know is reported", async () => {
      const log = join(application.folder, "camera.log");
      const name = basename(application.folder);
      const maps = readdirSync(join(buildRoot, board, "applications")).filter((file) =>
        new RegExp(`^${name}-.*\\.xsb\\.map$`).test(file),
      );
      assert.equal(maps.length, 1);
      const map = join(buildRoot, board, "applications", maps[0]!);
      const { debugId } = JSON.parse(readFileSync(map, "utf8")) as { debugId: string };

      writeFileSync(log, `12:00 error: Error: x\n12:00     at f (application ${debugId}+40)\nother\n`);
      const known = obscura("trace", log);
      assert.equal(await known.ended, 0, known.output());
      assert.match(known.output(), /^12:00 error: Error: x\n12:00 {5}at f \(\S+\.[jt]s:\d+:\d+\)\nother\n$/);

      writeFileSync(log, "at f (application 00000bad+40)\n");
      const unknown = obscura("trace", log, "--maps", application.folder);
      assert.equal(await unknown.ended, 1);
      assert.match(unknown.output(), /^at f \(application 00000bad\+40\)\n/);
      assert.match(unknown.output(), /\nobscura: No map here belongs to application 00000bad: /);
    });
  });
}

describe("an application that fails each time", function () {
  this.timeout(600_000);
  const application = new Marked();

  before(() => {
    application.write("main.ts", '\nthrow §always§new Error("always");\nexport {};\n');
    application.write("phone.txt", 'expect log "failure 2 in a row" within 300 s\n');
  });
  after(() => rmSync(application.folder, { recursive: true }));

  it("ends obscura run the first time", async () => {
    const session = obscura("run", application.folder);
    assert.equal(await session.ended, 1);
    const sentence = `The application failed: Error: always, at ${application.at("always")}`;
    assert.ok(session.output().endsWith(`obscura: ${sentence}\n`), session.output());
    assert.doesNotMatch(session.output(), /failure 2 in a row/);
  });

  it("goes on with --keep-going, and the run fails in the end", async () => {
    const session = obscura("run", application.folder, "--keep-going");
    assert.equal(await session.ended, 1);
    assert.match(session.output(), /failure 2 in a row: pausing 500 ms\n/);
    assert.match(session.output(), /phone {6}saw everything\n/);
    assert.match(
      session.output(),
      /obscura: The application failed: Error: always, at .* \(the last of \d+ failures\)\n$/,
    );
  });
});
