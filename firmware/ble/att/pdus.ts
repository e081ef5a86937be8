/** Attribute protocol PDUs (Vol 3, Part F, 3.4). Section numbers are of that part. */
import { type Fields, rest, u8, u16, uuid } from "../codec.ts";

export interface Pdu<F extends Fields = Fields> {
  readonly name: string;
  readonly opcode: number;
  readonly fields: F;
}

/* @__NO_SIDE_EFFECTS__ */
function pdu<F extends Fields>(name: string, opcode: number, fields: F): Pdu<F> {
  return { name, opcode, fields };
}

/** Bit of the opcode that marks a command, which is never answered (3.3.1). */
export const COMMAND_FLAG = 0x40;

/** 3.4.1.1 */
export const errorResponse = pdu("Error Response", 0x01, {
  requestOpcode: u8,
  attributeHandle: u16,
  errorCode: u8,
});
/** 3.4.2.1 */
export const exchangeMtuRequest = pdu("Exchange MTU Request", 0x02, { clientRxMtu: u16 });
/** 3.4.2.2 */
export const exchangeMtuResponse = pdu("Exchange MTU Response", 0x03, { serverRxMtu: u16 });
/** 3.4.3.1 */
export const findInformationRequest = pdu("Find Information Request", 0x04, {
  startingHandle: u16,
  endingHandle: u16,
});
/** 3.4.3.2 */
export const findInformationResponse = pdu("Find Information Response", 0x05, {
  format: u8,
  informationData: rest,
});
/** 3.4.3.3 */
export const findByTypeValueRequest = pdu("Find By Type Value Request", 0x06, {
  startingHandle: u16,
  endingHandle: u16,
  attributeType: u16,
  attributeValue: rest,
});
/** 3.4.3.4 */
export const findByTypeValueResponse = pdu("Find By Type Value Response", 0x07, {
  handlesInformationList: rest,
});
/** 3.4.4.1 */
export const readByTypeRequest = pdu("Read By Type Request", 0x08, {
  startingHandle: u16,
  endingHandle: u16,
  attributeType: uuid,
});
/** 3.4.4.2 */
export const readByTypeResponse = pdu("Read By Type Response", 0x09, { length: u8, attributeDataList: rest });
/** 3.4.4.3 */
export const readRequest = pdu("Read Request", 0x0a, { attributeHandle: u16 });
/** 3.4.4.4 */
export const readResponse = pdu("Read Response", 0x0b, { attributeValue: rest });
/** 3.4.4.5 */
export const readBlobRequest = pdu("Read Blob Request", 0x0c, { attributeHandle: u16, valueOffset: u16 });
/** 3.4.4.6 */
export const readBlobResponse = pdu("Read Blob Response", 0x0d, { partAttributeValue: rest });
/** 3.4.4.7 */
export const readMultipleRequest = pdu("Read Multiple Request", 0x0e, { setOfHandles: rest });
/** 3.4.4.8 */
export const readMultipleResponse = pdu("Read Multiple Response", 0x0f, { setOfValues: rest });
/** 3.4.4.9 */
export const readByGroupTypeRequest = pdu("Read By Group Type Request", 0x10, {
  startingHandle: u16,
  endingHandle: u16,
  attributeGroupType: uuid,
});
/** 3.4.4.10 */
export const readByGroupTypeResponse = pdu("Read By Group Type Response", 0x11, {
  length: u8,
  attributeDataList: rest,
});
/** 3.4.5.1; the hot path reads it by hand in gatt/server/writes.ts. */
export const writeRequest = pdu("Write Request", 0x12, { attributeHandle: u16, attributeValue: rest });
/** 3.4.5.2 */
export const writeResponse = pdu("Write Response", 0x13, {});
/** 3.4.5.3 */
export const writeCommand = pdu("Write Command", 0x52, { attributeHandle: u16, attributeValue: rest });
/** 3.4.5.4 */
export const signedWriteCommand = pdu("Signed Write Command", 0xd2, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.6.1 */
export const prepareWriteRequest = pdu("Prepare Write Request", 0x16, {
  attributeHandle: u16,
  valueOffset: u16,
  partAttributeValue: rest,
});
/** 3.4.6.2 */
export const prepareWriteResponse = pdu("Prepare Write Response", 0x17, {
  attributeHandle: u16,
  valueOffset: u16,
  partAttributeValue: rest,
});
/** 3.4.6.3 */
export const executeWriteRequest = pdu("Execute Write Request", 0x18, { flags: u8 });
/** 3.4.6.4 */
export const executeWriteResponse = pdu("Execute Write Response", 0x19, {});
/** 3.4.4.11 */
export const readMultipleVariableRequest = pdu("Read Multiple Variable Request", 0x20, {
  setOfHandles: rest,
});
/** 3.4.4.12 */
export const readMultipleVariableResponse = pdu("Read Multiple Variable Response", 0x21, {
  lengthValueTuples: rest,
});
/** A number of its own, which the build puts where it is used. */
export const HANDLE_VALUE_NOTIFICATION = 0x1b;
/** 3.4.7.1; the hot path writes it by hand in server-role.ts. */
export const handleValueNotification = pdu("Handle Value Notification", HANDLE_VALUE_NOTIFICATION, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.7.4 */
export const multipleHandleValueNotification = pdu("Multiple Handle Value Notification", 0x23, {
  handleLengthValueTuples: rest,
});
/** 3.4.7.2 */
export const handleValueIndication = pdu("Handle Value Indication", 0x1d, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.7.3 */
export const handleValueConfirmation = pdu("Handle Value Confirmation", 0x1e, {});

/** Every PDU above, for traces. */
export const PDUS = [
  errorResponse,
  exchangeMtuRequest,
  exchangeMtuResponse,
  findInformationRequest,
  findInformationResponse,
  findByTypeValueRequest,
  findByTypeValueResponse,
  readByTypeRequest,
  readByTypeResponse,
  readRequest,
  readResponse,
  readBlobRequest,
  readBlobResponse,
  readMultipleRequest,
  readMultipleResponse,
  readByGroupTypeRequest,
  readByGroupTypeResponse,
  writeRequest,
  writeResponse,
  writeCommand,
  signedWriteCommand,
  prepareWriteRequest,
  prepareWriteResponse,
  executeWriteRequest,
  executeWriteResponse,
  readMultipleVariableRequest,
  readMultipleVariableResponse,
  handleValueNotification,
  multipleHandleValueNotification,
  handleValueIndication,
  handleValueConfirmation,
] as const;
