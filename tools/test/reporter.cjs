/** Mocha's "spec", and the totals in a file for `npm test`, which sums them over its processes. */
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class SpecWithTotals extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.OBSCURA_TEST_TOTALS;
    if (file === undefined) return;
    // What tests started ends when this process exits, also where it has left the group: tools/program.ts.
    for (const [signal, number] of [
      ["SIGTERM", 15],
      ["SIGHUP", 1],
    ]) {
      process.once(signal, () => process.exit(128 + number));
    }
    const failed = [];
    const skipped = [];
    const named = (test) => ({ path: test.titlePath() });
    runner.on("fail", (test) => failed.push(named(test)));
    runner.on("pending", (test) => skipped.push(named(test)));
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, JSON.stringify({ passes, failures, pending, failed, skipped }));
    });
  }
};
