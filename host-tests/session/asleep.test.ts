/**
 * Asleep while connected on the emulated boards: the chip sleeps, the UART stops, the processor may stop its clocks, and packets of
 * both sides wake them.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "mocha";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { type Built, build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { Program } from "../../tools/program.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { thorough } from "../support/thorough.ts";

const ROUNDS = 5;
const TEMPERATURE = 0x2a6e;
const PUBLIC_ADDRESS = "001bdc778899";

/** A question to QEMU's monitor; the answer's line. */
async function ask(path: string, question: string): Promise<string> {
  const socket = connect(path);
  await once(socket, "connect");
  const command = { execute: "human-monitor-command", arguments: { "command-line": question } };
  socket.write(`${JSON.stringify({ execute: "qmp_capabilities" })}\n${JSON.stringify(command)}\n`);
  for await (const line of createInterface({ input: socket })) {
    const { return: answer } = JSON.parse(line) as { return?: unknown };
    if (typeof answer !== "string") continue;
    socket.destroy();
    return answer;
  }
  throw new Error("the monitor has hung up");
}

/** How long the processor has slept, in ticks: in all, and as deep as light sleep gets. */
async function sleepOf(
  monitor: string,
  image: string,
): Promise<{ readonly all: number; readonly deep: number }> {
  const symbols = execFileSync("arm-none-eabi-nm", [image], { encoding: "utf8" });
  const read = async (name: string): Promise<number> => {
    const address = new RegExp(`^([0-9a-f]{8}) . ${name}$`, "m").exec(symbols)![1];
    const answer = await ask(monitor, `x /1gx 0x${address}`);
    return Number(/: (0x[0-9a-f]{16})/.exec(answer)![1]);
  };
  return { all: await read("asleep_ticks"), deep: await read("asleep_deep_ticks") };
}

/** It fails while it advertises, long after it has last had something to say to its controller. */
const CRASHES_ASLEEP = `
import { advertise } from "aioble";
void advertise({ intervalUs: 1_000_000, name: "asleep" });
await new Promise((resolve) => setTimeout(resolve, 3000));
throw new Error("asleep");
`;

const builtFor = (board: string): Promise<Built> =>
  perform(build({ application: "environment-sensor", board }), () => undefined);

describe("a camera asleep while connected", function () {
  this.timeout(600_000);

  // The third differs from the second by registers alone.
  for (const [board, its] of [
    ["host", it],
    ["mps2-an500", it],
    ["mps3-an547", thorough.it],
  ] as const) {
    its(
      `${board}: notifications and reads in its sleep, none lost, and its UART stops between them`,
      async () => {
        const built = await builtFor(board);
        const folder = mkdtempSync(join(tmpdir(), "obscura-asleep-"));
        const radioPatch = join(folder, "patch.hcd");
        writeFileSync(radioPatch, syntheticPatch(20, 3000, 5));
        const server = new SimulatorServer();
        const { chip, hci, lines } = await server.addChip();
        const { image, application } = built;
        const command = await cameraCommand(built.board, {
          ...{ image, application, hci, radioLines: lines, radioPatch },
          ...{ publicAddress: PUBLIC_ADDRESS, powerOnMs: 0 },
        });
        const monitor = board === "host" ? undefined : join(folder, "monitor");
        const more = monitor ? ["-qmp", `unix:${monitor},server=on,wait=off`] : [];
        const camera = new Program("camera", [...command, ...more], () => undefined);
        try {
          const phone = server.addPhone();
          const link = await phone.connect(await phone.find({ name: "obscura-env" }, 60_000));
          const temperature = (await link.discover()).characteristic(TEMPERATURE);
          await link.subscribe(temperature);
          const stops = chip.hostStops;
          const before = monitor && (await sleepOf(monitor, image));
          // The application notifies once a second.
          for (let round = 0; round < ROUNDS; round++) {
            assert.equal((await link.nextValue()).value.length, 2);
            if (round % 2) assert.equal((await link.read(temperature)).length, 2);
            if (round === 2) chip.glitchHostWake();
          }
          if (monitor && before) {
            const { all, deep } = await sleepOf(monitor, image);
            const stopped = deep - before.deep;
            assert.ok(stopped > 0, "deep while the UART is stopped");
            assert.ok(all - before.all > stopped, "and not while it runs");
          }
          assert.ok(chip.hostStops - stops >= ROUNDS - 2, `${chip.hostStops - stops} sleeps`);
          await link.disconnect();
          assert.deepEqual(chip.violations, []);
          assert.equal(chip.lost, 0);
          assert.equal(Buffer.from(chip.assignedAddress!).toString("hex"), PUBLIC_ADDRESS);
          assert.deepEqual(
            server.controllers.flatMap(({ violations }) => violations),
            [],
          );
        } finally {
          await camera.stop();
          await server.close();
          rmSync(folder, { recursive: true });
        }
      },
    );
  }

  // Nothing tells the model of a reset: it kept what it had to say for a UART that was stopped before it, for ever.
  for (const board of ["host", "mps2-an500"]) {
    it(`${board}: a reset that comes while the UART is stopped leaves a controller that can be brought up`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "obscura-asleep-"));
      const main = join(folder, "main.ts");
      writeFileSync(main, CRASHES_ASLEEP);
      const built = await perform(build({ application: main, board }), () => undefined);
      const radioPatch = join(folder, "patch.hcd");
      writeFileSync(radioPatch, syntheticPatch(20, 3000, 5));
      const server = new SimulatorServer();
      const { chip, hci, lines } = await server.addChip();
      const { image, application } = built;
      const starts: number[] = [];
      let goOn = (): void => undefined;
      const isBack = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const options = { image, application, hci, radioLines: lines, radioPatch };
      const camera = await startCamera(built.board, options, (line) => {
        if (/cyw43: ready/.test(line)) starts.push(chip.hostStops);
        if (starts.length === 2 || /did not answer/.test(line)) goOn();
      });
      void camera.exited.then(goOn);
      await isBack;
      await camera.stop();
      await server.close();
      rmSync(folder, { recursive: true });
      assert.equal(starts.length, 2, camera.lines.join("\n"));
      assert.ok(starts[1]! > 0, "it had stopped its UART");
      assert.deepEqual(chip.violations, []);
    });
  }
});
