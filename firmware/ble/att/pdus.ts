/** Attribute protocol PDUs (Vol 3, Part F, 3.4). Section numbers are of that part. */
import { type Fields, rest, u8, u16, uuid } from "../codec.ts";
import { ATT_OPCODE } from "./opcodes.ts";

export interface Pdu<F extends Fields = Fields> {
  readonly name: string;
  readonly opcode: number;
  readonly fields: F;
}

/* @__NO_SIDE_EFFECTS__ */
function pdu<F extends Fields>(name: string, opcode: number, fields: F): Pdu<F> {
  return { name, opcode, fields };
}

/** 3.4.1.1 */
export const errorResponse = pdu("Error Response", ATT_OPCODE.ERROR_RESPONSE, {
  requestOpcode: u8,
  attributeHandle: u16,
  errorCode: u8,
});
/** 3.4.2.1 */
export const exchangeMtuRequest = pdu("Exchange MTU Request", ATT_OPCODE.EXCHANGE_MTU_REQUEST, {
  clientRxMtu: u16,
});
/** 3.4.2.2 */
export const exchangeMtuResponse = pdu("Exchange MTU Response", ATT_OPCODE.EXCHANGE_MTU_RESPONSE, {
  serverRxMtu: u16,
});
/** 3.4.3.1 */
export const findInformationRequest = pdu("Find Information Request", ATT_OPCODE.FIND_INFORMATION_REQUEST, {
  startingHandle: u16,
  endingHandle: u16,
});
/** 3.4.3.2 */
export const findInformationResponse = pdu(
  "Find Information Response",
  ATT_OPCODE.FIND_INFORMATION_RESPONSE,
  {
    format: u8,
    informationData: rest,
  },
);
/** 3.4.3.3 */
export const findByTypeValueRequest = pdu(
  "Find By Type Value Request",
  ATT_OPCODE.FIND_BY_TYPE_VALUE_REQUEST,
  {
    startingHandle: u16,
    endingHandle: u16,
    attributeType: u16,
    attributeValue: rest,
  },
);
/** 3.4.3.4 */
export const findByTypeValueResponse = pdu(
  "Find By Type Value Response",
  ATT_OPCODE.FIND_BY_TYPE_VALUE_RESPONSE,
  {
    handlesInformationList: rest,
  },
);
/** 3.4.4.1 */
export const readByTypeRequest = pdu("Read By Type Request", ATT_OPCODE.READ_BY_TYPE_REQUEST, {
  startingHandle: u16,
  endingHandle: u16,
  attributeType: uuid,
});
/** 3.4.4.2 */
export const readByTypeResponse = pdu("Read By Type Response", ATT_OPCODE.READ_BY_TYPE_RESPONSE, {
  length: u8,
  attributeDataList: rest,
});
/** 3.4.4.3 */
export const readRequest = pdu("Read Request", ATT_OPCODE.READ_REQUEST, { attributeHandle: u16 });
/** 3.4.4.4 */
export const readResponse = pdu("Read Response", ATT_OPCODE.READ_RESPONSE, { attributeValue: rest });
/** 3.4.4.5 */
export const readBlobRequest = pdu("Read Blob Request", ATT_OPCODE.READ_BLOB_REQUEST, {
  attributeHandle: u16,
  valueOffset: u16,
});
/** 3.4.4.6 */
export const readBlobResponse = pdu("Read Blob Response", ATT_OPCODE.READ_BLOB_RESPONSE, {
  partAttributeValue: rest,
});
/** 3.4.4.7 */
export const readMultipleRequest = pdu("Read Multiple Request", ATT_OPCODE.READ_MULTIPLE_REQUEST, {
  setOfHandles: rest,
});
/** 3.4.4.8 */
export const readMultipleResponse = pdu("Read Multiple Response", ATT_OPCODE.READ_MULTIPLE_RESPONSE, {
  setOfValues: rest,
});
/** 3.4.4.9 */
export const readByGroupTypeRequest = pdu(
  "Read By Group Type Request",
  ATT_OPCODE.READ_BY_GROUP_TYPE_REQUEST,
  {
    startingHandle: u16,
    endingHandle: u16,
    attributeGroupType: uuid,
  },
);
/** 3.4.4.10 */
export const readByGroupTypeResponse = pdu(
  "Read By Group Type Response",
  ATT_OPCODE.READ_BY_GROUP_TYPE_RESPONSE,
  {
    length: u8,
    attributeDataList: rest,
  },
);
/** 3.4.5.1; the hot path reads it by hand in gatt/server/writes.ts. */
export const writeRequest = pdu("Write Request", ATT_OPCODE.WRITE_REQUEST, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.5.2 */
export const writeResponse = pdu("Write Response", ATT_OPCODE.WRITE_RESPONSE, {});
/** 3.4.5.3 */
export const writeCommand = pdu("Write Command", ATT_OPCODE.WRITE_COMMAND, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.5.4 */
export const signedWriteCommand = pdu("Signed Write Command", ATT_OPCODE.SIGNED_WRITE_COMMAND, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.6.1 */
export const prepareWriteRequest = pdu("Prepare Write Request", ATT_OPCODE.PREPARE_WRITE_REQUEST, {
  attributeHandle: u16,
  valueOffset: u16,
  partAttributeValue: rest,
});
/** 3.4.6.2 */
export const prepareWriteResponse = pdu("Prepare Write Response", ATT_OPCODE.PREPARE_WRITE_RESPONSE, {
  attributeHandle: u16,
  valueOffset: u16,
  partAttributeValue: rest,
});
/** 3.4.6.3 */
export const executeWriteRequest = pdu("Execute Write Request", ATT_OPCODE.EXECUTE_WRITE_REQUEST, {
  flags: u8,
});
/** 3.4.6.4 */
export const executeWriteResponse = pdu("Execute Write Response", ATT_OPCODE.EXECUTE_WRITE_RESPONSE, {});
/** 3.4.4.11 */
export const readMultipleVariableRequest = pdu(
  "Read Multiple Variable Request",
  ATT_OPCODE.READ_MULTIPLE_VARIABLE_REQUEST,
  {
    setOfHandles: rest,
  },
);
/** 3.4.4.12 */
export const readMultipleVariableResponse = pdu(
  "Read Multiple Variable Response",
  ATT_OPCODE.READ_MULTIPLE_VARIABLE_RESPONSE,
  {
    lengthValueTuples: rest,
  },
);
/** 3.4.7.1; the hot path writes it by hand in server-role.ts. */
export const handleValueNotification = pdu(
  "Handle Value Notification",
  ATT_OPCODE.HANDLE_VALUE_NOTIFICATION,
  {
    attributeHandle: u16,
    attributeValue: rest,
  },
);
/** 3.4.7.4 */
export const multipleHandleValueNotification = pdu(
  "Multiple Handle Value Notification",
  ATT_OPCODE.MULTIPLE_HANDLE_VALUE_NOTIFICATION,
  {
    handleLengthValueTuples: rest,
  },
);
/** 3.4.7.2 */
export const handleValueIndication = pdu("Handle Value Indication", ATT_OPCODE.HANDLE_VALUE_INDICATION, {
  attributeHandle: u16,
  attributeValue: rest,
});
/** 3.4.7.3 */
export const handleValueConfirmation = pdu(
  "Handle Value Confirmation",
  ATT_OPCODE.HANDLE_VALUE_CONFIRMATION,
  {},
);

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
