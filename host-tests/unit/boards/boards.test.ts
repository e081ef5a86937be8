import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, it } from "mocha";
import { boardMistakes, figuresOf, loadBoard } from "../../../tools/build/boards.ts";
import { readChecked } from "../../../tools/build/json.ts";

const boards = new URL("../../../boards/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, boards), "utf8");

interface Board {
  name: string;
  toolchain?: string;
  sensors: string[];
  memory: { name: string; use: string; address: string; size: number }[];
  flash: { name: string; size: number; eraseUnit: number; programUnit: number }[];
}

const folders = readdirSync(boards, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "common")
  .map((entry) => entry.name);

describe("boards", () => {
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(read("schema.json")),
  );

  it("has host, mps2-an500 and mps3-an547", () => {
    for (const board of ["host", "mps2-an500", "mps3-an547"])
      assert.ok(folders.includes(board), folders.join(" "));
  });

  it("refuses a board.json with a member that the schema does not know", () => {
    assert.ok(!validate({ ...JSON.parse(read("mps2-an500/board.json")), colour: "green" }));
  });

  it("are compiled with the baud rate, the flow control and the heap that board.json says", () => {
    const heap = { chunkBytes: 20_000, slots: 5000, growthBytes: 0, stackSlots: 600 };
    const figures = figuresOf({ heap, radio: { baud: 3_000_000, flowControl: false } });
    assert.deepEqual(figures, {
      ...{ HEAP_CHUNKS: 20_000, HEAP_SLOTS: 5000, HEAP_GROWTH: 0, HEAP_STACK: 600 },
      ...{ HCI_BAUD: 3_000_000, HCI_FLOW: 0, RADIO_DOWNLOAD_BAUD: 3_000_000, RADIO_RUN_BAUD: 3_000_000 },
    });
    for (const folder of folders) {
      const { radio } = JSON.parse(read(`${folder}/board.json`)) as {
        radio: { baud: number; flowControl: boolean };
      };
      const board = loadBoard(folder);
      assert.equal(board.figures.HCI_BAUD, radio.baud);
      assert.equal(board.figures.HCI_FLOW, Number(radio.flowControl));
    }
    const cmake = readFileSync(new URL("../firmware/CMakeLists.txt", boards), "utf8");
    for (const name of Object.keys(figures)) assert.match(cmake, new RegExp(`\\b${name}\\b`), name);
  });

  it("report what is wrong in a board.json: the file, the key and the remedy", () => {
    const folder = mkdtempSync(join(tmpdir(), "obscura-boards-"));
    const file = join(folder, "board.json");
    const schema = fileURLToPath(new URL("schema.json", boards));
    // biome-ignore lint/suspicious/noExplicitAny: what is wrong has no type
    const wrong = (change: (board: any) => void, expected: RegExp) => {
      const board = JSON.parse(read("mps2-an500/board.json"));
      change(board);
      writeFileSync(file, JSON.stringify(board));
      assert.throws(() => readChecked(file, schema, "board"), expected);
    };
    // biome-ignore lint/suspicious/noExplicitAny: the same
    const set = (key: string, value: unknown) => (board: any) => {
      Object.assign(board.radio, { [key]: value });
    };
    wrong(set("baud", "fast"), /board\.json: "radio\.baud" is "fast" and must be integer/);
    wrong(
      set("colour", 1),
      /board\.json: unknown key "colour" in "radio"; keys are uart, baud, downloadBaud, runBaud, flowControl/,
    );
    wrong(
      set("flowControl", undefined),
      /the key "flowControl" in "radio" is missing\. Whether the line holds back/,
    );
    wrong((board) => {
      Object.assign(board.memory[0], { use: "attic" });
    }, /"memory\[0\]\.use" is "attic"; it may be "image", "rom"/);
    wrong((board) => {
      Object.assign(board, { run: { kind: "qemu", program: "qemu-system-arm" } });
    }, /"machine" in "run" is missing/);
    wrong((board) => board.flash.shift(), /board\.json: .*flash/);
    wrong((board) => {
      Object.assign(board.flash[0], { name: "State Area" });
    }, /"flash\[0\]\.name" is "State Area"/);
    rmSync(folder, { recursive: true });
  });

  it("have no name that folders of other images end in", () => {
    for (const name of ["release", "my-trust", "my-sanitize"]) {
      const board = { ...JSON.parse(read("mps2-an500/board.json")), name };
      assert.match(
        boardMistakes(name, board).join(),
        new RegExp(`^"name" is "${name}"; folders in build/ whose`),
      );
    }
  });

  it("report what a schema cannot see, with the same care, before anything is built", () => {
    const made = mkdtempSync(join(tmpdir(), "obscura-boards-"));
    const folder = join(made, "my-board");
    cpSync(fileURLToPath(new URL("mps2-an500", boards)), folder, { recursive: true });
    // biome-ignore lint/suspicious/noExplicitAny: what is wrong has no type
    const wrong = (change: (board: any) => void, expected: RegExp) => {
      const board = { ...JSON.parse(read("mps2-an500/board.json")), name: "my-board" };
      assert.deepEqual(boardMistakes("my-board", board), []);
      change(board);
      writeFileSync(join(folder, "board.json"), JSON.stringify(board));
      assert.throws(() => loadBoard("my-board", undefined, made), { name: "ToolError", message: expected });
    };
    const area = (at: number, values: object) => (board: { flash: object[] }) => {
      Object.assign(board.flash[at]!, values);
    };
    wrong((board) => {
      board.name = "mps2-an500";
    }, /board\.json: "name" is "mps2-an500"; it is the name of the folder, "my-board"$/);
    wrong(area(1, { name: "state" }), /board\.json: "flash" has "state" twice; each has a name of its own$/);
    wrong((board) => {
      board.memory[1].name = board.memory[0].name;
    }, /"memory" has "IMAGE" twice/);
    wrong(area(1, { eraseUnit: 4095 }), /"flash\[1\]", update: "eraseUnit" is 4095; it is a power of two$/);
    wrong(area(1, { eraseUnit: 4, programUnit: 8 }), /"eraseUnit" is 4, less than the 8 bytes that are/);
    wrong(
      area(0, { size: 65_537 }),
      /"flash\[0\]", state: "size" is 65537; it is a multiple of "eraseUnit", 4096/,
    );
    for (const size of [8192, 12_288])
      wrong(
        area(1, { size }),
        new RegExp(
          `"flash\\[1\\]", update: "size" is ${size}; it is at least 4 times "eraseUnit", 4096: two units`,
        ),
      );
    const region = (at: number, values: object) => (board: { memory: object[] }) => {
      Object.assign(board.memory[at]!, values);
    };
    wrong(region(0, { use: "ram" }), /"memory" has no region whose "use" is "image"/);
    wrong(region(3, { use: "application" }), /regions whose "use" is "application", APPLICATION and PATCH; /);
    wrong(region(0, { size: 0x20_0001 }), /"memory" has IMAGE and ROM, which overlap$/);
    wrong(region(5, { address: "0x002fffff", size: 1 }), /"memory" has ROM and STATE, which overlap$/);
    wrong(region(5, { address: "0xffffff00", size: 257 }), /"memory\[5\]", STATE, ends behind the 32 bits/);
    wrong((board) => {
      board.toolchain = "mine.cmake";
    }, /board\.json: "toolchain" is "mine\.cmake"; there is no such file in the board's folder$/);
    wrong((board) => {
      delete board.toolchain;
    }, /the key "toolchain" is missing: without it .* "cpu" is "cortex-m7"$/);
    for (const [part, key] of [
      ["memory.0", "size"],
      ["flash.1", "size"],
      ["flash.1", "eraseUnit"],
      ["heap", "chunkBytes"],
      ["heap", "slots"],
      ["heap", "growthBytes"],
      ["heap", "stackSlots"],
      ["radio", "baud"],
    ] as const)
      wrong(
        (board) => {
          const [outer, at] = part.split(".");
          Object.assign(at === undefined ? board[outer!] : board[outer!][Number(at)], { [key]: 2 ** 32 });
        },
        new RegExp(`board\\.json: "\\S*${key}" is 4294967296 and must be <= 4294967295`),
      );
    wrong((board) => {
      board.clockHz = 2 ** 32;
    }, /"clockHz" is 4294967296 and must be <= 4294967295/);
    wrong((board) => {
      board.heap.slots = 2 ** 28;
    }, /board\.json: "heap" makes \d+ bytes with the figures of the manifest camera; it is at most 4294967295/);
    wrong(area(2, { size: 4096 }), /"flash\[2\]", starts: "size" is 4096; .* at least two of them$/);
    wrong((board) => {
      board.radio.runBaud = 4_000_001;
    }, /"radio\.runBaud" is 4000001 and must be <= 4000000/);
    rmSync(made, { recursive: true });
  });

  it("are compiled with the toolchain file that board.json names, and no other", () => {
    const made = mkdtempSync(join(tmpdir(), "obscura-boards-"));
    const folder = join(made, "my-board");
    cpSync(fileURLToPath(new URL("mps2-an500", boards)), folder, { recursive: true });
    writeFileSync(join(folder, "mine.cmake"), "");
    const write = (change: object) =>
      writeFileSync(
        join(folder, "board.json"),
        JSON.stringify({ ...JSON.parse(read("mps2-an500/board.json")), name: "my-board", ...change }),
      );
    write({ toolchain: "mine.cmake" });
    assert.equal(loadBoard("my-board", undefined, made).toolchain, join(folder, "mine.cmake"));
    write({ cpu: "native", toolchain: undefined });
    assert.equal(loadBoard("my-board", undefined, made).toolchain, undefined);
    rmSync(made, { recursive: true });
  });

  for (const folder of folders) {
    describe(folder, () => {
      const load = (): Board => JSON.parse(read(`${folder}/board.json`));

      it("has a board.json that follows the schema", () => {
        assert.ok(validate(load()), JSON.stringify(validate.errors, undefined, 2));
      });

      it("is named like its folder, and its files exist", () => {
        const board = load();
        assert.equal(board.name, folder);
        assert.ok(existsSync(new URL(`${folder}/board.cmake`, boards)));
        if (board.toolchain) assert.ok(existsSync(new URL(`${folder}/${board.toolchain}`, boards)));
      });

      it("has flash areas of two or more whole erase units, each of another name, one for records", () => {
        const { flash } = load();
        for (const { name, size, eraseUnit, programUnit } of flash) {
          assert.equal(size % eraseUnit, 0, name);
          assert.ok(size / eraseUnit >= 2, name);
          assert.equal(eraseUnit % programUnit, 0, name);
        }
        const names = flash.map(({ name }) => name);
        assert.equal(new Set(names).size, names.length);
        assert.ok(names.includes("state"));
      });

      it("has memory regions that do not overlap, as its linker script has them", () => {
        const { memory } = load();
        const script = existsSync(new URL(`${folder}/linker.ld`, boards)) ? read(`${folder}/linker.ld`) : "";
        const ranges = memory.map((region) => ({ ...region, start: Number(region.address) }));
        for (const [i, a] of ranges.entries()) {
          for (const b of ranges.slice(i + 1)) {
            const apart = a.start + a.size <= b.start || b.start + b.size <= a.start;
            assert.ok(apart, `${a.name} overlaps ${b.name}`);
          }
          const line = new RegExp(
            `^\\s*${a.name}\\s.*ORIGIN = (0x[0-9a-f]+), LENGTH = (\\d+)([KM])`,
            "m",
          ).exec(script);
          assert.ok(line, `linker.ld has no region ${a.name}`);
          assert.equal(Number(line[1]), a.start);
          assert.equal(Number(line[2]) * (line[3] === "M" ? 1 << 20 : 1 << 10), a.size);
        }
      });
    });
  }
});
