/** Updates on a Cortex-M7 in QEMU, cut in the middle of an operation of flash: what the file behind its flash still holds. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { after, before, describe, it } from "mocha";
import { stateFileSize } from "../../boards/mps2-an500/qemu.ts";
import { SeededRandom } from "../../simulator/random.ts";
import { signForDevelopment } from "../../tools/update/development.ts";
import { thorough } from "../support/thorough.ts";
import { Bench } from "./image.ts";
import { buildImage, type Ended, runQemu } from "./qemu-camera.ts";
import {
  applicationOf,
  commands,
  type Letters,
  STAGED_AT,
  STATE_BYTES,
  slotAt,
  writeLetters,
} from "./update-commands.ts";

/** What boards/common/mps/flash.c keeps in front of the areas. */
const KNOWN_BYTES = 4096;

/** The slots' state: a unit of flash, two of them, and a record. */
const UNIT_BYTES = 4096;
const RECORD_BYTES = 256;

/** By what the heap may differ: what the firmware's own objects have more or less. */
const HEAP_BYTES = 512;

/** Operations of flash from the beginning of the upload to the confirmation, and those of the confirmation. */
const OPERATIONS = 36;
const CONFIRMATION_OPERATIONS = 2;

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
    // So long that most of its operations of flash are those of its upload.
    const third = readFileSync(bundle(3, `const text = "${"text".repeat(800)}";`));
    put(1, third);
    stage(third);
    prepared = readFileSync(state);
  });

  after(() => bench.dispose());

  /** A signed application that says its version, and may have more that never runs; the file's path. */
  function bundle(version: number, more = ""): string {
    const name = `application-${version}${more && "-more"}`;
    const source = applicationOf(`log("version ${version}");${more}`);
    bench.compile("application", name, source, bench.path("commands.xsb"));
    const options = { version: `${version}.0.0`, counter: version };
    return signForDevelopment(bench.path(`${name}.xsb`), "mps2-an500", options);
  }

  function put(slot: number, bytes: Uint8Array): void {
    const flash = readFileSync(state);
    // Its first use would erase no unit that is not empty.
    flash.set(bytes, KNOWN_BYTES + slotAt(slot));
    writeFileSync(state, flash);
  }

  /** What the letter "l" uploads. */
  function stage(bytes: Uint8Array): void {
    const flash = readFileSync(state);
    flash.writeUInt32LE(bytes.length, KNOWN_BYTES + STAGED_AT);
    flash.set(bytes, KNOWN_BYTES + STAGED_AT + 4);
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

  /** The counter's floor, of the newest whole record (firmware/native/slots_state.c). */
  function floor(): number {
    const flash = readFileSync(state);
    const start = KNOWN_BYTES + STATE_BYTES;
    let newest = { sequence: 0, floor: 0 };
    for (let at = start; at < start + 2 * UNIT_BYTES; at += RECORD_BYTES) {
      const record = flash.subarray(at, at + RECORD_BYTES);
      const crcAt = RECORD_BYTES - 4;
      if (record.readUInt32LE(crcAt) !== crc32(record.subarray(0, crcAt))) continue;
      const sequence = record.readUInt32LE(4);
      if (sequence >= newest.sequence) newest = { sequence, floor: record.readUInt32LE(12) };
    }
    return newest.floor;
  }

  /**
   * Cuts the upload of version 3, its mark, its trial and, if it is, its confirmation, in the middle of an operation of flash. Then a
   * start must find version 2 or 3 confirmed, or one that was on trial, and then so; and the counter where it was, or above.
   * @returns what the camera had said
   */
  async function cut(at: number, isConfirmed: boolean): Promise<readonly string[]> {
    writeFileSync(state, prepared);
    setLetters({ powerOn: "lvmr", reset: isConfirmed ? "acx" : "ax" });
    const { arguments: usual, ...rest } = options();
    const { lines, status } = await runQemu({ ...rest, arguments: [...usual, `cut-at=${at}`] });
    const what = `cut at operation ${at}:\n${lines.join("\n")}`;
    assert.equal(status, 4, what);
    assert.ok(floor() >= 2, what);
    let report = (await start({ powerOn: "asx" })).lines;
    if (report.some((each) => each.startsWith("info: trial")))
      report = (await start({ powerOn: "asx" })).lines;
    const last = report.at(-1)!;
    assert.match(
      last,
      /^info: confirmed \| other slot [01] \| [23] confirmed bootable/,
      `${what}\n${report.join("\n")}`,
    );
    const runsThird = last.startsWith("info: confirmed | other slot 0 | 3");
    assert.ok(report.includes(`info: version ${runsThird ? 3 : 2}`), what);
    if (!isConfirmed) assert.ok(!runsThird, what);
    assert.equal(floor(), runsThird ? 3 : 2, what);
    return lines;
  }

  /** Cuts at operations that are drawn, and looks that not all are in one part of the update. */
  async function cuts(count: number, seed: number): Promise<void> {
    const random = new SeededRandom(seed);
    const parts = new Set<string>();
    for (let i = 0; i < count; i++) {
      const isConfirmed = i % 2 === 0;
      const lines = await cut(
        1 + random.below(OPERATIONS - (isConfirmed ? 0 : CONFIRMATION_OPERATIONS)),
        isConfirmed,
      );
      const said = (text: string): boolean => lines.some((line) => line.startsWith(`info: ${text}`));
      parts.add(
        said("version 3")
          ? "confirmation"
          : said("mark done")
            ? "trial"
            : said("verified")
              ? "mark"
              : "upload",
      );
    }
    assert.ok(parts.has("upload") && parts.size > 1, [...parts].join());
  }

  it("keep what was confirmed and the counter, and start nothing else, at six seeded operations of flash", () =>
    cuts(6, 1));

  thorough.it(
    "keep what was confirmed and the counter, and start nothing else, at fifty seeded operations of flash",
    () => cuts(50, 2),
  );

  it("are cut at each of their operations: one more is none", async () => {
    await cut(OPERATIONS, true);
    writeFileSync(state, prepared);
    setLetters({ powerOn: "lvmr", reset: "acx" });
    const { arguments: usual, ...rest } = options();
    const { lines, status } = await runQemu({ ...rest, arguments: [...usual, `cut-at=${OPERATIONS + 1}`] });
    assert.equal(status, 0, lines.join("\n"));
    assert.ok(lines.includes("info: confirm done"));
  });

  it("take no memory for what they load: a signed bundle runs in place, from a slot as from where it shipped", async () => {
    const heapOf = async (letters: Letters): Promise<number[]> => {
      const { lines } = await start(letters);
      assert.equal(lines.filter((line) => line === "info: version 1").length, 1, lines.join("\n"));
      return lines
        .find((line) => line.startsWith("info: heap "))!
        .split(" ")
        .slice(2)
        .map(Number);
    };
    writeFileSync(state, Buffer.alloc(stateFileSize));
    const shippedHeap = await heapOf({ powerOn: "ahx" });
    const first = readFileSync(state);
    const never = `const never = () => "${"never".repeat(8000)}";`;
    for (const more of ["", never]) {
      const file = readFileSync(bundle(1, more));
      assert.equal(file.length > 40_000, more === never);
      writeFileSync(state, first);
      put(0, file);
      const heap = await heapOf({ powerOn: "vmr", reset: "ahx" });
      for (const [index, figure] of ["slots", "chunks", "growth"].entries()) {
        const more = heap[index]! - shippedHeap[index]!;
        assert.ok(
          Math.abs(more) <= HEAP_BYTES,
          `${figure}: ${heap[index]}, and ${shippedHeap[index]} of what shipped`,
        );
      }
    }
  });

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
