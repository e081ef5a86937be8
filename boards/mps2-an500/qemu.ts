/** How to run an image of this board. */
import { type MpsMachine, mpsArguments, type QemuOptions } from "../common/mps/qemu.ts";

export { type QemuOptions, qemuProgram, type SerialTarget } from "../common/mps/qemu.ts";

const board: MpsMachine = {
  machine: "mps2-an500",
  applicationAddress: 0x00300000,
  patchAddress: 0x003e0000,
  stateFileSize: 16 * 1024 * 1024,
};

/** See MpsMachine. */
export const { stateFileSize } = board;

/** The arguments of QEMU for one run. Throws RangeError for a value that QEMU would misread. */
export const qemuArguments = (options: QemuOptions): string[] => mpsArguments(board, options);
