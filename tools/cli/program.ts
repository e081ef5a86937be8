/** The command line `obscura`. */
import { mkdirSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { findApplication, listExamples } from "../build/application.ts";
import { listBoards, loadBoard } from "../build/boards.ts";
import { build } from "../build/build.ts";
import { parseHci } from "../camera/command.ts";
import { runDoctor } from "../doctor/command.mjs";
import { energyReport, listProfiles, SETTINGS, type Setting } from "../energy/command.ts";
import { ToolError, UsageError } from "../events.ts";
import { initialise } from "../init/init.ts";
import { isPackage, version } from "../installation.mjs";
import { describePatch, placePatch } from "../patch/patch.ts";
import { buildRoot, displayPath } from "../paths.ts";
import { runPhone } from "../phone/command.ts";
import { runScenario, scenarioOf } from "../scenario/run.ts";
import { parseRadio, type RadioChoice, radios } from "../session/radios/radio.ts";
import { runSession } from "../session/session.ts";
import { piecesFor, SetupError, setUp, verbPieces } from "../setup.mjs";
import { traceLog } from "../trace/command.ts";
import { deploy, TRIAL_SECONDS } from "../update/deploy.ts";
import {
  type Algorithm,
  algorithms,
  developmentKeyFile,
  generateKey,
  isDevelopmentKey,
  readPublicKey,
} from "../update/keys.ts";
import { logs } from "../update/logs.ts";
import { revokeKey } from "../update/revoke.ts";
import { describeBundle, signApplication } from "../update/sign.ts";
import { watchAndDeploy } from "../update/watch.ts";
import { Interruption } from "./interruption.ts";
import { exitStatus, perform, reportFailure } from "./perform.ts";
import { jsonRenderer, type Renderer, textRenderer } from "./render.ts";
import { exitStatusHelp, manifestOption, optionsOf, saidOf } from "./verb.ts";

/** The application that `npm start` shows. */
const defaultApplication = "environment-sensor";

const boardOption = () =>
  new Option("-b, --board <board>", `one of: ${listBoards().join(", ")}`)
    .default("host")
    .argParser((board) => {
      if (listBoards().includes(board)) return board;
      throw new UsageError(`There is no board "${board}". Boards: ${listBoards().join(", ")}.`);
    });

const jsonOption = () => new Option("--json", "print events as JSON, one a line");

const airOption = () =>
  new Option(
    "-r, --radio <controller>",
    "a controller for this computer: what `obscura run --no-phone` prints, or tcp:, unix:, serial:, usb:, hci-socket:",
  ).makeOptionMandatory();

const cameraOption = () =>
  new Option("-c, --camera <camera>", "its name or address; the only one that is there without it");

/** @throws UsageError for a radio that is not one of this computer's. */
function airOf(named: string): RadioChoice {
  const radio = parseRadio(named);
  if (radio.kind === "controller" || radio.kind === "bridge") return radio;
  throw new UsageError(
    `--radio ${named} is for run: give the address that run --no-phone prints, or a dongle.`,
  );
}

/** @throws UsageError for what is no time. */
function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 3600) return value;
  throw new UsageError(`--trial ${text} is not a number of seconds from 0 to 3600.`);
}

const radioOption = () =>
  new Option("-r, --radio <radio>", `one of: ${Object.keys(radios).join(", ")}`).default("sim");

/** Installs what is missing, as far as it can. */
async function prepare(pieces: readonly string[]): Promise<void> {
  try {
    mkdirSync(buildRoot, { recursive: true });
  } catch (error) {
    throw new ToolError(`Nothing can be built here: ${(error as Error).message}`);
  }
  try {
    await setUp(pieces);
  } catch (error) {
    if (error instanceof SetupError) throw new ToolError(error.message.replace(/^set-up: /, ""));
    throw error;
  }
}

interface BuildOptions {
  readonly board: string;
  readonly manifest: string;
  readonly json?: boolean;
}

interface BuildCommandOptions extends BuildOptions {
  readonly trust?: readonly string[];
  readonly root?: string;
  readonly release?: boolean;
  readonly patch?: string;
}

interface RunOptions extends BuildOptions {
  readonly radio: string;
  readonly phone: boolean;
  readonly keepGoing?: boolean;
  readonly script?: string;
  readonly patch?: string;
  readonly btsnoop?: string;
}

interface EnergyCommandOptions {
  readonly profile: string[];
  readonly days: number;
  readonly setting: Setting[];
  readonly against?: Setting[] | true;
  readonly phone?: string | true;
  readonly html?: string;
  readonly json?: boolean;
}

interface SignCommandOptions extends BuildOptions {
  readonly key: string;
  readonly appVersion?: string;
  readonly counter?: number;
  readonly output?: string;
  readonly unsigned?: boolean;
}

interface DeployCommandOptions extends Omit<SignCommandOptions, "output" | "unsigned"> {
  readonly radio: string;
  readonly camera?: string;
  readonly trial: number;
  readonly confirm: boolean;
  readonly watch?: boolean;
}

interface LogsCommandOptions {
  readonly radio: string;
  readonly camera?: string;
  readonly maps?: readonly string[];
  readonly once?: boolean;
  readonly json?: boolean;
}

/** What a command line shares with its commands. */
interface Context {
  /** Ends what is running. */
  readonly abort: AbortSignal;
  /** Takes the exit status of a command that ends without an error. */
  end(status: number): void;
}

/** The whole program. */
function createProgram({ abort, end }: Context): Command {
  const program = new Command("obscura")
    .description("Builds camera applications and runs them.")
    .version(version)
    .showHelpAfterError("(--help lists what there is)")
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText("after", exitStatusHelp);

  const rendererFor = (options: { json?: boolean }): Renderer => {
    const render = options.json ? jsonRenderer(process.stdout) : textRenderer(process.stdout);
    // What fails after Ctrl-C fails because of it.
    return (event) => {
      if (!abort.aborted) render(event);
    };
  };

  const command = (name: string, description: string): Command =>
    program.command(name).description(description).addHelpText("after", exitStatusHelp);

  command("build", "build an application and the firmware that it runs on")
    .argument("<application>", `folder with a main.ts, or one of the examples: ${listExamples().join(", ")}`)
    .addOption(boardOption())
    .addOption(manifestOption())
    .option("--trust <key...>", "public keys whose bundles the image runs; the development key without any")
    .option("--root <key>", "public key whose only use is to revoke those of --trust (obscura revoke)")
    .option("--release", "refuse an image that trusts the development key, which everybody has")
    .option(
      "--patch <file>",
      "check the patch of the board's controller too (an HCD file), and say where it goes",
    )
    .addOption(jsonOption())
    .action(async (application: string, options: BuildCommandOptions) => {
      const { board, manifest, trust = [], root, release = false } = options;
      findApplication(application);
      const patch =
        options.patch === undefined ? undefined : placePatch(loadBoard(board, manifest), options.patch);
      await prepare(piecesFor(board));
      const render = rendererFor(options);
      const built = await perform(build({ application, board, manifest, trust, root, release }), render);
      render({ type: "info", message: `image:       ${displayPath(built.image)}` });
      const runs = trust.length === 0 || trust.map(readPublicKey).some(isDevelopmentKey);
      const file = displayPath(runs ? built.application : built.bytecode);
      const hint = runs ? "" : ", to be signed by obscura sign";
      render({ type: "info", message: `application: ${file}${hint}` });
      if (patch) {
        const { address, bytes, file, records } = patch;
        const message = `patch:       ${displayPath(file)}, ${records} records, ${bytes} bytes, for ${address}`;
        render({ type: "info", message });
      }
    });

  command("run", "build an application, start it on a board, and show a phone that connects to it")
    .argument("[application]", `as for build`, defaultApplication)
    .addOption(boardOption())
    .addOption(manifestOption())
    .addOption(radioOption())
    .option("--no-phone", "leave the camera alone, until Ctrl-C")
    .option(
      "--script <file>",
      "what the phone does, one step a line (docs/phone.md); phone.txt of the application",
    )
    .option("--patch <file>", "patch of the chip with --radio sim:cyw43 (an HCD file); one that is made up")
    .option("--keep-going", "go on when the camera fails, which then starts again as it does in the field")
    .option("--btsnoop <file>", "record what passes between camera and controller, for Wireshark")
    .addOption(jsonOption())
    .addHelpText("after", radioHelp)
    .action(async (application: string, options: RunOptions) => {
      const { board, btsnoop, manifest } = options;
      const radio = parseRadio(options.radio);
      if (options.patch !== undefined && !(radio.kind === "sim" && radio.chip)) {
        throw new UsageError("--patch is for a chip that has to be brought up: give --radio sim:cyw43 too.");
      }
      const scenario = scenarioOf(application);
      const isPlayed =
        scenario !== undefined && radio.kind === "sim" && !radio.chip && options.phone && !options.script;
      if (isPlayed && (btsnoop !== undefined || options.keepGoing))
        throw new UsageError("--btsnoop and --keep-going are for one camera: add --no-phone.");
      await prepare(piecesFor(board, radio.kind));
      if (isPlayed) {
        await perform(runScenario({ application, board, manifest, signal: abort }), rendererFor(options));
        return;
      }
      const session = runSession({
        ...{ application, board, manifest, radio, central: options.phone, signal: abort },
        ...(options.script === undefined ? {} : { script: options.script }),
        ...(options.patch === undefined ? {} : { patch: options.patch }),
        ...(options.keepGoing === undefined ? {} : { keepGoing: options.keepGoing }),
        ...(btsnoop === undefined ? {} : { btsnoop }),
      });
      await perform(session, rendererFor(options));
    });

  // They serve those who change the stack, and are not in the package.
  for (const [verb, description] of isPackage
    ? []
    : ([
        ["size", "flash, RAM and bytecode by module"],
        ["bench", "instructions, memory and size"],
        ["soak", "centrals that vanish or are hostile, round by round"],
      ] as const)) {
    program
      .command(verb)
      .description(`${description}; the same as npm run -s ${verb} --`)
      .argument("[arguments...]")
      // The verb has options of its own, and a help that shows them.
      .helpOption(false)
      .allowUnknownOption()
      // The verb itself knows its options.
      .helpOption(false)
      .action(async (args: string[]) => {
        const asksForHelp = args.some((arg) => arg === "--help" || arg === "-h");
        if (!asksForHelp) await prepare(verbPieces[verb] ?? []);
        const { run } = (await import(`../verbs/${verb}.ts`)) as { run(args: string[]): Promise<number> };
        end(await run(asksForHelp ? ["--help"] : args));
        if (asksForHelp) process.stdout.write(`${exitStatusHelp}\n`);
      });
  }

  command("doctor", "list what is installed, what is missing, and how to get it")
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => end(await runDoctor(options.json ? ["--json"] : [])));

  command("phone", "a virtual phone that does what you type, near a camera that runs with --no-phone")
    .argument(
      "<controller>",
      "what `obscura run --no-phone` names for a host of yours: tcp:HOST:PORT or unix:PATH",
    )
    .addOption(jsonOption())
    .action(async (hci: string, options: { json?: boolean }) => {
      try {
        parseHci(hci);
      } catch (error) {
        throw new UsageError((error as Error).message);
      }
      const typed = process.stdin.isTTY && process.stdout.isTTY && !options.json;
      const prompt = typed ? { prompt: () => void process.stdout.write("> ") } : {};
      await perform(runPhone({ hci, input: process.stdin, signal: abort, ...prompt }), rendererFor(options));
    });

  command("trace", "translate the stacks in a camera's log to files, lines and columns of TypeScript")
    .argument("[log]", "a file with the log; standard input without one")
    .option("-m, --maps <folder...>", "folders with the .map files of builds that were made elsewhere")
    .addOption(jsonOption())
    .action(async (file: string | undefined, options: { maps?: string[]; json?: boolean }) => {
      const { maps = [] } = options;
      await perform(traceLog({ maps, ...(file === undefined ? {} : { file }) }), rendererFor(options));
    });

  command("patch", "check the patch of a Bluetooth controller, and describe it")
    .argument("<file>", "an HCD file, from the vendor of the module")
    .addOption(jsonOption())
    .action(async (file: string, options: { json?: boolean }) => {
      await perform(describePatch(file), rendererFor(options));
    });

  command("energy", "play an application for days in virtual time, and say what its battery gives")
    .argument("[applications...]", "one application, or two that are compared; as for build", [
      "battery-sensor",
    ])
    .option(
      "-p, --profile <names...>",
      `board, one or one for each side: ${listProfiles().join(", ")}, or a file`,
      ["openmv-ae3"],
    )
    .option("-d, --days <number>", "how long", Number, 1)
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
          signal: abort,
        },
        ...(against === undefined ? {} : { against: against === true ? [] : against }),
        ...(phone === undefined ? {} : { phone }),
        ...(html === undefined ? {} : { html }),
      });
      await perform(operation, rendererFor(options));
    });

  command("keygen", "make a key that signs bundles")
    .argument("<file>", "where the private key goes, as FILE.pem; the public one goes to FILE.pub.pem")
    .addOption(
      new Option("-t, --type <type>", "kind of signature").choices(algorithms).default(algorithms[0]),
    )
    .addOption(jsonOption())
    .action(async (file: string, options: { type: Algorithm; json?: boolean }) => {
      await perform(generateKey(file, options.type), rendererFor(options));
    });

  command("revoke", "make a file that tells cameras to trust a key no more; clients of MCUmgr upload it")
    .argument("<key>", "the public key to revoke")
    .requiredOption(
      "-k, --key <file>",
      "private root key, whose public one the images were built with (--root)",
    )
    .option("-o, --output <file>", "the file to write", "revocation.bin")
    .addOption(jsonOption())
    .action(async (revoked: string, options: { key: string; output: string; json?: boolean }) => {
      await perform(revokeKey(revoked, options), rendererFor(options));
    });

  command("sign", "build an application and sign it, as a file that clients of MCUmgr upload")
    .argument("<application>", "as for build, or an .xsb file that build has made")
    .addOption(boardOption())
    .addOption(manifestOption())
    .option("-k, --key <file>", "private key; the development key without one", developmentKeyFile)
    .option("--app-version <version>", "MAJOR.MINOR.REVISION+BUILD; that of the application's package.json")
    .option(
      "--counter <number>",
      "security counter, which a camera never lets fall; obscura.counter of package.json",
      Number,
    )
    .option("-o, --output <file>", "what to write; by default beside the bytecode")
    .option("--unsigned", "write what is to be signed, for imgtool or another signer")
    .addOption(jsonOption())
    .action(async (application: string, options: SignCommandOptions) => {
      const { appVersion: version, json: _, ...rest } = options;
      if (!application.endsWith(".xsb")) {
        findApplication(application);
        await prepare(piecesFor(options.board));
      }
      const signing = { application, ...rest, ...(version === undefined ? {} : { version }) };
      await perform(signApplication(signing), rendererFor(options));
    });

  command(
    "deploy",
    "build an application, sign it, and bring it to a camera over the air: upload, trial, confirmation",
  )
    .argument("<application>", "as for build, or an .xsb file that build has made")
    .addOption(boardOption())
    .addOption(manifestOption())
    .addOption(airOption())
    .addOption(cameraOption())
    .option("-k, --key <file>", "private key; the development key without one", developmentKeyFile)
    .option("--app-version <version>", "as for sign")
    .option("--counter <number>", "as for sign", Number)
    .option("--trial <seconds>", "how long it has to run before it is confirmed", seconds, TRIAL_SECONDS)
    .option("--no-confirm", "leave it on trial: the camera goes back at its next reset")
    .option("--watch", "deploy at each change of the application's files, until Ctrl-C")
    .addOption(jsonOption())
    .action(async (application: string, options: DeployCommandOptions) => {
      const { appVersion: version, json: _, radio: named, trial: trialSeconds, watch, ...rest } = options;
      const radio = airOf(named);
      if (!application.endsWith(".xsb")) findApplication(application);
      await prepare(piecesFor(options.board, radio.kind));
      const deployment = {
        ...{ application, radio, trialSeconds, signal: abort, ...rest },
        ...(version === undefined ? {} : { version }),
      };
      await perform(watch ? watchAndDeploy(deployment) : deploy(deployment), rendererFor(options));
    });

  command("logs", "show a camera's console over the air, stacks in TypeScript")
    .addOption(airOption())
    .addOption(cameraOption())
    .option("-m, --maps <folder...>", "folders with the .map files of builds that were made elsewhere")
    .option("--once", "show what the camera has kept, and end")
    .addOption(jsonOption())
    .action(async (options: LogsCommandOptions) => {
      const { camera, maps = [], once = false } = options;
      const radio = airOf(options.radio);
      const following = { radio, maps, once, signal: abort, ...(camera === undefined ? {} : { camera }) };
      await perform(logs(following), rendererFor(options));
    });

  command("bundle", "check a signed bundle, and describe it")
    .argument("<file>", "a file that sign, or imgtool, has made")
    .option(
      "-k, --key <file...>",
      "public keys, one of which must have signed it; the development key without any",
      [developmentKeyFile],
    )
    .addOption(jsonOption())
    .action(async (file: string, options: { key: string[]; json?: boolean }) => {
      await perform(describeBundle(file, options.key), rendererFor(options));
    });

  command("init", "make a folder with a new application")
    .argument("<folder>", "a new folder, or one that is empty")
    .addOption(jsonOption())
    .action(async (folder: string, options: { json?: boolean }) => {
      await perform(initialise(folder), rendererFor(options));
    });

  return program;
}

const radioHelp = `
Radios:
${Object.entries(radios)
  .map(([name, title]) => `  ${name.padEnd(32)} ${title}`)
  .join("\n")}`;

/** What an unknown option or command makes commander say, with what there is instead. */
function usageSentence(error: CommanderError, program: Command, args: readonly string[]): string {
  const said = saidOf(error);
  const named = program.commands.find((command) => command.name() === args[0]);
  if (error.code === "commander.unknownOption") return `${said}. ${optionsOf(named ?? program)}`;
  if (error.code === "commander.unknownCommand") {
    return `${said}. Commands: ${program.commands.map((command) => command.name()).join(", ")}.`;
  }
  return `${said}.`;
}

/**
 * Runs a command line; returns the exit status: 0, 1 for a failure, 2 for a mistake on the command line, 130 after
 * Ctrl-C, 143 after SIGTERM.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const interruption = new Interruption(new ToolError("interrupted"));
  // Whoever read our output has gone: `obscura run --json | head`.
  process.stdout.on("error", interruption.interrupt);
  let status: number = exitStatus.success;
  const program = createProgram({
    abort: interruption.signal,
    end: (code) => {
      status = code;
    },
  });
  try {
    if (args.length === 0) {
      process.stderr.write(program.helpInformation());
      return exitStatus.usage;
    }
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (await interruption.happened()) return interruption.status;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitStatus.success;
      process.stderr.write(`obscura: ${usageSentence(error, program, args)}\n`);
      return exitStatus.usage;
    }
    return reportFailure(error);
  } finally {
    interruption.release();
  }
}
