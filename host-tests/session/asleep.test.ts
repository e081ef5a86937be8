/** Asleep while connected on the emulated boards: the chip sleeps, the UART stops, and packets of both sides wake them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { type Built, build } from "../../tools/build/build.ts";
import { startCamera } from "../../tools/camera/camera.ts";
import { perform } from "../../tools/cli/perform.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import { thorough } from "../support/thorough.ts";

const ROUNDS = 5;
const TEMPERATURE = 0x2a6e;
const PUBLIC_ADDRESS = "001bdc778899";

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
        const camera = await startCamera(built.board, {
          image,
          application,
          hci,
          radioLines: lines,
          radioPatch,
          publicAddress: PUBLIC_ADDRESS,
        });
        try {
          const phone = server.addPhone();
          const link = await phone.connect(await phone.find({ name: "obscura-env" }, 60_000));
          const temperature = (await link.discover()).characteristic(TEMPERATURE);
          await link.subscribe(temperature);
          const stops = chip.hostStops;
          // The application notifies once a second.
          for (let round = 0; round < ROUNDS; round++) {
            assert.equal((await link.nextValue()).value.length, 2);
            if (round % 2) assert.equal((await link.read(temperature)).length, 2);
            if (round === 2) chip.glitchHostWake();
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
});
