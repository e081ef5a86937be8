/** What reporter.cjs writes when mocha has ended, and what a run makes of it. */

/** A test that failed, or that the run left out. */
export interface Named {
  /** Titles, from the outermost suite to the test. */
  readonly path: readonly string[];
}

/** One process of mocha. */
export interface Totals {
  readonly passes: number;
  readonly failures: number;
  readonly pending: number;
  readonly failed: readonly Named[];
  readonly skipped: readonly Named[];
}

/** Sums; a process without totals did not get to its end, and counts as one failure. */
export function sumOf(all: readonly (Totals | undefined)[]): Totals {
  const sum = (pick: (totals: Totals) => number, missing: number): number =>
    all.reduce((total, one) => total + (one === undefined ? missing : pick(one)), 0);
  return {
    passes: sum(({ passes }) => passes, 0),
    failures: sum(({ failures }) => failures, 1),
    pending: sum(({ pending }) => pending, 0),
    failed: all.flatMap((one) => one?.failed ?? []),
    skipped: all.flatMap((one) => one?.skipped ?? []),
  };
}

/** What was left out, by the name of the outermost suite, with how many tests of it. */
export function leftOut(skipped: readonly Named[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of skipped) counts.set(path[0]!, (counts.get(path[0]!) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${name}: ${count} ${count === 1 ? "test" : "tests"}`);
}
