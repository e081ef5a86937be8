/** The firmware under test, behind one small interface, so that the same tests run on every kind of camera. */
import { join } from "node:path";
import { root, venvProgram } from "../../tools/paths.ts";
import type { ApplicationName } from "./applications.ts";
import { RigProcess } from "./childProcess.ts";

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
  /** Whether bytes that no controller sends leave it working. */
  readonly survivesHostileController: boolean;
  /** Whether bytes that no central sends leave it working. */
  readonly survivesHostileCentral: boolean;
}

/** A camera that is a program; `command` gives the program and its arguments. */
export class ProgramCamera implements CameraKind {
  readonly name: string;
  readonly controllerSilent: RegExp | undefined;
  readonly survivesHostileController: boolean;
  readonly survivesHostileCentral: boolean;
  private readonly command: (
    app: ApplicationName,
    hci: string,
    directory: string,
  ) => readonly [string, ...string[]];

  constructor(
    name: string,
    command: (app: ApplicationName, hci: string, directory: string) => readonly [string, ...string[]],
    traits: Omit<CameraKind, "name" | "start">,
  ) {
    this.name = name;
    this.command = command;
    this.controllerSilent = traits.controllerSilent;
    this.survivesHostileController = traits.survivesHostileController;
    this.survivesHostileCentral = traits.survivesHostileCentral;
  }

  async start(app: ApplicationName, hci: string, directory: string): Promise<Camera> {
    const [program, ...args] = this.command(app, hci, directory);
    const process = new RigProcess(this.name, program, args);
    return {
      console: process.lines,
      get isRunning() {
        return process.isRunning;
      },
      line: (pattern, timeoutMs, from) => process.line(pattern, timeoutMs, from),
      stop: () => process.stop(),
    };
  }
}

/** Bumble as the peripheral: proves the rig, says nothing about our firmware. */
export const standin = new ProgramCamera(
  "stand-in",
  (app, hci) => [
    venvProgram("python"),
    join(root, "host-tests/witness/standin.py"),
    "--hci",
    hci,
    "--app",
    app,
  ],
  { survivesHostileController: false, survivesHostileCentral: false },
);
