/**
 * `npm run soak`: many rounds of centrals that vanish, then the fuzz targets for a while. Progress goes to standard
 * error; standard output gets the result.
 */
import { Option } from "commander";
import type { BondFigures } from "../../host-tests/bonds/days.ts";
import { listBoards } from "../build/boards.ts";
import { Interruption } from "../cli/interruption.ts";
import { wholeNumber } from "../cli/numbers.ts";
import { exitStatus, perform } from "../cli/perform.ts";
import { textRenderer } from "../cli/render.ts";
import { exitStatusHelp, runVerb, verb } from "../cli/verb.ts";
import { UsageError } from "../events.ts";
import { bonds } from "../soak/bonds.ts";
import { type FuzzResult, fuzz } from "../soak/fuzz.ts";
import { type HostileResult, hostile } from "../soak/hostile/hostile.ts";
import { type BoardResult, hostilePeripheralsOnBoard } from "../soak/hostile-peripherals/board.ts";
import { type HostilePeripheralsResult, hostilePeripherals } from "../soak/hostile-peripherals/virtual.ts";
import { type SoakResult, soak, WARM_UP_ROUNDS } from "../soak/soak.ts";

const DEFAULT_BOARD = "mps2-an500";

const LEAST_ROUNDS = WARM_UP_ROUNDS + 1;

const SCENARIOS = ["vanish", "hostile", "bonds", "hostile-peripherals"] as const;

const help = `
vanish: three centrals at once on a camera, two subscribed and one writing, vanish one after the other at random moments,
round by round. Ends at the first round in which something is lost, comes twice or to the wrong central, or in which the
camera does not advertise again; and when its heap has grown at the end. Then each fuzz target runs.

hostile: six peers, four of them hostile, compete for the places of the documents' "several clients", and a silent one
sits on the README's sensor, at controllers that are no controllers but play what is worst. Ends at the first restart, and
when an honest peer is not served; and when a heap has grown at the end.

bonds: ten phones pair with a camera, come back, forget each other and go out of range, and the camera loses its power in the
middle of operations of its flash, in virtual time. Ends at the first bond that is lost, that nobody made, or that does not
encrypt.

hostile-peripherals: a camera that scans, connects and opens channels among peripherals that own every byte and every order,
in virtual time, or by the camera's clock where a board is named. Ends when anything but an error of the stack's reaches the application, when peers make it keep more than
they may, and when an honest one is not served; and when the heap has grown at the end.
${exitStatusHelp}`;

interface Options {
  readonly scenario: (typeof SCENARIOS)[number];
  /** Whether the scenario hostile-peripherals has a board. */
  readonly isOnBoard: boolean;
  readonly minutes: number;
  readonly hours: number;
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

/** What the command line says, before the scenario decides what is left out. */
interface Arguments {
  readonly scenario: Options["scenario"];
  readonly minutes?: number;
  readonly hours?: number;
  readonly rounds?: number;
  readonly seed?: number;
  readonly board?: string;
  readonly fuzz: number;
  readonly json?: boolean;
}

const integer =
  (name: string, least: number) =>
  (text: string): number => {
    const value = wholeNumber(text);
    if (value !== undefined && Number.isSafeInteger(value) && value >= least) return value;
    throw new UsageError(`--${name} takes an integer of at least ${least}, not "${text}".`);
  };

const oneOf =
  <T extends string>(what: string, plural: string, names: readonly T[]) =>
  (text: string): T => {
    const name = names.find((candidate) => candidate === text);
    if (name === undefined)
      throw new UsageError(`There is no ${what} "${text}". ${plural}: ${names.join(", ")}.`);
    return name;
  };

const command = () =>
  verb("soak", "Many rounds of centrals that vanish or are hostile, then the fuzz targets for a while.")
    .addOption(
      new Option("--scenario <name>", `one of ${SCENARIOS.join(", ")}`)
        .default("vanish")
        .argParser(oneOf("scenario", "Scenarios", SCENARIOS)),
    )
    .option(
      "--rounds <n>",
      `how many, at least ${LEAST_ROUNDS} (default: 200; of the hostile scenario: what the minutes allow)`,
      integer("rounds", 0),
    )
    .option(
      "--minutes <n>",
      "hostile: how long, by the camera's own clock (default: 10)",
      integer("minutes", 0),
    )
    .option(
      "--hours <n>",
      "of virtual time: bonds (default: 24), hostile-peripherals (default: 6)",
      integer("hours", 1),
    )
    .option(
      "--seed <n>",
      "an integer that plans the rounds and damages the inputs (default: another one each time)",
      integer("seed", 0),
    )
    .addOption(
      new Option(
        "--board <board>",
        `one of ${listBoards().join(", ")} (default: ${DEFAULT_BOARD}; hostile-peripherals: none, on Node in virtual time)`,
      ).argParser(oneOf("board", "Boards", listBoards())),
    )
    .addOption(
      new Option("--fuzz <seconds>", "for each target; 0 leaves them out")
        .default(20)
        .argParser(integer("fuzz", 0)),
    )
    .option("--json", "print the result as one JSON object")
    .addHelpText("after", help);

/** @throws UsageError for what does not go together. */
function optionsOf({ fuzz: fuzzSeconds, ...given }: Arguments): Options {
  const { hours, minutes, rounds, scenario } = given;
  const isHostile = scenario === "hostile";
  const isVirtual = scenario === "bonds" || scenario === "hostile-peripherals";
  const isOnBoard = isHostile || (scenario === "hostile-peripherals" && given.board !== undefined);
  if (!isOnBoard && minutes !== undefined) {
    throw new UsageError(
      "--minutes is for hostile, and hostile-peripherals on a --board; vanish takes --rounds, the others --hours.",
    );
  }
  if (isOnBoard && hours !== undefined) throw new UsageError("On a board it is --minutes, not --hours.");
  if (!isVirtual && hours !== undefined)
    throw new UsageError("--hours is for the scenarios bonds and hostile-peripherals.");
  if (isVirtual && rounds !== undefined) throw new UsageError(`--scenario ${scenario} takes --hours.`);
  if (!isHostile && rounds !== undefined) integer("rounds", LEAST_ROUNDS)(String(rounds));
  return {
    scenario,
    minutes: minutes ?? 10,
    hours: hours ?? (scenario === "bonds" ? 24 : 6),
    rounds: rounds ?? (isHostile ? 0 : 200),
    seed: given.seed ?? Date.now() % 1_000_000,
    board: given.board ?? DEFAULT_BOARD,
    isOnBoard,
    fuzzSeconds,
    json: given.json ?? false,
  };
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
export function hostileText({ served, acts, heapMedians, heapPeak, ...figures }: HostileResult): string {
  const played = Object.entries(acts).map(([name, count]) => `${name} ${count}`);
  const lines = [
    `${figures.rounds} rounds of seed ${figures.seed} on ${figures.board}, ${figures.seconds} s: everything held`,
    `  honest sessions  ${served.sessions}, ${served.repeated} of them again after the controller had failed; ${served.ordersRepeated} orders repeated`,
    `  notifications    ${served.notifications}, indications ${served.indications}, writes ${served.writes}`,
    `  README's sensor  ${figures.squatters} squatters sent away, ${figures.sensorSessions} phones served`,
    `  hostile acts     ${played.join(", ")}`,
    `  heap             ${heapPeak} bytes at most; medians of each tenth of the rounds: ${heapMedians.join(", ")}`,
    `  sensor's heap    grown by ${figures.sensorHeapGrowthBytes} bytes`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The result of the bonds for a person. */
export function bondsText(figures: BondFigures): string {
  const { incomplete, deletions, evictions, powerCuts, reboots, refused } = figures;
  const lines = [
    `${figures.hours} hours of virtual time of seed ${figures.seed}, ${figures.steps} steps: no bond lost, none from nowhere`,
    `  pairings       ${figures.pairings}, ${incomplete} incomplete, ${refused} refused`,
    `  reconnections  ${figures.reconnections}, ${figures.subscriptionsFound} of them with a subscription that was still there`,
    `  reboots        ${reboots}, ${powerCuts} of them in the middle of an operation of the flash`,
    `  bonds gone     ${deletions} deleted, ${evictions} gave way to others`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The result of the scenario hostile-peripherals for a person. */
export function peripheralsText(result: HostilePeripheralsResult): string {
  const lines = [
    `${result.minutes} virtual minutes of seed ${result.seed}: everything held`,
    `  hostile peers    ${result.sessions} links, ${result.whole} of which gave everything that was asked for`,
    `  honest peer      ${result.reads} reads, ${result.notified} notifications, ${result.echoes} echoes on its channel`,
    `  scan             ${result.results} results, the honest beacon ${result.sightings} times`,
    `  memory           peers made the camera keep ${result.peak} bytes at most; heap grown by ${result.heapGrowthKiB} KiB`,
  ];
  return `${lines.join("\n")}\n`;
}

/** The same of the scenario on a board. */
export function onBoardText(result: BoardResult): string {
  const lines = [
    `${result.minutes} minutes of seed ${result.seed} on ${result.board}: everything held`,
    `  hostile peers    ${result.sessions} links`,
    `  honest peer      ${result.reads} reads, ${result.notified} notifications, ${result.echoes} echoes on its channel`,
    `  scan             the honest beacon ${result.sightings} times`,
    `  heap             grown by ${result.heapGrowthBytes} bytes`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Returns the exit status. */
export function run(args: readonly string[]): Promise<number> {
  return runVerb<Arguments>(command(), args, (given) => soakUntilInterrupted(optionsOf(given)));
}

async function soakUntilInterrupted(options: Options): Promise<number> {
  const interruption = new Interruption();
  try {
    await play(options, interruption.signal);
    return await interruption.endWith(exitStatus.success);
  } catch (error) {
    if (await interruption.happened()) return interruption.status;
    throw error;
  } finally {
    interruption.release();
  }
}

/** Plays a scenario, and prints what came of it. */
async function play(options: Options, signal: AbortSignal): Promise<void> {
  const { json, fuzzSeconds, seed } = options;
  const render = textRenderer(process.stderr);
  // What fails after Ctrl-C fails because of it.
  const show: typeof render = (event) => (signal.aborted ? undefined : render(event));
  if (options.scenario === "hostile") {
    const result = await perform(hostile({ ...options, signal }), show);
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : hostileText(result));
    return;
  }
  if (options.scenario === "bonds") {
    const result = await perform(bonds(options), show);
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : bondsText(result));
    return;
  }
  if (options.scenario === "hostile-peripherals" && options.isOnBoard) {
    const result = await perform(hostilePeripheralsOnBoard({ ...options, signal }), show);
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : onBoardText(result));
    return;
  }
  if (options.scenario === "hostile-peripherals") {
    const result = await perform(hostilePeripherals({ seed, minutes: options.hours * 60, signal }), show);
    process.stdout.write(json ? `${JSON.stringify(result)}\n` : peripheralsText(result));
    return;
  }
  const rounds = await perform(soak({ ...options, signal }), show);
  const targets = fuzzSeconds === 0 ? [] : await perform(fuzz({ seconds: fuzzSeconds, seed }), show);
  const result: Result = { ...rounds, fuzz: targets };
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : resultText(result));
}
