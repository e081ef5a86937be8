import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createConsole } from "../../../firmware/platform/console.ts";
import { SuppressedError } from "../../../firmware/platform/dispose.ts";
import { formatValue } from "../../../firmware/platform/format.ts";

class Sample {
  name = "x";
  list = [1, 2];
}

const cycle: Record<string, unknown> = { a: 1 };
cycle["self"] = cycle;

const range = (length: number) => Array.from({ length }, (_, i) => i);

describe("formatValue", () => {
  const cases: [value: unknown, text: string][] = [
    ["text", "text"],
    [12.5, "12.5"],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [10n, "10n"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [Symbol("s"), "Symbol(s)"],
    [() => 1, "[function (anonymous)]"],
    [Sample, "[function Sample]"],
    [[], "[]"],
    [{}, "{}"],
    [["a", 1, null], '[ "a", 1, null ]'],
    [{ a: 'say "hi"\n', b: { c: [1] } }, '{ a: "say \\"hi\\"\\n", b: { c: [Array] } }'],
    [{ a: { b: { c: 1 } } }, "{ a: { b: [object] } }"],
    [{ a: { b: new Sample() } }, "{ a: { b: [Sample] } }"],
    [new Sample(), 'Sample { name: "x", list: [ 1, 2 ] }'],
    [Object.create(null), "{}"],
    [Uint8Array.of(0, 1, 0xab), "Uint8Array(3) 00 01 ab"],
    [new Uint8Array(70).subarray(1), `Uint8Array(69)${" 00".repeat(64)} … 5 more`],
    [Uint8Array.of(1, 2).buffer, "ArrayBuffer(2) 01 02"],
    [new DataView(Uint8Array.of(1, 2, 3).buffer, 1), "DataView(2) 02 03"],
    [Uint16Array.of(1, 65535), "Uint16Array(2) [ 1, 65535 ]"],
    [new Map<unknown, unknown>([["a", { b: 1 }]]), 'Map(1) { "a" => { b: 1 } }'],
    [new Set([1, "b"]), 'Set(2) { 1, "b" }'],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Date(Number.NaN), "Invalid Date"],
    [cycle, "{ a: 1, self: [circular] }"],
    [range(25), `[ ${range(20).join(", ")}, … 5 more ]`],
    [["x".repeat(205)], `[ "${"x".repeat(200)}"… 5 more ]`],
  ];
  for (const [value, text] of cases) {
    it(text.length > 60 ? `${text.slice(0, 60)}…` : text, () => assert.equal(formatValue(value), text));
  }

  it("shows an error with its present name, its stack, properties and causes", () => {
    const cause = new RangeError("deeper");
    const error = Object.assign(new Error("boom", { cause }), { code: "ECODE" });
    Object.defineProperty(error, "name", { value: "BleError" });
    const lines = formatValue(error).split("\n");
    assert.equal(lines[0], "BleError: boom");
    assert.match(lines[1]!, /^\s+at /);
    assert.ok(lines.some((line) => line.endsWith('{ code: "ECODE" }')));
    assert.ok(lines.includes("[cause] RangeError: deeper"));
  });

  it("shows both errors of a SuppressedError and all of an AggregateError", () => {
    const text = formatValue(
      new SuppressedError(new Error("late"), new AggregateError([new Error("early")])),
    );
    assert.match(text, /^SuppressedError\n/);
    assert.match(text, /\n\[error\] Error: late\n/);
    assert.match(text, /\n\[suppressed\] AggregateError\n/);
    assert.match(text, /\n\[errors\] Error: early\n/);
  });

  it("ends for errors that cause each other, and for long chains of causes", () => {
    const a = new Error("a");
    const b = new Error("b", { cause: a });
    Object.defineProperty(a, "cause", { value: b, enumerable: false });
    assert.match(formatValue(a), /\[cause\] \[circular\]$/);
    let chain = new Error("0");
    for (let i = 1; i < 100; i++) chain = new Error(String(i), { cause: chain });
    assert.equal(formatValue(chain).split("[cause]").length, 5);
  });

  it("calls no getter and never throws", () => {
    const fail = (): never => {
      throw new Error("hostile");
    };
    assert.equal(
      formatValue({
        get value() {
          return fail();
        },
      }),
      "{ value: [getter] }",
    );
    const hostileError = new Error("x");
    Object.defineProperty(hostileError, "name", { get: fail });
    const hostile: unknown[] = [hostileError];
    // A camera has none.
    if (typeof Proxy === "function") {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      hostile.push(proxy, new Proxy({}, { ownKeys: fail }), new Proxy([], { get: fail }));
    }
    for (const value of hostile) {
      assert.equal(formatValue(value), "[unprintable]");
    }
    assert.match(
      formatValue({ toString: fail, toJSON: fail }),
      /^\{ toString: \[function .*\], toJSON: .*\] \}$/,
    );
  });
});

describe("console of applications", () => {
  function create() {
    const lines: string[] = [];
    return { lines, console: createConsole((level, line) => lines.push(`${level}: ${line}`)) };
  }

  it("writes values at the level of each function, a line at a time", () => {
    const { lines, console } = create();
    console.log("a", 1, { b: "c" });
    console.info();
    console.debug("two\nlines");
    console.warn("%d", 5);
    console.error(null);
    assert.deepEqual(lines, [
      'info: a 1 { b: "c" }',
      "info: ",
      "debug: two",
      "debug: lines",
      "warning: %d 5",
      "error: null",
    ]);
  });

  it("bounds what one call writes", () => {
    const { lines, console } = create();
    console.log("x".repeat(5000));
    assert.deepEqual(lines, [`info: ${"x".repeat(4000)}… 1000 more`]);
  });

  it("survives a console that fails", () => {
    const console = createConsole(() => {
      throw new Error("line is gone");
    });
    console.log("x");
  });
});
