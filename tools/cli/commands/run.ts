/** `obscura run`. */
import { Option } from "commander";
import { UsageError } from "../../events.ts";
import { readPatch } from "../../patch/patch.ts";
import { runScenario, scenarioOf } from "../../scenario/run.ts";
import { parseRadio, radios } from "../../session/radios/radio.ts";
import { checkRecording } from "../../session/recorder.ts";
import { runSession } from "../../session/session.ts";
import { piecesFor } from "../../setup.mjs";
import { type CommandLine, prepare } from "../command-line.ts";
import { type BuildOptions, boardOption, jsonOption } from "../options.ts";
import { perform } from "../perform.ts";
import { manifestOption } from "../verb.ts";

/** The application that `npm start` shows. */
const defaultApplication = "environment-sensor";

const radioOption = () =>
  new Option("-r, --radio <radio>", `one of: ${Object.keys(radios).join(", ")}`).default("sim");

interface RunOptions extends BuildOptions {
  readonly radio: string;
  readonly phone: boolean;
  readonly keepGoing?: boolean;
  readonly script?: string;
  readonly patch?: string;
  readonly btsnoop?: string;
}

const radioHelp = `
Radios:
${Object.entries(radios)
  .map(([name, title]) => `  ${name.padEnd(32)} ${title}`)
  .join("\n")}`;

/** For who chose a radio that an application's scenario cannot be played with. */
const scenarioHint = (application: string, radio: string): string =>
  `${application} has a scenario with other cameras or phones, which is played with --radio sim alone. With --radio ${radio} its camera runs without them.`;

/** Adds `run`. */
export function addRun(cli: CommandLine): void {
  cli
    .command("run", "build an application, start it on a board, and show a phone that connects to it")
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
      if (!options.phone && options.script !== undefined)
        throw new UsageError("--script is what the phone does: leave --no-phone out, or --script.");
      // Before a build that may take minutes.
      if (options.patch !== undefined) readPatch(options.patch);
      if (btsnoop !== undefined) checkRecording(btsnoop);
      const scenario = scenarioOf(application);
      const isPlayed =
        scenario !== undefined && radio.kind === "sim" && !radio.chip && options.phone && !options.script;
      if (isPlayed && (btsnoop !== undefined || options.keepGoing))
        throw new UsageError("--btsnoop and --keep-going are for one camera: add --no-phone.");
      if (scenario !== undefined && !isPlayed && options.phone && !options.script)
        cli.rendererFor(options)({ type: "warning", message: scenarioHint(application, options.radio) });
      await prepare(piecesFor(board, radio.kind));
      if (isPlayed) {
        await perform(
          runScenario({ application, board, manifest, signal: cli.abort }),
          cli.rendererFor(options),
        );
        return;
      }
      const session = runSession({
        ...{ application, board, manifest, radio, central: options.phone, signal: cli.abort },
        ...(options.script === undefined ? {} : { script: options.script }),
        ...(options.patch === undefined ? {} : { patch: options.patch }),
        ...(options.keepGoing === undefined ? {} : { keepGoing: options.keepGoing }),
        ...(btsnoop === undefined ? {} : { btsnoop }),
      });
      await perform(session, cli.rendererFor(options));
    });
}
