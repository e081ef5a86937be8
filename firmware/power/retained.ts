/** What survives deep sleep: in memory that the board keeps supplied, or on flash where that is too small. */
import { textOf } from "../ble/text.ts";
import type { LogLevel, PowerLines, Records } from "../platform/platform.ts";
import { crc32 } from "../storage/crc32.ts";

/** Bytes of an application's state, as JSON. */
export const STATE_BYTES_MAX = 4000;

/** What a start leaves for the next one. */
export interface Kept {
  /** The application's. */
  readonly app: unknown;
  /** The duty cycle's. */
  readonly cycle?: unknown;
  /**
   * The radio was used; when it had lost its supply at the latest, by the clock that goes on through sleep, where that is
   * known.
   */
  readonly radio?: { readonly offAtMs?: number } | undefined;
}

/** Key among the records: what is kept, or where its pieces are. */
const KEY = "power/state";

/** What a record holds (firmware/storage). */
const PIECE_BYTES = 512;

/** The record of what is kept in pieces: which of two sets counts, so that the other can be written beside it. */
interface Pieces {
  readonly set: 0 | 1;
  readonly pieces: number;
}

const pieceKey = (set: number, at: number): string => `${KEY}/${set}/${at}`;

/** In the memory: length, CRC-32, JSON. */
const HEADER_BYTES = 6;

export interface RetainedPort {
  readonly lines: PowerLines;
  readonly records: Records;
  encode(text: string): Uint8Array;
  decode(bytes: Uint8Array): string;
  log(level: LogLevel, message: string): void;
}

export class Retained {
  private readonly port: RetainedPort;

  constructor(port: RetainedPort) {
    this.port = port;
  }

  /** The value last kept; undefined when there is none, or it does not read as it was written. */
  read(): Kept | undefined {
    const { decode, log, records } = this.port;
    try {
      const bytes = this.readMemory() ?? records.get(KEY);
      const kept = bytes && (JSON.parse(decode(bytes)) as Kept | Pieces);
      return kept && "pieces" in kept ? (JSON.parse(decode(this.joined(kept))) as Kept) : kept;
    } catch (error) {
      log("warning", `power: what was kept cannot be read: ${error}`);
      return undefined;
    }
  }

  /** @throws TypeError for a state that JSON cannot hold; RangeError for more than `STATE_BYTES_MAX` of it. */
  check(app: unknown): void {
    const state = jsonOf(app);
    // A text has at least as many bytes: one that is far too long is not encoded first.
    const stateBytes = state.length > STATE_BYTES_MAX ? state.length : this.port.encode(state).length;
    if (stateBytes <= STATE_BYTES_MAX) return;
    throw new RangeError(`the state is ${stateBytes} bytes of JSON; at most ${STATE_BYTES_MAX}`);
  }

  /** @throws TypeError, RangeError as `check`; Error when the flash fails. */
  write({ app, cycle, radio }: Kept): void {
    const { encode, lines, records } = this.port;
    this.check(app);
    const bytes = encode(JSON.stringify({ app, cycle, radio }));
    if (bytes.length + HEADER_BYTES <= lines.retainedBytes) {
      lines.writeRetained(framed(bytes));
      // One place has the truth.
      for (const key of this.keys()) records.delete(key);
    } else {
      this.writeRecords(bytes);
      if (lines.retainedBytes >= HEADER_BYTES) lines.writeRetained(new Uint8Array(HEADER_BYTES));
    }
  }

  /** The records that are in use. */
  private keys(): string[] {
    return this.port.records.keys().filter((key) => key === KEY || key.startsWith(`${KEY}/`));
  }

  /** The record under `KEY` is written last of all, and in one piece: until then what was kept before counts. */
  private writeRecords(bytes: Uint8Array): void {
    const { encode, records } = this.port;
    const pieces = bytes.length > PIECE_BYTES ? Math.ceil(bytes.length / PIECE_BYTES) : 0;
    const set = this.setInUse() === 0 ? 1 : 0;
    for (let at = 0; at < pieces; at++) {
      records.set(pieceKey(set, at), bytes.slice(at * PIECE_BYTES, (at + 1) * PIECE_BYTES));
    }
    records.set(KEY, pieces > 0 ? encode(JSON.stringify({ set, pieces } satisfies Pieces)) : bytes);
    const used = Array.from({ length: pieces }, (_, at) => pieceKey(set, at));
    for (const key of this.keys()) if (key !== KEY && !used.includes(key)) records.delete(key);
  }

  private setInUse(): 0 | 1 | undefined {
    const { decode, records } = this.port;
    try {
      return (JSON.parse(decode(records.get(KEY)!)) as Partial<Pieces>).set;
    } catch {
      return undefined;
    }
  }

  /** @throws Error when one of them is not there. */
  private joined({ set, pieces }: Pieces): Uint8Array {
    const all = new Uint8Array(pieces * PIECE_BYTES);
    let end = 0;
    for (let at = 0; at < pieces; at++) {
      const piece = this.port.records.get(pieceKey(set, at));
      if (!piece) throw new Error(`piece ${at + 1} of ${pieces} is not there`);
      all.set(piece, end);
      end += piece.length;
    }
    return all.subarray(0, end);
  }

  private readMemory(): Uint8Array | undefined {
    const { retainedBytes } = this.port.lines;
    if (retainedBytes < HEADER_BYTES) return undefined;
    const memory = this.port.lines.readRetained();
    const view = new DataView(memory.buffer as ArrayBuffer, memory.byteOffset, memory.length);
    const length = view.getUint16(0, true);
    if (length === 0 || length + HEADER_BYTES > memory.length) return undefined;
    const bytes = memory.slice(HEADER_BYTES, HEADER_BYTES + length);
    return crc32(bytes) >>> 0 === view.getUint32(2, true) ? bytes : undefined;
  }
}

function framed(bytes: Uint8Array): Uint8Array {
  const memory = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(memory.buffer);
  view.setUint16(0, bytes.length, true);
  view.setUint32(2, crc32(bytes) >>> 0, true);
  memory.set(bytes, HEADER_BYTES);
  return memory;
}

/** @throws TypeError for what JSON cannot hold: a function, a bigint, what refers to itself. */
function jsonOf(state: unknown): string {
  let why = "";
  try {
    const json = JSON.stringify(state) as string | undefined;
    if (json !== undefined) return json;
  } catch (error) {
    why = `: ${textOf(error)}`;
  }
  throw new TypeError(`state is nothing that JSON can hold${why}`);
}
