import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";

const root = join(import.meta.dirname, "../../..");

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
}

/** The first argument of each BleError, HciError and PairingError, and of super() in their subclasses. */
function codesRaised(): Set<string> {
  const codes = new Set<string>();
  for (const source of sources(join(root, "firmware"))) {
    for (const match of source.matchAll(
      /(?:new (?:BleError|HciError|PairingError)|super|this\.fail)\(\s*"([a-z0-9-]+)",/g,
    )) {
      codes.add(match[1]!);
    }
  }
  return codes;
}

function codesDocumented(): Set<string> {
  const page = readFileSync(join(root, "docs/errors.md"), "utf8");
  return new Set([...page.matchAll(/^## (\S+)$/gm)].map((match) => match[1]!));
}

/** The members of the union of all codes. */
function codesDeclared(): string[] {
  const source = readFileSync(join(root, "firmware/ble/errors.ts"), "utf8");
  const union = /export type BleErrorCode =\n((?: {2}\| "[a-z0-9-]+"(?:;?)\n)+)/.exec(source)?.[1] ?? "";
  return [...union.matchAll(/"([a-z0-9-]+)"/g)].map((match) => match[1]!);
}

describe("docs/errors.md", () => {
  it("has a heading for every code of the union BleErrorCode, and for no other", () => {
    const declared = codesDeclared();
    assert.deepEqual(declared, [...declared].sort());
    assert.deepEqual([...codesDocumented()].sort(), declared);
  });

  it("every code of the union is raised somewhere", () => {
    const raised = codesRaised();
    assert.deepEqual(
      codesDeclared().filter((code) => !raised.has(code)),
      [],
    );
  });

  it("has a heading for every code that the firmware raises", () => {
    const documented = codesDocumented();
    const missing = [...codesRaised()].filter((code) => !documented.has(code));
    assert.deepEqual(missing, []);
  });

  it("has no heading for a code that nothing raises", () => {
    const raised = codesRaised();
    assert.ok(raised.size >= 10, `found only ${raised.size} codes: the search is broken`);
    const stale = [...codesDocumented()].filter((code) => !raised.has(code));
    assert.deepEqual(stale, []);
  });
});
