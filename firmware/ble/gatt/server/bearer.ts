/** A bearer as the server sees it: the transactions that are open on it. */
import { LOG_LEVEL, type Timer } from "../../../platform/platform.ts";
import type { AttBearer } from "../../att/bearer.ts";
import { ATT_ERROR } from "../../att/errors.ts";
import { COMMAND_FLAG } from "../../att/opcodes.ts";
import { AttServerRole } from "../../att/server-role.ts";
import type { Account } from "../../budget.ts";
import type { LinkSecurity } from "../../security.ts";
import type { ServerContext } from "./context.ts";
import type { Attribute } from "./database.ts";
import { PreparedWrites } from "./prepared-writes.ts";
import type { ServerSession } from "./session.ts";

/** Serves one kind of PDU; the range is what follows the opcode. */
export type Handler = (
  bearer: ServerBearer,
  view: DataView,
  start: number,
  length: number,
  opcode: number,
) => void;

/** What a server understands. */
export interface RequestTable {
  /** By opcode. */
  readonly handlers: readonly (Handler | undefined)[];
  /** Whether to serve a PDU while a request is open or the client does not know the database; what is not, is answered. */
  admits(bearer: ServerBearer, opcode: number, view: DataView, start: number, length: number): boolean;
}

/** An indication that waits for its turn or its confirmation. */
export interface PendingIndication {
  readonly attribute: Attribute;
  value: Uint8Array;
  /** A newer value may take this one's place while it waits. */
  readonly replaceable?: boolean;
  /** Bytes that it keeps of its link's share, from its first wait on. */
  bytes?: number;
  /** Gets whether the client confirmed: false when it did not within 30 s, the link ended, or it was withdrawn. */
  readonly onConfirmed: (confirmed: boolean) => void;
}

/** A question that the application answers later. */
export interface OpenQuestion {
  readonly timer: Timer;
  /** A request waits for the answer; else it is a command. */
  readonly blocks: boolean;
  /** Bytes that it keeps. */
  readonly bytes: number;
}

/** A value that a client reads in parts. */
export interface Snapshot {
  readonly handle: number;
  readonly value: Uint8Array;
}

export class ServerBearer extends AttServerRole {
  private readonly handlers: RequestTable["handlers"];
  readonly session: ServerSession;
  /** A request waits for the application's answer. */
  busy = false;
  /** The log has that this client does not wait for answers. */
  hasWarnedOfHaste = false;
  readonly context: ServerContext;
  /** Of the link, as it is now. */
  security: LinkSecurity;
  /** What its link keeps. */
  readonly account: Account;
  readonly preparedWrites: PreparedWrites;
  /** Indications in their order; the first is on its way once `indicating`. */
  readonly indications: PendingIndication[] = [];
  /** The value whose parts the client is reading: later parts come from the same answer. */
  snapshot: Snapshot | undefined = undefined;
  /** What the application has not answered yet. */
  readonly questions = new Set<OpenQuestion>();
  /** The client has asked for something since `takeActivity` was called last. */
  private hasAsked = false;
  private readonly table: RequestTable;

  constructor(
    context: ServerContext,
    table: RequestTable,
    bearer: AttBearer,
    session: ServerSession,
    security: LinkSecurity,
  ) {
    super(bearer);
    this.account = bearer.account;
    this.preparedWrites = new PreparedWrites(bearer.account);
    this.context = context;
    this.table = table;
    this.handlers = table.handlers;
    this.session = session;
    this.security = security;
  }

  override receive(opcode: number, view: DataView, start: number, length: number): void {
    const handler = this.handlers[opcode];
    if (!handler) return this.refuseUnknown(opcode);
    this.hasAsked = true;
    if (this.settings.logLevel >= LOG_LEVEL.info) this.logRequest(opcode, view, start, length);
    if (this.busy || this.session.changeUnaware) {
      if (!this.table.admits(this, opcode, view, start, length)) return;
    }
    handler(this, view, start, length, opcode);
  }

  /** Whether the client has subscribed to something. */
  get isSubscribed(): boolean {
    return this.session.configurations.size > 0;
  }

  /** Whether the client has asked for anything since this was called last. */
  takeActivity(): boolean {
    const { hasAsked } = this;
    this.hasAsked = false;
    return hasAsked;
  }

  /** The client has used the link otherwise than by a request of ATT. */
  noteActivity(): void {
    this.hasAsked = true;
  }

  /** The application need not answer any more: the link is gone. */
  override close(): void {
    const { clock } = this.context.port;
    for (const { timer, bytes } of this.questions) {
      clock.clearTimer(timer);
      this.account.give(bytes);
    }
    this.questions.clear();
    this.preparedWrites.clear();
    this.keepSnapshot(undefined);
    super.close();
  }

  /** Keeps this value in place of the one before, if the link's share has room for it. */
  keepSnapshot(snapshot: Snapshot | undefined): void {
    const { account } = this;
    if (this.snapshot) account.give(this.snapshot.value.length);
    this.snapshot = snapshot && account.take(snapshot.value.length) ? snapshot : undefined;
  }

  private refuseUnknown(opcode: number): void {
    if ((opcode & COMMAND_FLAG) === 0) this.refuse(opcode, 0, ATT_ERROR.REQUEST_NOT_SUPPORTED);
  }
}
