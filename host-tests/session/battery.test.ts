/** examples/battery-sensor through real resets: three cycles with a phone, on all boards and with a chip from cold. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { thorough } from "../support/thorough.ts";
import { obscura } from "./run.ts";

const ATTEMPTS_MAX = 4;
/** What the camera says where this computer was too busy for a burst, which has 9 s. */
const MISSED_DEADLINE = /the burst's deadline of 9000 ms has passed/;

/** Runs the example until this computer was quick enough for every burst. */
async function runInTime(board: string, radio: string): Promise<{ status: unknown; output: string }> {
  for (let attempt = 1; ; attempt++) {
    const session = obscura("run", "battery-sensor", "--board", board, "--radio", radio);
    const status = await session.ended;
    const output = session.output();
    const isBusy = status !== 0 && MISSED_DEADLINE.test(output);
    if (!isBusy || attempt === ATTEMPTS_MAX) return { status, output };
  }
}

describe("a sensor on a battery", function () {
  this.timeout(600_000);

  // The third differs from the second by registers alone.
  for (const [board, radio, its] of [
    ["host", "sim", it],
    ["mps2-an500", "sim:cyw43", it],
    ["mps3-an547", "sim:cyw43", thorough.it],
  ] as const) {
    its(`${board}, ${radio}: readings outlast the sleep, and are delivered when somebody comes`, async () => {
      const { status, output } = await runInTime(board, radio);
      assert.equal(status, 0, output);
      assert.match(output, /cycle 0 \(power-on\): 1 readings wait/);
      assert.match(output, /cycle 1 \(timer\)/);
      assert.match(output, /nobody came: they are kept/);
      // Two are taken, or more where this computer was too busy for one of the windows.
      assert.match(
        output,
        /\d+ readings were taken[\s\S]*nobody came: they are kept[\s\S]*\b([2-9]|\d\d) readings were taken/,
      );
      // A computer that is too busy for the chip's start and the window lets a burst go by with neither: that each burst brings
      // the chip up is decided in virtual time (unit/power/battery-sensor).
      const starts = output.match(/cyw43: ready/g)?.length ?? 0;
      const deliveries = output.match(/readings were taken/g)!.length;
      if (radio === "sim") assert.equal(starts, 0);
      else assert.ok(starts >= deliveries, `the chip is brought up from cold for each delivery:\n${output}`);
    });
  }
});
