import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { SuppressedError } from "../../../firmware/platform/dispose.ts";

describe("dispose", () => {
  it("closes what `await using` opened, in reverse, also when the block fails", async () => {
    const calls: string[] = [];
    const open = (name: string) => ({
      async [Symbol.asyncDispose]() {
        calls.push(`close ${name}`);
      },
    });
    const failure = new Error("block");
    await assert.rejects(async () => {
      await using _first = open("first");
      await using _second = open("second");
      calls.push("block");
      throw failure;
    }, failure);
    assert.deepEqual(calls, ["block", "close second", "close first"]);
  });

  it("provides SuppressedError as the standard describes it", () => {
    const error = new SuppressedError(1, 2, "both");
    assert.ok(error instanceof Error);
    assert.equal(String(error), "SuppressedError: both");
    assert.deepEqual(Object.keys(error), []);
    assert.deepEqual([error.error, error.suppressed], [1, 2]);
    assert.equal(Object.hasOwn(new SuppressedError(1, 2), "message"), false);
  });

  it("installs the symbols where an engine has none, and leaves those that exist", () => {
    const module = new URL("../../../firmware/platform/dispose.ts", import.meta.url).href;
    const script = `
      const own = Symbol;
      const bare = (description) => own(description);
      for (const name of Object.getOwnPropertyNames(own)) {
        if (name !== "dispose") Object.defineProperty(bare, name, { configurable: true, value: own[name] });
      }
      globalThis.Symbol = bare;
      await import(${JSON.stringify(module)});
      const held = { [Symbol.dispose]() {} };
      console.log(JSON.stringify([String(Object.getOwnPropertySymbols(held)[0]), Symbol.asyncDispose === own.asyncDispose]));
    `;
    const output = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: fileURLToPath(new URL("../../..", import.meta.url)),
      encoding: "utf8",
    });
    assert.deepEqual(JSON.parse(output), ["Symbol(Symbol.dispose)", true]);
  });
});
