/** Offsets in bytecode to places in TypeScript, piece by piece. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import type { SourceMapPayload } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { inSources, preloadedMap } from "../../../tools/build/maps.ts";
import { anchors, encodeMap, Lines, Origins, replaced, type Segment } from "../../../tools/build/origins.ts";
import { ToolError } from "../../../tools/events.ts";
import { traceLog } from "../../../tools/trace/command.ts";
import { loadMap, mapsIn } from "../../../tools/trace/maps.ts";
import { Tracer } from "../../../tools/trace/trace.ts";

describe("origins of a bundle", () => {
  it("count lines and columns", () => {
    const lines = new Lines("ab\n\ncd");
    const positions = [0, 1, 2, 3, 4, 5].map((offset) => lines.positionOf(offset));
    assert.deepEqual(
      positions.map(({ line, column }) => [line, column]),
      [
        [0, 0],
        [0, 1],
        [0, 2],
        [1, 0],
        [2, 0],
        [2, 1],
      ],
    );
    for (const [offset, position] of positions.entries()) assert.equal(lines.offsetOf(position), offset);
  });

  it("go back through replacements, longer and shorter", () => {
    const before = "f(AA);\ng(B, C);";
    const after = "f(1);\ng(12345, C);";
    const back = replaced(before, after, [
      { start: 9, end: 10, text: "12345" },
      { start: 2, end: 4, text: "1" },
    ]);
    assert.deepEqual(back({ line: 0, column: 0 }), { line: 0, column: 0 });
    assert.deepEqual(back({ line: 0, column: 2 }), { line: 0, column: 2 });
    assert.deepEqual(back({ line: 0, column: 3 }), { line: 0, column: 4 });
    assert.deepEqual(back({ line: 1, column: 4 }), { line: 1, column: 2 });
    assert.deepEqual(back({ line: 1, column: 9 }), { line: 1, column: 5 });
  });

  it("take a call by its name and a property by its own", () => {
    const code = "a.b.c(d)(new E(f)); x /* ( */ (y); g?.h?.(i); super_[0](1);";
    const at = (text: string, from = 0) => code.indexOf(text, from);
    const found = anchors(code);
    assert.equal(found.get(at("(d)")), at("c("));
    assert.equal(found.get(at(".c")), at("c("));
    assert.equal(found.get(at(".b")), at("b."));
    assert.equal(found.get(at("(f)")), at("new"));
    assert.equal(found.get(at("(i)")), at("h?"));
    assert.equal(found.get(at("(1)")), at("0]"));
  });

  it("know nothing of what the build added", () => {
    const map = {
      version: 3,
      file: "",
      sources: ["main.ts"],
      sourcesContent: [],
      names: [],
      mappings: ";AACE",
    };
    const origins = new Origins(map as unknown as SourceMapPayload, "/app", []);
    assert.equal(origins.placeOf({ line: 0, column: 3 }), undefined);
    assert.deepEqual(origins.placeOf({ line: 1, column: 3 }), { file: "/app/main.ts", line: 2, column: 3 });
  });
});

const place = (line: number, column = 1) => ({ file: "/app/main.ts", line, column });

describe("errors of the bytecode compiler", () => {
  it("name places in the sources, where the code comes from some", () => {
    const map = {
      version: 3,
      file: "",
      sources: ["main.ts"],
      sourcesContent: [],
      names: [],
      mappings: ";AACE",
    };
    const origins = new Origins(map as unknown as SourceMapPayload, "/app", []);
    const said = ["/b/app.js:2:9: invalid number", "/b/app.js:1:1: added", "obscura-bytecode: out of memory"];
    const error = inSources(new ToolError("does not compile", said.join("\n")), "/b/app.js", {
      ...{ code: "", inputs: [], imports: new Map(), warnings: [], origins },
    });
    assert.ok(error instanceof ToolError);
    assert.equal(error.message, "does not compile");
    assert.deepEqual(error.output.split("\n"), ["/app/main.ts:2:3: invalid number", ...said.slice(1)]);
  });
});

describe("maps of bytecode", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-maps-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const written = (name: string, map: unknown): string => {
    const file = join(folder, name);
    writeFileSync(file, JSON.stringify(map));
    return file;
  };

  it("give each offset the place of the run that it is in", () => {
    const segments: Segment[] = [
      { offset: 0, place: undefined },
      { offset: 7, place: place(70_000, 3) },
      { offset: 20, place: { file: "/app/lib/other.ts", line: 2, column: 90 } },
      { offset: 21, place: undefined },
      { offset: 100_000, place: place(1), remark: "or one of 2 equal functions" },
    ];
    const map = loadMap(written("a.xsb.map", encodeMap("a.xsb", "0000abcd", "/app", segments)));
    assert.equal(map.placeOf(6), undefined);
    assert.equal(map.placeOf(7), "main.ts:70000:3");
    assert.equal(map.placeOf(19), "main.ts:70000:3");
    assert.equal(map.placeOf(20), "lib/other.ts:2:90");
    assert.equal(map.placeOf(99_999), undefined);
    assert.equal(map.placeOf(200_000), "main.ts:1:1 or one of 2 equal functions");
  });

  it("follow functions into a preloaded image, and say where several became one", () => {
    const segments: Segment[] = [
      { offset: 0, place: place(1) },
      { offset: 10, place: place(10) },
      { offset: 15, place: place(15) },
      { offset: 30, place: place(30) },
      { offset: 40, place: place(40) },
    ];
    const log = [
      "debug: function 5000 12 10",
      "debug: function 900 30 5",
      "debug: function 900 40 5",
      "debug: firmware 0badcafe of 12345678",
      "info: preloaded 268416 bytes",
    ].join("\n");
    const map = loadMap(written("b.rom.map", preloadedMap(log, "firmware", "/app", segments)));
    assert.equal(map.placeOf(5000), "main.ts:10:1");
    assert.equal(map.placeOf(5003), "main.ts:15:1");
    assert.equal(map.placeOf(5009), "main.ts:15:1");
    assert.equal(map.placeOf(5010), undefined);
    assert.equal(map.placeOf(904), "main.ts:30:1 or one of 1 equal functions");
    assert.equal(map.placeOf(905), undefined);
    assert.notEqual(mapsIn([folder])("0badcafe"), undefined);
  });

  it("are found by their identifiers in folders", () => {
    written("c.xsb.map", encodeMap("c.xsb", "00c0ffee", "/app", [{ offset: 0, place: place(5) }]));
    const find = mapsIn([folder]);
    assert.equal(find("00c0ffee")?.placeOf(3), "main.ts:5:1");
    assert.equal(find("00c0ffef"), undefined);
    const copy = encodeMap("c.xsb", "00c0ffee", "/app", [{ offset: 0, place: place(6) }]);
    const older = written("older.xsb.map", copy);
    utimesSync(older, 1, 1);
    assert.equal(mapsIn([folder])("00c0ffee")?.placeOf(3), "main.ts:5:1");
    assert.equal(mapsIn([folder], [older])("00c0ffee")?.placeOf(3), "main.ts:6:1");
    assert.throws(() => mapsIn([join(folder, "none")])("00c0ffee"), ToolError);
  });
});

describe("stacks of a camera", () => {
  const tracer = () =>
    new Tracer((id) => (id === "0000000a" ? { placeOf: (at) => `main.ts:${at}:1` } : undefined));

  it("name places instead of offsets, calls by what is before the offset", () => {
    const translate = tracer();
    assert.equal(translate.line("error: Error: x"), "error: Error: x");
    assert.equal(translate.line("    at f (application 0000000a+12)"), "    at f (main.ts:11:1)");
    assert.equal(translate.line("    at application 0000000a+30"), "    at main.ts:29:1");
  });

  it("take the offset itself where the engine refused an instruction", () => {
    const translate = tracer();
    translate.line("error: TypeError: cannot coerce undefined to object");
    assert.equal(translate.line("    at f (firmware 0000000a+12)"), "    at f (main.ts:12:1)");
    assert.equal(translate.line("    at g (firmware 0000000a+12)"), "    at g (main.ts:11:1)");
    translate.line("error: TypeError: set x: not writable");
    assert.equal(translate.line("    at f (firmware 0000000a+12)"), "    at f (main.ts:11:1)");
  });

  it("leave out the name of a module's own code", () => {
    assert.equal(tracer().line("at application (application 0000000a+2)"), "at main.ts:1:1");
    assert.equal(tracer().line("at firmware (application 0000000a+2)"), "at firmware (main.ts:1:1)");
  });

  it("leave alone what no map belongs to, and remember it", () => {
    const translate = tracer();
    const line = "    at f (firmware 0000000b+12)";
    assert.equal(translate.line(line), line);
    assert.deepEqual([...translate.unknown], [["0000000b", "firmware"]]);
  });

  it("translate every place in a line", () => {
    assert.equal(
      tracer().line("a application 0000000a+2 b application 0000000a+3"),
      "a main.ts:1:1 b main.ts:2:1",
    );
  });
});

describe("a log that goes on", () => {
  let folder: string;
  let file: string;
  let writer: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-log-"));
    file = join(folder, "log");
    execFileSync("mkfifo", [file]);
    writer = openSync(file, constants.O_RDWR);
  });
  afterEach(() => {
    closeSync(writer);
    rmSync(folder, { recursive: true });
  });

  it("is left when the signal is aborted", async () => {
    const interruption = new AbortController();
    writeSync(writer, "a line\n");
    const log = traceLog({ file, maps: [], signal: interruption.signal });
    assert.deepEqual(await log.next(), { value: { type: "text", text: "a line" }, done: false });
    const next = log.next();
    interruption.abort();
    assert.deepEqual(await next, { value: undefined, done: true });
  });
});
