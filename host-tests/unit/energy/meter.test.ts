/** The energy model's sums, held against cases that were computed by hand. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { EnergyMeter } from "../../../simulator/energy/meter.ts";
import { FIGURES, type FigureName, type Profile, readProfile } from "../../../simulator/energy/profile.ts";
import { listProfiles, loadProfile } from "../../../tools/energy/command.ts";
import { energyPage, energyText, lifeText } from "../../../tools/energy/report.ts";

/** A profile in which everything costs nothing but what is given. */
function profileOf(values: Partial<Record<FigureName, number>>): Profile {
  const board = { batteryMilliampHours: 1, instructionsPerMs: 1 };
  const chip = { patchRecords: 3, patchBytes: 100, downloadBaud: 115_200, runBaud: 115_200 };
  const all: Partial<Record<FigureName, number>> = { ...board, ...chip, ...values };
  const figures = Object.fromEntries(
    Object.keys(FIGURES).map((name) => [name, { value: all[name as FigureName] ?? 0, source: "made up" }]),
  );
  return readProfile("made-up", { title: "made up", figures });
}

describe("energy: the meter", () => {
  it("multiplies currents and times", () => {
    let nowMs = 0;
    const meter = new EnergyMeter(
      profileOf({
        runMilliamps: 50,
        idleMilliamps: 20,
        deepSleepMilliamps: 0.1,
        radioAwakeMilliamps: 10,
        radioSleepMilliamps: 0.2,
      }),
      () => nowMs,
    );
    meter.setCpu("run");
    nowMs = 100; // 50 mA for 0.1 s: 5 mC
    meter.setCpu("idle");
    meter.setRadio("awake");
    nowMs = 600; // 20 mA for 0.5 s: 10 mC; 10 mA for 0.5 s: 5 mC
    meter.setRadio("asleep");
    nowMs = 1600; // 20 mA for 1 s: 20 mC; 0.2 mA for 1 s: 0.2 mC
    meter.setRadio("off");
    meter.setCpu("deepSleep");
    nowMs = 101_600; // 0.1 mA for 100 s: 10 mC
    const charges = meter.total();
    for (const [name, charge] of [
      ["processor: computing", 5],
      ["processor: waiting", 30],
      ["deep sleep", 10],
      ["radio: started and awake", 5],
      ["radio: asleep between events", 0.2],
    ] as const) {
      assert.ok(Math.abs(charges[name]! - charge) < 1e-9, `${name}: ${charges[name]}`);
    }
    assert.deepEqual(Object.keys(charges)[0], "processor: waiting", "the largest first");
    assert.deepEqual(meter.times, { run: 100, idle: 1500, lightSleep: 0, deepSleep: 100_000 });
  });

  it("takes the time of work from the state that it is in", () => {
    let nowMs = 0;
    const meter = new EnergyMeter(
      profileOf({ runMilliamps: 50, idleMilliamps: 20, instructionsPerMs: 1000 }),
      () => nowMs,
    );
    meter.setCpu("idle");
    nowMs = 100;
    meter.work(30_000); // 30 ms of the 100
    const charges = meter.total();
    assert.ok(Math.abs(charges["processor: computing"]! - 1.5) < 1e-9);
    assert.ok(Math.abs(charges["processor: waiting"]! - 1.4) < 1e-9);
    assert.deepEqual(meter.times, { run: 30, idle: 70, lightSleep: 0, deepSleep: 0 });
  });

  it("adds events, and the open receiver by its share", () => {
    let nowMs = 0;
    const meter = new EnergyMeter(
      profileOf({
        connectableEventMillicoulombs: 0.13,
        connectionEventMillicoulombs: 0.08,
        dataByteMicrocoulombs: 2,
        flashProgramMicrocoulombsPerByte: 0.5,
        flashEraseMillicoulombsPerKilobyte: 0.25,
        scanMilliamps: 20,
        sensorReadingMillicoulombs: 0.01,
      }),
      () => nowMs,
    );
    meter.event("connectable", 100);
    meter.event("connection", 10);
    meter.event("dataByte", 500);
    meter.event("programByte", 2000);
    meter.event("eraseKilobyte", 4);
    meter.event("sensor", 300);
    meter.setScanning(0.25);
    nowMs = 2000;
    meter.setScanning(0);
    nowMs = 5000;
    const charges = meter.total();
    const expected = {
      "radio: advertising": 13,
      "radio: connections": 1.8,
      flash: 2,
      "radio: scanning": 10,
      sensors: 3,
    };
    for (const [name, charge] of Object.entries(expected)) {
      assert.ok(Math.abs(charges[name]! - charge) < 1e-9, `${name}: ${charges[name]}`);
    }
    assert.deepEqual(meter.counts, {
      connectable: 100,
      connection: 10,
      dataByte: 500,
      programByte: 2000,
      eraseKilobyte: 4,
      sensor: 300,
    });
  });
});

describe("energy: profiles", () => {
  it("that come with the tools are whole, each figure with its source", () => {
    assert.deepEqual(listProfiles(), ["nicla-vision", "openmv-ae3", "openmv-rt1060"]);
    for (const name of listProfiles()) loadProfile(name);
  });

  it("that are wrong are refused, with the name of the figure", () => {
    const whole = { title: "x", figures: { ...profileOf({}).figures } as Record<string, unknown> };
    const wrong = (figures: object, expected: RegExp) =>
      assert.throws(
        () => readProfile("p", { ...whole, figures: { ...whole.figures, ...figures } }),
        expected,
      );
    wrong({ runAmps: { value: 1, source: "x" } }, /unknown key "runAmps"/);
    wrong({ runMilliamps: { value: -1, source: "x" } }, /"runMilliamps\.value" is -1/);
    wrong({ runMilliamps: { value: 1, source: "" } }, /"runMilliamps\.source"/);
    wrong({ runMilliamps: undefined }, /"runMilliamps" is missing/);
    wrong({ patchRecords: { value: 1, source: "x" } }, /"patchRecords\.value" is 1/);
    wrong({ patchRecords: { value: 2.5, source: "x" } }, /"patchRecords\.value" is 2\.5/);
    wrong({ patchBytes: { value: 22, source: "x" } }, /3 records have 23 to 523 bytes/);
    wrong({ patchBytes: { value: 524, source: "x" } }, /3 records have 23 to 523 bytes/);
    for (const key of ["runBaud", "downloadBaud"]) {
      for (const value of [0, 9600, 115_199, 115_200.5, 4_000_001, 1e300]) {
        wrong(
          { [key]: { value, source: "x" } },
          new RegExp(`"${key}\\.value" is .* whole number from 115200, .* to 4000000`),
        );
      }
      for (const value of [115_200, 4_000_000])
        readProfile("p", { ...whole, figures: { ...whole.figures, [key]: { value, source: "x" } } });
    }
    wrong(
      { usableShare: { value: 1.5, source: "x" } },
      /^Error: "usableShare\.value" is 1\.5 and must be a number from 0 to 1$/,
    );
    wrong({ selfDischargePerMonth: { value: 2, source: "x" } }, /from 0 to 1$/);
    wrong({ instructionsPerMs: { value: 0, source: "x" } }, /from 1 to 100000000$/);
    wrong({ bootMs: { value: 60_001, source: "x" } }, /from 0 to 60000$/);
    wrong({ batteryMilliampHours: { value: 0, source: "x" } }, /from 1 to 1000000$/);
    wrong(
      { runMilliamps: { value: "5", source: "x" } },
      /"runMilliamps\.value" is "5" and must be a number from 0 on$/,
    );
    wrong(
      { runMilliamps: { value: 1, source: "x", estimate: "no" } },
      /"runMilliamps\.estimate" is "no" and must be true or false/,
    );
    assert.throws(() => readProfile("p", null), /"title"/);
    const folder = mkdtempSync(join(tmpdir(), "obscura-profile-"));
    const file = join(folder, "mine.json");
    writeFileSync(
      file,
      JSON.stringify({ ...whole, figures: { ...whole.figures, bootMs: { value: -1, source: "x" } } }),
    );
    assert.throws(
      () => loadProfile(file),
      (error: Error) => {
        assert.equal(error.message.split("mine.json").length, 2, `the path once: ${error.message}`);
        assert.match(
          error.message,
          /mine\.json: "bootMs\.value" is -1 and must be a number from 0 to 60000$/,
        );
        return true;
      },
    );
    rmSync(folder, { recursive: true });
    assert.throws(() => loadProfile("none"), /There is no profile "none".*openmv-ae3/);
  });
});

describe("energy: the report", () => {
  const report = (name: string, idle: number) => ({
    application: name,
    ...{ profile: "p", title: "<board>", settings: "s", days: 1, starts: 2, wakes: 1 },
    millicoulombs: { "processor: waiting": idle, flash: 10 },
    millicoulombsPerStart: (idle + 10) / 2,
    awakeMillicoulombsPerStart: idle / 2,
    ...{ awakeMsPerWake: 5, milliampHoursPerDay: 1, batteryDays: 100, milliseconds: {}, counts: {} },
    estimates: ["bootMs"],
    timeline: [{ lane: "cpu", state: "idle", fromMs: 0, toMs: 5 } as const],
  });

  it("says what two sides differ by, and where from", () => {
    const text = energyText([report("one", 90), report("two", 40)]).join("\n");
    assert.match(text, /application +one +two\n/);
    assert.match(text, /charge per start +50 mC +25 mC\n/);
    assert.match(
      text,
      /takes 55.56 % less charge awake, 50 % less with its sleep\. For each start:\n {2}-25 mC {2}processor: waiting/,
    );
    assert.match(text, /Estimates that nobody has published: bootMs/);
    assert.match(text, /processor: waiting 90 %/);
  });

  it("compares days where one side starts more often, and wakes only where both wake", () => {
    const often = { ...report("often", 90), starts: 87, wakes: 86, days: 2 };
    const once = { ...report("once", 40), starts: 1, wakes: 0, days: 2 };
    const text = energyText([often, once]).join("\n");
    assert.match(
      text,
      /The second takes 50 % less charge a day, with 1 start against 87\. For each day:\n {2}-25 mC {2}processor: waiting/,
    );
    assert.match(text, /awake per wake +5 ms +no wake\n/);
    assert.doesNotMatch(text, /For each wake/);
    const less = { ...report("less", 40), starts: 44, wakes: 43, awakeMsPerWake: 4, days: 2 };
    const both = energyText([often, less]).join("\n");
    assert.match(both, /charge a day, with 44 starts against 87\. For each day:/);
    assert.match(both, /For each wake it is awake 20 % less time\./);
  });

  it("says that a camera which sleeps has not woken once in so few days", () => {
    const asleep = { ...report("one", 90), wakes: 0, milliseconds: { deepSleep: 5 } };
    assert.match(
      energyText([asleep]).join("\n"),
      /one slept and did not wake within 1 day: give more --days/,
    );
    const awake = { ...asleep, milliseconds: { deepSleep: 0 } };
    assert.doesNotMatch(energyText([awake]).join("\n"), /did not wake/);
  });

  it("is a page without anything from elsewhere, whose texts are escaped", () => {
    const page = energyPage([report("<b>", 90)]);
    assert.match(page, /<svg .*<rect /s);
    assert.ok(!page.includes("<b>") && !page.includes("<board>"));
    assert.ok(!/https?:/.test(page));
  });

  it("says how long a battery lasts in the unit that fits", () => {
    assert.equal(lifeText(1), "24 hours");
    assert.equal(lifeText(5.26), "5.3 days");
    assert.equal(lifeText(304.4), "10 months");
  });
});
