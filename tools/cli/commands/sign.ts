/** `obscura sign`, and `obscura bundle`, which describes what it makes. */
import type { Command } from "commander";
import { applicationKind, findApplication } from "../../build/application.ts";
import { UsageError } from "../../events.ts";
import { piecesFor } from "../../setup.mjs";
import { checkGiven } from "../../update/deploy.ts";
import { developmentKeyFile } from "../../update/keys.ts";
import { COUNTER_MAX, describeBundle, signApplication } from "../../update/sign.ts";
import { type CommandLine, prepare } from "../command-line.ts";
import { wholeNumber } from "../numbers.ts";
import { type BuildOptions, boardOption, jsonOption, optionsGiven } from "../options.ts";
import { perform } from "../perform.ts";
import { manifestOption } from "../verb.ts";

/** What `sign` takes. */
export interface SignCommandOptions extends BuildOptions {
  readonly key: string;
  readonly appVersion?: string;
  readonly counter?: number;
  readonly output?: string;
  readonly unsigned?: boolean;
}

/** `--counter`. @throws UsageError for what is no security counter */
export function counterOption(text: string): number {
  const counter = wholeNumber(text);
  if (counter !== undefined && counter <= COUNTER_MAX) return counter;
  throw new UsageError(
    `--counter is "${text}"; a security counter is a whole number from 0 to ${COUNTER_MAX}, in decimal digits.`,
  );
}

/** Adds `sign`. */
export function addSign(cli: CommandLine): void {
  cli
    .command("sign", "build an application and sign it, as a file that clients of MCUmgr upload")
    .argument("<application>", "as for build, or an .xsb file that build has made")
    .addOption(boardOption())
    .addOption(manifestOption())
    .option("-k, --key <file>", "private key; the development key without one", developmentKeyFile)
    .option("--app-version <version>", "MAJOR.MINOR.REVISION+BUILD; that of the application's package.json")
    .option(
      "--counter <number>",
      "security counter, which a camera never lets fall; obscura.counter of package.json",
      counterOption,
    )
    .option("-o, --output <file>", "what to write; by default beside the bytecode")
    .option("--unsigned", "write what is to be signed, for imgtool or another signer")
    .addOption(jsonOption())
    .action(async (application: string, options: SignCommandOptions, command: Command) => {
      if (applicationKind(application) === "bytecode") checkGiven(application, optionsGiven(command));
      const { appVersion: version, json: _, ...rest } = options;
      if (applicationKind(application) === "source") {
        findApplication(application);
        await prepare(piecesFor(options.board));
      }
      const signing = { application, ...rest, ...(version === undefined ? {} : { version }) };
      await perform(signApplication(signing), cli.rendererFor(options));
    });
}

/** Adds `bundle`. */
export function addBundle(cli: CommandLine): void {
  cli
    .command("bundle", "check a signed bundle, and describe it")
    .argument("<file>", "a file that sign, or imgtool, has made")
    .option(
      "-k, --key <file...>",
      "public keys, one of which must have signed it; the development key without any",
      [developmentKeyFile],
    )
    .addOption(jsonOption())
    .action(async (file: string, options: { key: string[]; json?: boolean }) => {
      await perform(describeBundle(file, options.key), cli.rendererFor(options));
    });
}
