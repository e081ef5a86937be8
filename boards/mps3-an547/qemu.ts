/** How to run an image of this board. */
import { type MpsMachine, mpsArguments, type QemuOptions } from "../common/mps/qemu.ts";

export { type QemuOptions, qemuProgram, type SerialTarget } from "../common/mps/qemu.ts";

const board: MpsMachine = {
  machine: "mps3-an547",
  applicationAddress: 0x38300000,
  patchAddress: 0x383e0000,
  // All of the DDR: QEMU takes no part of it from a file. The file is sparse, the state lies 256 MB from its start.
  stateFileSize: 2 * 1024 * 1024 * 1024,
};

/** See MpsMachine. */
export const { stateFileSize } = board;

/** The arguments of QEMU for one run. Throws RangeError for a value that QEMU would misread. */
export const qemuArguments = (options: QemuOptions): string[] => mpsArguments(board, options);
