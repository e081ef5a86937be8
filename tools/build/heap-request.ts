/** How much heap an application asks for: `"obscura": { "heap": bytes }` in the package.json beside its entry. */
import { ToolError, UsageError } from "../events.ts";
import { readPackage } from "./application-package.ts";
import type { Board } from "./boards.ts";

/** Most that a bundle can ask for: its header counts KB in 16 bits. */
const MOST_KB = 0xffff;

/**
 * KB that the application needs for slots and chunks together; 0 when it does not say.
 * @throws ToolError when package.json is no JSON or the figure makes no sense, UsageError when the board has less.
 */
export function heapRequestKb(entry: string, board: Pick<Board, "name" | "heapMaxBytes">): number {
  const { file, obscura } = readPackage(entry);
  const heap = obscura?.heap;
  if (heap === undefined) return 0;
  if (typeof heap !== "number" || !Number.isInteger(heap) || heap < 1 || heap > MOST_KB * 1024) {
    throw new ToolError(
      `${file}: "obscura.heap" is a whole number of bytes from 1 to ${MOST_KB * 1024}, not ${JSON.stringify(heap)}`,
    );
  }
  if (heap > board.heapMaxBytes) {
    throw new UsageError(
      `${file} asks for ${heap} bytes of heap ("obscura.heap"), and ${board.name} has at most ${board.heapMaxBytes}.`,
    );
  }
  return Math.ceil(heap / 1024);
}
