/** The command line `obscura`. */
import { Command, CommanderError, Option } from "commander";
import { listExamples } from "../build/application.ts";
import { listBoards } from "../build/boards.ts";
import { build } from "../build/build.ts";
import { ToolError, UsageError } from "../events.ts";
import { displayPath } from "../paths.ts";
import { runSession } from "../session/session.ts";
import { exitStatus, perform, tellFailure } from "./perform.ts";
import { jsonRenderer, type Renderer, textRenderer } from "./render.ts";

/** The application that `npm start` shows. */
const defaultApplication = "environment-sensor";

const rendererFor = (options: { json?: boolean }): Renderer =>
  options.json ? jsonRenderer(process.stdout) : textRenderer(process.stdout);

const boardOption = () =>
  new Option("-b, --board <board>", `one of: ${listBoards().join(", ")}`)
    .default("host")
    .argParser((board) => {
      if (listBoards().includes(board)) return board;
      throw new UsageError(`There is no board "${board}". Boards: ${listBoards().join(", ")}.`);
    });

const jsonOption = () => new Option("--json", "print events as JSON, one a line");

/** The whole program. `abort` ends what is running. */
function createProgram(abort: AbortSignal): Command {
  const program = new Command("obscura")
    .description("Builds camera applications and runs them")
    .showHelpAfterError("(--help lists what there is)")
    .configureOutput({ writeErr: () => {} })
    .exitOverride();

  program
    .command("build")
    .description("build an application and the firmware that it runs on")
    .argument("<application>", `folder with a main.ts, or one of the examples: ${listExamples().join(", ")}`)
    .addOption(boardOption())
    .addOption(jsonOption())
    .action(async (application: string, options: { board: string; json?: boolean }) => {
      const render = rendererFor(options);
      const built = await perform(build({ application, board: options.board }), render);
      render({ type: "info", message: `image:       ${displayPath(built.image)}` });
      render({ type: "info", message: `application: ${displayPath(built.application)}` });
    });

  program
    .command("run")
    .description("build an application, start it on a board, and show a central that uses it")
    .argument("[application]", `as for build`, defaultApplication)
    .addOption(boardOption())
    .addOption(new Option("--btsnoop <file>", "record what passes between camera and controller"))
    .addOption(jsonOption())
    .action(async (application: string, options: { board: string; json?: boolean; btsnoop?: string }) => {
      const { board, btsnoop } = options;
      const session = runSession({
        application,
        board,
        signal: abort,
        ...(btsnoop === undefined ? {} : { btsnoop }),
      });
      await perform(session, rendererFor(options));
    });

  return program;
}

/** What an unknown option or command makes commander say, with what there is instead. */
function usageSentence(error: CommanderError, program: Command, args: readonly string[]): string {
  const said = error.message.replace(/^error: /, "");
  const named = program.commands.find((command) => command.name() === args[0]);
  if (error.code === "commander.unknownOption") {
    const flags = (named ?? program).options.map((option) => option.long).join(", ");
    return `${said}. Options: ${flags}, --help.`;
  }
  if (error.code === "commander.unknownCommand") {
    return `${said}. Commands: ${program.commands.map((command) => command.name()).join(", ")}.`;
  }
  return said;
}

/**
 * Runs a command line; returns the exit status: 0, 1 for a failure, 2 for a mistake on the command line, 130 after
 * Ctrl-C.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new ToolError("interrupted"));
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, interrupt);
  // Whoever read our output has gone: `obscura run --json | head`.
  process.stdout.on("error", interrupt);
  const program = createProgram(interruption.signal);
  try {
    if (args.length === 0) {
      process.stderr.write(program.helpInformation());
      return exitStatus.usage;
    }
    await program.parseAsync(args, { from: "user" });
    return exitStatus.success;
  } catch (error) {
    if (interruption.signal.aborted) return exitStatus.interrupted;
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitStatus.success;
      process.stderr.write(`obscura: ${usageSentence(error, program, args)}\n`);
      return exitStatus.usage;
    }
    return tellFailure(error);
  } finally {
    for (const name of signals) process.off(name, interrupt);
  }
}
