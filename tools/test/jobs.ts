/** How `npm test` divides host-tests/ into jobs: processes of mocha that run side by side. */
import { readdirSync } from "node:fs";
import { join, sep } from "node:path";
import { root } from "../paths.ts";

/** One process of mocha. */
export interface Job {
  readonly name: string;
  /** Files, from the root of the repository. */
  readonly files: readonly string[];
  /** Whether c8 may look on: where the sources run in the tests' own process, and not on a camera or as a tool. */
  readonly coverage: boolean;
}

/**
 * Files that start cameras, compilers or tools, each a job of its own, with the CPU seconds that it takes on the machine of
 * two cores that this was measured on. The longest begin first, so that none is left to run alone at the end. A file may be
 * missing here: it runs with the rest.
 */
export const SLOW: Readonly<Record<string, number>> = {
  "host-tests/xs/xs.test.ts": 170,
  "host-tests/session/package.test.ts": 85,
  "host-tests/session/session.test.ts": 80,
  "host-tests/interop/interop.test.ts": 140,
  "host-tests/interop/soak.test.ts": 65,
  "host-tests/interop/mps3-an547.test.ts": 25,
  "host-tests/interop/private-peers.test.ts": 8,
  "host-tests/interop/pairing-others.test.ts": 12,
  "host-tests/firmware/engine.test.ts": 35,
  "host-tests/firmware/application.test.ts": 30,
  "host-tests/firmware/natives.test.ts": 30,
  "host-tests/attacker/bursts.test.ts": 60,
  "host-tests/firmware/spaces.test.ts": 50,
  "host-tests/docs/readme.test.ts": 40,
  "host-tests/session/controllers.test.ts": 40,
  "host-tests/interop/hostile.test.ts": 40,
  "host-tests/attacker/memory.test.ts": 80,
  "host-tests/attacker/session.test.ts": 30,
  "host-tests/firmware/features.test.ts": 30,
  "host-tests/unit/tools/bench.test.ts": 110,
  "host-tests/attacker/recovery.test.ts": 70,
  "host-tests/attacker/att.test.ts": 25,
  "host-tests/firmware/preload.test.ts": 22,
  "host-tests/attacker/line.test.ts": 20,
  "host-tests/attacker/timers.test.ts": 20,
  "host-tests/attacker/burst.test.ts": 19,
  "host-tests/docs/run.test.ts": 18,
  "host-tests/session/chip.test.ts": 60,
  "host-tests/session/asleep.test.ts": 25,
  "host-tests/session/supply.test.ts": 25,
  "host-tests/session/deploy.test.ts": 60,
  "host-tests/session/deploy-keys.test.ts": 40,
  "host-tests/session/deploy-trials.test.ts": 15,
  "host-tests/session/scenario.test.ts": 100,
  "host-tests/session/battery.test.ts": 90,
  "host-tests/session/stop.test.ts": 14,
  "host-tests/session/power.test.ts": 15,
  "host-tests/firmware/limits.test.ts": 15,
  "host-tests/firmware/selftest.test.ts": 40,
  "host-tests/firmware/board-json.test.ts": 40,
  "host-tests/fuzz/fuzz.test.ts": 20,
  "host-tests/meaning/meaning.test.ts": 10,
  "host-tests/session/broadcast-feed.test.ts": 9,
  "host-tests/session/clients.test.ts": 8,
  "host-tests/session/phone-radio.test.ts": 6,
  "host-tests/session/phone-prompt.test.ts": 40,
  "host-tests/firmware/development-key.test.ts": 9,
  "host-tests/unit/update/verifier.test.ts": 12,
  "host-tests/unit/update/slots.test.ts": 8,
  "host-tests/firmware/mps2-an500.test.ts": 6,
};

/** What all other files take together. */
const REST_SECONDS = 150;

/** Every test file. */
export function testFiles(): string[] {
  return readdirSync(join(root, "host-tests"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join("host-tests", name).split(sep).join("/"))
    .sort();
}

/** The jobs for these files, the longest first: the slow ones, and one with all others. */
export function jobsFor(files: readonly string[]): Job[] {
  const slow = files.filter((file) => file in SLOW).sort((one, other) => SLOW[other]! - SLOW[one]!);
  const rest = files.filter((file) => !(file in SLOW));
  const jobs: Job[] = slow.map((file) => ({ name: file, files: [file], coverage: false }));
  const longer = slow.filter((file) => SLOW[file]! > REST_SECONDS).length;
  if (rest.length > 0) jobs.splice(longer, 0, { name: "all other tests", files: rest, coverage: true });
  return jobs;
}
