/** The other side of a camera's console, which reads when the test says so: a named pipe. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

/** Stands for what was in the pipe before the camera wrote. */
const FILLER = 0;

export class SlowConsole {
  /** Where the camera writes. */
  readonly path: string;
  readonly #pipe: number;

  constructor(path: string) {
    execFileSync("mkfifo", [path]);
    this.path = path;
    this.#pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Fills the pipe up to so many bytes. */
  leaveRoom(bytes: number): void {
    const filler = Buffer.alloc(1 << 20, FILLER);
    let size = 0;
    for (let written = 1; written > 0; size += written)
      written = unlessBlocked(() => writeSync(this.#pipe, filler));
    this.read();
    writeSync(this.#pipe, filler, 0, size - bytes);
  }

  /** What the camera has written since the call before. */
  read(): string {
    const chunk = Buffer.alloc(1 << 16);
    let text = "";
    for (let count = 1; count > 0; ) {
      count = unlessBlocked(() => readSync(this.#pipe, chunk));
      text += chunk
        .subarray(0, count)
        .filter((byte) => byte !== FILLER)
        .toString();
    }
    return text;
  }

  close(): void {
    closeSync(this.#pipe);
  }
}

/** How many bytes it was; none where that would have to wait. */
function unlessBlocked(call: () => number): number {
  try {
    return call();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}
