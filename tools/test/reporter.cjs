/** Mocha's "spec", and the totals in a file for `npm test`, which prints them as the last line of all. */
const { writeFileSync } = require("node:fs");
const { reporters } = require("mocha");

module.exports = class SpecWithTotals extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.OBSCURA_TEST_TOTALS;
    if (file === undefined) return;
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      writeFileSync(file, JSON.stringify({ passes, failures, pending }));
    });
  }
};
