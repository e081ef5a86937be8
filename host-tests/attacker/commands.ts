/** HCI commands by number, and what a healthy controller answers to each, in bytes (Vol 4, Part E, 7). */

/** Opcodes. */
export const op = {
  disconnect: 0x0406,
  setEventMask: 0x0c01,
  reset: 0x0c03,
  readLocalVersion: 0x1001,
  readLocalCommands: 0x1002,
  readLocalFeatures: 0x1003,
  readBufferSize: 0x1005,
  readBdAddr: 0x1009,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leReadLocalFeatures: 0x2003,
  leSetRandomAddress: 0x2005,
  leSetAdvertisingParameters: 0x2006,
  leReadAdvertisingTxPower: 0x2007,
  leSetAdvertisingData: 0x2008,
  leSetScanResponseData: 0x2009,
  leSetAdvertisingEnable: 0x200a,
  readRssi: 0x1405,
  leRand: 0x2018,
  leReadSupportedStates: 0x201c,
  leWriteSuggestedDataLength: 0x2024,
  leReadMaximumDataLength: 0x202f,
} as const;

/** One HCI command of the camera. */
export interface Command {
  readonly opcode: number;
  readonly parameters: Buffer;
}

/** What the controller says of itself. */
export interface Figures {
  /** ACL packets that it holds, over all links. */
  readonly buffers: number;
  /** Bytes of data in one of them. */
  readonly packetLength: number;
}

/** Its public address, least significant byte first. */
const PUBLIC_ADDRESS = Buffer.from("0100009c8b00", "hex");

const u16 = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);
const SUCCESS = Buffer.from([0]);

/** Return parameters of success, the status first. What is not here returns a status alone. */
export function returnParameters(opcode: number, { buffers, packetLength }: Figures): Buffer {
  switch (opcode) {
    case op.readLocalVersion:
      // Bluetooth 5.2, of a company that does not exist.
      return Buffer.from("000b00000bffff0000", "hex");
    case op.readLocalCommands:
      return Buffer.alloc(65, 0xff).fill(0, 0, 1);
    case op.readLocalFeatures:
    case op.leReadLocalFeatures:
      return Buffer.alloc(9);
    case op.leReadSupportedStates:
      return Buffer.alloc(9, 0xff).fill(0, 0, 1);
    case op.readBufferSize:
      return Buffer.concat([SUCCESS, u16(packetLength), SUCCESS, u16(buffers), u16(0)]);
    case op.leReadBufferSize:
      return Buffer.concat([SUCCESS, u16(packetLength), Buffer.from([buffers])]);
    case op.readBdAddr:
      return Buffer.concat([SUCCESS, PUBLIC_ADDRESS]);
    case op.leReadAdvertisingTxPower:
      return Buffer.from([0, 0]);
    case op.leReadMaximumDataLength:
      return Buffer.from("00fb004808fb004808", "hex");
    case op.leRand:
      return Buffer.alloc(9, 0x5a).fill(0, 0, 1);
    default:
      return SUCCESS;
  }
}

/** A Command Complete event with its H4 type byte. */
export function commandComplete(opcode: number, parameters: Uint8Array, credits = 1): Buffer {
  const header = [0x04, 0x0e, 3 + parameters.length, credits, opcode & 0xff, opcode >> 8];
  return Buffer.concat([Buffer.from(header), parameters]);
}

/** A Command Status event with its H4 type byte. */
export const commandStatus = (opcode: number, status: number, credits = 1): Buffer =>
  Buffer.from([0x04, 0x0f, 4, status, credits, opcode & 0xff, opcode >> 8]);
