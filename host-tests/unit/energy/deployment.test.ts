/** Deployments in virtual time: states and counts against what can be computed by hand, and the bar of the early start. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { asFunctionBody } from "../../../tools/energy/application.ts";
import { listProfiles, loadProfile, processorFigures } from "../../../tools/energy/command.ts";
import { type DeploymentOptions, deploy, type EnergyReport } from "../../../tools/energy/deployment.ts";
import type { ToolError } from "../../../tools/events.ts";

const picture = join(import.meta.dirname, "picture.ts");

const play = (options: Partial<DeploymentOptions> = {}): Promise<EnergyReport> =>
  deploy({
    ...{
      application: picture,
      profile: loadProfile("openmv-ae3"),
      days: 1 / 4,
      processor: processorFigures(),
    },
    ...{ earlyRadio: true, lightSleep: false },
    ...options,
  });

describe("energy: a deployment", function () {
  this.timeout(600_000);
  let early: EnergyReport;
  let sequential: EnergyReport;

  before(async () => {
    early = await play();
    sequential = await play({ earlyRadio: false });
  });

  it("wakes at its beats, and accounts for every millisecond", () => {
    // At once, and every 15 minutes; the one at 6 hours is behind the end.
    assert.equal(early.starts, 24);
    assert.equal(early.wakes, 23);
    const times = Object.values(early.milliseconds).reduce((sum, each) => sum + each, 0);
    assert.ok(Math.abs(times - 6 * 3_600_000) < 1e-3, `${times} ms`);
  });

  it("counts what is on the air, and multiplies it by the profile's figures", () => {
    const { figures } = loadProfile("openmv-ae3");
    // 500 ms at intervals of 100 ms and a delay of up to 10 ms: 5 in each of 24 bursts.
    assert.ok(
      early.counts.nonconnectable! >= 96 && early.counts.nonconnectable! <= 120,
      `${early.counts.nonconnectable}`,
    );
    assert.equal(early.counts.connectable, undefined);
    const advertising = early.counts.nonconnectable! * figures.nonconnectableEventMillicoulombs.value;
    assert.ok(Math.abs(early.millicoulombs["radio: advertising"]! - advertising) < 1e-9);
    const asleep = (early.milliseconds.deepSleep! / 1000) * figures.deepSleepMilliamps.value;
    assert.ok(Math.abs(early.millicoulombs["deep sleep"]! - asleep) < 1e-6);
  });

  it("is awake for the chip's own waits, the wire's time and the window on the air, and no more than 150 ms beyond", async () => {
    const { bootToAdvertising, verifyAtStart } = processorFigures();
    for (const name of listProfiles()) {
      const profile = loadProfile(name);
      const { bootMs, downloadBaud, instructionsPerMs, patchBytes, patchRecords } = profile.figures;
      // Power-up 110, records of 0.5, restart 200; of what is on the wire the patch alone, and not the answers.
      const wireMs = (patchBytes.value * 10_000) / downloadBaud.value;
      const chipMs = 110 + patchRecords.value * 0.5 + 200;
      const leastMs = chipMs + wireMs + 500;
      const bootedMs = bootMs.value + (bootToAdvertising + verifyAtStart) / instructionsPerMs.value;
      const { awakeMsPerWake } = await play({ profile, lightSleep: true });
      assert.ok(
        awakeMsPerWake >= bootedMs + leastMs - 1 && awakeMsPerWake <= leastMs + 150,
        `${name}: ${awakeMsPerWake} ms, at most ${leastMs + 150}`,
      );
    }
  });

  it("takes at least 20 % less charge by the early start than with the chip's start in sequence", () => {
    const less = 1 - early.awakeMillicoulombsPerStart / sequential.awakeMillicoulombsPerStart;
    assert.ok(less >= 0.2, `${less}`);
    // Where from: the processor waits less; what is on the air is the same.
    const waiting = (report: EnergyReport): number =>
      report.millicoulombs["processor: waiting"]! / report.starts;
    const difference = sequential.millicoulombsPerStart - early.millicoulombsPerStart;
    assert.ok(waiting(sequential) - waiting(early) > 0.9 * difference);
  });

  it("takes at least a third less awake with the clocks stopped too, and 30 % less in all where the deep sleep is good", async () => {
    const both = async (name: string): Promise<[now: EnergyReport, before: EnergyReport]> => {
      const profile = loadProfile(name);
      const now = await play({ profile, lightSleep: true });
      return [now, await play({ profile, earlyRadio: false })];
    };
    for (const [name, awake, all] of [
      ["openmv-rt1060", 0.61, 0.7],
      ["openmv-ae3", 0.67, 0.87],
      ["nicla-vision", 0.61, 0.92],
    ] as const) {
      const [now, before] = await both(name);
      const [awakeShare, share] = [
        now.awakeMillicoulombsPerStart / before.awakeMillicoulombsPerStart,
        now.millicoulombsPerStart / before.millicoulombsPerStart,
      ];
      assert.ok(awakeShare <= awake && share <= all, `${name}: ${awakeShare} awake, ${share} in all`);
      assert.ok(now.milliseconds.lightSleep! > 0 && before.milliseconds.lightSleep === 0, name);
      // A pause of the application is a picture: its clocks stay on.
      assert.ok(now.milliseconds.idle! / now.starts >= 400, name);
    }
  });

  it("cannot take 20 % less on the AE3, whose deep sleep of 15 minutes is more than what is left to save", async () => {
    const before = sequential;
    const { figures } = loadProfile("openmv-ae3");
    const figure = (name: keyof typeof figures): number => figures[name].value;
    const { bootToAdvertising, verifyAtStart } = processorFigures();
    const bootMs = figure("bootMs") + (bootToAdvertising + verifyAtStart) / figure("instructionsPerMs");
    // 400 ms of a picture; the chip's own waits; and its shortest time to sleep, in which it asks for the host (HOST_WAKE).
    const chipMs = 110 + figure("patchRecords") * 0.5 + 200;
    const askingMs = 300;
    const least =
      (bootMs * figure("runMilliamps") +
        (400 + askingMs) * figure("idleMilliamps") +
        (chipMs + askingMs) * figure("radioAwakeMilliamps")) /
      1000;
    const asleep = 900 * figure("deepSleepMilliamps");
    const share = 1 - (least + asleep) / before.millicoulombsPerStart;
    assert.ok(share < 0.2, `${share}`);
    // It does with a burst every seven minutes.
    const saved =
      before.awakeMillicoulombsPerStart - (await play({ lightSleep: true })).awakeMillicoulombsPerStart;
    const often = saved / (before.awakeMillicoulombsPerStart + 420 * figure("deepSleepMilliamps"));
    assert.ok(often >= 0.2, `${often}`);
  });

  it("delivers to a phone that comes, again and again, and keeps its state over sleep", async () => {
    const lines: string[] = [];
    const script = `find "obscura-battery" within 60 s
connect
subscribe 8f1c0001-6d6a-4c55-9a0e-0b5c0a3e0001 indications
notifications 1
expect disconnection`;
    const report = await play({
      application: "battery-sensor",
      ...{ days: 60 / 86_400, script, onLine: (_, line) => void lines.push(line) },
    });
    assert.equal(report.starts, 6);
    assert.ok(lines.filter((line) => line === "1 readings were taken").length >= 5, lines.join("\n"));
    assert.ok(report.counts.connection! > 20 && report.counts.dataByte! > 100, JSON.stringify(report.counts));
  });

  it("fails with what the application failed with", async () => {
    const broken = join(import.meta.dirname, "broken.ts");
    await assert.rejects(play({ application: broken }), {
      name: "ToolError",
      message: /failed in the simulated camera: .*no such sensor/s,
    });
  });

  it("says where in the application's own lines it failed, and nothing of the simulated camera's", async () => {
    const folder = mkdtempSync(join(tmpdir(), "obscura-energy-"));
    const failures = {
      // Types and comments are in the source alone.
      thrown: [
        'import { deepSleep } from "power";',
        "interface Own {",
        "  readonly x?: { y: number };",
        "}",
        "// why",
        "const deeper = (own: Own): number => own.x!.y;",
        "export async function go(): Promise<void> {",
        "  await new Promise((resolve) => setTimeout(resolve, 10));",
        "  console.log(deeper({}), deepSleep);",
        "}",
      ],
      main: ['import { go } from "./thrown.ts";', "", "await go();"],
      refused: ['import { advertise } from "aioble";', "await advertise({ intervalUs: 1 });"],
      text: ['throw "no error";'],
      nothing: ["throw undefined;"],
    };
    for (const [name, lines] of Object.entries(failures))
      writeFileSync(join(folder, `${name}.ts`), `${lines.join("\n")}\n`);
    const failed = async (name: string): Promise<ToolError> => {
      try {
        await play({ application: join(folder, `${name}.ts`) });
      } catch (error) {
        return error as ToolError;
      }
      return assert.fail(`${name} did not fail`);
    };
    const main = await failed("main");
    assert.match(main.message, /^The application failed in the simulated camera: TypeError: [^\n]*$/);
    const places = main.output.split("\n").map((line) => /(\w+\.ts:\d+):\d+\)?$/.exec(line)?.[1]);
    assert.deepEqual(places, ["thrown.ts:6", "thrown.ts:9", "main.ts:3"]);
    const refused = await failed("refused");
    assert.match(refused.message, /: RangeError: .*intervalUs[^\n]*$/);
    assert.match(refused.output, /^ +at .*refused\.ts:2:\d+\)?$/);
    for (const [name, text] of [
      ["text", "no error"],
      ["nothing", "undefined"],
    ] as const) {
      const error = await failed(name);
      assert.equal(error.message, `The application failed in the simulated camera: ${text}`);
      assert.equal(error.output, "");
    }
    rmSync(folder, { recursive: true });
  });

  it("ends before the application has begun: a sentence", async () => {
    await assert.rejects(play({ days: 1e-9 }), {
      name: "ToolError",
      message: /^1e-9 days end before the camera has started its application: give more --days\.$/,
    });
  });

  it("takes the imports of a bundle apart, whatever they are called", () => {
    const body = asFunctionBody(
      'import { a, b as c } from "aioble";\nimport * as power from "power";\nimport "camera";\nconst x = a + c;\nexport { x };\n',
    );
    assert.equal(
      body,
      '"use strict";\nconst { a, b: c } = modules.aioble;\nconst power = modules.power;\n\nconst x = a + c;\n\n',
    );
  });
});
