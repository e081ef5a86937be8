/** docs/energy.md against the sources: profiles, figures and settings. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { FIGURES } from "../../../simulator/energy/profile.ts";
import { listProfiles, SETTINGS } from "../../../tools/energy/command.ts";

const text = readFileSync(new URL("../../../docs/energy.md", import.meta.url), "utf8");

describe("docs/energy.md", () => {
  it("has every figure of a profile as the sources mean it, and no other", () => {
    const table = text.slice(text.indexOf("## A profile of your own"));
    const rows = [...table.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, name, meaning]) => [name, meaning]);
    assert.deepEqual(Object.fromEntries(rows), FIGURES);
  });

  it("names every profile and every setting", () => {
    for (const name of [...listProfiles(), ...SETTINGS]) assert.ok(text.includes(`\`${name}\``), name);
  });
});
