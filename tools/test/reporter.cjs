/** Mocha's "spec", and the totals in a file for `npm test`, which sums them over its processes. */
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class SpecWithTotals extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.OBSCURA_TEST_TOTALS;
    if (file === undefined) return;
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
