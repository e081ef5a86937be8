/** `obscura energy`: plays deployments and reports what they take. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Profile, readProfile } from "../../simulator/energy/profile.ts";
import { findApplication } from "../build/application.ts";
import { type Operation, step, ToolError, UsageError } from "../events.ts";
import { readInput, readInputIfThere, TEXT_BYTES_MAX } from "../input-file.ts";
import { checkOutput } from "../output-file.ts";
import { displayPath, root } from "../paths.ts";
import { whyNot, writeWhole } from "../whole-file.ts";
import { deployApart } from "./apart.ts";
import type { EnergyReport } from "./deployment.ts";
import type { ProcessorFigures } from "./metered-camera.ts";
import { energyPage, energyText, PAGE_BEGINNING } from "./report.ts";

/** What `--setting` knows. */
export const SETTINGS = ["sequential-start", "clocks-on"] as const;
export type Setting = (typeof SETTINGS)[number];

/** What `energyReport` takes. */
export interface EnergyOptions {
  /** One application, or two that are compared. */
  readonly applications: readonly string[];
  /** One profile, or one for each side. */
  readonly profiles: readonly string[];
  readonly days: number;
  /** Settings of the first side. */
  readonly settings: readonly Setting[];
  /** Settings of the second side, which is the same application where there is one. */
  readonly against?: readonly Setting[];
  /** A phone does this again and again: a file, or `phone.txt` of the application with true. */
  readonly phone?: string | true;
  /** A file for the page. */
  readonly html?: string;
  readonly signal?: AbortSignal;
}

const profilesRoot = join(root, "simulator/energy");

/** Names of the profiles that come with the tools. */
export const listProfiles = (): string[] =>
  readdirSync(profilesRoot)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();

/** @param which the name of a profile, or the path of a file. @throws UsageError, ToolError */
export function loadProfile(which: string): Profile {
  const file = which.endsWith(".json") ? which : join(profilesRoot, `${which}.json`);
  const content = readInputIfThere(file, { what: "profile", bytesMax: TEXT_BYTES_MAX });
  if (!content) {
    throw new UsageError(
      `There is no profile "${which}". Give the path of a JSON file, or one of: ${listProfiles().join(", ")}.`,
    );
  }
  try {
    return readProfile(which, JSON.parse(content.toString("utf8")));
  } catch (error) {
    throw new ToolError(`${displayPath(file)}: ${(error as Error).message}`);
  }
}

/** The benchmark's figures of the emulated Cortex-M7. */
export function processorFigures(): ProcessorFigures {
  const file = join(root, "tools/bench/baseline.json");
  const baseline = JSON.parse(readFileSync(file, "utf8")) as Record<string, ProcessorFigures>;
  return baseline["mps2-an500"]!;
}

function scriptOf(application: string, phone: string | true | undefined): string | undefined {
  if (phone === undefined) return undefined;
  const file = phone === true ? join(dirname(findApplication(application).entry), "phone.txt") : phone;
  return readInput(file, { what: "script", bytesMax: TEXT_BYTES_MAX }).toString("utf8");
}

/** The most that is played. */
export const DAYS_MAX = 366;

/** Whether so many days can be played. */
export const isPlayable = (days: number): boolean => days > 0 && days <= DAYS_MAX;

/**
 * Plays one deployment, or two.
 * @throws UsageError for a number of days out of range, and for applications, profiles and scripts that are not there
 */
export async function* energyReport(options: EnergyOptions): Operation<EnergyReport[]> {
  const { applications, against, days, html, phone, settings, signal } = options;
  if (!isPlayable(days)) throw new UsageError(`${days} days cannot be played: at most ${DAYS_MAX}.`);
  if (html !== undefined) checkOutput(html, PAGE_BEGINNING);
  const [first, second = first] = applications as [string, string?];
  const sides = [{ application: first, chosen: settings, at: 0 }];
  if (applications.length > 1 || against !== undefined || options.profiles.length > 1) {
    sides.push({ application: second, chosen: against ?? settings, at: 1 });
  }
  const processor = processorFigures();
  // Before the first side has been played for minutes.
  for (const { application } of sides) findApplication(application);
  const chosen = sides.map((side) => ({
    ...side,
    profile: loadProfile(options.profiles[side.at] ?? options.profiles[0]!),
    script: scriptOf(side.application, phone),
  }));
  const reports: EnergyReport[] = [];
  for (const { application, chosen: wanted, profile, script } of chosen) {
    const title = `${days} days of ${application} on ${profile.name}`;
    reports.push(
      yield* step(`energy-${reports.length}`, title, async () => ({
        value: await deployApart({
          ...{ application, profile, days, processor },
          earlyRadio: !wanted.includes("sequential-start"),
          lightSleep: !wanted.includes("clocks-on"),
          ...(script === undefined ? {} : { script }),
          ...(signal === undefined ? {} : { signal }),
        }),
      })),
    );
  }
  yield { type: "energy", reports };
  for (const text of energyText(reports)) yield { type: "text", text };
  if (html !== undefined) {
    try {
      writeWhole(html, energyPage(reports));
    } catch (error) {
      throw new ToolError(`The page cannot be written: ${whyNot(error)}`);
    }
    yield { type: "info", message: `Page: ${displayPath(html)}` };
  }
  return reports;
}
