/** `obscura size`, `obscura bench` and `obscura soak`: npm's scripts, for a clone. */
import { isPackage } from "../../installation.mjs";
import { verbPieces } from "../../setup.mjs";
import { type CommandLine, prepare } from "../command-line.ts";
import { exitStatusHelp } from "../verb.ts";

/** Adds `scripts`. */
export function addScripts(cli: CommandLine): void {
  // They serve those who change the stack, and are not in the package.
  for (const [verb, description] of isPackage
    ? []
    : ([
        ["size", "flash, RAM and bytecode by module"],
        ["bench", "instructions, memory and size"],
        ["soak", "centrals that vanish or are hostile, round by round"],
      ] as const)) {
    cli
      .foreignCommand(verb, `${description}; the same as npm run -s ${verb} --`)
      .argument("[arguments...]")
      .action(async (args: string[]) => {
        const asksForHelp = args.some((arg) => arg === "--help" || arg === "-h");
        if (!asksForHelp) await prepare(verbPieces[verb] ?? []);
        const { run } = (await import(`../../verbs/${verb}.ts`)) as { run(args: string[]): Promise<number> };
        cli.end(await run(asksForHelp ? ["--help"] : args));
        if (asksForHelp) process.stdout.write(`${exitStatusHelp}\n`);
      });
  }
}
