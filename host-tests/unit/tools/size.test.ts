import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { buildRoot, root } from "../../../tools/paths.ts";
import { readSections, type Section, storedBytes, usedOf } from "../../../tools/size/elf.ts";
import { readMap } from "../../../tools/size/map.ts";
import type { Sizes } from "../../../tools/size/modules.ts";
import { moduleOf, sizesOf } from "../../../tools/size/modules.ts";
import { sizeText } from "../../../tools/verbs/size.ts";
import { readPage } from "../../docs/blocks.ts";

const section = (name: string, address: number, size: number, stored: boolean): Section => ({
  ...{ name, address, size, stored },
  allocated: true,
  writable: !stored,
});

describe("size: sections of an image", () => {
  const sections = [
    section(".text", 0, 100, true),
    section(".data", 0x2000, 8, true),
    section(".bss", 0x2010, 32, false),
  ];

  it("counts RAM from the region's start to the last byte", () => {
    assert.equal(usedOf({ start: 0x2000, size: 0x1000 }, sections), 48);
    assert.equal(usedOf({ start: 0x8000, size: 0x1000 }, sections), 0);
  });

  it("counts flash by what is stored", () => assert.equal(storedBytes(sections), 108));

  it("reads a program of 64 bits", () => {
    const text = readSections(process.execPath).find(({ name }) => name === ".text");
    assert.ok(text && text.size > 1_000_000 && text.stored && !text.writable);
  });
});

describe("size: the linker's map", () => {
  const map = `
Linker script and memory map

.text           0x00000000       0x34
 *(.text .text.*)
 .text.h4_feed  0x00000000       0x10 CMakeFiles/firmware.dir/native/h4.c.obj
                0x00000000                h4_feed
 *fill*         0x00000010        0x4 
 .text.a_name_that_is_too_long_for_its_column
                0x00000014        0x8 libxs.a(xsRun.c.obj)
 .text.empty    0x0000001c        0x0 libxs.a(xsAll.c.obj)
 .rodata.str1.1
                0x0000001c       0x20 CMakeFiles/firmware.dir/x/boards/mps2-an500/board.c.obj
                                 0x28 (size before relaxing)
 .rodata.merged
                0x00000024        0x6 CMakeFiles/firmware.dir/native/loop.c.obj
                                  0x9 (size before relaxing)
 .rodata.str1.1
                0x00000024        0x8 /usr/lib/libc.a(printf.o)
.bss            0x20000000       0x20
 .bss.arena     0x20000000       0x20 CMakeFiles/firmware.dir/native/memory.c.obj
`;

  it("names each piece's section and file, and cuts what overlaps", () => {
    assert.deepEqual(
      readMap(map).map(({ section, size, ...piece }) => [section, size, moduleOf(piece)]),
      [
        [".text", 0x10, "native"],
        [".text", 0x04, "alignment"],
        [".text", 0x08, "engine"],
        [".text", 0x08, "board"],
        [".text", 0x00, "native"],
        [".text", 0x08, "C library"],
        [".bss", 0x20, "JavaScript heap and stack"],
      ],
    );
  });

  it("adds up to the sections, the unexplained as alignment", () => {
    const sections = [section(".text", 0, 0x34, true), section(".rom", 0x100, 64, true)];
    const { total, modules } = sizesOf(sections, readMap(map), ({ stored }) => stored);
    assert.equal(total, 0x34 + 64);
    assert.deepEqual(modules, {
      "preloaded machine": 64,
      native: 16,
      alignment: 12,
      engine: 8,
      board: 8,
      "C library": 8,
    });
  });

  it("adds up to the sections of a real image", () => {
    const image = join(buildRoot, "mps2-an500", "firmware");
    assert.ok(existsSync(`${image}.map`), "npm test builds the image first");
    const sections = readSections(image);
    const flash = sizesOf(sections, readMap(readFileSync(`${image}.map`, "utf8")), ({ stored }) => stored);
    assert.equal(flash.total, storedBytes(sections));
    assert.ok(flash.modules.engine! > 200_000);
    assert.ok((flash.modules.alignment ?? 0) < 4096);
  });
});

describe("size: the report", () => {
  it("shows bytes, shares and the total", () => {
    const figures = { total: 4, modules: { engine: 3, board: 1 } };
    const one = { board: "b", manifest: "camera", flash: figures, ram: figures, bytecode: figures };
    const text = sizeText([one, { ...one, board: "c" }]);
    assert.deepEqual(text.match(/^\w+ of \w+/gm), [
      "Flash of b",
      "RAM of b",
      "Flash of c",
      "RAM of c",
      "Bytecode of the",
    ]);
    assert.match(
      text,
      /^Flash of b in bytes.*\n +3 +75\.0 % {2}engine\n +1 +25\.0 % {2}board\n +4 100\.0 % {2}total\n/,
    );
  });
});

interface Report {
  readonly board: string;
  readonly flash: Sizes;
}

/** An image takes as much flash as docs/porting.md says there, or a tenth less at most. */
function checkFits({ total }: Sizes, quoted: RegExp): void {
  const figure = quoted.exec(readPage("docs/porting.md"))?.[1];
  assert.ok(figure, `no ${quoted}`);
  const bytes = 1024 * Number(figure.replaceAll(",", ""));
  assert.ok(total <= bytes && total > 0.9 * bytes, `${total} bytes, where the page says ${figure} KB`);
}

describe("npm run size", function () {
  // Images to build.
  this.timeout(1_800_000);

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, "tools/run.mjs"), "size", ...args], { encoding: "utf8" });

  it("prints one JSON object, whose modules add up", () => {
    const { status, stdout } = run("--json", "--board", "mps2-an500");
    assert.equal(status, 0);
    const report = JSON.parse(stdout) as Record<string, Sizes>;
    assert.deepEqual(Object.keys(report), ["board", "manifest", "flash", "ram", "bytecode"]);
    for (const figure of ["flash", "ram", "bytecode"]) {
      const { total, modules } = report[figure]!;
      assert.equal(
        Object.values(modules).reduce((sum, bytes) => sum + bytes),
        total,
        figure,
      );
    }
    assert.ok(report.bytecode!.modules["firmware/ble/host.ts"]! > 1000);
    assert.equal(report.board, "mps2-an500");
    const { modules } = report.bytecode!;
    assert.ok(modules["firmware/ble/hci/commands/le-advertising.ts"]! > 100);
  });

  it("covers both of the emulated cameras", () => {
    const { status, stdout } = run("--json");
    assert.equal(status, 0);
    const reports = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Report);
    assert.deepEqual(
      reports.map(({ board }) => board),
      ["mps2-an500", "mps3-an547"],
    );
    for (const { flash } of reports) {
      assert.ok(flash.modules.board! > 1000, JSON.stringify(flash));
      checkFits(flash, /([\d,]+) KB of flash\s+and [\d,]+ KB of RAM for an image with everything/);
    }
  });

  it("the peripheral alone fits into the flash that docs/porting.md asks for", () => {
    const { status, stdout } = run("--json", "--board", "mps2-an500", "--manifest", "peripheral");
    assert.equal(status, 0);
    checkFits((JSON.parse(stdout) as Report).flash, /([\d,]+) KB of flash for the peripheral alone/);
  });

  it("lists what there is for a mistake", () => {
    const board = run("--board", "toaster");
    assert.equal(board.status, 2);
    assert.match(board.stderr, /There is no board "toaster"\. Boards: .*mps2-an500/);
    const option = run("--colour");
    assert.equal(option.status, 2);
    assert.match(option.stderr, /unknown option '--colour'.*--board, --manifest, --json/);
    assert.equal(board.stdout + option.stdout, "");
  });
});
