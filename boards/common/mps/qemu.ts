/** How to run an image of an MPS board: the arguments of QEMU, and nothing that starts it. */

/** The program to start. */
export const qemuProgram = "qemu-system-arm";

/** What differs between the boards. */
export interface MpsMachine {
  /** QEMU's -M. */
  readonly machine: string;
  /** Where the application's bundle is loaded; region APPLICATION of linker.ld. */
  readonly applicationAddress: number;
  /** Where the patch of a modelled controller is loaded; region PATCH of linker.ld. */
  readonly patchAddress: number;
  /** Bytes of the memory that the state area lies in. A state file is exactly as long. */
  readonly stateFileSize: number;
}

/** Where a UART leads. */
export type SerialTarget =
  /** A UNIX socket that somebody listens on; QEMU connects when it starts. */
  | { readonly kind: "unix"; readonly path: string }
  /** A TCP port that somebody listens on. */
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** A file that QEMU creates and writes. Output only. */
  | { readonly kind: "file"; readonly path: string }
  /** QEMU's own standard input and output. */
  | { readonly kind: "stdio" }
  /** Nowhere: what is written is lost. */
  | { readonly kind: "none" };

/** One run. */
export interface QemuOptions {
  /** The image, an ELF file. */
  readonly elf: string;
  /** The application's signed bundle; without it the camera has no application. */
  readonly app?: string;
  /** The controller's side of the HCI UART. Default: nowhere. */
  readonly hci?: SerialTarget;
  /** The lines of a modelled CYW43 controller (boards/common/chip_lines.h), and its patch. Default: one that is always on. */
  readonly radioLines?: SerialTarget;
  readonly radioPatch?: string;
  /** Default: standard input and output. */
  readonly console?: SerialTarget;
  /**
   * The file that is the state area; QEMU makes a missing one. It survives the process, killed or not. Without it
   * the area is empty at every start.
   */
  readonly stateFile?: string;
  /** Entropy, 64 hexadecimal digits. Without it the camera has none. Give every run a fresh one, or repeat a run. */
  readonly seed?: string;
  /** The device's unique identifier, 16 hexadecimal digits. Two cameras in one test need two. */
  readonly id?: string;
  /** Other words for the firmware's command line, without spaces and commas. */
  readonly arguments?: readonly string[];
  /**
   * Counts instructions: one takes 2^shift nanoseconds of guest time. With `skipSleep` time jumps over sleep, which
   * confuses a peer that lives in real time.
   */
  readonly icount?: { readonly shift: number; readonly skipSleep?: boolean };
  /** Ends QEMU at the first reset instead of restarting the camera. */
  readonly exitOnReset?: boolean;
}

/** The arguments of `qemu-system-arm` for one run. Throws RangeError for a value that QEMU would misread. */
export function mpsArguments(board: MpsMachine, options: QemuOptions): string[] {
  const { applicationAddress, patchAddress, stateFileSize } = board;
  const words = ["-M", board.machine, "-display", "none", "-monitor", "none", "-parallel", "none"];
  if (options.stateFile !== undefined) {
    words.push(
      "-object",
      `memory-backend-file,id=state,size=${stateFileSize},mem-path=${escaped(options.stateFile)},share=on`,
      "-machine",
      "memory-backend=state",
    );
  }
  words.push("-kernel", options.elf);
  if (options.app !== undefined) words.push(...loaded(options.app, applicationAddress));
  if (options.radioPatch !== undefined) words.push(...loaded(options.radioPatch, patchAddress));
  words.push(...serial("console", options.console ?? { kind: "stdio" }));
  words.push(...serial("hci", options.hci ?? { kind: "none" }));
  if (options.radioLines !== undefined) words.push(...serial("lines", options.radioLines));
  words.push("-semihosting-config", semihosting(options));
  if (options.icount !== undefined) {
    const sleep = options.icount.skipSleep ? "off" : "on";
    words.push("-icount", `shift=${options.icount.shift},sleep=${sleep}`);
  }
  if (options.exitOnReset) words.push("-no-reboot");
  return words;
}

/** QEMU's option parser ends a value at a comma, unless there are two. */
const escaped = (value: string): string => value.replaceAll(",", ",,");

/** A file in memory, as flash that was written before. */
function loaded(file: string, address: number): string[] {
  const place = `0x${address.toString(16).padStart(8, "0")}`;
  return ["-device", `loader,file=${escaped(file)},addr=${place},force-raw=on`];
}

function serial(id: string, target: SerialTarget): string[] {
  switch (target.kind) {
    case "unix":
      return ["-chardev", `socket,id=${id},path=${escaped(target.path)}`, "-serial", `chardev:${id}`];
    case "tcp":
      return [
        "-chardev",
        `socket,id=${id},host=${escaped(target.host)},port=${target.port},nodelay=on`,
        "-serial",
        `chardev:${id}`,
      ];
    case "file":
      return ["-chardev", `file,id=${id},path=${escaped(target.path)}`, "-serial", `chardev:${id}`];
    case "stdio":
      return ["-chardev", `stdio,id=${id},signal=off`, "-serial", `chardev:${id}`];
    case "none":
      return ["-chardev", `null,id=${id}`, "-serial", `chardev:${id}`];
  }
}

function semihosting(options: QemuOptions): string {
  const words = ["obscura"];
  if (options.seed !== undefined) words.push(`seed=${hexadecimal("seed", options.seed, 64)}`);
  if (options.id !== undefined) words.push(`id=${hexadecimal("id", options.id, 16)}`);
  if (options.radioLines !== undefined) words.push("radio=cyw43");
  for (const word of options.arguments ?? []) {
    if (/[\s,]/.test(word)) throw new RangeError(`an argument with spaces or commas: "${word}"`);
    words.push(word);
  }
  return ["enable=on,target=native", ...words.map((word) => `arg=${word}`)].join(",");
}

function hexadecimal(name: string, value: string, digits: number): string {
  if (value.length !== digits || !/^[0-9a-fA-F]*$/.test(value)) {
    throw new RangeError(`${name} wants ${digits} hexadecimal digits, not "${value}"`);
  }
  return value;
}
