/** What a start costs whose controller has to be brought up: the example, with a modelled CYW43 chip in the simulator's air. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { qemuProgram } from "../../boards/common/mps/qemu.ts";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { parseHci } from "../camera/command.ts";
import { ToolError } from "../events.ts";
import { Program } from "../program.ts";
import { SimulatorServer } from "../radio/simulator-server.ts";
import type { BenchImages } from "./images.ts";
import { qemuArguments } from "./run.ts";

const PATIENCE_MS = 120_000;

/** One cold start. */
export interface ColdStart {
  /** Instructions from reset to the last byte of the first Advertising Enable, without what the lines to the model took. */
  readonly instructions: number;
  /** What the driver took, in milliseconds of this run. */
  readonly milliseconds: number;
  /** The console lines of the probes, without "bench: ". */
  readonly lines: readonly string[];
}

/** @throws ToolError with the console when the camera does not advertise in time. */
export async function measureColdStart(camera: BenchImages): Promise<ColdStart> {
  const folder = mkdtempSync(join(tmpdir(), "obscura-cold-"));
  const patch = join(folder, "patch.hcd");
  writeFileSync(patch, syntheticPatch());
  const server = new SimulatorServer();
  const { hci, lines } = await server.addChip();
  const args = qemuArguments[camera.board.name]!({
    elf: camera.image,
    app: camera.example,
    hci: parseHci(hci),
    radioLines: parseHci(lines),
    radioPatch: patch,
    seed: "00".repeat(32),
    icount: { shift: 0 },
    exitOnReset: true,
  });
  const said: string[] = [];
  let look: () => void = () => undefined;
  const program = new Program("camera", [qemuProgram, ...args], (line) => {
    said.push(line);
    look();
  });
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<ColdStart>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new ToolError(`The cold start ${why}`, said.slice(-30).join("\n")));
      limit = setTimeout(() => fail(`took more than ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
      void program.exited.then((status) => fail(`ended with status ${status}`));
      look = () => {
        const console = said.join("\n");
        const ready = /cyw43: ready after (\d+) ms/.exec(console)?.[1];
        const advertising = /advertising instructions (\d+)/.exec(console)?.[1];
        // The last that the probes say.
        if (ready === undefined || advertising === undefined || !console.includes("bench: memory")) return;
        const lines = said.flatMap((line) => /\bbench: (.*)/.exec(line)?.[1] ?? []);
        resolve({ instructions: Number(advertising), milliseconds: Number(ready), lines });
      };
    });
  } finally {
    clearTimeout(limit);
    await program.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
