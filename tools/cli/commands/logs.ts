/** `obscura logs`. */
import { logs } from "../../update/logs.ts";
import { type CommandLine, prepare } from "../command-line.ts";
import { airOf, airOption, cameraOption, jsonOption, pairAnewOption } from "../options.ts";
import { perform } from "../perform.ts";

interface LogsCommandOptions {
  readonly radio: string;
  readonly camera?: string;
  readonly maps?: readonly string[];
  readonly once?: boolean;
  readonly pairAnew?: boolean;
  readonly json?: boolean;
}

/** Adds `logs`. */
export function addLogs(cli: CommandLine): void {
  cli
    .command("logs", "show a camera's console over the air, stacks in TypeScript")
    .addOption(airOption())
    .addOption(cameraOption())
    .addOption(pairAnewOption())
    .option("-m, --maps <folder...>", "folders with the .map files of builds that were made elsewhere")
    .option("--once", "show what the camera has kept, and end")
    .addOption(jsonOption())
    .action(async (options: LogsCommandOptions) => {
      const { camera, maps = [], once = false, pairAnew = false } = options;
      const radio = airOf(options.radio);
      if (radio.kind === "bridge") await prepare(["python"]);
      const following = {
        ...{ radio, maps, once, pairAnew, signal: cli.abort },
        ...(camera === undefined ? {} : { camera }),
      };
      await perform(logs(following), cli.rendererFor(options));
    });
}
