/** `obscura energy`. */
import { Option } from "commander";
import {
  DAYS_MAX,
  energyReport,
  isPlayable,
  listProfiles,
  SETTINGS,
  type Setting,
} from "../../energy/command.ts";
import { UsageError } from "../../events.ts";
import type { CommandLine } from "../command-line.ts";
import { decimalNumber } from "../numbers.ts";
import { jsonOption } from "../options.ts";
import { perform } from "../perform.ts";

interface EnergyCommandOptions {
  readonly profile: string[];
  readonly days: number;
  readonly setting: Setting[];
  readonly against?: Setting[] | true;
  readonly phone?: string | true;
  readonly html?: string;
  readonly json?: boolean;
}

/** @throws UsageError for what is no number of days. */
function numberOfDays(text: string): number {
  const days = decimalNumber(text);
  if (days !== undefined && isPlayable(days)) return days;
  throw new UsageError(`--days is "${text}"; it is a number more than 0 and at most ${DAYS_MAX}.`);
}

/** Adds `energy`. */
export function addEnergy(cli: CommandLine): void {
  cli
    .command("energy", "play an application for days in virtual time, and say what its battery gives")
    .argument("[applications...]", "one application, or two that are compared; as for build", [
      "battery-sensor",
    ])
    .option(
      "-p, --profile <names...>",
      `board, one or one for each side: ${listProfiles().join(", ")}, or a file`,
      ["openmv-ae3"],
    )
    .option("-d, --days <number>", "how long", numberOfDays, 1)
    .addOption(new Option("--setting <names...>", "settings of the first side").choices(SETTINGS).default([]))
    .addOption(
      new Option(
        "--against [names...]",
        "settings of a second side; the firmware as it is without any",
      ).choices(SETTINGS),
    )
    .option(
      "--phone [file]",
      "a phone plays a script again and again; phone.txt of the application without a file",
    )
    .option("--html <file>", "write a page with the timeline of a wake, and the breakdown")
    .addOption(jsonOption())
    .action(async (applications: string[], options: EnergyCommandOptions) => {
      if (applications.length > 2 || options.profile.length > 2)
        throw new UsageError("Two sides at most can be compared.");
      const { against, html, phone } = options;
      const operation = energyReport({
        ...{
          applications,
          profiles: options.profile,
          days: options.days,
          settings: options.setting,
          signal: cli.abort,
        },
        ...(against === undefined ? {} : { against: against === true ? [] : against }),
        ...(phone === undefined ? {} : { phone }),
        ...(html === undefined ? {} : { html }),
      });
      await perform(operation, cli.rendererFor(options));
    });
}
