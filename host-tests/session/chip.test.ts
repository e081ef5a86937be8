/** `obscura run --radio sim:cyw43`: the camera brings a modelled chip up from cold, on both boards; `obscura patch`. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { perform } from "../../tools/cli/perform.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { startSimulator } from "../../tools/session/radios/sim.ts";
import { judge } from "../support/second-model.ts";
import { obscura } from "./run.ts";

/** LE Set Advertising Enable as it is on the line, the last command of a start. */
const ADVERTISING_ENABLE = "010a200101";

describe("a controller that has to be brought up", function () {
  this.timeout(600_000);
  let folder = "";
  let patch = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-chip-"));
    patch = join(folder, "small.hcd");
    writeFileSync(patch, syntheticPatch(20, 3000, 5));
  });

  after(() => rmSync(folder, { recursive: true }));

  for (const board of ["host", "mps2-an500"]) {
    it(`${board}: from cold, with a patch that is made up, and a phone sees everything`, async () => {
      const session = obscura("run", "environment-sensor", "--board", board, "--radio", "sim:cyw43");
      assert.equal(await session.ended, 0, session.output());
      assert.match(session.output(), /cyw43: ready after \d+ ms, with a patch of 139 records, 35182 bytes/);
      assert.match(session.output(), /saw everything/);
    });

    it(`${board}: with the user's patch`, async () => {
      const session = obscura(
        "run",
        ...["environment-sensor", "--board", board, "--radio", "sim:cyw43", "--patch", patch],
      );
      assert.equal(await session.ended, 0, session.output());
      assert.match(session.output(), /with a patch of 21 records, 3000 bytes/);
    });
  }

  it("host: a second model of the chip takes the bytes of its H4 line as well, at their rates", async () => {
    const whole = syntheticPatch();
    const radioPatch = join(folder, "whole.hcd");
    writeFileSync(radioPatch, whole);
    const { application, board, image } = await perform(
      build({ application: "environment-sensor", board: "host" }),
      () => undefined,
    );
    const server = new SimulatorServer();
    const { chip, hci, lines } = await server.addChip();
    const events: string[] = [];
    const power = chip.power.bind(chip);
    chip.power = (on) => {
      events.push(`power ${on ? 1 : 0}`);
      power(on);
    };
    let end = (): void => undefined;
    const onAir = new Promise<void>((resolve) => {
      end = resolve;
    });
    const receive = chip.receive.bind(chip);
    chip.receive = (bytes, baudRate) => {
      const text = Buffer.from(bytes).toString("hex");
      events.push(`bytes ${baudRate} ${text}`);
      receive(bytes, baudRate);
      if (text.includes(ADVERTISING_ENABLE)) end();
    };
    const publicAddress = "001bdc778899";
    const options = { image, application, hci, radioLines: lines, radioPatch, publicAddress };
    const camera = await startCamera(board, options);
    void camera.exited.then(end);
    await onAir;
    // The chip forgets it without supply.
    const { assignedAddress } = chip;
    await camera.stop();
    await server.close();
    const verdict = judge(events);
    assert.equal(verdict.sha256, createHash("sha256").update(whole).digest("hex"), camera.lines.join("\n"));
    assert.equal(verdict.mode, "patched");
    assert.equal(verdict.opcodes.at(-1), 0x200a);
    assert.equal(Buffer.from(assignedAddress!).toString("hex"), publicAddress);
    assert.ok(verdict.opcodes.includes(0xfc01));
    assert.equal(verdict.rate, board.figures.RADIO_RUN_BAUD);
    assert.equal(verdict.noise, 0);
    assert.deepEqual(verdict.faults, []);
  });

  describe("that does not work is no failure of the application, and does not make way for the recovery service", () => {
    const application = (): string => {
      const main = join(folder, "main.ts");
      writeFileSync(
        main,
        'import { advertise } from "aioble";\nawait advertise({ intervalUs: 100_000, name: "x" });\n',
      );
      return main;
    };

    it("a patch that it refuses", async () => {
      const refused = syntheticPatch(20, 3000, 5);
      // The first record's address, outside of the chip's RAM.
      new DataView(refused.buffer).setUint32(3, 0xf000_0000, true);
      const bad = join(folder, "refused.hcd");
      writeFileSync(bad, refused);
      const session = obscura(
        ...["run", application(), "--board", "host", "--radio", "sim:cyw43", "--patch", bad],
        ...["--no-phone", "--keep-going"],
      );
      await session.saw(/patch-refused|refused/);
      await session.saw(/restarted after a loss of the Bluetooth controller, failure 1 in a row/);
      session.child.kill("SIGINT");
      await session.ended;
      assert.doesNotMatch(session.output(), /recovery service|restarted after a fault/);
    });

    it("no patch, more than three times in a row", async () => {
      const built = await perform(build({ application: application(), board: "host" }), () => undefined);
      const radio = await startSimulator("cyw43");
      const { application: file, board, image } = built;
      const { hci, radioLines } = radio;
      let heard = (): void => undefined;
      const camera = await startCamera(
        board,
        { image, application: file, hci, radioLines: radioLines! },
        () => heard(),
      );
      let hasEnded = false;
      void camera.exited.then(() => {
        hasEnded = true;
        heard();
      });
      const restarts = (): string[] =>
        camera.lines
          .filter((line) => /restarted after|recovery/.test(line))
          .map((line) => line.split(":")[1]!);
      while (!hasEnded && restarts().length < 4)
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      await camera.stop();
      await radio.stop();
      assert.ok(camera.lines.some((line) => line.includes("This board keeps no patch")));
      assert.deepEqual(
        restarts().slice(0, 4),
        [1, 2, 3, 4].map(
          (count) => ` restarted after a loss of the Bluetooth controller, failure ${count} in a row`,
        ),
      );
    });
  });

  it("a patch without such a chip is a mistake, and so is one that is not there or cut short", async () => {
    const alone = obscura("run", "environment-sensor", "--patch", patch);
    assert.equal(await alone.ended, 2);
    assert.match(alone.output(), /--patch is for a chip .* --radio sim:cyw43/);

    const missing = obscura("patch", join(folder, "none.hcd"));
    assert.equal(await missing.ended, 2);
    assert.match(missing.output(), /There is no patch .*none\.hcd\./);

    const short = join(folder, "short.hcd");
    writeFileSync(short, syntheticPatch().subarray(0, 1000));
    const damaged = obscura("patch", short);
    assert.equal(await damaged.ended, 1);
    assert.match(damaged.output(), /damaged at byte \d+.*cut short/);

    const long = join(folder, "long.hcd");
    writeFileSync(long, new Uint8Array([...syntheticPatch(), 0xff]));
    const padded = obscura("patch", long);
    assert.equal(await padded.ended, 1);
    assert.match(padded.output(), /goes on for 1 bytes behind its Launch RAM/);
  });

  it("obscura patch describes one", async () => {
    const session = obscura("patch", patch);
    assert.equal(await session.ended, 0, session.output());
    assert.match(session.output(), /records +21\n.*bytes +3000\n.*writes +0x00200000 to 0x0020/s);
    assert.match(session.output(), /sha-256 +[0-9a-f]{64}/);
  });
});
