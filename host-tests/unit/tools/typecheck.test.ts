/** What a camera lacks fails the type check of the build. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { checkEntry } from "../../../tools/build/typecheck.ts";
import { ToolError } from "../../../tools/events.ts";

describe("the type check of an application", function () {
  this.timeout(600_000);
  let folder = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-typecheck-"));
  });

  after(() => rmSync(folder, { recursive: true }));

  async function diagnostics(source: string): Promise<string> {
    const entry = join(folder, "main.ts");
    writeFileSync(entry, source);
    try {
      await checkEntry(entry, folder, "application");
      return "";
    } catch (error) {
      assert.ok(error instanceof ToolError, String(error));
      return error.output;
    }
  }

  it("passes what a camera has", async () => {
    const source = `
import { advertise, type DeviceConnection } from "aioble";
import { UUID } from "bluetooth";

const signal: AbortSignal = AbortSignal.timeout(1000);
const handle = setTimeout(() => console.log("late", signal.aborted), 10);
clearTimeout(handle);
export const controller = new AbortController();
export async function once(): Promise<DeviceConnection> {
  await using connection = await advertise({ intervalUs: 250_000, name: "x", services: [new UUID(0x181a)] });
  return connection;
}
export class Door implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {}
}
export const last = [1, 2, 3].at(-1);
`;
    assert.equal(await diagnostics(source), "");
  });

  it("passes top-level await without an import, JSON, and auto-accessors", async () => {
    assert.equal(await diagnostics("await Promise.resolve();"), "");
    writeFileSync(join(folder, "settings.json"), '{ "interval": 5 }');
    const source = `import settings from "./settings.json";
export class Thermostat { accessor target: number = settings.interval; }`;
    assert.equal(await diagnostics(source), "");
    assert.match(await diagnostics(source.replace(".interval", ".period")), /'period' does not exist/);
  });

  it("says what to do about a package without types, and takes what is declared beside the entry", async () => {
    mkdirSync(join(folder, "node_modules/@old/style"), { recursive: true });
    writeFileSync(join(folder, "node_modules/@old/style/index.js"), "exports.x = 1;");
    const source = 'import { x } from "@old/style";\nexport const y = x;';
    assert.match(
      await diagnostics(source),
      /@old\/style brings no types: install @types\/old__style .*packages\.d\.ts/,
    );
    writeFileSync(join(folder, "packages.d.ts"), 'declare module "@old/style";');
    assert.equal(await diagnostics(source), "");
  });

  for (const [name, source] of Object.entries({
    TextEncoder: 'export const bytes = new TextEncoder().encode("x");',
    URL: 'export const url = new URL("http://localhost");',
    structuredClone: "export const copy = structuredClone({});",
    Buffer: 'export const bytes = Buffer.from("x");',
    process: "export const home = process.env;",
    fetch: 'export const answer = fetch("http://localhost");',
    withResolvers: "export const { promise } = Promise.withResolvers<void>();",
    toSorted: "export const sorted = [2, 1].toSorted();",
    DisposableStack: "export const stack = new DisposableStack();",
    Proxy: "export const proxy = new Proxy({}, {});",
    SharedArrayBuffer: "export const shared = new SharedArrayBuffer(8);",
    Atomics: "export const value = Atomics.load(new Int32Array(1), 0);",
  })) {
    it(`refuses ${name}`, async () => assert.match(await diagnostics(source), new RegExp(`'${name}'`)));
  }

  it("says where", async () => {
    assert.match(
      await diagnostics("\n\nexport const x: number = 'text';\n"),
      /main\.ts\(3,14\): error TS2322/,
    );
  });
});
