/** Files that a command is told to write: never in the place of one that it would not write itself. */
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { UsageError } from "./events.ts";
import { displayPath } from "./paths.ts";
import { whyNot } from "./whole-file.ts";

/**
 * Looks at the file whose name a person gave to write to: a key, a source or whatever else is there by that name stays, the command's
 * own inputs among it. What an earlier run of the command has made, and what is no file, is written again.
 * @param own what everything that the command writes begins with, or whether something that is there is of its kind
 * @throws UsageError when something else is there, or nothing can be written there: now, and not behind minutes of work
 */
export function checkOutput(file: string, own: Uint8Array | string | ((content: Buffer) => boolean)): void {
  if (file === "") throw new UsageError("The name of the file to write is empty.");
  const stats = statsOf(file);
  if (stats?.isDirectory()) throw new UsageError(`${displayPath(file)} is a folder: name a file in it.`);
  // A pipe would wait for its reader.
  if (!stats || stats.isFile()) checkWritable(file, stats === undefined);
  if (!stats?.isFile() || stats.size === 0) return;
  const isOwn = typeof own === "function" ? own(contentOf(file)) : beginsWith(file, Buffer.from(own));
  if (!isOwn)
    throw new UsageError(
      `${displayPath(file)} exists, and is nothing that this command writes: name another file, or remove it.`,
    );
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${displayPath(file)} exists, and cannot be read: ${whyNot(error)}`);
  }
}

function beginsWith(file: string, expected: Buffer): boolean {
  const found = Buffer.alloc(expected.length);
  const handle = openSync(file, "r");
  try {
    readSync(handle, found, 0, found.length, 0);
  } finally {
    closeSync(handle);
  }
  return found.equals(expected);
}

/** Undefined where nothing has the name. */
function statsOf(file: string): Stats | undefined {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    // To look whether it can be written would make what the link leads to.
    if (stats === undefined && lstatSync(file, { throwIfNoEntry: false }))
      throw new UsageError(`${displayPath(file)} is a link to nothing: name another file, or remove it.`);
    return stats;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${displayPath(file)} cannot be written: ${whyNot(error)}`);
  }
}

function checkWritable(file: string, isNew: boolean): void {
  try {
    closeSync(openSync(file, "a"));
    if (isNew) rmSync(file);
  } catch (error) {
    throw new UsageError(`${displayPath(file)} cannot be written: ${whyNot(error)}`);
  }
}
