/** `obscura build`. */
import { findApplication, listExamples } from "../../build/application.ts";
import { loadBoard } from "../../build/boards.ts";
import { build } from "../../build/build.ts";
import { placePatch } from "../../patch/patch.ts";
import { displayPath } from "../../paths.ts";
import { piecesFor } from "../../setup.mjs";
import { isDevelopmentKey, readPublicKey } from "../../update/keys.ts";
import { type CommandLine, prepare } from "../command-line.ts";
import { type BuildOptions, boardOption, jsonOption } from "../options.ts";
import { perform } from "../perform.ts";
import { manifestOption } from "../verb.ts";

interface BuildCommandOptions extends BuildOptions {
  readonly trust?: readonly string[];
  readonly root?: string;
  readonly release?: boolean;
  readonly patch?: string;
}

/** Adds `build`. */
export function addBuild(cli: CommandLine): void {
  cli
    .command("build", "build an application and the firmware that it runs on")
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
      const render = cli.rendererFor(options);
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
}
