/** What a person is told when the system does not let a file be written. Plain JavaScript: set-up asks before anything is installed. */
import { dirname } from "node:path";
import { buildRoot } from "./installation.mjs";

/** Calls that make or write files and folders; a socket or a program that is refused is another matter. */
const CALLS = [
  "open",
  "write",
  "mkdir",
  "mkdtemp",
  "rename",
  "link",
  "copyfile",
  "cp",
  "unlink",
  "rm",
  "close",
];

/**
 * One line with the place and what to do for an error of the file system that Obscura can do nothing about: no space, no
 * permission, a file system that is read-only, a file where a folder has to be. Undefined for any other error.
 * @param {unknown} error
 * @returns {string | undefined}
 */
export function storageProblem(error) {
  if (!(error instanceof Error) || !CALLS.includes(error.syscall)) return undefined;
  // The system names no file when the space ends in the middle of a write.
  const place = error.dest ?? error.path ?? buildRoot;
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return `No space is left for ${place}: free some, and run this again.`;
    case "EACCES":
    case "EPERM":
      return `${place} may not be written or read: let yourself write in ${dirname(place)}, or work in a copy that is yours.`;
    case "EROFS":
      return `${place} is on a file system that is read-only: work in a copy that can be written.`;
    case "EEXIST":
    case "ENOTDIR":
      if (error.syscall !== "mkdir") return undefined;
      return `${place} has to be a folder, and it, or one above it, is a file: move that away.`;
    default:
      return undefined;
  }
}
