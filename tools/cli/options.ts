/** Options that several commands have. */
import { type Command, Option } from "commander";
import { listBoards } from "../build/boards.ts";
import { UsageError } from "../events.ts";
import { parseRadio, type RadioChoice } from "../session/radios/radio.ts";

/** What `--board`, `--manifest` and `--json` say. */
export interface BuildOptions {
  readonly board: string;
  readonly manifest: string;
  readonly json?: boolean;
}

export const boardOption = () =>
  new Option("-b, --board <board>", `one of: ${listBoards().join(", ")}`)
    .default("host")
    .argParser((board) => {
      if (listBoards().includes(board)) return board;
      throw new UsageError(`There is no board "${board}". Boards: ${listBoards().join(", ")}.`);
    });

export const jsonOption = () =>
  new Option(
    "--json",
    "print events as JSON, one a line; a mistake on the command line stays a line on standard error",
  );

/** The radio of this computer that reaches a camera. */
export const airOption = () =>
  new Option(
    "-r, --radio <controller>",
    "a controller for this computer: what `obscura run --no-phone` prints, or tcp:, unix:, serial:, usb:, hci-socket:",
  ).makeOptionMandatory();

export const cameraOption = () =>
  new Option("-c, --camera <camera>", "its name or address; the only one that is there without it").argParser(
    (camera) => {
      // A variable that is not set would choose whatever camera is there.
      if (camera !== "") return camera;
      throw new UsageError("--camera is empty: give the camera's name or address, or leave the option out.");
    },
  );

export const pairAnewOption = () =>
  new Option("--pair-anew", "delete this computer's bond with the camera that is found, and pair again");

/** The long names of the options that are on the command line. */
export const optionsGiven = (command: Command): string[] =>
  command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === "cli")
    .map(({ long }) => long!);

/** @throws UsageError for a radio that is not one of this computer's. */
export function airOf(named: string): RadioChoice {
  const radio = parseRadio(named);
  if (radio.kind === "controller" || radio.kind === "bridge") return radio;
  throw new UsageError(
    `--radio ${named} is for run: give the address that run --no-phone prints, or a dongle.`,
  );
}
