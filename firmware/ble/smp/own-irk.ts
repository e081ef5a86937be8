/** The Identity Resolving Key of this device, on flash (Vol 3, Part H, 2.4.2.1). */
import type { LogLevel, Records } from "../../platform/platform.ts";
import { textOf } from "../text.ts";

/** Its record, and the bytes of it. */
export const IRK_KEY = "irk";
export const IRK_LENGTH = 16;

interface RecordsPort {
  readonly records: Records;
  log(level: LogLevel, message: string): void;
}

interface OwnIrkPort extends RecordsPort {
  /** Entropy fit for keys. */
  random(length: number): Uint8Array;
}

/** A record; undefined where there is none, or, with a line in the log, where flash cannot read it. */
export function readRecord({ log, records }: RecordsPort, key: string): Uint8Array | undefined {
  try {
    return records.get(key);
  } catch (error) {
    log("warning", `smp: the record ${key} cannot be read: ${textOf(error)}`);
    return undefined;
  }
}

export class OwnIrk {
  private readonly port: OwnIrkPort;
  private known: Uint8Array | undefined = undefined;

  constructor(port: OwnIrkPort) {
    this.port = port;
  }

  /** The key; the first time that it is needed, it is drawn. */
  get(): Uint8Array {
    if (!this.known) {
      const stored = readRecord(this.port, IRK_KEY);
      if (stored?.length === IRK_LENGTH) this.known = stored;
    }
    return this.known ?? this.draw();
  }

  /** @throws Error when the flash fails. */
  set(irk: Uint8Array): void {
    this.port.records.set(IRK_KEY, irk);
    this.known = irk.slice();
  }

  /** Reads it anew when it is next needed. */
  forget(): void {
    this.known = undefined;
  }

  private draw(): Uint8Array {
    const irk = this.port.random(IRK_LENGTH);
    this.known = irk;
    try {
      this.port.records.set(IRK_KEY, irk);
    } catch (error) {
      const problem = `smp: the identity resolving key lasts only until the next start: ${textOf(error)}`;
      this.port.log("warning", problem);
    }
    return irk;
  }
}
