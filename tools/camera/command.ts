/** How a camera is started: the program and its arguments, for every board that can run on this computer. */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Board } from "../build/boards.ts";
import { ToolError } from "../events.ts";

/** One run of an image. */
export interface CameraOptions {
  /** The native image. */
  readonly image: string;
  /** The application's signed bundle. */
  readonly application?: string;
  /** The controller: `tcp:HOST:PORT` or `unix:PATH`. */
  readonly hci?: string;
  /** The lines of a modelled CYW43 controller, as `hci`; one that is always on when left out. */
  readonly radioLines?: string;
  /** Its patch, an HCD file. */
  readonly radioPatch?: string;
  /** The public address that was assigned to the device with it, 12 hexadecimal digits; none when left out. */
  readonly publicAddress?: string;
  /** What the battery has, in millivolts; there is none to measure when left out. */
  readonly batteryMv?: number;
  /** The file that is the state area of flash; made when missing, forgotten with the process when left out. */
  readonly state?: string;
  /** The device's unique identifier, 16 hexadecimal digits; one of its own for each state area when left out. */
  readonly id?: string;
  /** Bytes that the heap may grow by, if fewer than the board's; 0 keeps it at its floor. */
  readonly growth?: number;
  /** How long after a start deep sleep is put off for who manages the camera, in milliseconds; as long as the firmware says. */
  readonly windowMs?: number;
  /** For less than how long a power-on must last to be in a row with the next, in milliseconds; 0 counts none. */
  readonly powerOnMs?: number;
}

/** A socket that somebody listens on. */
type SocketTarget =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Largest number of a TCP port. */
const PORT_MAX = 65_535;

/** Bytes that `sockaddr_un` has for a path, without the zero at its end. */
const SOCKET_PATH_MAX = 107;

/** What boards/<board>/qemu.ts exports. */
interface QemuBoard {
  readonly qemuProgram: string;
  qemuArguments(options: {
    elf: string;
    app?: string;
    hci?: SocketTarget;
    radioLines?: SocketTarget;
    radioPatch?: string;
    stateFile?: string;
    seed?: string;
    id?: string;
    arguments?: string[];
  }): string[];
}

/** @throws ToolError for a board that nothing on this computer can run. */
export async function cameraCommand(board: Board, options: CameraOptions): Promise<[string, ...string[]]> {
  const { image, application, hci, radioLines, radioPatch, state, growth, windowMs, powerOnMs } = options;
  const { batteryMv, publicAddress } = options;
  const id = options.id ?? idOf(state);
  if (board.runs === "hardware")
    throw new ToolError(`Nothing on this computer runs an image for ${board.name}`);
  if (board.runs === "qemu") {
    const qemu = join(board.folder, "qemu.ts");
    const { qemuProgram, qemuArguments } = (await import(pathToFileURL(qemu).href)) as QemuBoard;
    const args = qemuArguments({
      elf: image,
      seed: randomBytes(32).toString("hex"),
      ...(application === undefined ? {} : { app: application }),
      ...(hci === undefined ? {} : { hci: parseHci(hci) }),
      ...(radioLines === undefined ? {} : { radioLines: parseHci(radioLines) }),
      ...(radioPatch === undefined ? {} : { radioPatch }),
      ...(state === undefined ? {} : { stateFile: state }),
      id,
      arguments: [
        ...(publicAddress === undefined ? [] : [`public-address=${publicAddress}`]),
        ...(batteryMv === undefined ? [] : [`battery=${batteryMv}`]),
        ...(growth === undefined ? [] : [`growth=${growth}`]),
        ...(windowMs === undefined ? [] : [`window=${windowMs}`]),
        ...(powerOnMs === undefined ? [] : [`power-on=${powerOnMs}`]),
      ],
    });
    return [qemuProgram, ...args];
  }
  return [
    image,
    ...(hci === undefined ? [] : ["--hci", hci]),
    ...(application === undefined ? [] : ["--app", application]),
    ...(radioLines === undefined ? [] : ["--radio-lines", radioLines]),
    ...(radioPatch === undefined ? [] : ["--radio-patch", radioPatch]),
    ...(publicAddress === undefined ? [] : ["--public-address", publicAddress]),
    ...(batteryMv === undefined ? [] : ["--battery-mv", String(batteryMv)]),
    ...(state === undefined ? [] : ["--state", state]),
    ...["--id", id],
    ...(growth === undefined ? [] : ["--growth", String(growth)]),
    ...(windowMs === undefined ? [] : ["--window-ms", String(windowMs)]),
    ...(powerOnMs === undefined ? [] : ["--power-on-ms", String(powerOnMs)]),
  ];
}

/** A camera is known by its flash: its address comes from its identifier, and two on one radio must differ. */
const idOf = (state: string | undefined): string =>
  createHash("sha256")
    .update(state ?? randomBytes(8))
    .digest("hex")
    .slice(0, 16);

/** `tcp:HOST:PORT` or `unix:PATH`, taken apart. */
export function parseHci(hci: string): SocketTarget {
  const tcp = /^tcp:(.+):(\d+)$/.exec(hci);
  if (tcp?.[1] !== undefined) {
    const port = Number(tcp[2]);
    if (port < 1 || port > PORT_MAX) throw new ToolError(`"${hci}" has no port from 1 to ${PORT_MAX}`);
    return { kind: "tcp", host: tcp[1], port };
  }
  if (hci.startsWith("unix:") && hci.length > "unix:".length) {
    const path = hci.slice("unix:".length);
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX)
      throw new ToolError(`The path of "${hci}" is longer than a UNIX socket's: ${SOCKET_PATH_MAX} bytes`);
    return { kind: "unix", path };
  }
  throw new ToolError(`"${hci}" is neither tcp:HOST:PORT nor unix:PATH`);
}
