/** A camera with an application of the test's own, at a controller that the test plays. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { type Built, build } from "../../tools/build/build.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { buildRoot } from "../../tools/paths.ts";
import { RigProcess } from "../interop/child-process.ts";
import type { Figures } from "./commands.ts";
import { Controller } from "./controller.ts";

/** The boards that are attacked. OBSCURA_ATTACKED names others, separated by commas. */
export const boards: readonly string[] = (process.env.OBSCURA_ATTACKED ?? "host,mps2-an500").split(",");

/** A net for what hangs; everything that is waited for comes by itself. */
const LIMIT_MS = 600_000;

/** Lines of the console that a failed test shows. */
const SHOWN = 40;

/** A running camera. */
export interface Camera {
  /** Its console, line by line. */
  readonly console: readonly string[];
  readonly isRunning: boolean;
  /** How often the firmware started again after a failure. */
  readonly restarts: number;
  /** The first line of the console that matches, at index `from` or later. */
  line(pattern: RegExp, from?: number): Promise<string>;
}

/** What a test plays with. */
export interface Scene {
  readonly controller: Controller;
  readonly camera: Camera;
  /** The board's name. */
  readonly board: string;
}

/** Builds an application from its source. */
export async function builtFrom(name: string, source: string, board: string): Promise<Built> {
  const folder = join(buildRoot, "attacker", board, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "main.ts"), source);
  const messages: string[] = [];
  const operation = build({ application: folder, board });
  try {
    return await perform(operation, (event) => messages.push(JSON.stringify(event)));
  } catch (error) {
    throw new Error(`${name} could not be built for ${board}:\n${messages.join("\n")}`, { cause: error });
  }
}

function asCamera(process: RigProcess): Camera {
  return {
    console: process.lines,
    get isRunning() {
      return process.isRunning;
    },
    get restarts() {
      return process.lines.filter((line) => /restarted after/.test(line)).length;
    },
    line: (pattern, from) => process.line(pattern, undefined, from),
  };
}

/** Plays one scene; everything is stopped again, whatever happened. */
async function play(
  built: Built,
  conditions: Partial<Conditions>,
  act: (scene: Scene) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(buildRoot, "attacker", "run-"));
  const path = conditions.isNarrow ? join(folder, "hci") : undefined;
  const controller = await Controller.listen(conditions, path);
  const options = { image: built.image, application: built.application, hci: controller.hci };
  const growth = conditions.atFloor ? { growth: 0 } : {};
  const [program, ...args] = await cameraCommand(built.board, {
    ...options,
    ...growth,
    state: join(folder, "state"),
  });
  // The scene runs up to its first wait before the camera's first byte can be read.
  const process = new RigProcess(`camera on ${built.board.name}`, program, args);
  try {
    await act({ controller, camera: asCamera(process), board: built.board.name });
    if (!process.isRunning) throw new Error("the camera's process has ended");
    if (controller.violations.length > 0)
      throw new Error(`the camera did wrong: ${controller.violations.join("; ")}`);
  } catch (error) {
    const shown = ["--- console", ...process.lines.slice(-SHOWN), "--- HCI", controller.report()].join("\n");
    throw new Error(`${error instanceof Error ? error.message : error}\n${shown}`, { cause: error });
  } finally {
    await process.kill();
    await controller.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the camera and its controller have. */
export interface Conditions extends Figures {
  /** The heap does not grow beyond the board's floor, as on a board that has no more. */
  readonly atFloor: boolean;
  /** The line holds no more than a few hundred bytes that the controller has not read. */
  readonly isNarrow: boolean;
}

/** Of one application. */
export interface Attacks {
  /** One scene; it begins before the camera is switched on. */
  it(name: string, act: (scene: Scene) => Promise<void>, conditions?: Partial<Conditions>): void;
}

/** Scenes with one application, on each board. `name` names its folder. */
export function attacks(
  title: string,
  name: string,
  source: string,
  scenes: (attacks: Attacks) => void,
): void {
  for (const board of boards) {
    describe(`attacker: ${title}, on ${board}`, function () {
      this.timeout(LIMIT_MS);
      let built: Built;

      before(async () => {
        built = await builtFrom(name, source, board);
      });

      scenes({
        it: (what, act, conditions = {}) => {
          it(what, () => play(built, conditions, act));
        },
      });
    });
  }
}
