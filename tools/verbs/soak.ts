/**
 * `npm run soak`: many rounds of centrals that vanish, then the fuzz targets for a while. Progress goes to standard
 * error; standard output gets the result.
 */
import { parseArgs } from "node:util";
import { listBoards } from "../build/boards.ts";
import { exitStatus, perform, reportFailure } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { UsageError } from "../events.ts";
import { endPrograms } from "../process.ts";
import { type FuzzResult, fuzz } from "../soak/fuzz.ts";
import { type HostileResult, hostile } from "../soak/hostile/hostile.ts";
import { type SoakResult, soak, WARM_UP_ROUNDS } from "../soak/soak.ts";

const LEAST_ROUNDS = WARM_UP_ROUNDS + 1;

const help = `usage: npm run -s soak [-- options]

--scenario vanish, the default: three centrals at once on a camera, two subscribed and one writing, vanish one after the other at random moments, round
by round. Ends at the first round in which something is lost, comes twice or to the wrong central, or in which the
camera does not advertise again; and when its heap has grown at the end. Then each fuzz target runs.

--scenario hostile: six peers, four of them hostile, compete for the places of the documents' "several clients", and a
silent one sits on the README's sensor, at controllers that are no controllers but play what is worst. Ends at the first
restart, and when an honest peer is not served; and when a heap has grown at the end.

  --rounds N      how many, at least ${LEAST_ROUNDS} (default: 200; of the hostile scenario: what the minutes allow)
  --scenario NAME vanish or hostile (default: vanish)
  --minutes N     hostile: how long, by the camera's own clock (default: 10)
  --seed N        an integer that plans the rounds and damages the inputs (default: another one each time)
  --board BOARD   one of ${listBoards().join(", ")} (default: mps2-an500)
  --fuzz SECONDS  for each target; 0 leaves them out (default: 20)
  --json          print the result as one JSON object

Exit status: 0 when everything held, 1 when something did not, 2 for a mistake on the command line, 130 after Ctrl-C.
`;

interface Options {
  readonly scenario: "vanish" | "hostile";
  readonly minutes: number;
  readonly rounds: number;
  readonly seed: number;
  readonly board: string;
  readonly fuzzSeconds: number;
  readonly json: boolean;
}

/** What a soak found. */
export interface Result extends SoakResult {
  readonly fuzz: readonly FuzzResult[];
}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${name} takes an integer of at least ${least}, not "${text}".`);
}

/** @returns undefined when help was asked for. @throws UsageError */
function parse(args: readonly string[]): Options | undefined {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        scenario: text,
        minutes: text,
        rounds: text,
        seed: text,
        board: text,
        fuzz: text,
        json: flag,
        help: flag,
      },
    });
    if (values.help) return undefined;
    const { board = "mps2-an500" } = values;
    if (!listBoards().includes(board)) {
      throw new UsageError(`There is no board "${board}". Boards: ${listBoards().join(", ")}.`);
    }
    const { scenario = "vanish" } = values;
    if (scenario !== "vanish" && scenario !== "hostile") {
      throw new UsageError(`There is no scenario "${scenario}". Scenarios: vanish, hostile.`);
    }
    const isHostile = scenario === "hostile";
    if (!isHostile && values.minutes !== undefined) {
      throw new UsageError("--minutes is for --scenario hostile; the other one takes --rounds.");
    }
    const rounds = values.rounds ?? (isHostile ? "0" : "200");
    return {
      scenario,
      minutes: numberOf("minutes", values.minutes ?? "10", 0),
      rounds: numberOf("rounds", rounds, isHostile ? 0 : LEAST_ROUNDS),
      seed: numberOf("seed", values.seed ?? String(Date.now() % 1_000_000), 0),
      board,
      fuzzSeconds: numberOf("fuzz", values.fuzz ?? "20", 0),
      json: values.json ?? false,
    };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${(error as Error).message.split("\n")[0]} (--help lists the options)`);
  }
}

/** The result for a person. */
export function resultText({ fuzz: targets, heapBefore, heapAfter, ...figures }: Result): string {
  const heap = ({ slots, chunks }: { slots: number; chunks: number }) => `${slots} + ${chunks}`;
  const lines = [
    `${figures.rounds} rounds of seed ${figures.seed} on ${figures.board}: everything held`,
    `  connections    ${figures.connections}, ${figures.cutShort} centrals cut short before they were ready`,
    `  notifications  ${figures.notifications}, each to one who had subscribed`,
    `  writes         ${figures.orders}`,
    `  heap           ${heap(heapBefore)} bytes of slots and chunks before, ${heap(heapAfter)} after`,
    ...targets.map(
      (target) =>
        `  fuzz ${target.name}: ${target.inputs} inputs, ${target.packets} packets, heap ${target.heapGrowthKiB} KiB`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

/** The result of the hostile scenario for a person. */
export function hostileText({ served, acts, heapBefore, heapAfter, ...figures }: HostileResult): string {
  const heap = ({ slots, chunks }: { slots: number; chunks: number }) => `${slots} + ${chunks}`;
  const played = Object.entries(acts).map(([name, count]) => `${name} ${count}`);
  const lines = [
    `${figures.rounds} rounds of seed ${figures.seed} on ${figures.board}, ${figures.seconds} s: everything held`,
    `  honest sessions  ${served.sessions}, ${served.repeated} of them again after the controller had failed`,
    `  notifications    ${served.notifications}, indications ${served.indications}, writes ${served.writes}`,
    `  README's sensor  ${figures.squatters} squatters sent away, ${figures.sensorSessions} phones served`,
    `  hostile acts     ${played.join(", ")}`,
    `  heap             ${heap(heapBefore)} bytes of slots and chunks before, ${heap(heapAfter)} after`,
    `  sensor's heap    grown by ${figures.sensorHeapGrowthBytes} bytes`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Returns the exit status. */
export async function run(args: readonly string[]): Promise<number> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const interrupt = () => {
    interruption.abort();
    endPrograms();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, interrupt);
  try {
    const options = parse(args);
    if (options === undefined) {
      process.stdout.write(help);
      return exitStatus.success;
    }
    const { json, fuzzSeconds, seed } = options;
    const render = textRenderer(process.stderr);
    // What fails after Ctrl-C fails because of it.
    const show: typeof render = (event) => (signal.aborted ? undefined : render(event));
    if (options.scenario === "hostile") {
      const result = await perform(hostile({ ...options, signal }), show);
      process.stdout.write(json ? `${JSON.stringify(result)}\n` : hostileText(result));
      return exitStatus.success;
    }
    const rounds = await perform(soak({ ...options, signal }), show);
    const targets = fuzzSeconds === 0 ? [] : await perform(fuzz({ seconds: fuzzSeconds, seed }), show);
    const result: Result = { ...rounds, fuzz: targets };
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : resultText(result));
    return exitStatus.success;
  } catch (error) {
    if (signal.aborted) return exitStatus.interrupted;
    return reportFailure(error);
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}
