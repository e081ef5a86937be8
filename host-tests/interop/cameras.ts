/** The firmware under test, behind one small interface, so that the same tests run on every kind of camera. */
import { join } from "node:path";
import { type Built, build } from "../../tools/build/build.ts";
import { cameraCommand } from "../../tools/camera/command.ts";
import { perform } from "../../tools/cli/perform.ts";
import { root, venvProgram } from "../../tools/paths.ts";
import { type ApplicationName, sourceOf } from "./applications.ts";
import { RigProcess } from "./child-process.ts";

/** One running camera. */
export interface Camera {
  /** Its console, line by line. */
  readonly console: readonly string[];
  /** Whether its process still runs. */
  readonly isRunning: boolean;
  /** The first console line that matches, at index `from` or later. */
  line(pattern: RegExp, timeoutMs?: number, from?: number): Promise<string>;
  stop(): Promise<void>;
}

/** A kind of camera. */
export interface CameraKind {
  /** Names the tests. */
  readonly name: string;
  /**
   * Starts a camera with an application. Resolves when its process runs; it need not have booted.
   * @param hci its controller: `tcp:HOST:PORT`
   * @param directory for its files (flash, logs); nobody else uses it
   */
  start(app: ApplicationName, hci: string, directory: string): Promise<Camera>;
  /**
   * What it says on its console when the controller does not answer; undefined when it does not recover from
   * that, and the tests of it do not apply.
   */
  readonly controllerSilent?: RegExp;
  /** Whether it runs applications of ours, and not imitations of the examples. */
  readonly runsOurApplications: boolean;
  /** Whether bytes that no controller sends leave it working. */
  readonly survivesHostileController: boolean;
  /** Whether bytes that no central sends leave it working. */
  readonly survivesHostileCentral: boolean;
}

/** A running program as a camera. */
function asCamera(process: RigProcess): Camera {
  return {
    console: process.lines,
    get isRunning() {
      return process.isRunning;
    },
    line: (pattern, timeoutMs, from) => process.line(pattern, timeoutMs, from),
    stop: () => process.stop(),
  };
}

/** Bumble as the peripheral: proves the rig, says nothing about our firmware. */
export const standIn: CameraKind = {
  name: "stand-in",
  runsOurApplications: false,
  survivesHostileController: false,
  survivesHostileCentral: false,
  async start(app, hci) {
    const script = join(root, "host-tests/interop/stand-in.py");
    return asCamera(new RigProcess("stand-in", venvProgram("python"), [script, "--hci", hci, "--app", app]));
  },
};

/** Our firmware on a board that this computer runs, as a process or in QEMU. */
export function boardCamera(board: string): CameraKind {
  return {
    name: board,
    runsOurApplications: true,
    controllerSilent: /controller .*(did not|does not|never) answer/i,
    survivesHostileController: true,
    survivesHostileCentral: true,
    async start(app, hci, directory) {
      const built = await builtFor(board, app);
      const [program, ...args] = await cameraCommand(built.board, {
        image: built.image,
        application: built.application,
        hci,
        state: join(directory, "state"),
      });
      return asCamera(new RigProcess(board, program, args));
    },
  };
}

/** Builds what is not up to date. */
async function builtFor(board: string, application: ApplicationName): Promise<Built> {
  const operation = build({ board, application: sourceOf(application) });
  const messages: string[] = [];
  try {
    return await perform(operation, (event) => messages.push(JSON.stringify(event)));
  } catch (error) {
    throw new Error(`${application} could not be built for ${board}:\n${messages.join("\n")}`, {
      cause: error,
    });
  }
}
