/** The boards' self-tests: every promise of port.h on every board that runs here, and what only the MPS boards have. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { QemuOptions } from "../../boards/common/mps/qemu.ts";
import { stateFileSize } from "../../boards/mps2-an500/qemu.ts";
import { Controller, run } from "./image.ts";
import { buildSelftests, type Ended, functionAt, QemuCamera, runQemuOn } from "./qemu-camera.ts";

const seed = "5eed".repeat(16);

/** Asserts a whole, faultless run of Test Anything Protocol, of at least `least` results. */
function assertTap(result: Ended, least: number): void {
  const shown = result.lines.join("\n");
  const results = result.lines.filter((line) => /^(not )?ok \d/.test(line));
  assert.deepEqual(
    results.filter((line) => line.startsWith("not")),
    [],
    shown,
  );
  assert.ok(results.length >= least, `only ${results.length} results\n${shown}`);
  assert.ok(result.lines.includes(`1..${results.length}`), shown);
  assert.equal(result.status, 0, shown);
}

describe("self-tests", function () {
  this.timeout(600_000);
  let directory: string;
  const path = (name: string): string => join(directory, name);

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "obscura-selftest-"));
  });

  after(() => rmSync(directory, { recursive: true, force: true }));

  /** Somebody who sends every byte back. */
  const echo = (name: string): Promise<Controller> =>
    Controller.listen(path(name), (socket) => socket.pipe(socket));

  it("host keeps every promise of port.h", async () => {
    const image = join(await buildSelftests("host"), "port_selftest");
    const controller = await echo("host");
    assertTap(await run(image, ["--hci", controller.option], undefined, 150_000), 60);
    controller.close();
  });

  for (const { board, rom, nowhere, overflow } of [
    { board: "mps2-an500", rom: "00200000", nowhere: "a8000000", overflow: "" },
    { board: "mps3-an547", rom: "11000000", nowhere: "12000000", overflow: ", cfsr=00100000" },
  ]) {
    describe(board, () => {
      let image: string;
      let special: string;
      const runQemu = (options: QemuOptions, limitMs?: number) => runQemuOn(board, options, limitMs);

      before(async () => {
        const build = await buildSelftests(board);
        image = join(build, "port_selftest");
        special = join(build, "board_selftest");
      });

      const start = (word: string, options: Partial<QemuOptions> = {}): QemuOptions => ({
        elf: special,
        arguments: [word],
        ...options,
      });

      it("keeps every promise of port.h", async () => {
        const controller = await echo(board);
        // By instructions, so that a busy computer does not take the time of a program that works.
        const icount = { shift: 4 };
        const hci = { kind: "unix", path: path(board) } as const;
        const result = await runQemu({ elf: image, seed, hci, icount }, 150_000);
        controller.close();
        assertTap(result, 60);
        assert.ok(!result.lines.some((line) => line.includes("# SKIP")));
      });

      it("sleeps over two wraps of its clock", async () => {
        const icount = { shift: 6, skipSleep: true };
        assertTap(await runQemu({ elf: image, icount, arguments: ["sleep=400"] }), 2);
      });

      it("wakes once for an alarm, and for the watchdog apart", async () => {
        const { lines } = await runQemu(start("idle", { icount: { shift: 0, skipSleep: true } }));
        const figures = /^wakeups (\d+) housekeeping (\d+)/.exec(lines.at(-1) ?? "");
        assert.ok(figures, lines.join("\n"));
        // 10 s of sleep, and a watchdog of 4 s that wants to be fed every 3 s.
        assert.deepEqual(figures.slice(1).map(Number), [4, 3]);
      });

      const faults: [kind: string, sentence: RegExp, place?: string][] = [
        ["divide", /^fault: division by zero, cfsr=02000000/, "divide"],
        ["null", /^fault: memory protection, cfsr=00000082 address=00000000/, "write_null"],
        ["rom", new RegExp(`^fault: memory protection, cfsr=00000082 address=${rom}`), "write_rom"],
        ["nowhere", new RegExp(`^fault: bus error, cfsr=00008200 address=${nowhere}`), "read_nowhere"],
        ["undefined", /^fault: undefined instruction/, "execute_undefined"],
        ["stack", new RegExp(`^fault: stack overflow${overflow}`)],
        ["abort", /^fault: signal 6 raised \(6 is abort\)$/],
      ];
      for (const [kind, sentence, place] of faults) {
        it(`says what happened and where, and restarts: ${kind}`, async () => {
          const { lines, status } = await runQemu(start(`fault=${kind}`));
          assert.equal(lines[0], "started by power-on");
          assert.match(lines[1] ?? "", sentence);
          assert.equal(lines[2], "started by fault");
          assert.equal(status, 3);
          if (place === undefined) return;
          const pc = / pc=([0-9a-f]{8}) /.exec(lines[1] ?? "")?.[1];
          assert.ok(pc, lines[1]);
          assert.equal(functionAt(special, pc), place);
        });
      }

      it("wakes from deep sleep by the button, by motion, and by time where neither counts", async () => {
        for (const [word, typed, cause] of [
          ["wake", "xb", "button"],
          ["wake", "m", "motion"],
          ["wake=button", "m", "timer"],
        ] as const) {
          const icount = { shift: 6, skipSleep: true };
          const camera = new QemuCamera(board, start(word, cause === "timer" ? { icount } : {}));
          await camera.line(/^started by power-on$/);
          camera.type(typed);
          const { lines, status } = await camera.ended();
          assert.equal(lines.at(-1), `started by ${cause}`, word);
          assert.equal(status, 3);
        }
      });

      it("restarts instead of ending where nobody listens to semihosting", async () => {
        const silent = new QemuCamera(board, { elf: special, exitOnReset: true }, 30_000, (args) =>
          args.filter(
            (word, index) => word !== "-semihosting-config" && args[index - 1] !== "-semihosting-config",
          ),
        );
        const { lines, status } = await silent.ended();
        assert.deepEqual(lines, ["started by power-on"]);
        assert.equal(status, 0);
      });

      it("has the identity and the entropy that it is given, and no other", async () => {
        const identity = async (options: Partial<QemuOptions>): Promise<readonly string[]> =>
          (await runQemu(start("identity", options))).lines.slice(1);
        const [id, random] = await identity({ id: "00112233445566ff", seed });
        assert.equal(id, "id 00112233445566ff");
        assert.match(random ?? "", /^random [0-9a-f]{32}$/);
        assert.equal((await identity({ seed }))[1], random);
        assert.notEqual((await identity({ seed: "0bad".repeat(16) }))[1], random);
        assert.equal((await identity({}))[1], "random none");
      });
    });
  }

  describe("state area of mps2-an500", () => {
    const board = "mps2-an500";
    let special: string;
    const start = (word: string, stateFile: string): QemuOptions => ({
      elf: special,
      arguments: [word],
      stateFile,
    });

    before(async () => {
      special = join(await buildSelftests(board), "board_selftest");
    });

    const check = async (stateFile: string): Promise<string | undefined> =>
      (await runQemuOn(board, start("flash=check", stateFile))).lines.at(-1);

    async function program(stateFile: string): Promise<void> {
      const camera = new QemuCamera(board, start("flash=program", stateFile));
      await camera.line(/^programmed$/);
      await camera.kill();
    }

    it("is erased in a new file, once", async () => {
      const file = path("new");
      assert.equal(await check(file), "record is gone");
      const bytes = readFileSync(file);
      assert.equal(bytes.length, stateFileSize);
      const end = 4096 + 65536 + 532480 + 8192;
      assert.ok(bytes.subarray(4096, end).every((byte) => byte === 0xff));
      assert.ok(bytes.subarray(end).every((byte) => byte === 0));
    });

    it("keeps its records when the board gets another area", async () => {
      const file = path("older");
      await program(file);
      const bytes = readFileSync(file);
      // As it was before: one area, one marker, and zeros behind.
      bytes.fill(0, 16, 4096);
      bytes.fill(0, 4096 + 65536);
      writeFileSync(file, bytes);
      assert.equal(await check(file), "record is there");
      const end = 4096 + 65536 + 532480 + 8192;
      assert.ok(
        readFileSync(file)
          .subarray(4096 + 65536, end)
          .every((byte) => byte === 0xff),
      );
    });

    it("survives a process that is killed", async () => {
      const file = path("killed");
      await program(file);
      assert.equal(await check(file), "record is there");
    });

    it("is kept when its marker is damaged", async () => {
      const file = path("damaged");
      await program(file);
      const bytes = readFileSync(file);
      bytes.fill(0, 0, 4);
      writeFileSync(file, bytes);
      const { lines } = await runQemuOn(board, start("flash=check", file));
      assert.match(lines[0] ?? "", /^flash: the marker is missing/);
      assert.equal(lines.at(-1), "record is there");
    });
  });
});
