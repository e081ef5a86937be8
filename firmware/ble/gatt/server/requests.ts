/** The table of what a server serves: each request and command with its handler (Vol 3, Part F, 3.4). */
import { ATT_ERROR } from "../../att/errors.ts";
import {
  COMMAND_FLAG,
  exchangeMtuRequest,
  executeWriteRequest,
  findByTypeValueRequest,
  findInformationRequest,
  handleValueConfirmation,
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
} from "../../att/pdus.ts";
import { TYPE } from "../types.ts";
import type { Handler, RequestTable, ServerBearer } from "./bearer.ts";
import { findByTypeValue, findInformation, readByGroupType, readByType } from "./discovery.ts";
import { readBlob, readMultiple, readValue } from "./reads.ts";
import { dropCommand, executeWrites, prepareWrite, writeByCommand, writeByRequest } from "./writes.ts";

const ROWS: readonly (readonly [opcode: number, handler: Handler])[] = [
  [exchangeMtuRequest.opcode, (bearer, view, start, length) => bearer.exchangeMtu(view, start, length)],
  [findInformationRequest.opcode, findInformation],
  [findByTypeValueRequest.opcode, findByTypeValue],
  [readByTypeRequest.opcode, readByType],
  [readRequest.opcode, readValue],
  [readBlobRequest.opcode, readBlob],
  [readMultipleRequest.opcode, readMultiple],
  [readByGroupTypeRequest.opcode, readByGroupType],
  [writeRequest.opcode, writeByRequest],
  [prepareWriteRequest.opcode, prepareWrite],
  [executeWriteRequest.opcode, executeWrites],
  [handleValueConfirmation.opcode, (bearer, _view, _start, length) => bearer.confirm(length)],
  [readMultipleVariableRequest.opcode, readMultiple],
  [writeCommand.opcode, writeByCommand],
  [signedWriteCommand.opcode, dropCommand],
];

function tableOf(rows: typeof ROWS): readonly (Handler | undefined)[] {
  const table: (Handler | undefined)[] = new Array(Math.max(...rows.map(([opcode]) => opcode)) + 1).fill(
    undefined,
  );
  for (const [opcode, handler] of rows) table[opcode] = handler;
  return Object.freeze(table);
}

/** PDUs that concern the bearer, not the database. */
const OF_THE_BEARER: readonly number[] = [exchangeMtuRequest.opcode, handleValueConfirmation.opcode];

/** Requests that find their way in a database without knowing it. */
const EXPLORING: readonly number[] = [
  findInformationRequest.opcode,
  findByTypeValueRequest.opcode,
  readByGroupTypeRequest.opcode,
];

export const REQUESTS: RequestTable = {
  handlers: tableOf(ROWS),

  admits(bearer, opcode, view, start, length) {
    if (OF_THE_BEARER.includes(opcode)) return true;
    const { context, session } = bearer;
    if ((opcode & COMMAND_FLAG) !== 0) {
      if (session.changeUnaware) context.droppedCommands++;
      return !session.changeUnaware;
    }
    if (bearer.busy) {
      context.droppedRequests++;
      if (!bearer.hasWarnedOfHaste) {
        bearer.hasWarnedOfHaste = true;
        context.port.log(
          "warning",
          `att: dropped request 0x${opcode.toString(16)} that came before its predecessor's answer; no more of this client's are logged`,
        );
      }
      return false;
    }
    return admitsUnaware(bearer, opcode, view, start, length);
  },
};

/**
 * Whether to serve a request while the client does not know the database: one that names attributes is refused, once;
 * by its next request the client knows (Vol 3, Part G, 2.5.2.1).
 */
function admitsUnaware(
  bearer: ServerBearer,
  opcode: number,
  view: DataView,
  start: number,
  length: number,
): boolean {
  const { session } = bearer;
  if (session.awareAtNextRequest) {
    session.becomeAware();
    return true;
  }
  if (!needsDatabase(opcode, view, start, length)) return true;
  session.awareAtNextRequest = true;
  if (opcode === executeWriteRequest.opcode) bearer.preparedWrites.clear();
  const handle = length >= 2 ? view.getUint16(start, true) : 0;
  bearer.refuse(opcode, handle, ATT_ERROR.DATABASE_OUT_OF_SYNC);
  return false;
}

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
