/**
 * `npm run bench -- --profile`: where the instructions of each figure go, by module of the firmware and by function. On
 * mps2-an500, where a counter can be read; with probes in the engine, which cost a few percent by themselves.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Operation, step, ToolError } from "../events.ts";
import { displayPath, root } from "../paths.ts";
import { bundleParts, type Part } from "../size/bytecode.ts";
import {
  canScan,
  discovered,
  hasChannels,
  hasChip,
  hasPairing,
  isClient,
  measureAdvertisers,
  measureChannel,
  measurePairing,
  operations,
} from "./bench.ts";
import { measureColdStart } from "./cold-start.ts";
import { type BenchImages, buildBenchImages } from "./images.ts";
import { type Report, runImage } from "./run.ts";
import {
  ADVERTISERS,
  CHANNEL_REPETITIONS,
  DISCOVERY_REPETITIONS,
  PAIRINGS,
  RECONNECTIONS,
  REPETITIONS,
  RESTARTS,
} from "./script.ts";

/** What one function takes of an operation. */
export interface FunctionShare {
  readonly name: string;
  readonly module: string;
  readonly calls: number;
  readonly instructions: number;
}

/** Where the instructions of one operation go. */
export interface FigureProfile {
  readonly figure: string;
  readonly instructions: number;
  /** Instructions by module, most first. */
  readonly modules: readonly (readonly [module: string, instructions: number])[];
  /** Most instructions first. */
  readonly functions: readonly FunctionShare[];
}

/** Builds the images and runs them. */
export async function* profile(manifest?: string): Operation<FigureProfile[]> {
  const camera = yield* step("probes", "Image with probes in the engine", async (progress) => ({
    value: await buildBenchImages("mps2-an500", progress, { profile: true, manifest }),
  }));
  return yield* step("measure", "Measurements", async () => {
    const modules = new Modules(camera, await bundleParts(camera.board.manifest));
    const [start, steps, channels, discovery, scan, pairing] = await Promise.all([
      runImage(camera, camera.example, (peer) => peer.advertising(), { enough: 1 }),
      runImage(camera, camera.application, (peer) => operations(peer, 0)),
      hasChannels(camera) ? runImage(camera, camera.channels, measureChannel) : undefined,
      isClient(camera)
        ? runImage(camera, camera.discovery, async (peer) => void (await discovered(peer)))
        : undefined,
      canScan(camera) ? runImage(camera, camera.scan, measureAdvertisers) : undefined,
      hasPairing(camera) ? runImage(camera, camera.pairing, measurePairing) : undefined,
    ]);
    const { wokenExample } = camera;
    const cold =
      hasChip(camera) && wokenExample !== undefined
        ? coldStartOf(await measureColdStart(camera, wokenExample))
        : undefined;
    const profiles = [start, cold, steps, channels, discovery, scan, pairing].flatMap((report) =>
      report ? profilesOf(report, modules) : [],
    );
    const isTwice = ({ figure }: FigureProfile, at: number) =>
      profiles.findIndex((other) => other.figure === figure) < at;
    return { value: profiles.filter((each, at) => !isTwice(each, at)) };
  });
}

/** What a cold start said, under its own name: the probes take it for any start. */
function coldStartOf({ lines }: Pick<Report, "lines">): Pick<Report, "lines"> {
  return { lines: lines.map((line) => line.replace(/^profile bootToAdvertising /, "profile coldStart ")) };
}

/** Operations that a figure's instructions are divided by. */
function operationsOf(figure: string): number {
  if (figure === "bootToAdvertising" || figure === "coldStart") return 1;
  if (figure.startsWith("pair")) return PAIRINGS;
  if (figure.startsWith("channel")) return CHANNEL_REPETITIONS;
  if (figure === "scanReport") return ADVERTISERS;
  if (figure.startsWith("discovery")) return DISCOVERY_REPETITIONS;
  if (figure === "reconnectEncrypted") return RECONNECTIONS;
  return figure === "stopStart" ? RESTARTS : REPETITIONS;
}

interface Known {
  readonly kind: string;
  readonly address: number;
  readonly name: string;
}

/** What the probes wrote: see tools/bench/native/profile.h. */
export function profilesOf({ lines }: Pick<Report, "lines">, modules: ModuleFinder): FigureProfile[] {
  const known = new Map<string, Known>();
  for (const line of lines) {
    const found = /^function (\d+) (\w+) (\d+) ?(.*)$/.exec(line);
    if (found) known.set(found[1]!, { kind: found[2]!, address: Number(found[3]), name: found[4]! });
  }
  const figures = new Map<string, FunctionShare[]>();
  for (const line of lines) {
    const found = /^profile (\w+) (\d+) (\d+) (\d+)$/.exec(line);
    if (!found) continue;
    const figure = found[1]!;
    const { kind, address, name } = known.get(found[2]!) ?? {};
    if (kind === undefined) throw new ToolError(`The probes did not name function ${found[2]}`);
    const count = operationsOf(figure);
    const share = {
      name: name || "(no name)",
      module: modules.moduleOf(kind, name!, address!),
      calls: Number(found[3]) / count,
      instructions: Math.round(Number(found[4]) / count),
    };
    figures.set(figure, [...(figures.get(figure) ?? []), share]);
  }
  return [...figures].map(([figure, functions]) => summary(figure, functions));
}

function summary(figure: string, functions: readonly FunctionShare[]): FigureProfile {
  const modules = new Map<string, number>();
  for (const { module, instructions } of functions)
    modules.set(module, (modules.get(module) ?? 0) + instructions);
  return {
    figure,
    instructions: functions.reduce((sum, { instructions }) => sum + instructions, 0),
    modules: [...modules].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a),
    functions: functions
      .filter(({ instructions, calls }) => instructions > 0 || calls > 0)
      .sort((a, b) => b.instructions - a.instructions),
  };
}

/** Finds the module of a function. */
export interface ModuleFinder {
  /** @param name "Class.method", "function", or nothing. */
  moduleOf(kind: string, name: string, address: number): string;
}

/** Knows in which file of the firmware each name is defined. The compiler keeps the names, not the places. */
class Modules implements ModuleFinder {
  private readonly files = new Map<string, string>();
  private readonly natives: ReadonlySet<string>;
  /** Where applications are in flash. */
  private readonly applications: number;

  constructor({ board }: BenchImages, parts: readonly Part[]) {
    for (const pattern of DEFINITIONS) {
      for (const { file, code } of parts) {
        for (const [, name] of code.matchAll(pattern)) {
          if (!this.files.has(name!)) this.files.set(name!, displayPath(file));
        }
      }
    }
    const table = readFileSync(join(root, "firmware/native/native_table.h"), "utf8");
    this.natives = new Set([...table.matchAll(/NATIVE\((\w+),/g)].map(([, name]) => name!));
    const { memory } = JSON.parse(readFileSync(join(board.folder, "board.json"), "utf8")) as {
      memory: readonly { readonly use: string; readonly address: string }[];
    };
    this.applications = Number(memory.find(({ use }) => use === "application")?.address);
  }

  moduleOf(kind: string, name: string, address: number): string {
    if (kind === "none") return "C around JavaScript: loop, line, promise jobs";
    if (kind === "interrupt") return "receive interrupts";
    if (kind === "collector") return "garbage collection";
    const [owner, method] = name.includes(".")
      ? [name.split(".")[0]!, name.split(".").at(-1)!]
      : [name, name];
    if (kind === "c") return this.natives.has(method) ? "natives" : "the engine's functions";
    if (address >= this.applications) return "application";
    const file = this.files.get(owner) ?? this.files.get(method);
    return file === undefined ? "functions without a name" : dirname(file);
  }
}

/** Classes first: their names are the surest. */
const DEFINITIONS: readonly RegExp[] = [
  /\bclass (\w+)/g,
  /\bfunction\*? (\w+)/g,
  /\b(?:const|let) (\w+) = (?:async )?\(?[\w, ]*\)? =>/g,
  /\b(\w+): (?:async )?(?:\([^()]*\)|\w+) =>/g,
  /^\s+(?:async |get |set )?(\w+)\([^()]*\) \{/gm,
];

const MOST = 12;

/** The profiles as Markdown. */
export function profileText(profiles: readonly FigureProfile[]): string {
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(0)} %`;
  return profiles
    .map(({ figure, instructions, modules, functions }) =>
      [
        `### ${figure}: ${instructions} instructions with the probes`,
        "",
        "| module | instructions | share |",
        "|---|--:|--:|",
        ...modules.map(([module, count]) => `| ${module} | ${count} | ${percent(count, instructions)} |`),
        "",
        "| function | module | calls | instructions |",
        "|---|---|--:|--:|",
        ...functions
          .slice(0, MOST)
          .map(
            (each) => `| \`${each.name}\` | ${each.module} | ${count(each.calls)} | ${each.instructions} |`,
          ),
        "",
      ].join("\n"),
    )
    .join("\n");
}

const count = (calls: number): string => (Number.isInteger(calls) ? String(calls) : calls.toFixed(2));
