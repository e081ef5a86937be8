/** Files that a person keeps: each is written whole, or not at all. */
import { randomBytes } from "node:crypto";
import { existsSync, linkSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { storageProblem } from "./storage.mjs";

/** How a file is written. */
export interface WholeFileOptions {
  /** Permissions of a new file; those of every new file when left out. */
  readonly mode?: number;
  /** Never in the place of another file. */
  readonly isNew?: boolean;
}

/** File systems that have no hard links. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/**
 * Writes a file under a name of its own in the same folder, and gives it its name when it is there: what fails leaves what was
 * there before. A device or a pipe is written as it is.
 * @throws the system's error, which names the file; code "EEXIST" when `isNew` and there is one
 */
export function writeWhole(
  file: string,
  content: string | Uint8Array,
  { mode, isNew = false }: WholeFileOptions = {},
): void {
  const before = statSync(file, { throwIfNoEntry: false });
  const place = before && !isNew ? realpathSync(file) : file;
  const own = join(dirname(place), `.obscura-${process.pid}-${randomBytes(6).toString("hex")}`);
  try {
    if (before && !isNew && !before.isFile()) return writeFileSync(file, content);
    writeFileSync(own, content, { flag: "wx", mode: mode ?? (before ? before.mode & 0o777 : 0o666) });
    if (isNew) nameNew(own, place);
    else renameSync(own, place);
  } catch (error) {
    const { code, errno, message, syscall } = error as NodeJS.ErrnoException;
    throw Object.assign(new Error(message.replaceAll(own, file)), { code, errno, syscall, path: file });
  } finally {
    rmSync(own, { force: true });
  }
}

/** Of two at the same time one gets the name, where the file system has links. */
function nameNew(own: string, place: string): void {
  try {
    linkSync(own, place);
  } catch (error) {
    if (existsSync(place) || !NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    renameSync(own, place);
  }
}

/** Why a file could not be written, for the end of a sentence. */
export const whyNot = (error: unknown): string => storageProblem(error) ?? (error as Error).message;
