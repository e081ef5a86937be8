/**
 * One ATT bearer: its channel, its ATT_MTU, and which of its two roles gets what arrives (Vol 3, Part F, 3.2.11). The
 * peer's requests, commands and confirmations are for the server role; its responses, notifications and indications for
 * the client role, where there is one.
 */

import type { Clock, LogLevel } from "../../platform/platform.ts";
import { type Account, unboundedAccount } from "../budget.ts";
import type { Channel, ChannelReceiver } from "../l2cap/channel.ts";
import type { OperationGate } from "../operation-gate.ts";
import { ATT_ERROR } from "./errors.ts";
import { ATT_OPCODE, COMMAND_FLAG } from "./opcodes.ts";

/** ATT_MTU before an exchange, and the least there is (Vol 3, Part G, 5.2.1). */
export const DEFAULT_MTU = 23;
/** Largest ATT_MTU that makes sense: an attribute value is at most 512 bytes (Vol 3, Part F, 3.2.9). */
export const MAX_MTU = 527;
/** Transaction timeout (Vol 3, Part F, 3.3.3). */
export const TRANSACTION_TIMEOUT_MS = 30_000;

/** The highest opcode of a server's PDUs, which are odd (Vol 3, Part F, 3.3.1). */
const LAST_OF_SERVER = ATT_OPCODE.MULTIPLE_HANDLE_VALUE_NOTIFICATION;

/** A role of this device on a bearer: takes what the peer's other role sends. */
export interface AttRole {
  /** One PDU; the range starts after the opcode and is valid during the call. */
  receive(opcode: number, view: DataView, start: number, length: number): void;
  /** The bearer has ended: ends what waits on it. */
  close(): void;
}

/** The role that the peer's requests are for. */
export interface AttServer extends AttRole {
  /** Sends an Error Response. */
  refuse(requestOpcode: number, handle: number, errorCode: number): void;
}

/** The role that the peer's responses, notifications and indications are for. */
export interface AttClient extends AttRole {
  /** A PDU above ATT_MTU has come, of which nothing but the opcode is sure to be there. */
  receiveTooLong(opcode: number): void;
}

/** What a bearer is handed. */
export interface BearerPort {
  readonly clock: Clock;
  /** Handle of the link, for the log. */
  readonly link: number;
  /** The ATT_MTU that this device offers; undefined on an enhanced bearer, whose ATT_MTU is its channel's (3.2.11). */
  readonly preferredMtu: number | undefined;
  /** What the link keeps in the host; left out, without a bound. */
  readonly account?: Account;
  log(level: LogLevel, message: string): void;
  readonly settings: { readonly logLevel: number };
  /** An ATT_MTU was agreed, the first or another than before. */
  onMtu(mtu: number): void;
  /** The peer left a transaction open for 30 s: nothing more may be sent on this bearer. */
  onTimeout(): void;
}

/** The server role of a bearer that has ended. */
const ENDED: AttServer = Object.freeze({ receive() {}, refuse() {}, close() {} });

export class AttBearer implements ChannelReceiver {
  /** ATT_MTU in force. */
  mtu: number;
  /** There before the first PDU comes. */
  server!: AttServer;
  readonly channel: Channel;
  /** The peer left a transaction open for 30 s: no request, command, indication or notification may follow (3.3.3). */
  timedOut = false;
  /** Whether the ATT_MTU was agreed by an exchange. */
  mtuExchanged = false;
  /** Undefined where this device is no client. */
  client: AttClient | undefined = undefined;
  /** Holds back what this device asks of the peer; undefined: nothing does. */
  gate: OperationGate | undefined = undefined;
  readonly port: BearerPort;
  readonly account: Account;
  private offeredMtu: number | undefined;
  private wasMtuOffered = false;

  constructor(channel: Channel, port: BearerPort) {
    this.channel = channel;
    this.port = port;
    this.account = port.account ?? unboundedAccount();
    const { preferredMtu } = port;
    if (preferredMtu === undefined) {
      this.offeredMtu = undefined;
      this.mtu = channel.mtu;
    } else {
      this.offeredMtu = Math.min(MAX_MTU, Math.max(DEFAULT_MTU, preferredMtu));
      this.mtu = DEFAULT_MTU;
    }
    channel.receiver = this;
  }

  receive(view: DataView, start: number, length: number): void {
    if (length === 0) return;
    const opcode = view.getUint8(start);
    if ((opcode & 1) !== 0 && opcode <= LAST_OF_SERVER) this.receiveForClient(opcode, view, start, length);
    else if (length > this.mtu) this.refuseTooLong(opcode);
    else this.server.receive(opcode, view, start + 1, length - 1);
  }

  private receiveForClient(opcode: number, view: DataView, start: number, length: number): void {
    const { client } = this;
    if (client && length <= this.mtu) return client.receive(opcode, view, start + 1, length - 1);
    client?.receiveTooLong(opcode);
    // Nobody here subscribed, or it cannot be read, but an indication blocks the peer's bearer until it is confirmed.
    if (opcode === ATT_OPCODE.HANDLE_VALUE_INDICATION)
      this.send(Uint8Array.of(ATT_OPCODE.HANDLE_VALUE_CONFIRMATION));
  }

  /** Longer than ATT_MTU: a request is refused, all else is dropped (Vol 3, Part F, 3.2.8). */
  private refuseTooLong(opcode: number): void {
    if (opcode === ATT_OPCODE.HANDLE_VALUE_CONFIRMATION) return;
    if ((opcode & COMMAND_FLAG) !== 0) return this.port.log("debug", "att: dropped a command above the MTU");
    this.server.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  }

  /** Client or Server Rx MTU of this device, the same in a request and in a response; undefined on an enhanced bearer. */
  get rxMtu(): number | undefined {
    return this.offeredMtu;
  }

  /**
   * Offers another ATT_MTU than the setting. Nothing happens once one was offered or exchanged, for both sides have to keep to their
   * figures (Vol 3, Part F, 3.4.2.2), or on an enhanced bearer.
   */
  offerMtu(mtu: number): void {
    if (!this.mtuExchanged && !this.wasMtuOffered && this.offeredMtu !== undefined) this.offeredMtu = mtu;
  }

  /** The figure for a request of this side, which holds from now on. */
  takeRxMtu(): number | undefined {
    this.wasMtuOffered = true;
    return this.offeredMtu;
  }

  /**
   * Both sides use the smaller of their figures; one below 23 counts as 23 (Vol 3, Part F, 3.4.2). Of several exchanges
   * the latest holds.
   * @param peerRxMtu the peer's Client or Server Rx MTU.
   */
  agreeMtu(peerRxMtu: number): void {
    const mtu = Math.max(DEFAULT_MTU, Math.min(this.rxMtu ?? this.channel.mtu, peerRxMtu));
    const isNews = !this.mtuExchanged || mtu !== this.mtu;
    this.mtuExchanged = true;
    this.mtu = mtu;
    if (isNews) this.port.onMtu(mtu);
  }

  /** Sends a whole PDU. See `Channel.send` for the result. */
  send(pdu: Uint8Array): boolean {
    return this.channel.send(0, pdu, 0, pdu.length);
  }

  /** A transaction has been open for 30 s. */
  expire(): void {
    this.timedOut = true;
    this.port.onTimeout();
  }

  /** The bearer has ended, with its channel: ends what waits. */
  close(): void {
    this.server.close();
    this.client?.close();
    this.server = ENDED;
  }
}
