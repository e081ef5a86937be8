/** examples/battery-sensor through real resets: three cycles with a phone, on both boards and with a chip from cold. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { obscura } from "./run.ts";

describe("a sensor on a battery", function () {
  this.timeout(600_000);

  for (const [board, radio] of [
    ["host", "sim"],
    ["mps2-an500", "sim:cyw43"],
  ] as const) {
    it(`${board}, ${radio}: readings outlast the sleep, and are delivered when somebody comes`, async () => {
      const session = obscura("run", "battery-sensor", "--board", board, "--radio", radio);
      assert.equal(await session.ended, 0, session.output());
      const output = session.output();
      assert.match(output, /cycle 0 \(power-on\): 1 readings wait/);
      assert.match(output, /cycle 1 \(timer\)/);
      assert.match(output, /nobody came: they are kept/);
      assert.match(output, /2 readings were taken/);
      const starts = output.match(/cyw43: ready/g)?.length ?? 0;
      if (radio === "sim") assert.equal(starts, 0);
      else assert.ok(starts >= 3, "the chip is brought up from cold for each burst");
    });
  }
});
