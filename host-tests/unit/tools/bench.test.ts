import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bench } from "../../../tools/bench/bench.ts";
import {
  describeChange,
  descriptions,
  findFalls,
  findRises,
  readBaseline,
} from "../../../tools/bench/figures.ts";
import { perform } from "../../../tools/cli/perform.ts";

describe("bench: comparison with the baseline", () => {
  const baseline = { camera: { write: 1000, idleWakeups: 0 } };

  it("lets a figure rise by 5 %, and no further", () => {
    assert.deepEqual(findRises(baseline, { camera: { write: 1050, idleWakeups: 0 } }), []);
    assert.deepEqual(findRises(baseline, { camera: { write: 1051, idleWakeups: 0 } }), [
      { board: "camera", figure: "write", before: 1000, after: 1051 },
    ]);
  });

  it("lets nothing rise above 0", () => {
    const [rise] = findRises(baseline, { camera: { write: 1000, idleWakeups: 1 } });
    assert.equal(describeChange(rise!), "camera idleWakeups: 0 → 1");
  });

  it("names a figure that one side lacks", () => {
    const [lost, fresh] = findRises(baseline, { camera: { write: 1000, wakeups: 3 } });
    assert.equal(describeChange(lost!), "camera idleWakeups is 0 in the baseline, and was not measured");
    assert.equal(describeChange(fresh!), "camera wakeups is 3, and the baseline has no such figure");
  });

  it("tells what fell by more than 5 %", () => {
    const [fall] = findFalls(baseline, { camera: { write: 900, idleWakeups: 0 } });
    assert.equal(describeChange(fall!), "camera write: 1000 → 900 (-10.0 %)");
    assert.deepEqual(findFalls(baseline, { camera: { write: 960, idleWakeups: 0 } }), []);
  });
});

describe("bench: figures", () => {
  it("rise by no more than 5 % above tools/bench/baseline.json", async function () {
    // Two images to build, ten seconds to be idle.
    this.timeout(300_000);
    const figures = await perform(bench(), () => undefined);
    for (const board of Object.keys(figures)) {
      for (const figure of Object.keys(figures[board]!)) assert.ok(figure in descriptions, figure);
    }
    const rises = findRises(readBaseline(), figures).map(describeChange);
    assert.deepEqual(
      rises,
      [],
      "make them fall again, or run `npm run bench -- --update-baseline` and say in the commit why they rose",
    );
  });
});
