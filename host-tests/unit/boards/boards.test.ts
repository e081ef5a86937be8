import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, it } from "mocha";

const boards = new URL("../../../boards/", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, boards), "utf8");

interface Board {
  name: string;
  toolchain?: string;
  sensors: string[];
  memory: { name: string; use: string; address: string; size: number }[];
  flash: { state: { size: number; eraseUnit: number; programUnit: number } };
}

const folders = readdirSync(boards, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "common")
  .map((entry) => entry.name);

describe("boards", () => {
  const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(read("schema.json")),
  );

  it("has host and mps2-an500", () => {
    assert.ok(folders.includes("host") && folders.includes("mps2-an500"), folders.join(" "));
  });

  it("refuses a board.json with a member that the schema does not know", () => {
    assert.ok(!validate({ ...JSON.parse(read("mps2-an500/board.json")), colour: "green" }));
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

      it("has a state area of two or more whole erase units", () => {
        const { size, eraseUnit, programUnit } = load().flash.state;
        assert.equal(size % eraseUnit, 0);
        assert.ok(size / eraseUnit >= 2);
        assert.equal(eraseUnit % programUnit, 0);
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
