/**
 * The hostile soak: six peers, four of them hostile, compete for the places of the documents' "several clients", and a
 * squatter sits on the README's sensor, at controllers that the tool plays. What must hold: no restart, the honest ones
 * served, the heap flat.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sensor } from "../../../host-tests/attacker/applications.ts";
import { Controller } from "../../../host-tests/attacker/controller.ts";
import { att, cid } from "../../../host-tests/attacker/link.ts";
import { SeededRandom } from "../../../simulator/random.ts";
import { loadBoard } from "../../build/boards.ts";
import { startCamera } from "../../camera/camera.ts";
import { type Operation, type Progress, step, ToolError } from "../../events.ts";
import { buildRoot } from "../../paths.ts";
import { buildSoakImage, type SoakImage } from "../image.ts";
import { LineBox } from "../line-box.ts";
import { acts, faults } from "./acts.ts";
import { completeSession, discover, leaveTraces, type Served } from "./honest.ts";
import { type Report, reportIn } from "./script.ts";

const HONEST = 2;
const HOSTILE = 4;

/** Rounds before the heap is looked at: by then everything has been made that stays, and the controller has failed. */
export const WARM_UP_ROUNDS = 4;

/**
 * Bytes by which the heap may have grown, however many rounds there were: from the emptiest round of the first half to
 * that of the second. Single rounds differ: a recovery frees what stays otherwise, and the order in which peers leave
 * decides what the last of them leaves behind. A leak lifts all of them.
 */
export const GROWTH_LIMIT = 1024;

/**
 * Bytes that the fullest round may take above the median of all: what one link costs. One of 2,023 rounds took 8.6 KB
 * more, and the next ones none of it. A link in the firmware of the soak takes 568 slots of 16 bytes and 592 bytes of chunks: 9,680. On
 * a board that is a process of this computer slots have 32 bytes and addresses 8, which makes 19,328; where no link is left behind,
 * rounds are even there, too: the fullest of 200 was 808 bytes above the median.
 */
const SPREAD_LIMIT = 10 * 1024;
const SPREAD_LIMIT_64 = 20 * 1024;

/** In every how many rounds the controller fails. */
const FAULT_EVERY = 3;

/** Within how many milliseconds of its beginning. Nothing depends on it: data is under way then, as a rule. */
const FAULT_WITHIN_MS = 1000;

/** A net for what never comes, on the busiest computer. */
const PATIENCE_MS = 300_000;

export interface HostileOptions {
  readonly board: string;
  readonly seed: number;
  /** By the camera's own clock; it ends with the round in which they are over. */
  readonly minutes: number;
  /** Rounds that are played at least. */
  readonly rounds: number;
  /** Squatters that the README's sensor is to send away at least; each takes half a minute. Left out, two. */
  readonly squatters?: number;
  readonly signal: AbortSignal;
}

export interface HostileResult {
  readonly scenario: "hostile";
  readonly board: string;
  readonly seed: number;
  readonly rounds: number;
  /** By the camera's clock. */
  readonly seconds: number;
  readonly served: Served;
  /** How often each act was played. */
  readonly acts: Readonly<Record<string, number>>;
  /** Silent peers that the README's sensor sent away, and phones that it served after them. */
  readonly squatters: number;
  readonly sensorSessions: number;
  /** Bytes of slots and chunks in use: the medians of each tenth of the rounds, in their order. */
  readonly heapMedians: readonly number[];
  /** The fullest round. */
  readonly heapPeak: number;
  readonly heapGrowthBytes: number;
  readonly sensorHeapGrowthBytes: number;
}

/** A camera at a controller of its own. */
interface Stage {
  readonly controller: Controller;
  readonly camera: LineBox;
}

/** The README's sensor, which reports its heap every two seconds. */
const reportingSensor = `
const { memory } = globalThis as unknown as { memory(): object };
const start = Date.now();
let connections = 0;
setInterval(() => {
  console.log(\`alone \${JSON.stringify({ connections, now: Date.now() - start, ...memory() })}\`);
}, 2000);
${sensor}`;

/** Fails when the camera has started again. */
function assertNoRestart({ camera }: Stage, when: string): void {
  const line = camera.lines.find((candidate) => /^(fatal|watchdog)|restarted after/.test(candidate));
  if (line !== undefined) throw failure(`The camera restarted ${when}: ${line}`, { camera });
}

function failure(what: string, { camera, controller }: Partial<Stage>): ToolError {
  const lines = ["the camera's last lines:", ...(camera?.lines.slice(-30) ?? [])];
  return new ToolError(what, [...lines, ...(controller ? ["HCI:", controller.report()] : [])].join("\n"));
}

/** The next report of the camera. */
const nextReport = ({ camera }: Stage): Promise<Report> => camera.take(reportIn, "it reported its heap");

const total = ({ slots, chunks }: Report): number => slots + chunks;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** By how much the emptiest round of the second half is above that of the first. */
export function growth(heaps: readonly number[]): number {
  const half = heaps.length >> 1;
  return half === 0 ? 0 : Math.min(...heaps.slice(-half)) - Math.min(...heaps.slice(0, half));
}

/** The medians of ten parts of equal length; of as many as there are values, when they are fewer. */
export function mediansOfTenths(values: readonly number[]): number[] {
  const parts = Math.min(10, values.length);
  const end = (part: number) => Math.round((part * values.length) / parts);
  return Array.from({ length: parts }, (_, part) => median(values.slice(end(part), end(part + 1))));
}

/** Rounds on the documents' "several clients". */
class Competition {
  readonly served: Served = {
    sessions: 0,
    notifications: 0,
    indications: 0,
    ordersRepeated: 0,
    writes: 0,
    repeated: 0,
  };
  readonly played: Record<string, number> = {};
  /** Bytes of the heap in use after each round behind the first ones. */
  readonly heaps: number[] = [];
  last: Report | undefined;
  rounds = 0;
  private readonly stage: Stage;
  private readonly seed: number;

  constructor(stage: Stage, seed: number) {
    this.stage = stage;
    this.seed = seed;
  }

  /** Lets all peers come; ends when the honest ones were served, everybody has left, and the camera is alone. */
  async play(): Promise<void> {
    const { controller } = this.stage;
    const round = ++this.rounds;
    const handles = await this.calm(round, () => undefined);
    let leave = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      leave = resolve;
    });
    let isOver = false;
    const hostile = async (index: number): Promise<void> => {
      const random = this.randomOf(round, index);
      const names = Object.keys(acts);
      while (!isOver) {
        const name = names[random.below(names.length)]!;
        this.played[name] = (this.played[name] ?? 0) + 1;
        const place = { controller, random, peer: index, handles, over };
        // It may be sent away at any moment, which is what it is there for.
        await acts[name]?.(place).catch(() => undefined);
      }
    };
    const crowd = Array.from({ length: HOSTILE }, (_, index) => hostile(HONEST + index));
    try {
      const honest = Array.from({ length: HONEST }, (_, index) =>
        completeSession(controller, index, this.randomOf(round, index), this.served),
      );
      const failing = round % FAULT_EVERY === 0 ? [this.fail(round)] : [];
      await Promise.all([...honest, ...failing]);
    } catch (error) {
      throw failure(`Round ${round} of seed ${this.seed}: ${(error as Error).message}`, this.stage);
    } finally {
      isOver = true;
      leave();
      controller.sendHome(new Error("the round is over"));
    }
    await Promise.all(crowd);
    for (const link of [...controller.links.values()]) link.end(0x13);
    await this.calm(round, (report) => {
      this.last = report;
    });
    if (round > WARM_UP_ROUNDS) this.heaps.push(total(this.last!));
    assertNoRestart(this.stage, `in round ${round} of seed ${this.seed}`);
    if (controller.violations.length > 0) throw failure(controller.violations.join("; "), this.stage);
  }

  /** One honest peer alone, always with the same; returns the handles, and reports the camera's heap after it. */
  private async calm(round: number, onReport: (report: Report) => void): Promise<Map<number, number>> {
    const { controller, camera } = this.stage;
    for (;;) {
      const first = await controller.connectWhenHeard({ peer: 0x99 });
      try {
        const handles = await discover(first);
        await leaveTraces(first, handles);
        // Whatever the camera said before it had this guest is old.
        camera.skip();
        first.end(0x13);
        onReport(await nextReport(this.stage));
        return handles;
      } catch (error) {
        // The controller's failure may come late: a command that it does not answer.
        if (!first.isOpen && (await first.gone) === 0) continue;
        throw failure(`Round ${round} of seed ${this.seed}, alone: ${(error as Error).message}`, this.stage);
      }
    }
  }

  private async fail(round: number): Promise<void> {
    const random = this.randomOf(round, HONEST + HOSTILE);
    await sleep(random.below(FAULT_WITHIN_MS));
    const names = Object.keys(faults);
    const name = names[random.below(names.length)]!;
    this.played[name] = (this.played[name] ?? 0) + 1;
    faults[name]?.(this.stage.controller, random);
  }

  private randomOf(round: number, peer: number): SeededRandom {
    return new SeededRandom(Math.imul(this.seed, 0x10001) + round * 16 + peer);
  }
}

/** A squatter and a phone in turn on the README's sensor. */
class Siege {
  squatters = 0;
  sessions = 0;
  heapBefore: Report | undefined;
  last: Report | undefined;
  private readonly stage: Stage;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  /** One squatter, then one phone. */
  async play(): Promise<void> {
    const { controller, camera } = this.stage;
    try {
      const squatter = await controller.connectWhenHeard({ peer: 1 });
      squatter.frame(cid.signaling, "14 01 0a00 2500 4000 1700 1700 0000");
      await squatter.gone;
      this.squatters++;
      const phone = await controller.connectWhenHeard({ peer: 2 });
      const handle = await phone.valueHandle("2a6e");
      if ((await phone.read(handle))[0] !== att.readResponse) throw new Error("a read was refused");
      await phone.subscribe(handle + 1);
      await phone.updates.take("the temperature");
      phone.end(0x13);
      await controller.advertising();
      this.sessions++;
      camera.skip();
      this.last = await nextReport(this.stage);
      this.heapBefore ??= this.last;
    } catch (error) {
      throw failure(
        `The README's sensor after ${this.squatters} squatters: ${(error as Error).message}`,
        this.stage,
      );
    }
    assertNoRestart(this.stage, `after ${this.squatters} squatters`);
  }
}

type Stop = () => Promise<unknown> | void;

/** Starts both cameras, each at a controller of its own. */
async function setTheStages(
  { image, applications, board }: SoakImage,
  stops: Stop[],
): Promise<{ several: Stage; sensor: Stage }> {
  const folder = mkdtempSync(join(buildRoot, "soak", "hostile-"));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  const stage = async (name: string): Promise<Stage> => {
    const controller = await Controller.listen();
    stops.push(() => controller.close());
    const camera = new LineBox(`camera (${name})`, PATIENCE_MS);
    const options = { image, application: applications[name]!, hci: controller.hci };
    const running = await startCamera(board, { ...options, state: join(folder, name) }, (line) =>
      camera.put(line),
    );
    stops.push(() => running.stop());
    void running.exited.then((how) => camera.end(how));
    return { controller, camera };
  };
  return { several: await stage("several"), sensor: await stage("sensor") };
}

/** Writes the README's sensor as an application, and builds everything. */
async function buildAll(board: string, progress: Progress): Promise<SoakImage> {
  const folder = join(buildRoot, "soak", "sensor");
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, "main.ts");
  writeFileSync(entry, reportingSensor);
  return buildSoakImage(board, progress, { several: "tools/soak/hostile/several.ts", sensor: entry });
}

async function run(options: HostileOptions, several: Stage, sensorStage: Stage, progress: Progress) {
  const { seed, minutes, rounds, squatters = 2, signal } = options;
  const competition = new Competition(several, seed);
  const siege = new Siege(sensorStage);
  let isOver = false;
  const besiege = async (): Promise<void> => {
    do await siege.play();
    while (!isOver || siege.sessions < squatters);
  };
  const compete = async (): Promise<void> => {
    while (!isOver) {
      signal.throwIfAborted();
      await competition.play();
      const now = competition.last?.now ?? 0;
      isOver = now >= minutes * 60_000 && competition.rounds >= Math.max(rounds, WARM_UP_ROUNDS + 1);
      progress(Math.min(competition.rounds, rounds), rounds);
    }
  };
  const other = besiege();
  try {
    await Promise.all([compete(), other]);
  } finally {
    isOver = true;
  }
  return { competition, siege };
}

/** Runs it. @throws StepFailed when something that must hold does not; everything is stopped. */
export async function* hostile(options: HostileOptions): Operation<HostileResult> {
  const { board, seed, signal } = options;
  const stops: Stop[] = [];
  const stop = async (): Promise<void> => {
    for (let one = stops.pop(); one !== undefined; one = stops.pop()) await one();
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const { several, sensor } = yield* step("stages", `Two cameras on ${board}`, async (progress) => {
      return { value: await setTheStages(await buildAll(board, progress), stops) };
    });
    return yield* step("hostile", `Hostile peers of seed ${seed}`, async (progress) => {
      const { competition, siege } = await run(options, several, sensor, progress);
      const { served, rounds, played, last, heaps } = competition;
      const heapMedians = mediansOfTenths(heaps);
      const heapPeak = Math.max(...heaps);
      const heapGrowthBytes = growth(heaps);
      const sensorHeapGrowthBytes = total(siege.last!) - total(siege.heapBefore!);
      const value: HostileResult = {
        ...{
          scenario: "hostile" as const,
          board,
          seed,
          rounds,
          seconds: Math.round(last!.now / 1000),
          served,
        },
        ...{ acts: played, squatters: siege.squatters, sensorSessions: siege.sessions },
        ...{ heapMedians, heapPeak, heapGrowthBytes, sensorHeapGrowthBytes },
      };
      if (Math.max(heapGrowthBytes, sensorHeapGrowthBytes) > GROWTH_LIMIT) {
        throw new ToolError(`The heap has grown in ${rounds} rounds of seed ${seed}`, JSON.stringify(value));
      }
      const spreadLimit = loadBoard(board).runs === "process" ? SPREAD_LIMIT_64 : SPREAD_LIMIT;
      if (heapPeak - median(heaps) > spreadLimit) {
        throw new ToolError(`A round of seed ${seed} has left too much behind`, JSON.stringify(value));
      }
      const detail = `${rounds} rounds, ${served.sessions} honest sessions, heap ${heapGrowthBytes} bytes`;
      return { value, detail };
    });
  } finally {
    await stop();
  }
}
