/** Records in a file: the bonds of this computer, and who it is. Several processes may have the same file. */
import { createHash, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { IRK_KEY, IRK_LENGTH } from "../../firmware/ble/smp/own-irk.ts";
import type { Records } from "../../firmware/platform/platform.ts";
import { ToolError } from "../events.ts";
import { readInputIfThere } from "../input-file.ts";
import { lock, tryLock } from "../lock.mjs";
import { whyNot, writeWhole } from "../whole-file.ts";

/** Key of the record that this computer's address comes from: the stack has no such key. */
const IDENTITY_KEY = "computer";
const IDENTITY_LENGTH = 8;

/** Bytes of the records that say who this computer is. */
const LENGTHS: ReadonlyMap<string, number> = new Map([
  [IDENTITY_KEY, IDENTITY_LENGTH],
  [IRK_KEY, IRK_LENGTH],
]);

/** How often the lock is tried for, each time for some 40 ms: who has it has it for as long as a file takes to be written. */
const TRIES = 250;

/** How long a wait for another process is not worth a line: most pairings take less. */
const SAY_MS = 3000;

/** More than a bond, and what is beside it, take in the file. */
const BOND_CHARACTERS = 1024;

/** Many times what bonds with all the cameras take that a computer keeps bonds with. */
const BONDS = { what: "file of bonds", bytesMax: 16_777_216 };

type Values = Map<string, Uint8Array>;

/**
 * For its owner's eyes: the keys of bonds are among them. Each change is made in the file as it is by then, under a lock, so that
 * what another process has written stays. What it has changed of the same record is not overwritten: `refresh` shows it.
 */
export class FileRecords implements Records {
  readonly file: string;
  /** As this process has read or written them last. */
  private values: Values;
  private hasLock = false;

  /** @throws UsageError for what is no regular file, or cannot be read; ToolError for a file that holds no records. */
  constructor(file: string) {
    this.file = file;
    this.values = readRecords(file);
  }

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)?.slice();
  }

  /** @throws Error when another process has changed this record; ToolError when the file cannot be written. */
  set(key: string, value: Uint8Array): void {
    this.change(key, value.slice());
  }

  /** @throws as `set`. */
  delete(key: string): boolean {
    const wasThere = this.values.has(key);
    if (wasThere) this.change(key, undefined);
    return wasThere;
  }

  keys(): string[] {
    return [...this.values.keys()];
  }

  /** Reads the file anew. Returns whether another process has changed it. */
  refresh(): boolean {
    const before = this.values;
    this.values = readRecords(this.file);
    const { size } = this.values;
    return size !== before.size || [...before].some(([key, value]) => !isSame(this.values.get(key), value));
  }

  /**
   * Waits until no other process with this file makes or deletes a bond. Returns what lets the next one.
   * @param onWait gets a sentence when that takes longer than some seconds, once
   * @throws ToolError when the system does not let anything be written beside the file; the signal's reason
   */
  async lockPairing(signal: AbortSignal, onWait?: (sentence: string) => void): Promise<() => void> {
    try {
      return await lock(`${this.file}.pairing`, {
        ...{ afterMs: SAY_MS, signal },
        onWait: (pid) =>
          onWait?.(
            `Process ${pid} connects to its camera with the bonds in ${this.file}: this one waits until it has paired.`,
          ),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw unkept(error, this.file);
    }
  }

  /** Does what reads records and writes others by them, while no other process writes any. It has what they have written. */
  exclusively<T>(work: () => T): T {
    const giveBack = this.lock();
    try {
      this.refresh();
      this.hasLock = true;
      return work();
    } finally {
      this.hasLock = false;
      giveBack();
    }
  }

  /**
   * Writes as much beside the file as it would have with one bond more.
   * @throws ToolError when that cannot be kept: a camera would have a bond then that this computer has not
   */
  checkRoom(): void {
    const place = `${this.file}.${process.pid}.room`;
    write(this.file, `${textOf(this.values)}${" ".repeat(BOND_CHARACTERS)}`, place);
    rmSync(place, { force: true });
  }

  /**
   * What this computer's address is derived from, the same for as long as the file is there. It is drawn at random, so that two
   * computers are never one to a camera. A file of an earlier version has bonds and no identity: it keeps the one of then, which
   * came from the file's path, for the cameras know this computer by that.
   */
  identity(): Uint8Array {
    const stored = (): Uint8Array | undefined => this.get(IDENTITY_KEY);
    return stored() ?? this.exclusively(() => stored() ?? this.drawIdentity());
  }

  private drawIdentity(): Uint8Array {
    const isEarlier = this.keys().some((key) => key.startsWith("bond."));
    const identity = new Uint8Array(
      isEarlier ? createHash("sha256").update(this.file).digest() : randomBytes(IDENTITY_LENGTH),
    ).slice(0, IDENTITY_LENGTH);
    this.set(IDENTITY_KEY, identity);
    return identity;
  }

  private lock(): () => void {
    for (let tries = 0; tries < TRIES; tries++) {
      const giveBack = tryToLock(this.file);
      if (giveBack) return giveBack;
    }
    throw new ToolError(`Another process is writing ${this.file}, and does not come to an end: look for it.`);
  }

  /** Changes one record, here and in the file. @param value undefined: deletes it */
  private change(key: string, value: Uint8Array | undefined): void {
    const giveBack = this.hasLock ? undefined : this.lock();
    try {
      const values = readRecords(this.file);
      const found = values.get(key);
      if (!isSame(found, value)) {
        if (!isSame(found, this.values.get(key)))
          throw new Error(`another process has changed ${key} in ${this.file} meanwhile: repeat the command`);
        put(values, key, value);
        write(this.file, textOf(values));
      }
      put(this.values, key, value);
    } finally {
      giveBack?.();
    }
  }
}

function put(values: Values, key: string, value: Uint8Array | undefined): void {
  if (value) values.set(key, value);
  else values.delete(key);
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one && other ? Buffer.from(one).equals(other) : one === other;
}

const textOf = (values: Values): string =>
  JSON.stringify(
    Object.fromEntries([...values].map(([key, bytes]) => [key, Buffer.from(bytes).toString("hex")])),
  );

/** @param place beside `file`, or the file itself. @throws ToolError when the system does not let it be written. */
function write(file: string, text: string, place = file): void {
  try {
    writeWhole(place, text, { mode: 0o600 });
  } catch (error) {
    throw unkept(error, file);
  }
}

/** @throws ToolError when the system does not let anything be written beside the file. */
function tryToLock(file: string): (() => void) | undefined {
  try {
    return tryLock(`${file}.lock`);
  } catch (error) {
    throw unkept(error, file);
  }
}

/** Of an error of the file system about this file, or about one beside it whose name begins with this one's. */
function unkept(error: unknown, file: string): ToolError {
  const { code, errno, message, path, syscall } = error as NodeJS.ErrnoException;
  // The names of locks, and of what is there for a moment, say nothing to whoever reads them.
  const named = path?.startsWith(file)
    ? Object.assign(new Error(message.replaceAll(path, file)), { code, errno, syscall, path: file })
    : error;
  return new ToolError(`This computer cannot keep what cameras know it by: ${whyNot(named)}`);
}

/** @throws as the constructor. */
function readRecords(file: string): Values {
  const content = readInputIfThere(file, BONDS);
  if (!content) return new Map();
  try {
    return valuesOf(JSON.parse(content.toString("utf8")));
  } catch (error) {
    const reason = (error as Error).message;
    // Somebody may have named a file of another kind: that is not to be removed.
    throw new ToolError(
      `${file} holds no bonds that can be read (${reason}). If it held bonds, move it away, and pair with the cameras anew.`,
    );
  }
}

/** @throws TypeError for what is no records, or not those of a computer. */
function valuesOf(content: unknown): Values {
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new TypeError("it holds no records");
  const values: Values = new Map();
  for (const [key, hex] of Object.entries(content)) {
    if (typeof hex !== "string" || !/^([0-9a-f]{2})*$/i.test(hex)) throw new TypeError(`${key} is no bytes`);
    const value = new Uint8Array(Buffer.from(hex, "hex"));
    // Another in its place would make this computer another device to all its cameras.
    const length = LENGTHS.get(key) ?? value.length;
    if (value.length !== length) throw new TypeError(`${key} has ${value.length} bytes instead of ${length}`);
    values.set(key, value);
  }
  return values;
}
