/** The table of what a server serves: each request and command with its handler (Vol 3, Part F, 3.4). */
import { ATT_ERROR } from "../../att/errors.ts";
import { ATT_OPCODE, COMMAND_FLAG } from "../../att/opcodes.ts";
import { TYPE } from "../types.ts";
import type { Handler, RequestTable, ServerBearer } from "./bearer.ts";
import { findByTypeValue, findInformation, readByGroupType, readByType } from "./discovery.ts";
import { readBlob, readMultiple, readValue } from "./reads.ts";
import { dropCommand, executeWrites, prepareWrite, writeByCommand, writeByRequest } from "./writes.ts";

const ROWS: readonly (readonly [opcode: number, handler: Handler])[] = [
  [ATT_OPCODE.EXCHANGE_MTU_REQUEST, (bearer, view, start, length) => bearer.exchangeMtu(view, start, length)],
  [ATT_OPCODE.FIND_INFORMATION_REQUEST, findInformation],
  [ATT_OPCODE.FIND_BY_TYPE_VALUE_REQUEST, findByTypeValue],
  [ATT_OPCODE.READ_BY_TYPE_REQUEST, readByType],
  [ATT_OPCODE.READ_REQUEST, readValue],
  [ATT_OPCODE.READ_BLOB_REQUEST, readBlob],
  [ATT_OPCODE.READ_MULTIPLE_REQUEST, readMultiple],
  [ATT_OPCODE.READ_BY_GROUP_TYPE_REQUEST, readByGroupType],
  [ATT_OPCODE.WRITE_REQUEST, writeByRequest],
  [ATT_OPCODE.PREPARE_WRITE_REQUEST, prepareWrite],
  [ATT_OPCODE.EXECUTE_WRITE_REQUEST, executeWrites],
  [ATT_OPCODE.HANDLE_VALUE_CONFIRMATION, (bearer, _view, _start, length) => bearer.confirm(length)],
  [ATT_OPCODE.READ_MULTIPLE_VARIABLE_REQUEST, readMultiple],
  [ATT_OPCODE.WRITE_COMMAND, writeByCommand],
  [ATT_OPCODE.SIGNED_WRITE_COMMAND, dropCommand],
];

function tableOf(rows: typeof ROWS): readonly (Handler | undefined)[] {
  const table: (Handler | undefined)[] = new Array(Math.max(...rows.map(([opcode]) => opcode)) + 1).fill(
    undefined,
  );
  for (const [opcode, handler] of rows) table[opcode] = handler;
  return Object.freeze(table);
}

/** PDUs that concern the bearer, not the database. */
const OF_THE_BEARER: readonly number[] = [
  ATT_OPCODE.EXCHANGE_MTU_REQUEST,
  ATT_OPCODE.HANDLE_VALUE_CONFIRMATION,
];

/** Requests that find their way in a database without knowing it. */
const EXPLORING: readonly number[] = [
  ATT_OPCODE.FIND_INFORMATION_REQUEST,
  ATT_OPCODE.FIND_BY_TYPE_VALUE_REQUEST,
  ATT_OPCODE.READ_BY_GROUP_TYPE_REQUEST,
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
  if (opcode === ATT_OPCODE.EXECUTE_WRITE_REQUEST) bearer.preparedWrites.clear();
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
  if (opcode !== ATT_OPCODE.READ_BY_TYPE_REQUEST || length !== 6) return true;
  const type = view.getUint16(start + 4, true);
  if (type === TYPE.INCLUDE || type === TYPE.CHARACTERISTIC) return false;
  return view.getUint16(start, true) !== 0x0001 || view.getUint16(start + 2, true) !== 0xffff;
}
