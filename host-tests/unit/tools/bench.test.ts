import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bench } from "../../../tools/bench/bench.ts";
import {
  describeChange,
  descriptions,
  type Figures,
  findFalls,
  findRises,
  readBaseline,
} from "../../../tools/bench/figures.ts";
import { profilesOf, profileText } from "../../../tools/bench/profile.ts";
import { perform } from "../../../tools/cli/perform.ts";

/** What figures may be whatever the baseline says: docs/decisions/0004-image-size.md and 0007-cycles.md say why. */
const BARS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "mps2-an500": {
    bootToAdvertising: 6_000_000,
    coldStartBeyondBoot: 5_000_000,
    verifyAtStart: 4_000_000,
    verifyBundle: 12_000_000,
    // What peers wait at most: while an upload is verified, in an upload, and while one pairs, computations on P-256 apart.
    verifyStep: 2_000_000,
    uploadTurn: 2_000_000,
    longestTurn: 2_000_000,
    notificationCycle: 45_000,
    writeCycle: 75_000,
    pairSecureConnections: 20_000_000,
    pairPasskey: 25_000_000,
    // With its usual 32 results, whoever advertises.
    scanRamBytes: 32 * 1024,
    imageBytes: 1024 * 1024,
    imageBytesPeripheral: 600 * 1024,
  },
  "mps3-an547": { bootToAdvertising: 6_000_000, coldStartBeyondBoot: 5_000_000, imageBytes: 1024 * 1024 },
};

/** What is above its bar, or was not measured. */
const aboveBars = (figures: Figures): string[] =>
  Object.entries(BARS).flatMap(([board, bars]) =>
    Object.entries(bars)
      .filter(([figure, most]) => !(Number(figures[board]?.[figure]) <= most))
      .map(([figure, most]) => `${board} ${figure}: ${figures[board]?.[figure]}, at most ${most}`),
  );

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

  it("leaves out what depends on how fast the computer is", () => {
    const reported = { camera: { write: 1000, idleWakeups: 0, notificationsPerSecond: 9, rig: "a socket" } };
    assert.deepEqual(findRises(baseline, reported), []);
    assert.deepEqual(findRises(reported, baseline), []);
  });

  it("reports what fell by more than 5 %", () => {
    const [fall] = findFalls(baseline, { camera: { write: 900, idleWakeups: 0 } });
    assert.equal(describeChange(fall!), "camera write: 1000 → 900 (-10.0 %)");
    assert.deepEqual(findFalls(baseline, { camera: { write: 960, idleWakeups: 0 } }), []);
  });
});

describe("bench: bars", () => {
  it("are figures that there are, and stand wherever the baseline moves: one more is too much, and so is none", () => {
    for (const bars of Object.values(BARS))
      for (const figure of Object.keys(bars)) assert.ok(figure in descriptions, figure);
    assert.deepEqual(aboveBars(BARS), []);
    for (const [board, bars] of Object.entries(BARS))
      for (const [figure, most] of Object.entries(bars)) {
        const said = (value: number | undefined): string[] => [
          `${board} ${figure}: ${value}, at most ${most}`,
        ];
        const { [figure]: _, ...without } = bars;
        assert.deepEqual(aboveBars({ ...BARS, [board]: { ...bars, [figure]: most + 1 } }), said(most + 1));
        assert.deepEqual(aboveBars({ ...BARS, [board]: without }), said(undefined));
      }
  });

  it("are not above what the baseline says by more than it may rise", () => {
    const baseline = readBaseline();
    const known = Object.fromEntries(
      Object.entries(baseline).map(([board, figures]) => [
        board,
        { ...figures, coldStartBeyondBoot: Number(figures.coldStart) - Number(figures.bootToAdvertising) },
      ]),
    );
    assert.deepEqual(aboveBars(known), []);
  });
});

describe("bench: profile", () => {
  const modules = {
    moduleOf: (kind: string, name: string) => (kind === "c" ? "engine" : name.split(".")[0]!),
  };
  const lines = [
    "profile write 3 1000 200400",
    "function 0 none 0 ",
    "function 3 bytecode 4096 Acl.send",
    "function 4 c 512 DataView.setUint32",
    "function 5 bytecode 4200 Acl.drain",
    "profile write 4 2000 40000",
    "profile write 5 500 100000",
    "profile bootToAdvertising 4 7 350",
  ];

  it("divides by the operations, and sums by module, the largest first", () => {
    const [write, boot] = profilesOf({ lines }, modules);
    assert.deepEqual(write, {
      figure: "write",
      instructions: 340,
      modules: [
        ["Acl", 300],
        ["engine", 40],
      ],
      functions: [
        { name: "Acl.send", module: "Acl", calls: 1, instructions: 200 },
        { name: "Acl.drain", module: "Acl", calls: 0.5, instructions: 100 },
        { name: "DataView.setUint32", module: "engine", calls: 2, instructions: 40 },
      ],
    });
    assert.equal(boot!.instructions, 350);
  });

  it("shows tables", () => {
    const text = profileText(profilesOf({ lines }, modules));
    assert.match(text, /### write: 340 instructions/);
    assert.match(text, /\| Acl \| 300 \| 88 % \|/);
    assert.match(text, /\| `Acl.drain` \| Acl \| 0.50 \| 100 \|/);
  });

  it("fails when the probes did not name a function", () => {
    assert.throws(() => profilesOf({ lines: ["profile write 9 1 1"] }, modules), /did not name function 9/);
  });
});

describe("bench: figures", () => {
  it("rise by no more than 5 % above tools/bench/baseline.json", async function () {
    // Images to build, ten seconds to be idle; each line has its own, shorter limit.
    this.timeout(1_800_000);
    const figures = await perform(bench(), () => undefined);
    for (const board of Object.keys(figures)) {
      for (const figure of Object.keys(figures[board]!)) assert.ok(figure in descriptions, figure);
    }
    assert.deepEqual(aboveBars(figures), []);
    const rises = findRises(readBaseline(), figures).map(describeChange);
    assert.deepEqual(
      rises,
      [],
      "make them fall again, or run `npm run bench -- --update-baseline` and say in the commit why they rose",
    );
  });
});
