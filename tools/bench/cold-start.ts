/** What a wake costs whose controller has to be brought up: with a modelled CYW43 chip in the simulator's air. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { qemuProgram } from "../../boards/common/mps/qemu.ts";
import { EarlyStart } from "../../firmware/ble/early-start.ts";
import { Host } from "../../firmware/ble/host.ts";
import { controllerDriver } from "../../firmware/features/feature.ts";
import { image } from "../../firmware/features/image.ts";
import { RecordStore } from "../../firmware/storage/records.ts";
import { syntheticPatch } from "../../simulator/chips/patch.ts";
import { createWorld } from "../../simulator/world.ts";
import type { Board } from "../build/boards.ts";
import { parseHci } from "../camera/command.ts";
import { ToolError } from "../events.ts";
import { Program } from "../program.ts";
import { SimulatorServer } from "../radio/simulator-server.ts";
import type { BenchImages } from "./images.ts";
import { qemuArguments } from "./run.ts";

const PATIENCE_MS = 120_000;

/** A wake from deep sleep: the chip has been without supply for longer than it needs. */
const ASLEEP_MS = 10_000;

/** One cold start. */
export interface ColdStart {
  /** Instructions from the wake to the last byte of the first Advertising Enable, without what the lines to the model took. */
  readonly instructions: number;
  /** The console lines of the probes, without "bench: ". */
  readonly lines: readonly string[];
}

/**
 * The first wake of the example (woken-example.ts), whose start before that does not advertise.
 * @throws ToolError with the console when the camera does not advertise in time.
 */
export function measureColdStart(camera: BenchImages, wokenExample: string): Promise<ColdStart> {
  return runWithChip(camera, wokenExample, (console) => {
    const instructions = /advertising instructions (\d+)/.exec(console)?.[1];
    // The last that the probes say.
    if (instructions === undefined || !console.includes("bench: memory")) return;
    const lines = console.split("\n").flatMap((line) => /\bbench: (.*)/.exec(line)?.[1] ?? []);
    return { instructions: Number(instructions), lines };
  });
}

/**
 * Milliseconds of virtual time from a wake to the first advertising event, at the board's rates: the chip's waits and the bytes on
 * the wire. The processor takes none there.
 */
export function virtualColdStartMs({ figures }: Board): Promise<number> {
  const world = createWorld();
  const { RADIO_DOWNLOAD_BAUD: downloadBaud, RADIO_RUN_BAUD: runBaud } = figures;
  const line = { patch: syntheticPatch(), downloadBaud: downloadBaud!, runBaud: runBaud! };
  const { platform, controller } = world.addChipCamera({ line });
  const records = RecordStore.open(platform.flash("state"), platform.log);
  const host = new Host(platform, records, new Map(), controllerDriver(image, platform));
  return world.run(async () => {
    const onAir = new Promise<void>((resolve) => {
      controller.onAir = () => resolve();
    });
    host.prepareRadio((port) => new EarlyStart(port, ASLEEP_MS));
    await host.activate();
    const set = host.advertiser.acquire({ onEnded() {}, take: () => true })!;
    const nothing = new Uint8Array(0);
    await set.start({ intervalUs: 100_000, connectable: true, advData: nothing, respData: nothing });
    await onAir;
    return Math.round(world.clock.now());
  });
}

/**
 * Instructions from a wake to the sleep behind its burst; of the second wake, when the camera knows that it uses the radio.
 * @throws ToolError with the console when that does not come in time.
 */
export function measureWakeCycle(camera: BenchImages, wake: string): Promise<number> {
  return runWithChip(camera, wake, (console) => {
    const counts = [...console.matchAll(/sleep instructions (\d+)/g)];
    return counts[2] && Number(counts[2][1]);
  });
}

/** Runs an application on a modelled chip until `look` finds what it looks for in the console. */
async function runWithChip<T>(
  camera: BenchImages,
  app: string,
  look: (console: string) => T | undefined,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "obscura-cold-"));
  const patch = join(folder, "patch.hcd");
  writeFileSync(patch, syntheticPatch());
  const server = new SimulatorServer();
  const { hci, lines } = await server.addChip();
  const args = qemuArguments[camera.board.name]!({
    ...{ elf: camera.image, app, radioPatch: patch, seed: "00".repeat(32), icount: { shift: 0 } },
    hci: parseHci(hci),
    radioLines: parseHci(lines),
    arguments: ["window=0"],
  });
  const said: string[] = [];
  let onLine: () => void = () => undefined;
  const program = new Program("camera", [qemuProgram, ...args], (line) => {
    said.push(line);
    onLine();
  });
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new ToolError(`The start with a chip ${why}`, said.slice(-30).join("\n")));
      limit = setTimeout(() => fail(`took more than ${PATIENCE_MS / 1000} s`), PATIENCE_MS);
      void program.exited.then((status) => fail(`ended with status ${status}`));
      onLine = () => {
        const found = look(said.join("\n"));
        if (found !== undefined) resolve(found);
      };
    });
  } finally {
    clearTimeout(limit);
    await program.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
