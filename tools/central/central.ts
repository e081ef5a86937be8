/** Our own stack as a central, in this process: what `deploy` and `logs` connect to cameras with. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Aioble } from "../../firmware/aioble/aioble.ts";
import { Host } from "../../firmware/ble/host.ts";
import { feature as central } from "../../firmware/features/central.ts";
import { feature as client } from "../../firmware/features/client.ts";
import type { Image } from "../../firmware/features/feature.ts";
import { createModules } from "../../firmware/features/modules.ts";
import { feature as scan } from "../../firmware/features/scan.ts";
import { feature as security } from "../../firmware/features/security.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { Platform, Records } from "../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { ToolError } from "../events.ts";
import { createRealClock } from "../radio/real-clock.ts";
import { writeWhole } from "../whole-file.ts";
import { SocketLine } from "./socket-line.ts";

const image = {
  manifest: "camera",
  features: [central, client, scan, security],
  missing: [],
} satisfies Image;

/** `aioble` as a central has it. */
export type CentralAioble = Aioble &
  ReturnType<(typeof client)["aioble"]> &
  ReturnType<(typeof scan)["aioble"]> &
  ReturnType<(typeof security)["aioble"]>;

/** A central that runs. */
export interface Central {
  readonly aioble: CentralAioble;
  /** Ends all links, and lets nothing keep the process alive. */
  stop(): Promise<void>;
}

/**
 * Starts a central.
 * @param hci where its controller listens: `tcp:HOST:PORT` or `unix:PATH`
 * @param bonds file that keeps its bonds, and who this computer is, from run to run
 * @param onLine gets what its stack warns of
 * @param onGone called when the controller has closed its socket
 * @throws ToolError for a file that holds no bonds; the system's error for one that cannot be written
 */
export function startCentral(
  hci: string,
  bonds: string,
  onLine: (text: string) => void,
  onGone?: () => void,
): Central {
  const clock = createRealClock();
  const records = new FileRecords(bonds);
  const identity = records.identity();
  const platform: Platform = {
    clock: createTimerQueue(clock),
    transport: new SocketLine(hci, onGone),
    random: (length) => new Uint8Array(randomBytes(length)),
    crypto: simulatedCrypto,
    uniqueId: () => identity.slice(),
    flash: (area) => {
      throw new TypeError(`a central on this computer has no flash area ${area}`);
    },
    log: (level, message) => {
      if (level === "warning" || level === "error") onLine(`${level}: ${message}`);
    },
  };
  const host = new Host(platform, records);
  const { aioble } = createModules(host, createSignals(platform), image);
  return {
    aioble: aioble as unknown as CentralAioble,
    async stop() {
      await host.deactivate();
      clock.stop();
    },
  };
}

/** Key of the record that this computer's address comes from: the stack has no such key. */
const IDENTITY_KEY = "computer";
const IDENTITY_LENGTH = 8;

/** Records in a file, for its owner's eyes: the keys of bonds are among them. */
export class FileRecords implements Records {
  private readonly file: string;
  private readonly values: Map<string, Uint8Array>;

  constructor(file: string) {
    this.file = file;
    this.values = readRecords(file);
  }

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)?.slice();
  }

  set(key: string, value: Uint8Array): void {
    this.values.set(key, value.slice());
    this.write();
  }

  delete(key: string): boolean {
    const wasThere = this.values.delete(key);
    if (wasThere) this.write();
    return wasThere;
  }

  keys(): string[] {
    return [...this.values.keys()];
  }

  /**
   * What this computer's address is derived from, the same for as long as the file is there. It is drawn at random, so that two
   * computers are never one to a camera. A file of an earlier version has bonds and no identity: it keeps the one of then, which
   * came from the file's path, for the cameras know this computer by that.
   */
  identity(): Uint8Array {
    const stored = this.get(IDENTITY_KEY);
    if (stored?.length === IDENTITY_LENGTH) return stored;
    const isEarlier = this.keys().some((key) => key.startsWith("bond."));
    const identity = new Uint8Array(
      isEarlier ? createHash("sha256").update(this.file).digest() : randomBytes(IDENTITY_LENGTH),
    ).slice(0, IDENTITY_LENGTH);
    this.set(IDENTITY_KEY, identity);
    return identity;
  }

  private write(): void {
    const entries = [...this.values].map(([key, value]) => [key, Buffer.from(value).toString("hex")]);
    mkdirSync(dirname(this.file), { recursive: true });
    writeWhole(this.file, JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
  }
}

/** @throws ToolError for a file that holds no records. */
function readRecords(file: string): Map<string, Uint8Array> {
  if (!existsSync(file)) return new Map();
  try {
    const entries = Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>);
    return new Map(entries.map(([key, hex]) => [key, new Uint8Array(Buffer.from(hex, "hex"))]));
  } catch (error) {
    const reason = (error as Error).message;
    throw new ToolError(
      `The bonds in ${file} cannot be read (${reason}): remove the file, and pair with the cameras anew.`,
    );
  }
}
