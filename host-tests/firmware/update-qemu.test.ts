/** Updates on a Cortex-M7 in QEMU, killed in the middle of them: what the file behind its flash still holds. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import { stateFileSize } from "../../boards/mps2-an500/qemu.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { signForDevelopment } from "../../tools/update/development.ts";
import { thorough } from "../support/thorough.ts";
import { Bench } from "./image.ts";
import { buildImage, type Ended, QemuCamera, runQemu } from "./qemu-camera.ts";
import { applicationOf, commands, type Letters, slotAt, writeLetters } from "./update-commands.ts";

/** What boards/common/mps/flash.c keeps in front of the areas. */
const KNOWN_BYTES = 4096;

describe("updates on mps2-an500", function () {
  this.timeout(600_000);
  let bench: Bench;
  let image: string;
  let shipped: string;
  /** Version 2 is confirmed, and version 3 lies in the other slot. */
  let prepared: Buffer;
  let state: string;

  before(async () => {
    bench = await Bench.open();
    image = await buildImage(bench, "commands", commands);
    shipped = bundle(1);
    state = bench.path("state");
    const flash = Buffer.alloc(stateFileSize);
    writeFileSync(state, flash);
    await start({ powerOn: "sx" });
    put(0, readFileSync(bundle(2)));
    await start({ powerOn: "vmr", reset: "acsx" });
    put(1, readFileSync(bundle(3)));
    prepared = readFileSync(state);
  });

  after(() => bench.dispose());

  /** A signed application that says its version; the file's path. */
  function bundle(version: number): string {
    const name = `application-${version}`;
    bench.compile(
      "application",
      name,
      applicationOf(`log("version ${version}");`),
      bench.path("commands.xsb"),
    );
    const options = { version: `${version}.0.0`, counter: version };
    return signForDevelopment(bench.path(`${name}.xsb`), "mps2-an500", options);
  }

  function put(slot: number, bytes: Uint8Array): void {
    const flash = readFileSync(state);
    // Its first use would erase no unit that is not empty.
    flash.set(bytes, KNOWN_BYTES + slotAt(slot));
    writeFileSync(state, flash);
  }

  function setLetters(letters: Letters): void {
    const flash = readFileSync(state);
    writeLetters(flash, letters, KNOWN_BYTES);
    writeFileSync(state, flash);
  }

  // Tests start the camera faster than power-ons may come: those that are about them say so.
  const options = (powerOnMs = 0) => ({
    ...{ elf: image, app: shipped, stateFile: state },
    arguments: [`power-on=${powerOnMs}`],
  });

  async function start(letters: Letters, powerOnMs = 0): Promise<Ended> {
    setLetters(letters);
    const ended = await runQemu(options(powerOnMs));
    assert.equal(ended.status, 0, ended.lines.join("\n"));
    return ended;
  }

  /** Kills an update somewhere; then a start must find version 2 or 3 confirmed, or one that was on trial, and then so. */
  async function cut(random: SeededRandom, isConfirmed: boolean): Promise<boolean> {
    writeFileSync(state, prepared);
    setLetters({ powerOn: "vmr", reset: isConfirmed ? "acx" : "ax" });
    const camera = new QemuCamera("mps2-an500", options());
    const line = [/verified/, /mark done/, /version 3/][random.below(3)]!;
    await camera.line(line);
    const delayMs = random.below(25);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const { lines } = await camera.kill();
    let report = (await start({ powerOn: "asx" })).lines;
    if (report.some((each) => each.startsWith("info: trial")))
      report = (await start({ powerOn: "asx" })).lines;
    const last = report.at(-1)!;
    assert.match(last, /^info: confirmed \| other slot [01] \| [23] confirmed bootable/, report.join("\n"));
    assert.ok(report.some((each) => /^info: version [23]$/.test(each)));
    const runsThird = last.startsWith("info: confirmed | other slot 0 | 3");
    if (!isConfirmed || !lines.some((each) => each.includes("version 3"))) assert.ok(!runsThird, last);
    if (lines.some((each) => each.includes("confirm done"))) assert.ok(runsThird, last);
    return runsThird;
  }

  async function cuts(count: number, seed: number): Promise<void> {
    const random = new SeededRandom(seed);
    for (let i = 0; i < count; i++) await cut(random, i % 2 === 0);
  }

  it("keep what was confirmed, and start nothing else, at six seeded cuts", () => cuts(6, 1));

  thorough.it("keep what was confirmed, and start nothing else, at fifty seeded cuts", () => cuts(50, 2));

  it("put a sleep off while the camera has to stay within reach, and sleep then; the trial goes on", async () => {
    writeFileSync(state, prepared);
    // The first sleep of the trial is put off; that of the start in its place is one.
    const { lines } = await start({ powerOn: "vmr", reset: "asz", wake: "asx" });
    const said = lines.filter((line) => /^info: (version|start|trial)/.test(line));
    const trial = "info: trial | other slot 0 | 3 bootable | 2 confirmed bootable";
    assert.deepEqual(said, [
      ...["info: version 3", "info: start undefined", trial],
      ...["info: start Error: the application sleeps", `${trial} | timer`],
      ...["info: version 3", "info: start undefined", trial],
    ]);
  });

  it("leave every application out for the recovery service at the third, fourth and fifth power-on in a row", async () => {
    writeFileSync(state, prepared);
    const said: string[] = [];
    for (let times = 0; times < 6; times++)
      said.push((await start({ powerOn: "asx" }, 60_000)).lines.at(-1)!.split(" | ")[0]!);
    assert.equal(
      said.map((line) => line.replace("info: ", "")).join(" "),
      "confirmed confirmed recovery recovery recovery confirmed",
    );
  });

  it("go back from a version that hangs, by the watchdog of the board", async () => {
    writeFileSync(state, prepared);
    const name = "hangs";
    bench.compile("application", name, applicationOf("for (;;);"), bench.path("commands.xsb"));
    const file = readFileSync(signForDevelopment(bench.path(`${name}.xsb`), "mps2-an500", { counter: 9 }));
    const flash = readFileSync(state);
    flash.fill(0xff, KNOWN_BYTES + slotAt(1), KNOWN_BYTES + slotAt(1) + 4096);
    writeFileSync(state, flash);
    put(1, file);
    setLetters({ powerOn: "vmr", reset: "asx" });
    // A minute of the watchdog, in time that counts instructions.
    const { lines, status } = await runQemu({ ...options(), icount: { shift: 10 } });
    assert.equal(status, 0, lines.join("\n"));
    assert.ok(
      lines.some((line) => line.endsWith("has ended: it hung, and the watchdog reset the camera")),
      lines.join("\n"),
    );
    assert.match(lines.at(-1)!, /^info: confirmed \| other slot 1 \| 2 confirmed bootable/);
  });
});
