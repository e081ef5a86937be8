/** The LE signalling channel: commands of the peer, and what answers them (Vol 3, Part A, 4). */
import type { Clock } from "../../platform/platform.ts";
import { Writer } from "../codec.ts";
import type { Channel, ChannelReceiver } from "./channel.ts";

/** Signalling packet codes (Vol 3, Part A, Table 4.2). */
export const SIGNAL = {
  COMMAND_REJECT: 0x01,
  DISCONNECTION_REQUEST: 0x06,
  DISCONNECTION_RESPONSE: 0x07,
  PARAMETER_UPDATE_REQUEST: 0x12,
  PARAMETER_UPDATE_RESPONSE: 0x13,
  LE_CREDIT_CONNECTION_REQUEST: 0x14,
  LE_CREDIT_CONNECTION_RESPONSE: 0x15,
  FLOW_CONTROL_CREDIT: 0x16,
  CREDIT_CONNECTION_REQUEST: 0x17,
  CREDIT_CONNECTION_RESPONSE: 0x18,
  CREDIT_RECONFIGURE_REQUEST: 0x19,
  CREDIT_RECONFIGURE_RESPONSE: 0x1a,
} as const;

/** Reasons of Command Reject (Vol 3, Part A, 4.1). */
export const REJECT = { NOT_UNDERSTOOD: 0x0000, MTU_EXCEEDED: 0x0001, INVALID_CID: 0x0002 } as const;

/** Result of LE Credit Based Connection Response: nobody listens there (Vol 3, Part A, 4.23). */
const SPSM_NOT_SUPPORTED = 0x0002;

/** MTU of the signalling channel of an LE link (Vol 3, Part A, 4). */
export const SIGNALING_MTU = 23;

/** Code, identifier, length. */
const HEADER_LENGTH = 4;
/** Bytes of a Flow Control Credit Indication. */
const CREDITS_LENGTH = 8;
const NOTHING = new Uint8Array(0);

/** What signalling needs of its channel. */
type SignalingChannel = Pick<Channel, "header" | "headerOffset" | "receiver" | "send">;

/** Codes that answer something: with nothing pending they are ignored, not rejected (Vol 3, Part A, 4). */
const RESPONSES: readonly number[] = [
  SIGNAL.COMMAND_REJECT,
  SIGNAL.DISCONNECTION_RESPONSE,
  SIGNAL.PARAMETER_UPDATE_RESPONSE,
  SIGNAL.LE_CREDIT_CONNECTION_RESPONSE,
  SIGNAL.CREDIT_CONNECTION_RESPONSE,
  SIGNAL.CREDIT_RECONFIGURE_RESPONSE,
];

/** Serves one command of the peer; the range of its data is valid during the call. */
export type SignalHandler = (identifier: number, view: DataView, start: number, length: number) => void;

/** What becomes of a request of ours: exactly one of these is called, once. */
export interface SignalRequest {
  /** The response, or Command Reject with its reason; the range of its data is valid during the call. */
  onResponse(code: number, view: DataView, start: number, length: number): void;
  /** Whether a response only says that another will follow, for which the peer has `PENDING_TIMEOUT_MS`. */
  isPending?: ((code: number, view: DataView, start: number, length: number) => boolean) | undefined;
  /** There was no response in time, or the link ended before. */
  onFailure(reason: "timeout" | "closed"): void;
}

/** Requests of our own on one link (signal-requests.ts). */
export interface SignalRequests {
  /**
   * Sends one, whose response has the code after its own. False, and nothing is sent, when `OPEN_REQUESTS_MAX` are open
   * already.
   */
  send(code: number, words: readonly number[], request: SignalRequest, timeoutMs?: number): boolean;
  /** Whether `send` would send one. */
  readonly hasRoom: boolean;
  /** Whether one with this identifier is open. */
  has(identifier: number): boolean;
  /** A response has come. */
  settle(code: number, identifier: number, view: DataView, start: number, length: number): void;
  /** The link is gone: what is open has failed. */
  close(): void;
}

/** Who serves commands from the first of them on: most links never get one. */
interface LaterHandlers {
  readonly codes: readonly number[];
  /** Registers the handlers. */
  readonly begin: () => void;
}

export class Signaling implements ChannelReceiver {
  private readonly channel: SignalingChannel;
  readonly clock: Clock;
  private readonly handlers = new Map<number, SignalHandler>();
  private later: LaterHandlers | undefined = undefined;
  /** Requests of our own, from the first on. */
  requests: SignalRequests | undefined = undefined;
  private lastIdentifier = 0;

  constructor(channel: SignalingChannel, clock: Clock) {
    this.channel = channel;
    this.clock = clock;
    channel.receiver = this;
  }

  /**
   * Has `handler` serve the peer's commands of this code, in place of the refusal that they get otherwise.
   * @throws Error when the code is served already: each command has one owner, who answers it.
   */
  on(code: number, handler: SignalHandler): void {
    if (this.handlers.has(code)) throw new Error(`signalling code 0x${code.toString(16)} is served already`);
    this.handlers.set(code, handler);
  }

  /** Has `begin` register handlers of these codes, by `on`, when the first such command comes that has none yet. */
  serveLater(codes: readonly number[], begin: () => void): void {
    this.later = { codes, begin };
  }

  /** Flow Control Credit Indication (Vol 3, Part A, 4.24): there is one for every few frames that arrive, and no response. */
  sendCredits(cid: number, credits: number): void {
    const { channel } = this;
    const { header, headerOffset } = channel;
    const identifier = this.allocateIdentifier();
    header.setUint32(headerOffset, SIGNAL.FLOW_CONTROL_CREDIT | (identifier << 8) | (4 << 16), true);
    header.setUint32(headerOffset + 4, cid | (credits << 16), true);
    channel.send(CREDITS_LENGTH, NOTHING, 0, 0);
  }

  /** 1 to 255 in turn, so that one is used again as late as can be (Vol 3, Part A, 4). */
  allocateIdentifier(): number {
    do {
      this.lastIdentifier = (this.lastIdentifier % 0xff) + 1;
    } while (this.requests?.has(this.lastIdentifier));
    return this.lastIdentifier;
  }

  /** Sends a command or response of 16-bit fields. */
  send(code: number, identifier: number, words: readonly number[]): void {
    const writer = new Writer();
    writer.u8(code);
    writer.u8(identifier);
    writer.u16(words.length * 2);
    for (const word of words) writer.u16(word);
    const frame = writer.finish();
    this.channel.send(0, frame, 0, frame.length);
  }

  /** Command Reject (Vol 3, Part A, 4.1). */
  reject(identifier: number, reason: number, ...data: number[]): void {
    this.send(SIGNAL.COMMAND_REJECT, identifier, [reason, ...data]);
  }

  /** One frame on channel 0x0005. An LE frame carries exactly one command. */
  receive(view: DataView, start: number, length: number): void {
    if (length < HEADER_LENGTH) return;
    const code = view.getUint8(start);
    const identifier = view.getUint8(start + 1);
    if (identifier === 0) return;
    const isWhole = length <= SIGNALING_MTU && view.getUint16(start + 2, true) === length - HEADER_LENGTH;
    const data = start + HEADER_LENGTH;
    if (RESPONSES.includes(code)) {
      if (isWhole) this.requests?.settle(code, identifier, view, data, length - HEADER_LENGTH);
    } else if (length > SIGNALING_MTU) {
      if (code !== SIGNAL.FLOW_CONTROL_CREDIT) this.reject(identifier, REJECT.MTU_EXCEEDED, SIGNALING_MTU);
    } else if (isWhole) {
      this.serve(code, identifier, view, data, length - HEADER_LENGTH);
    } else if (code !== SIGNAL.FLOW_CONTROL_CREDIT) {
      this.reject(identifier, REJECT.NOT_UNDERSTOOD);
    }
  }

  private serve(code: number, identifier: number, view: DataView, start: number, length: number): void {
    const { handlers, later } = this;
    if (later?.codes.includes(code) && !handlers.has(code)) later.begin();
    const handler = handlers.get(code);
    if (handler) {
      handler(identifier, view, start, length);
    } else if (code === SIGNAL.DISCONNECTION_REQUEST && length === 4) {
      const destination = view.getUint16(start, true);
      const source = view.getUint16(start + 2, true);
      this.reject(identifier, REJECT.INVALID_CID, destination, source);
    } else if (code === SIGNAL.LE_CREDIT_CONNECTION_REQUEST && length === 10) {
      this.send(SIGNAL.LE_CREDIT_CONNECTION_RESPONSE, identifier, [0, 0, 0, 0, SPSM_NOT_SUPPORTED]);
    } else if (code !== SIGNAL.FLOW_CONTROL_CREDIT) {
      // Credits for a channel that is not there need no answer: their sender waits for none.
      this.reject(identifier, REJECT.NOT_UNDERSTOOD);
    }
  }

  /** The link is gone: what is open has failed. */
  close(): void {
    this.requests?.close();
  }
}
