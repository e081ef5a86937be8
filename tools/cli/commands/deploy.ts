/** `obscura deploy`. */
import type { Command } from "commander";
import { applicationKind, findApplication } from "../../build/application.ts";
import { UsageError } from "../../events.ts";
import { piecesFor } from "../../setup.mjs";
import { checkGiven, deploy, TRIAL_SECONDS, TRIAL_SECONDS_MAX } from "../../update/deploy.ts";
import { developmentKeyFile } from "../../update/keys.ts";
import { watchAndDeploy } from "../../update/watch.ts";
import { type CommandLine, prepare } from "../command-line.ts";
import { decimalNumber } from "../numbers.ts";
import {
  airOf,
  airOption,
  boardOption,
  cameraOption,
  jsonOption,
  optionsGiven,
  pairAnewOption,
} from "../options.ts";
import { perform } from "../perform.ts";
import { manifestOption } from "../verb.ts";
import { counterOption, type SignCommandOptions } from "./sign.ts";

interface DeployCommandOptions extends Omit<SignCommandOptions, "output" | "unsigned"> {
  readonly radio: string;
  readonly camera?: string;
  readonly trial: number;
  readonly confirm: boolean;
  readonly pairAnew?: boolean;
  readonly endTrial?: boolean;
  readonly watch?: boolean;
}

/** @throws UsageError for what is no time. */
function seconds(text: string): number {
  const value = decimalNumber(text);
  if (value !== undefined && value <= TRIAL_SECONDS_MAX) return value;
  throw new UsageError(
    `--trial is "${text}"; it is a number of seconds from 0 to ${TRIAL_SECONDS_MAX}, as long as a camera tries a version.`,
  );
}

/** Adds `deploy`. */
export function addDeploy(cli: CommandLine): void {
  cli
    .command(
      "deploy",
      "build an application, sign it, and bring it to a camera over the air: upload, trial, confirmation",
    )
    .argument("<application>", "as for build, an .xsb file of build's, or a .bin file of sign's or revoke's")
    .addOption(boardOption())
    .addOption(manifestOption())
    .addOption(airOption())
    .addOption(cameraOption())
    .addOption(pairAnewOption())
    .option("-k, --key <file>", "private key; the development key without one", developmentKeyFile)
    .option("--app-version <version>", "as for sign")
    .option("--counter <number>", "as for sign", counterOption)
    .option("--trial <seconds>", "how long it has to run before it is confirmed", seconds, TRIAL_SECONDS)
    .option("--no-confirm", "leave it on trial: the camera goes back at its next reset")
    .option("--end-trial", "reset the camera to end another version's trial first")
    .option("--watch", "deploy at each change of the application's files, until Ctrl-C")
    .addOption(jsonOption())
    .action(async (application: string, options: DeployCommandOptions, command: Command) => {
      checkGiven(application, optionsGiven(command));
      const { appVersion: version, json: _, radio: named, trial: trialSeconds, watch, ...rest } = options;
      const radio = airOf(named);
      if (applicationKind(application) === "source") findApplication(application);
      await prepare(piecesFor(options.board, radio.kind));
      const deployment = {
        ...{ application, radio, trialSeconds, signal: cli.abort, ...rest },
        ...(version === undefined ? {} : { version }),
      };
      await perform(watch ? watchAndDeploy(deployment) : deploy(deployment), cli.rendererFor(options));
    });
}
