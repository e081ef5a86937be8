/** A day among hostile peripherals: nothing but errors of the stack's reaches the application, and the honest are served. */

import { equal, ok } from "../support/assert.ts";
import { heapUsed } from "../support/heap.ts";
import { HostileDay } from "../support/hostile-peripherals.ts";
import { describe, it } from "../support/suite.ts";

const MINUTE_MS = 60_000;
/** Fewer on XS, which is slower. Hours of it: `npm run soak -- --scenario hostile-peripherals`. */
const MINUTES = heapUsed() === undefined ? 4 : 1;
const SEED = 1;

describe("hostile peripherals", () => {
  it(`three on links and many on the air for ${MINUTES} minutes: the honest are served, and nothing stays`, async () => {
    const world = new HostileDay(SEED);
    const day = await world.run(MINUTES * MINUTE_MS);
    const text = JSON.stringify(day);
    ok(day.sessions > 20 * MINUTES && day.whole > 0, text);
    ok(day.reads >= 11 * MINUTES && day.echoes === day.reads, text);
    ok(day.notified >= 58 * MINUTES, text);
    ok(day.sightings >= 500 * MINUTES, text);
    equal(day.errors, 0);
    await world.stop();
  });
});
