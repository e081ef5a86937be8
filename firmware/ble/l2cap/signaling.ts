/** The LE signalling channel, as far as a peripheral without channels of its own needs it (Vol 3, Part A, 4). */
import { Writer } from "../codec.ts";

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
  CREDIT_CONNECTION_RESPONSE: 0x18,
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

/** Codes that answer something: with nothing pending they are ignored, not rejected (Vol 3, Part A, 4). */
const ANSWERS: readonly number[] = [
  SIGNAL.COMMAND_REJECT,
  SIGNAL.DISCONNECTION_RESPONSE,
  SIGNAL.PARAMETER_UPDATE_RESPONSE,
  SIGNAL.LE_CREDIT_CONNECTION_RESPONSE,
  SIGNAL.FLOW_CONTROL_CREDIT,
  SIGNAL.CREDIT_CONNECTION_RESPONSE,
  SIGNAL.CREDIT_RECONFIGURE_RESPONSE,
];

export class Signaling {
  private readonly send: (frame: Uint8Array) => void;

  constructor(send: (frame: Uint8Array) => void) {
    this.send = send;
  }

  /** One frame on channel 0x0005. An LE frame carries exactly one command. */
  receive(view: DataView, start: number, length: number): void {
    if (length < HEADER_LENGTH) return;
    const code = view.getUint8(start);
    const identifier = view.getUint8(start + 1);
    const dataLength = view.getUint16(start + 2, true);
    if (identifier === 0 || ANSWERS.includes(code)) return;
    if (length > SIGNALING_MTU) return this.reject(identifier, REJECT.MTU_EXCEEDED, SIGNALING_MTU);
    if (dataLength !== length - HEADER_LENGTH) return this.reject(identifier, REJECT.NOT_UNDERSTOOD);
    const data = start + HEADER_LENGTH;
    if (code === SIGNAL.DISCONNECTION_REQUEST && dataLength === 4) {
      const destination = view.getUint16(data, true);
      const source = view.getUint16(data + 2, true);
      this.reject(identifier, REJECT.INVALID_CID, destination, source);
    } else if (code === SIGNAL.LE_CREDIT_CONNECTION_REQUEST && dataLength === 10) {
      this.answer(SIGNAL.LE_CREDIT_CONNECTION_RESPONSE, identifier, [0, 0, 0, 0, SPSM_NOT_SUPPORTED]);
    } else {
      this.reject(identifier, REJECT.NOT_UNDERSTOOD);
    }
  }

  private reject(identifier: number, reason: number, ...data: number[]): void {
    this.answer(SIGNAL.COMMAND_REJECT, identifier, [reason, ...data]);
  }

  private answer(code: number, identifier: number, words: readonly number[]): void {
    const writer = new Writer();
    writer.u8(code);
    writer.u8(identifier);
    writer.u16(words.length * 2);
    for (const word of words) writer.u16(word);
    this.send(writer.finish());
  }
}
