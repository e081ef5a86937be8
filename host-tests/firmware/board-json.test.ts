/** What board.json says is what is compiled: an image of a copy of the host board whose board.json says otherwise. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { loadBoard } from "../../tools/build/boards.ts";
import { buildImage } from "../../tools/build/image.ts";
import { lock } from "../../tools/lock.mjs";
import { buildRoot, root } from "../../tools/paths.ts";
import { Bench, Controller, run } from "./image.ts";

const radio = { uart: "the socket of --hci", baud: 3_000_000, flowControl: true };
const flash = [
  { name: "state", size: 8192, eraseUnit: 2048, programUnit: 16 },
  { name: "slot-one", size: 12_288, eraseUnit: 4096, programUnit: 8 },
  { name: "slot-two", size: 8192, eraseUnit: 4096, programUnit: 8 },
];

/** Stands between the firmware and the board: says how the UART is opened. */
const wrapper = `
#include "port.h"
#include <stdio.h>
#include <string.h>
uint32_t __real_port_uart_open(uint32_t baud, bool flow);
uint32_t __wrap_port_uart_open(uint32_t baud, bool flow) {
    char line[80];
    snprintf(line, sizeof line, "opened at %u, flow control %s\\n", (unsigned)baud, flow ? "on" : "off");
    port_console_write(line, strlen(line));
    return __real_port_uart_open(baud, flow);
}
`;

describe("board.json", function () {
  this.timeout(600_000);
  let bench: Bench;
  let controller: Controller;

  before(async () => {
    bench = await Bench.open();
    controller = await Controller.listen(bench.path("hci"), () => undefined);
  });

  after(() => {
    controller?.close();
    bench.dispose();
  });

  /** Builds an image of a host board that has this board.json, and runs `body` as its firmware. */
  async function lines(name: string, change: object, body: string): Promise<readonly string[]> {
    const boards = bench.path(`boards-${name}`);
    cpSync(join(root, "boards"), boards, { recursive: true });
    const file = join(boards, "host/board.json");
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), ...change }));
    const board = loadBoard("host", undefined, boards);
    const folder = join(buildRoot, "test-board-json");
    const unlock = await lock(`${folder}.lock`);
    try {
      mkdirSync(folder, { recursive: true });
      const source = bench.path("wrapper.c");
      const object = join(folder, "wrapper.o");
      writeFileSync(source, wrapper);
      const bundle = bench.compile(
        "firmware",
        name,
        `export default function main(native) {
           const log = (text) => native.consoleWrite("info", String(text));
           ${body}
         }`,
      );
      const settings = [
        `CMAKE_EXE_LINKER_FLAGS="${object}" -Wl,--wrap=port_uart_open`,
        // CMake's own trial programs have no UART to wrap.
        "CMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
      ];
      const includes = ["firmware/native", "boards/common"].map((path) => `-I${join(root, path)}`);
      // port.h includes the list of areas, which the build makes later and the wrapper does not use.
      const areas = bench.path("flash_areas.h");
      writeFileSync(areas, '#define FLASH_AREAS(AREA) AREA(STATE, "state", 8192u, 2048u, 16u)\n');
      const { status, stderr } = spawnSync(
        "cc",
        ["-c", source, "-o", object, ...includes, `-I${bench.directory}`],
        { encoding: "utf8" },
      );
      assert.equal(status, 0, stderr);
      const { image } = await buildImage(board, { bundle, folder, settings });
      return (await run(image, ["--hci", controller.option, "--state", bench.path(`state-${name}`)])).lines;
    } finally {
      unlock();
    }
  }

  it("says how the HCI UART is opened", async () => {
    const open = "native.hciOpen(() => {}, () => {}, () => {}); native.exit(0);";
    for (const [flowControl, word] of [
      [true, "on"],
      [false, "off"],
    ] as const) {
      const said = await lines(`uart-${word}`, { radio: { ...radio, flowControl } }, open);
      assert.ok(said.includes(`opened at 3000000, flow control ${word}`), said.join("\n"));
    }
  });

  it("lists the flash areas, which JavaScript finds by name, each for itself", async () => {
    const said = await lines(
      "flash",
      { flash },
      `for (const name of ["state", "slot-one", "slot-two"]) {
         const { size, eraseUnit, programUnit } = native.flashGeometry(name);
         log([name, size, eraseUnit, programUnit].join());
       }
       native.flashProgram("slot-one", 12288 - 8, new Uint8Array(8));
       log([native.flashRead("state", 8191, 1), native.flashRead("slot-one", 12287, 1), native.flashRead("slot-two", 0, 1)].join());
       native.flashErase("slot-two", 0, 8192);
       log(native.flashRead("slot-one", 12287, 1)[0]);
       try { native.flashGeometry("update"); } catch (error) { log(error.message); }
       native.exit(0);`,
    );
    assert.deepEqual(said, [
      "info: state,8192,2048,16",
      "info: slot-one,12288,4096,8",
      "info: slot-two,8192,4096,8",
      "info: 255,0,255",
      "info: 0",
      "info: no flash area is called update; this board has state, slot-one, slot-two",
    ]);
  });
});
