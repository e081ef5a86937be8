/** The command line `obscura`: its commands are in the folder commands. */
import { Command, CommanderError } from "commander";
import { InterruptedError, ToolError } from "../events.ts";
import { version } from "../installation.mjs";
import type { CommandLine } from "./command-line.ts";
import { addBuild } from "./commands/build.ts";
import { addDeploy } from "./commands/deploy.ts";
import { addEnergy } from "./commands/energy.ts";
import { addInit } from "./commands/init.ts";
import { addDoctor, addPatch, addTrace } from "./commands/inspect.ts";
import { addKeygen, addRevoke } from "./commands/keys.ts";
import { addLogs } from "./commands/logs.ts";
import { addPhone } from "./commands/phone.ts";
import { addRun } from "./commands/run.ts";
import { addScripts } from "./commands/scripts.ts";
import { addBundle, addSign } from "./commands/sign.ts";
import { Interruption } from "./interruption.ts";
import { exitStatus, reportFailure } from "./perform.ts";
import { jsonRenderer, textRenderer } from "./render.ts";
import { exitStatusHelp, optionsOf, saidOf } from "./verb.ts";

/** In the order of the help. */
const commands: readonly ((cli: CommandLine) => void)[] = [
  addBuild,
  addRun,
  addScripts,
  addDoctor,
  addPhone,
  addTrace,
  addPatch,
  addEnergy,
  addKeygen,
  addRevoke,
  addSign,
  addDeploy,
  addLogs,
  addBundle,
  addInit,
];

/** The whole program. */
function createProgram({ abort, end }: Pick<CommandLine, "abort" | "end">): Command {
  const program = new Command("obscura")
    .description("Builds camera applications and runs them.")
    .version(version)
    .showHelpAfterError("(--help lists what there is)")
    .configureOutput({ writeErr: () => {} })
    .exitOverride()
    .addHelpText("after", exitStatusHelp);

  const cli: CommandLine = {
    abort,
    end,
    command: (name, description) =>
      program.command(name).description(description).addHelpText("after", exitStatusHelp),
    foreignCommand: (name, description) =>
      program.command(name).description(description).helpOption(false).allowUnknownOption(),
    rendererFor(options) {
      const render = options.json ? jsonRenderer(process.stdout) : textRenderer(process.stdout, abort);
      // What fails after Ctrl-C fails because of it.
      return (event) => {
        if (!abort.aborted) render(event);
      };
    },
  };
  for (const add of commands) add(cli);
  return program;
}

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
 * Ctrl-C, 143 after SIGTERM, also where that is how the command is meant to end, and where it was done by then.
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
    return await interruption.endWith(status);
  } catch (error) {
    if (await interruption.happened()) {
      if (error instanceof InterruptedError) process.stderr.write(`obscura: ${error.message}\n`);
      return interruption.status;
    }
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
