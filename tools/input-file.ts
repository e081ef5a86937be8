/** Files that a command is told to read: regular ones, and no larger than what they are for. */
import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { UsageError } from "./events.ts";
import { displayPath } from "./paths.ts";

/** What is read. */
export interface InputKind {
  /** The noun for it in a sentence: `patch`. */
  readonly what: string;
  /** Most bytes that such a file has. */
  readonly bytesMax: number;
}

/** What a person writes: no script, manifest or package.json comes near that. */
export const TEXT_BYTES_MAX = 1_048_576;

/** What the system says that names no remedy, in words. */
const REASONS: Readonly<Record<string, (file: string) => string>> = {
  EACCES: (file) => `you may not read ${file}`,
  EPERM: (file) => `you may not read ${file}`,
  ELOOP: (file) => `the links at ${file} lead in a circle`,
  ENAMETOOLONG: (file) => `the system takes no name as long as ${file}`,
  ENOTDIR: (file) => `${file} is in no folder: a part of its path is a file`,
  // A socket.
  ENXIO: (file) => `${file} is no regular file`,
};

/**
 * A file as it is. Nothing is waited for: a pipe or a device, whose end may never come, is refused.
 * @throws UsageError, one sentence, for whatever keeps it from being read, and for one that is larger than its kind
 */
export function readInput(file: string, kind: InputKind): Buffer {
  const content = readInputIfThere(file, kind);
  if (!content) throw new UsageError(`There is no ${kind.what} ${displayPath(file)}.`);
  return content;
}

/** The same; undefined where nothing has the name. */
export function readInputIfThere(file: string, kind: InputKind): Buffer | undefined {
  if (file === "") throw new UsageError(`The name of the ${kind.what} is empty.`);
  return reading(file, kind.what, (handle) => contentOf(handle, file, kind));
}

/**
 * For a file that is read as it comes, however long it is: a pipe or a device, too.
 * @throws UsageError, one sentence, for a folder, for what cannot be read, and where nothing has the name
 */
export function checkStream(file: string, what: string): void {
  if (file === "") throw new UsageError(`The name of the ${what} is empty.`);
  try {
    // To open a pipe would let its writer go on, and end it.
    accessSync(file, constants.R_OK);
    if (statSync(file).isDirectory()) throw new UsageError(unread(what, `${displayPath(file)} is a folder`));
  } catch (error) {
    if (isMissing(error)) throw new UsageError(`There is no ${what} ${displayPath(file)}.`);
    throw refusal(error, file, what);
  }
}

/**
 * For a command that reads what is typed, or piped: Node takes a folder there for an input that has ended.
 * @throws UsageError
 */
export function checkStandardInput(what: string): void {
  if (fstatSync(process.stdin.fd).isDirectory())
    throw new UsageError(unread(what, "standard input is a folder"));
}

/** Opens, works and closes. Undefined where nothing has the name. */
function reading<T>(file: string, what: string, work: (handle: number) => T): T | undefined {
  let handle: number | undefined;
  try {
    // A pipe would wait for its writer.
    handle = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    return work(handle);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw refusal(error, file, what);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

const unread = (what: string, reason: string): string => `The ${what} cannot be read: ${reason}.`;

/** One sentence for an error of the system. */
function refusal(error: unknown, file: string, what: string): UsageError {
  if (error instanceof UsageError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  return new UsageError(unread(what, REASONS[code]?.(displayPath(file)) ?? message));
}

function contentOf(handle: number, file: string, { what, bytesMax }: InputKind): Buffer {
  const tooLarge = (bytes: string): UsageError =>
    new UsageError(`${displayPath(file)} has ${bytes} bytes and is no ${what}: one has at most ${bytesMax}.`);
  const stats = fstatSync(handle);
  if (!stats.isFile()) {
    const kind = stats.isDirectory() ? "a folder" : "no regular file";
    throw new UsageError(unread(what, `${displayPath(file)} is ${kind}`));
  }
  const { size } = stats;
  if (size > bytesMax) throw tooLarge(String(size));
  // Files of the system say that they have no bytes, and one may grow meanwhile.
  const pieces: Buffer[] = [];
  for (let length = 0; ; ) {
    const piece = Buffer.alloc(Math.max(size - length, 0) + 4096);
    const got = readSync(handle, piece);
    if (got === 0) return Buffer.concat(pieces);
    length += got;
    if (length > bytesMax) throw tooLarge(`more than ${bytesMax}`);
    pieces.push(piece.subarray(0, got));
  }
}
