/**
 * The soak: centrals that join a camera together and vanish one after the other, round by round, over the controllers of
 * tools/rig. What must hold: verdict.ts.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { startCamera } from "../camera/camera.ts";
import { type Operation, type Progress, step, ToolError } from "../events.ts";
import { buildRoot, root, venvProgram } from "../paths.ts";
import { Program } from "../program.ts";
import { buildSoakImage } from "./image.ts";
import { LineBox } from "./line-box.ts";
import { CALM, MEMBERS, planRound, type Wish } from "./plan.ts";
import { type CameraReport, NAME, ORDER, reportIn } from "./script.ts";
import { findingsOfRound, type Seen, wasServed } from "./verdict.ts";

/** Rounds before the memory is measured the first time: by then everything has been made that stays. */
export const WARM_UP_ROUNDS = 3;

/** Bytes by which the JavaScript heap may have grown at the end, however many rounds there were: less than one a link. */
export const GROWTH_LIMIT = 256;

/** A net for what never comes: no round takes as long, on the busiest computer. */
const PATIENCE_MS = 300_000;

export interface SoakOptions {
  readonly board: string;
  /** More than WARM_UP_ROUNDS. */
  readonly rounds: number;
  /** An integer; the same seed plans the same rounds. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** Bytes of the JavaScript heap in use, without garbage, while nobody is connected. */
export interface HeapUse {
  readonly slots: number;
  readonly chunks: number;
}

export interface SoakResult {
  readonly board: string;
  readonly seed: number;
  readonly rounds: number;
  /** Links that the camera had. */
  readonly connections: number;
  /** Centrals that vanished before they had what they wanted. */
  readonly cutShort: number;
  /** Notifications that arrived, each at one who had subscribed. */
  readonly notifications: number;
  /** Writes that the application took. */
  readonly orders: number;
  readonly heapBefore: HeapUse;
  readonly heapAfter: HeapUse;
  readonly heapGrowthBytes: number;
}

/** What the centrals' program reports. */
type Summary =
  | { readonly event: "ready" }
  | { readonly event: "round"; readonly round: number; readonly members: readonly Seen[] }
  | { readonly event: "failed"; readonly message: string };

/** Everything that runs, and what it says. */
interface Scene {
  readonly camera: LineBox;
  readonly centrals: LineBox;
  /** Asks the centrals for something. */
  ask(what: object): void;
  /** Ends everything. */
  stop(): Promise<void>;
}

type Stop = () => Promise<unknown> | void;

/** Starts controllers, the camera and its centrals. */
async function setTheScene(board: string, signal: AbortSignal, progress: Progress): Promise<Scene> {
  const built = await buildSoakImage(board, progress, { application: "tools/soak/application.ts" });
  signal.throwIfAborted();
  mkdirSync(join(buildRoot, "soak"), { recursive: true });
  const folder = mkdtempSync(join(buildRoot, "soak", "run-"));
  const stops: Stop[] = [() => rmSync(folder, { recursive: true, force: true })];
  let stopping = Promise.resolve();
  // What is started while this runs is stopped by the next call; whoever calls waits for all.
  const stop = (): Promise<void> => {
    stopping = stopping.then(async () => {
      for (let one = stops.pop(); one !== undefined; one = stops.pop()) await one();
    });
    return stopping;
  };
  signal.addEventListener("abort", stop, { once: true });
  const run = (name: string, args: readonly string[]): { box: LineBox; program: Program } => {
    const box = new LineBox(name, PATIENCE_MS);
    const program = new Program(name, [venvProgram("python"), ...args], (line) => box.put(line));
    stops.push(() => program.stop());
    void program.exited.then((how) => box.end(how));
    return { box, program };
  };
  try {
    const air = run("controllers", [
      join(root, "tools/rig/controller.py"),
      ...["--hosts", String(1 + MEMBERS), "--log", join(folder, "controller.log")],
    ]);
    const ready = await air.box.take(jsonIn<{ controllers: { hci: string }[] }>, "they were ready");
    const [forCamera, ...forCentrals] = ready.controllers.map(({ hci }) => hci);
    const centrals = run("centrals", [
      join(root, "tools/soak/centrals.py"),
      ...["--name", NAME, "--order", ORDER, ...forCentrals.flatMap((hci) => ["--hci", hci])],
    ]);
    const camera = new LineBox("camera", PATIENCE_MS);
    const { image, applications } = built;
    const options = {
      image,
      application: applications.application!,
      hci: forCamera!,
      state: join(folder, "state"),
    };
    const running = await startCamera(built.board, options, (line) => camera.put(line));
    stops.push(() => running.stop());
    void running.exited.then((how) => camera.end(how));
    await centrals.box.take(jsonIn<Summary>, "they were ready");
    signal.throwIfAborted();
    return {
      camera,
      centrals: centrals.box,
      ask: (what) => centrals.program.send(JSON.stringify(what)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function jsonIn<T>(line: string): T | undefined {
  return line.startsWith("{") ? (JSON.parse(line) as T) : undefined;
}

/** What the rounds of one run have in common. */
class Run {
  readonly figures = { connections: 0, cutShort: 0, notifications: 0, orders: 0 };
  private readonly scene: Scene;
  private readonly seed: number;
  private before: CameraReport = { connections: 0, orders: 0, slots: 0, chunks: 0 };

  constructor(scene: Scene, seed: number) {
    this.scene = scene;
    this.seed = seed;
  }

  /** Lets these members come and go. @throws ToolError when something does not hold. */
  async play(round: number, members: readonly Wish[]): Promise<CameraReport> {
    const { scene, before, figures } = this;
    scene.ask({ round, members });
    const summary = await scene.centrals.take(jsonIn<Summary>, `the end of round ${round}`);
    if (summary.event !== "round")
      throw this.failure(round, summary.event === "failed" ? summary.message : "");
    // One that vanished early may have left the camera alone for a while.
    const certain = before.connections + summary.members.filter(wasServed).length;
    const report = await scene.camera.take((line) => {
      const found = reportIn(line);
      return found !== undefined && found.connections >= certain ? found : undefined;
    }, `it was alone again, after round ${round} and ${certain} connections`);
    const findings = findingsOfRound(members, summary.members, before, report);
    if (findings.length > 0) throw this.failure(round, findings.join("; "));
    for (const { stage, received } of summary.members) {
      if (stage !== "ready") figures.cutShort++;
      figures.notifications += Object.values(received).reduce((sum, values) => sum + values.length, 0);
    }
    figures.connections = report.connections;
    figures.orders = report.orders;
    this.before = report;
    return report;
  }

  /** The heap after a session that is always the same: the application holds on to its last connection and last write. */
  async measure(round: number): Promise<HeapUse> {
    const { slots, chunks } = await this.play(round, [CALM]);
    return { slots, chunks };
  }

  private failure(round: number, what: string): ToolError {
    return new ToolError(
      `Round ${round} of seed ${this.seed}: ${what}`,
      ["the camera's last lines:", ...this.scene.camera.lines.slice(-40)].join("\n"),
    );
  }
}

async function runRounds(options: SoakOptions, scene: Scene, progress: Progress): Promise<SoakResult> {
  const { rounds, seed, board } = options;
  const run = new Run(scene, seed);
  let heapBefore: HeapUse = { slots: 0, chunks: 0 };
  for (let round = 1; round <= rounds; round++) {
    await run.play(round, planRound(seed, round));
    if (round === WARM_UP_ROUNDS) heapBefore = await run.measure(round);
    progress(round, rounds);
  }
  const heapAfter = await run.measure(rounds);
  const heapGrowthBytes = total(heapAfter) - total(heapBefore);
  return { board, seed, rounds, ...run.figures, heapBefore, heapAfter, heapGrowthBytes };
}

const total = ({ slots, chunks }: HeapUse): number => slots + chunks;

/** Runs it. @throws StepFailed when something that must hold does not; everything is stopped. */
export async function* soak(options: SoakOptions): Operation<SoakResult> {
  const { board, rounds, seed, signal } = options;
  const scene = yield* step("scene", `Camera on ${board}, ${MEMBERS} centrals`, async (progress) => ({
    value: await setTheScene(board, signal, progress),
  }));
  try {
    return yield* step("rounds", `Rounds of seed ${seed}`, async (progress) => {
      const value = await runRounds(options, scene, progress);
      if (value.heapGrowthBytes > GROWTH_LIMIT) {
        throw new ToolError(
          `The heap has grown by ${value.heapGrowthBytes} bytes in ${rounds} rounds of seed ${seed}`,
          JSON.stringify(value),
        );
      }
      const { connections, notifications, orders, heapGrowthBytes } = value;
      const sign = heapGrowthBytes >= 0 ? "+" : "";
      const traffic = `${connections} connections, ${notifications} notifications, ${orders} writes`;
      return { value, detail: `${traffic}, heap ${sign}${heapGrowthBytes} bytes` };
    });
  } finally {
    await scene.stop();
  }
}
