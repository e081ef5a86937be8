/** The same peripherals around the firmware on a board that this computer runs, by its clock. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { HostileAir, STEP_MS } from "../../../host-tests/support/hostile-air.ts";
import { ScriptedController } from "../../../host-tests/support/scripted-controller.ts";
import { FROM_HOST, H4Framer } from "../../../simulator/h4.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { startCamera } from "../../camera/camera.ts";
import { type Operation, step, ToolError } from "../../events.ts";
import { buildRoot } from "../../paths.ts";
import { buildSoakImage } from "../image.ts";
import { LineBox } from "../line-box.ts";
import { type CameraReport, REPORT_MS, reportIn } from "./script.ts";

/** A net for what never comes, on the busiest computer. */
const PATIENCE_MS = 300_000;
/** Reports before the heap is measured the first time. */
const WARM_UP_REPORTS = 4;
/** Bytes by which the fullest heap may have grown: some links and channels more than in the beginning. */
const GROWTH_LIMIT = 24 * 1024;

export interface BoardOptions {
  readonly board: string;
  readonly seed: number;
  /** By the camera's clock. */
  readonly minutes: number;
  readonly signal: AbortSignal;
}

export interface BoardResult extends CameraReport {
  readonly scenario: "hostile-peripherals";
  readonly board: string;
  readonly seed: number;
  readonly minutes: number;
  /** From the fullest heap of the first reports to that of the others. */
  readonly heapGrowthBytes: number;
}

/** A played controller on a socket that the camera connects to. */
class SocketController {
  readonly controller = new ScriptedController();
  private readonly air: HostileAir;
  private readonly folder: string;
  private work: Promise<void> = Promise.resolve();

  constructor(folder: string, seed: number) {
    this.folder = folder;
    this.controller.autoComplete = true;
    this.air = new HostileAir(this.controller, new SeededRandom(seed));
  }

  /** Listens; what the camera connects to, and what ends it. */
  async listen(): Promise<{ readonly hci: string; close(): void }> {
    const path = join(this.folder, "hci");
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      this.attach(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    const timer = setInterval(() => {
      this.air.step();
      this.pump();
    }, STEP_MS);
    const close = (): void => {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
    };
    return { hci: `unix:${path}`, close };
  }

  private attach(socket: Socket): void {
    const { controller } = this;
    controller.open({
      onPacket: (view) => {
        socket.write(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice());
      },
      onWritable: () => undefined,
      onFailure: () => undefined,
    });
    const framer = new H4Framer(FROM_HOST, (packet) => {
      controller.write(packet, packet.length);
      this.pump();
    });
    socket.on("data", (bytes: Uint8Array) => framer.push(bytes));
  }

  private pump(): void {
    this.work = this.work.then(async () => {
      this.air.hear();
      await this.controller.settle();
    });
  }
}

const total = ({ slots, chunks }: CameraReport): number => slots + chunks;

/** @throws ToolError when the camera restarts, an honest peer is not served, or the heap grows; the signal's reason. */
export async function* hostilePeripheralsOnBoard(options: BoardOptions): Operation<BoardResult> {
  const { board, minutes, seed, signal } = options;
  const built = yield* step("image", `Image for ${board}`, async (progress) => ({
    value: await buildSoakImage(board, progress, { central: "tools/soak/hostile-peripherals/main.ts" }),
  }));
  const title = `Hostile peripherals, ${minutes} minutes of seed ${seed} on ${board}`;
  return yield* step("hostile-peripherals", title, async (progress) => {
    mkdirSync(join(buildRoot, "soak"), { recursive: true });
    const folder = mkdtempSync(join(buildRoot, "soak", "peripherals-"));
    const peers = new SocketController(folder, seed);
    const { hci, close } = await peers.listen();
    const lines = new LineBox("camera", PATIENCE_MS);
    const camera = await startCamera(
      built.board,
      { image: built.image, application: built.applications.central!, hci, state: join(folder, "state") },
      (line) => lines.put(line),
    );
    void camera.exited.then((how) => lines.end(how));
    const reports = Math.max(WARM_UP_REPORTS + 1, Math.ceil((minutes * 60_000) / REPORT_MS));
    let [early, late] = [0, 0];
    let last: CameraReport | undefined;
    try {
      for (let count = 1; count <= reports; count++) {
        signal.throwIfAborted();
        const report = await lines.take(reportIn, "it reported its figures");
        const finding = findingOf(lines.lines, last, report, count);
        if (finding) throw new ToolError(`Seed ${seed}: ${finding}`, lines.lines.slice(-30).join("\n"));
        last = report;
        if (count <= WARM_UP_REPORTS) early = Math.max(early, total(report));
        else late = Math.max(late, total(report));
        progress(count, reports);
      }
    } finally {
      await camera.stop();
      close();
      rmSync(folder, { recursive: true, force: true });
    }
    const heapGrowthBytes = Math.max(0, late - early);
    if (heapGrowthBytes > GROWTH_LIMIT)
      throw new ToolError(`Seed ${seed}: the heap has grown by ${heapGrowthBytes} bytes`);
    const result = {
      scenario: "hostile-peripherals",
      board,
      seed,
      minutes,
      ...last!,
      heapGrowthBytes,
    } as const;
    return { value: result };
  });
}

/** What does not hold of one report after another, and of the console up to it. @param count of which number it is. */
export function findingOf(
  lines: readonly string[],
  before: CameraReport | undefined,
  now: CameraReport,
  count: number,
): string | undefined {
  const restart = lines.find((line) => /^(fatal|watchdog)|restarted after|^honest:/.test(line));
  if (restart !== undefined) return restart;
  if (!before || count <= WARM_UP_REPORTS) return undefined;
  for (const figure of ["reads", "echoes", "notified", "sightings"] as const)
    if (now[figure] <= before[figure]) return `${figure} stands still at ${now[figure]}`;
  return undefined;
}
