/** What the commands of `obscura` share. */
import { mkdirSync } from "node:fs";
import type { Command } from "commander";
import { ToolError } from "../events.ts";
import { buildRoot } from "../paths.ts";
import { SetupError, setUp } from "../setup.mjs";
import { whyNot } from "../whole-file.ts";
import type { Renderer } from "./render.ts";

/** The command line, to which commands are added. */
export interface CommandLine {
  /** Ends what is running. */
  readonly abort: AbortSignal;
  /** Adds a command. */
  command(name: string, description: string): Command;
  /** Adds a command whose arguments and help are those of a program of its own. */
  foreignCommand(name: string, description: string): Command;
  /** What shows the events of a command. */
  rendererFor(options: { readonly json?: boolean }): Renderer;
  /** Takes the exit status of a command that ends without an error. */
  end(status: number): void;
}

/** Installs what is missing, as far as it can. */
export async function prepare(pieces: readonly string[]): Promise<void> {
  try {
    mkdirSync(buildRoot, { recursive: true });
  } catch (error) {
    throw new ToolError(`Nothing can be built here: ${whyNot(error)}`);
  }
  try {
    await setUp(pieces);
  } catch (error) {
    if (error instanceof SetupError) throw new ToolError(error.message.replace(/^set-up: /, ""));
    throw error;
  }
}
