/** A running camera: a process of this computer or QEMU, behind one interface. */
import type { Board } from "../build/boards.ts";
import { Program } from "../program.ts";
import { type CameraOptions, cameraCommand } from "./command.ts";

/** A camera. */
export interface Camera {
  /** Its console so far, line by line. */
  readonly lines: readonly string[];
  /** Ends it, as switching it off would. */
  stop(): Promise<void>;
  /** Settles with the exit status, or with the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/**
 * Starts a camera; resolves when its process runs, which is before it has booted. Its power-ons do not count for the circuit
 * breaker unless the options say so: programs start cameras one after the other in less than ten seconds.
 */
export async function startCamera(
  board: Board,
  options: CameraOptions,
  onLine: (line: string) => void = () => undefined,
): Promise<Camera> {
  const lines: string[] = [];
  const command = await cameraCommand(board, { powerOnMs: 0, ...options });
  const program = new Program("camera", command, (line) => {
    lines.push(line);
    onLine(line);
  });
  return { lines, stop: () => program.stop(), exited: program.exited };
}
