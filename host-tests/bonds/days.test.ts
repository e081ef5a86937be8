/** Bonds for some hours of virtual time; `npm run soak -- --scenario bonds` does it for a day and longer. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { BondDays } from "./days.ts";

const HOURS = Number(process.env.OBSCURA_BOND_HOURS ?? 2);
const SEED = Number(process.env.OBSCURA_BOND_SEED ?? 1);

describe("bonds, hour after hour", () => {
  it("pairings, cuts and reboots lose no bond and leave none that nobody made", async function () {
    this.timeout(HOURS * 60_000 + 60_000);
    const figures = await new BondDays(SEED, HOURS).run();
    if (process.env.OBSCURA_BOND_HOURS !== undefined)
      process.stdout.write(`      ${JSON.stringify(figures)}\n`);
    const { incomplete, pairings, powerCuts, reconnections, subscriptionsFound } = figures;
    for (const [name, count] of Object.entries({
      incomplete,
      pairings,
      powerCuts,
      reconnections,
      subscriptionsFound,
    }))
      assert.ok(count > 0, `${name}: ${JSON.stringify(figures)}`);
  });
});
