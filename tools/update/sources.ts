/** Which of an application's files have changed since somebody looked last. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** From one look at the files to the next. */
const LOOK_MS = 250;

/** How long no other file must have changed after one has: git writes many. */
const SETTLE_MS = 200;
/** So often that is waited for. */
const SETTLES_MAX = 25;

/** What an application may be made of, package.json among it: other files are an editor's, or nobody's. */
const SOURCE = /\.([cm]?[jt]s|json)$/;

/** Names that editors give to what they keep beside a file while somebody works on it. */
const TEMPORARY = /^[.#]|~$/;

/** Folders that change while an application is built, or that are none of its sources. */
const IGNORED = new Set(["node_modules", "build"]);

/**
 * Looks at the files themselves, as often as it is asked to: what the system reports of changes ends with the file that an editor
 * replaces, and does not come at all from folders of other computers.
 */
export class Sources {
  private readonly folder: string;
  private known: ReadonlyMap<string, string>;

  constructor(folder: string) {
    this.folder = folder;
    this.known = look(folder);
  }

  /** Files that are new, different or gone since the last call, or since the start; relative to the folder. */
  changed(): string[] {
    const before = this.known;
    const now = look(this.folder);
    this.known = now;
    const all = new Set([...before.keys(), ...now.keys()]);
    return [...all].filter((name) => before.get(name) !== now.get(name));
  }

  /** Waits until a file has changed, and until no other follows at once; returns its name. @throws the signal's reason */
  async change(signal: AbortSignal): Promise<string> {
    // What a pause is interrupted with is an error of its own.
    const pause = (ms: number): Promise<void> =>
      delay(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
    let [first] = this.changed();
    while (first === undefined) {
      await pause(LOOK_MS);
      [first] = this.changed();
    }
    for (let settles = 0; settles < SETTLES_MAX; settles++) {
      await pause(SETTLE_MS);
      if (this.changed().length === 0) break;
    }
    return first;
  }
}

/** The sources in a folder and those below, each with what tells one state of it from the next. */
function look(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const lookIn = (below: string): void => {
    for (const entry of entriesOf(join(folder, below))) {
      const name = join(below, entry.name);
      if (TEMPORARY.test(entry.name)) continue;
      if (entry.isDirectory()) {
        if (!IGNORED.has(entry.name)) lookIn(name);
      } else if (SOURCE.test(entry.name)) {
        const state = statSync(join(folder, name), { bigint: true, throwIfNoEntry: false });
        if (state?.isFile()) found.set(name, `${state.ino} ${state.size} ${state.mtimeNs}`);
      }
    }
  };
  lookIn("");
  return found;
}

/** A folder can be away for a moment: another branch is checked out, or it is unpacked anew. */
function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EACCES") return [];
    throw error;
  }
}
