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

/**
 * The sources in a folder and those below, each with what tells one state of it from the next. A link to a folder is looked into
 * behind all others, and no folder twice: a link that leads back would have no end.
 */
function look(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const links: string[] = [];
  const lookIn = (below: string): void => {
    const itself = stateOf(join(folder, below));
    const identity = `${itself?.dev} ${itself?.ino}`;
    if (!itself?.isDirectory() || seen.has(identity)) return;
    seen.add(identity);
    for (const entry of entriesOf(join(folder, below))) {
      if (TEMPORARY.test(entry.name)) continue;
      const name = join(below, entry.name);
      if (entry.isDirectory()) {
        if (!IGNORED.has(entry.name)) lookIn(name);
        continue;
      }
      const state =
        entry.isSymbolicLink() || SOURCE.test(entry.name) ? stateOf(join(folder, name)) : undefined;
      if (state?.isDirectory() && !IGNORED.has(entry.name)) links.push(name);
      if (state?.isFile() && SOURCE.test(entry.name))
        found.set(name, `${state.ino} ${state.size} ${state.mtimeNs}`);
    }
  };
  lookIn("");
  // Those that are found on the way are looked into as well.
  for (const link of links) lookIn(link);
  return found;
}

/** Of a file that is there; whatever the system says of another, such as a link to itself, it may be there at the next look. */
function stateOf(path: string) {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** A folder can be away for a moment: another branch is checked out, it is unpacked anew, or its computer does not answer. */
function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
