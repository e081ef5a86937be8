import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createConsole } from "../../../firmware/platform/console.ts";
import { SuppressedError } from "../../../firmware/platform/dispose.ts";
import { formatValue } from "../../../firmware/platform/format.ts";
import { formatMessage } from "../../../firmware/platform/message.ts";

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
      "warning: 5",
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

describe("formatMessage", () => {
  /** The text is that of Node's `util.format`; what we show in our own way stands in brackets. */
  const cases: [values: unknown[], text: string][] = [
    [["%s|%s|%s", "a", 1], "a|1|%s"],
    [["%s", -0], "-0"],
    [["%s", 10n], "10n"],
    [["%s", null], "null"],
    [["%s", undefined], "undefined"],
    [["%s", true], "true"],
    [["%s", Symbol("x")], "Symbol(x)"],
    [["%s", { toString: () => "own" }], "own"],
    [["%s", "a", "b", "c"], "a b c"],
    [["%s %s", "a"], "a %s"],
    [["%d", "12"], "12"],
    [["%d", ""], "0"],
    [["%d", {}], "NaN"],
    [["%d", 10n], "10n"],
    [["%d", Symbol("x")], "NaN"],
    [["%d", 1.5], "1.5"],
    [["%i", "12.9px"], "12"],
    [["%i", -0.5], "-0"],
    [["%i", ""], "NaN"],
    [["%f", "1.5e3x"], "1500"],
    [["%f", Symbol("x")], "NaN"],
    [["%j", { a: [1] }], '{"a":[1]}'],
    [["%j", undefined], "undefined"],
    [["%j", cycle], "[Circular]"],
    [["%c|%s", "color: red", "x"], "|x"],
    [["100%%"], "100%%"],
    [["100%% %s"], "100%% %s"],
    [["100%% of %d", 1], "100% of 1"],
    [["%%%s%%", "a"], "%a%"],
    [["%x %s", 1, 2], "%x 1 2"],
    [["a%", 1], "a% 1"],
    [["%", 1], "% 1"],
    [[1, "%s", "a"], "1 %s a"],
    [[], ""],
  ];
  for (const [values, text] of cases) {
    it(`${values.map(formatValue).join(", ")}: ${text}`, () => assert.equal(formatMessage(values), text));
  }

  it("shows objects as formatValue does, quotes what %o and %O show, and takes no harm from any of them", () => {
    const hostile = {
      toString() {
        throw new Error("no text");
      },
    };
    assert.equal(formatMessage(["%s %o %O", [1], "q", { a: 1 }]), '[ 1 ] "q" { a: 1 }');
    assert.equal(formatMessage(["%s", new Map([["a", 1]])]), 'Map(1) { "a" => 1 }');
    assert.equal(formatMessage(["%s", hostile]), "{ toString: [function toString] }");
    assert.equal(formatMessage(["%d and %i", hostile, hostile]), "NaN and NaN");
    assert.equal(formatMessage(["%s", Object.create(null)]), "{}");
    assert.equal(formatMessage(["%s", "a", { b: 1 }]), "a { b: 1 }");
  });

  it("is what the console writes", () => {
    const lines: string[] = [];
    createConsole((level, line) => lines.push(`${level}: ${line}`)).warn("%d of %s", 1, "two");
    assert.deepEqual(lines, ["warning: 1 of two"]);
  });
});
