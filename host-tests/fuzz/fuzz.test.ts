/** Fuzz targets, briefly; `OBSCURA_FUZZ_SECONDS=60 npx mocha host-tests/fuzz/fuzz.test.ts` runs each for that long. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { advertising } from "./advertising.ts";
import { att } from "./att.ts";
import { bonds } from "./bonds.ts";
import { bundles } from "./bundles.ts";
import { channels } from "./channels.ts";
import { client } from "./client.ts";
import { budgetOf, fuzz, type Target } from "./fuzzer.ts";
import { l2cap } from "./l2cap.ts";
import { links } from "./links.ts";
import { management } from "./management.ts";
import { smp } from "./smp.ts";

/** Of the heap, after millions of packets: what a garbage collector may leave, far below what a leak would show. */
const HEAP_GROWTH_LIMIT_KIB = 128 * 1024;

const TARGETS: readonly (readonly [name: string, target: Target, inputs: number])[] = [
  ["ATT: one allowed answer to each request, bounded memory, no exception", att, 3000],
  ["GATT client: one request at a time, errors that are errors, bounded memory, nothing stays", client, 3000],
  [
    "bonds: whatever stands in the records, one bond of each device, a place for the owner's, nothing foreign changed",
    bonds,
    2000,
  ],
  ["L2CAP: reassembly and signalling survive anything, and a good frame after it arrives", l2cap, 5000],
  [
    "channels: one allowed answer to each command, memory within what was set aside, and none stays",
    channels,
    4000,
  ],
  [
    "links: answers and updates go to whom they belong, the controller is never overrun, nothing stays",
    links,
    800,
  ],
  [
    "advertising data: well-formed packets of at most 31 bytes, or an error that names the field",
    advertising,
    10_000,
  ],
  [
    "bundles in C: nothing read past its end, nothing taken or started that is not signed, and an honest update after it",
    bundles,
    1000,
  ],
  [
    "management frames: well-formed answers, bounded memory, what runs stays, and an honest client is served",
    management,
    2000,
  ],
  [
    "SMP: well-formed answers, no key on a plain link, bounded timers, and an honest pairing after it",
    smp,
    2000,
  ],
];

describe("fuzz", () => {
  for (const [name, target, inputs] of TARGETS) {
    it(name, async function () {
      const budget = budgetOf(inputs);
      if (Number.isFinite(budget.seconds)) this.timeout(budget.seconds * 1000 + 300_000);
      const figures = await fuzz(target, budget);
      assert.ok(figures.heapGrowthKiB < HEAP_GROWTH_LIMIT_KIB, JSON.stringify(figures));
      if (Number.isFinite(budget.seconds))
        process.stdout.write(`      ${JSON.stringify({ name, ...figures })}\n`);
    });
  }
});
