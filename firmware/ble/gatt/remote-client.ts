/** A client of our server, as the server keeps it: one for each link. */
import type { AttBearer, AttServer } from "../att/bearer.ts";
import { ATT_ERROR } from "../att/errors.ts";
import {
  executeWriteRequest,
  findByTypeValueRequest,
  findInformationRequest,
  prepareWriteRequest,
  readBlobRequest,
  readByGroupTypeRequest,
  readByTypeRequest,
  readMultipleRequest,
  readMultipleVariableRequest,
  readRequest,
  signedWriteCommand,
  writeCommand,
  writeRequest,
} from "../att/pdus.ts";
import { type Attribute, TYPE } from "./database.ts";
import { PreparedWrites } from "./prepared-writes.ts";
import type { GattServer } from "./server.ts";

/** Bits of Client Supported Features (Vol 3, Part G, 7.2). */
export const CLIENT_FEATURE = { ROBUST_CACHING: 0x01, MULTIPLE_NOTIFICATIONS: 0x04 } as const;

/** An indication that waits for its turn or its confirmation. */
export interface PendingIndication {
  readonly attribute: Attribute;
  value: Uint8Array;
  /** A newer value may take this one's place while it waits. */
  readonly replaceable?: boolean;
  /** Told whether the client confirmed; false when it did not within 30 s, the link ended, or it was withdrawn. */
  readonly onConfirmed: (confirmed: boolean) => void;
}

export class RemoteClient implements AttServer {
  readonly bearer: AttBearer;
  /** What the host knows this client by; handed to hooks. */
  readonly owner: unknown;
  private readonly server: GattServer;
  /** A request waits for the application's answer. */
  busy = false;
  /** The database has changed and the client cannot know (Vol 3, Part G, 2.5.2.1). */
  changeUnaware = false;
  /** It was told so by Database Out Of Sync, or has read the Database Hash: from its next request on it knows. */
  awareAtNextRequest = false;
  /** CCCD values that are not zero, by the handle of the characteristic's value. */
  readonly configurations = new Map<number, number>();
  readonly preparedWrites = new PreparedWrites();
  /** Indications in their order; the first is on its way once `bearer.indicating`. */
  readonly indications: PendingIndication[] = [];
  /** The value whose parts the client is reading: later parts come from the same answer. */
  snapshot: { readonly handle: number; readonly value: Uint8Array } | undefined = undefined;
  /** What the log has said of notifications to this client: handles of values that are cut, negative of unwanted ones. */
  readonly hints = new Set<number>();
  /** Sum of `CLIENT_FEATURE` bits. */
  features = 0;

  constructor(server: GattServer, bearer: AttBearer, owner: unknown) {
    this.server = server;
    this.bearer = bearer;
    this.owner = owner;
    bearer.server = this;
  }

  serve(opcode: number, view: DataView, start: number, length: number): void {
    const writes = this.server.writes;
    if (opcode === writeCommand.opcode) {
      return this.changeUnaware ? writes.drop() : writes.command(this, view, start, length);
    }
    if (opcode === signedWriteCommand.opcode) return writes.drop();
    if (this.busy) {
      this.server.port.log(
        "warning",
        `att: dropped request 0x${opcode.toString(16)} that came before its predecessor's answer`,
      );
      return;
    }
    if (this.changeUnaware && !this.admits(opcode, view, start, length)) return;
    if (opcode === writeRequest.opcode) writes.request(this, view, start, length);
    else if (opcode === prepareWriteRequest.opcode) writes.prepare(this, view, start, length);
    else if (opcode === executeWriteRequest.opcode) writes.execute(this, view, start, length);
    else this.read(opcode, view, start, length);
  }

  private read(opcode: number, view: DataView, start: number, length: number): void {
    const { discovery, reads } = this.server;
    if (opcode === readRequest.opcode) reads.request(this, view, start, length);
    else if (opcode === readBlobRequest.opcode) reads.blob(this, view, start, length);
    else if (opcode === readMultipleRequest.opcode) reads.multiple(this, opcode, view, start, length);
    else if (opcode === readMultipleVariableRequest.opcode) reads.multiple(this, opcode, view, start, length);
    else discovery.serve(this, opcode, view, start, length);
  }

  /**
   * Whether to serve a request while the client does not know the database: one that names attributes is refused, once;
   * by its next request the client knows (Vol 3, Part G, 2.5.2.1).
   */
  private admits(opcode: number, view: DataView, start: number, length: number): boolean {
    if (this.awareAtNextRequest) {
      this.becomeAware();
      return true;
    }
    if (!needsDatabase(opcode, view, start, length)) return true;
    this.awareAtNextRequest = true;
    if (opcode === executeWriteRequest.opcode) this.preparedWrites.clear();
    const handle = length >= 2 ? view.getUint16(start, true) : 0;
    this.bearer.refuse(opcode, handle, ATT_ERROR.DATABASE_OUT_OF_SYNC);
    return false;
  }

  /** The client knows the database again. */
  becomeAware(): void {
    this.changeUnaware = false;
    this.awareAtNextRequest = false;
  }
}

/** Requests that find their way in a database without knowing it. */
const EXPLORING: readonly number[] = [
  findInformationRequest.opcode,
  findByTypeValueRequest.opcode,
  readByGroupTypeRequest.opcode,
];

/**
 * Whether a request relies on what the client knows of the database: it names a handle, or reads by type in a part of it
 * (Vol 3, Part G, 2.5.2.1).
 */
function needsDatabase(opcode: number, view: DataView, start: number, length: number): boolean {
  if (EXPLORING.includes(opcode)) return false;
  if (opcode !== readByTypeRequest.opcode || length !== 6) return true;
  const type = view.getUint16(start + 4, true);
  if (type === TYPE.INCLUDE || type === TYPE.CHARACTERISTIC) return false;
  return view.getUint16(start, true) !== 0x0001 || view.getUint16(start + 2, true) !== 0xffff;
}
