/** The requests by which a client finds attributes (Vol 3, Part F, 3.4.3, 3.4.4.1, 3.4.4.9). */

import { ATT_ERROR } from "../../att/errors.ts";
import { ATT_OPCODE } from "../../att/opcodes.ts";
import {
  findByTypeValueRequest,
  findByTypeValueResponse,
  findInformationRequest,
  findInformationResponse,
  type Pdu,
  readByGroupTypeRequest,
  readByGroupTypeResponse,
  readByTypeRequest,
  readByTypeResponse,
} from "../../att/pdus.ts";
import { decode, type Fields, type Values, Writer } from "../../codec.ts";
import { UUID } from "../../uuid.ts";
import { needsAuthorization } from "../access.ts";
import { TYPE } from "../types.ts";
import type { Handler, ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";
import { isAsked, read, storedValue } from "./reads.ts";

/** Longest value in one entry of Read By Type and Read By Group Type: the length field is one byte (3.4.4.2). */
const MAX_ENTRY_LENGTH = 255;

type Range = { startingHandle: number; endingHandle: number };

/** Why a search gives nothing, and the handle to blame. */
interface Refusal {
  readonly handle: number;
  readonly error: number;
}

/** Serves Find Information Request (3.4.3.1). */
export const findInformation: Handler = searching(findInformationRequest, (bearer, request) => {
  const writer = new Writer();
  let width = 0;
  const { database } = bearer.context;
  const { endingHandle } = request;
  let attribute = database.next(request.startingHandle, endingHandle);
  for (; attribute; attribute = database.next(attribute.handle + 1, endingHandle)) {
    const type = attribute.type.attBytes;
    if (width === 0) width = type.length;
    if (type.length !== width || writer.length + 2 + width > bearer.bearer.mtu - 2) break;
    writer.u16(attribute.handle);
    writer.bytes(type);
  }
  if (width === 0) return notFound(request);
  bearer.respond(findInformationResponse, {
    format: width === 2 ? 1 : 2,
    informationData: writer.finish(),
  });
  return undefined;
});

/** Serves Find By Type Value Request (3.4.3.3). */
export const findByTypeValue: Handler = searching(findByTypeValueRequest, (bearer, request) => {
  const writer = new Writer();
  const { database } = bearer.context;
  const { endingHandle } = request;
  const type = new UUID(request.attributeType);
  let attribute = database.next(request.startingHandle, endingHandle, type);
  for (; attribute; attribute = database.next(attribute.handle + 1, endingHandle, type)) {
    // What may not be read, or only with the application's word, does not match: it is skipped (3.4.3.3).
    if (attribute.handlers?.onRead || needsAuthorization(attribute, "read")) continue;
    const value = storedValue(bearer, attribute);
    if (typeof value === "number" || !sameValue(attribute, value, request.attributeValue)) continue;
    if (writer.length + 4 > bearer.bearer.mtu - 1) break;
    writer.u16(attribute.handle);
    writer.u16(attribute.groupEnd);
  }
  if (writer.length === 0) return notFound(request);
  bearer.respond(findByTypeValueResponse, { handlesInformationList: writer.finish() });
  return undefined;
});

/** Serves Read By Type Request (3.4.4.1). */
export const readByType: Handler = searching(readByTypeRequest, (bearer, request) => {
  const { attributeType, endingHandle } = request;
  const { database } = bearer.context;
  const first = database.next(request.startingHandle, endingHandle, attributeType);
  if (!first) return notFound(request);
  if (!isAsked(bearer, first)) {
    return answerWith(bearer, readByTypeResponse, first, endingHandle, attributeType, 2);
  }
  // The application answers for its value, alone: the client asks again for the ones behind it.
  read(bearer, first, (value) => {
    if (typeof value === "number") return bearer.refuse(ATT_OPCODE.READ_BY_TYPE_REQUEST, first.handle, value);
    const entries = new Entries(bearer.bearer.mtu - 2, 2);
    entries.add(first, value);
    bearer.respond(readByTypeResponse, entries.finish());
  });
  return undefined;
});

/** Serves Read By Group Type Request (3.4.4.9). */
export const readByGroupType: Handler = searching(readByGroupTypeRequest, (bearer, request) => {
  const { attributeGroupType, endingHandle, startingHandle } = request;
  if (!isGroup(attributeGroupType)) {
    return { handle: startingHandle, error: ATT_ERROR.UNSUPPORTED_GROUP_TYPE };
  }
  const { database } = bearer.context;
  const first = database.next(startingHandle, endingHandle, attributeGroupType);
  if (!first) return notFound(request);
  return answerWith(bearer, readByGroupTypeResponse, first, endingHandle, attributeGroupType, 4);
});

/** A handler that decodes, checks the handle range (3.4.3.1), and answers what the search refuses. */
function searching<F extends Fields>(
  request: Pdu<F>,
  search: (bearer: ServerBearer, values: Values<F> & Range) => Refusal | undefined,
): Handler {
  return (bearer, view, start, length) => {
    const values = decode(request.fields, view, start, start + length, true) as
      | (Values<F> & Range)
      | undefined;
    if (!values) return bearer.refuse(request.opcode, 0, ATT_ERROR.INVALID_PDU);
    const { startingHandle, endingHandle } = values;
    const refusal =
      startingHandle === 0 || startingHandle > endingHandle
        ? { handle: startingHandle, error: ATT_ERROR.INVALID_HANDLE }
        : search(bearer, values);
    if (refusal) bearer.refuse(request.opcode, refusal.handle, refusal.error);
  };
}

/** As many attributes of the type as go into one response, from the first on. */
function answerWith(
  bearer: ServerBearer,
  response: typeof readByTypeResponse,
  first: Attribute,
  endingHandle: number,
  type: UUID,
  prefix: 2 | 4,
): Refusal | undefined {
  const entries = new Entries(bearer.bearer.mtu - 2, prefix);
  const { database } = bearer.context;
  let attribute: Attribute | undefined = first;
  for (; attribute; attribute = database.next(attribute.handle + 1, endingHandle, type)) {
    if (isAsked(bearer, attribute)) break;
    const value = storedValue(bearer, attribute);
    if (typeof value === "number") {
      if (entries.isEmpty) return { handle: attribute.handle, error: value };
      break;
    }
    if (!entries.add(attribute, value)) break;
  }
  bearer.respond(response, entries.finish());
  return undefined;
}

/** Entries of equal length: handle (and group end when `prefix` is 4), then as much of the value as fits. */
class Entries {
  private readonly writer = new Writer();
  private readonly room: number;
  private readonly prefix: 2 | 4;
  private length = 0;

  constructor(room: number, prefix: 2 | 4) {
    this.room = room;
    this.prefix = prefix;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** False, having added nothing, when it does not fit or has another length than the first. */
  add(attribute: Attribute, value: Uint8Array): boolean {
    const { writer, prefix, room } = this;
    const length = Math.min(value.length, MAX_ENTRY_LENGTH - prefix, room - prefix) + prefix;
    if (this.length === 0) this.length = length;
    if (length !== this.length || writer.length + length > room) return false;
    writer.u16(attribute.handle);
    if (prefix === 4) writer.u16(attribute.groupEnd);
    writer.bytes(value.subarray(0, length - prefix));
    return true;
  }

  finish(): { length: number; attributeDataList: Uint8Array } {
    return { length: this.length, attributeDataList: this.writer.finish() };
  }
}

function isGroup(type: UUID): boolean {
  return type.short === TYPE.PRIMARY_SERVICE || type.short === TYPE.SECONDARY_SERVICE;
}

function notFound(range: Range): Refusal {
  return { handle: range.startingHandle, error: ATT_ERROR.ATTRIBUTE_NOT_FOUND };
}

/** Service UUIDs of different widths are the same value (Vol 3, Part B, 2.5.1). */
function sameValue(attribute: Attribute, value: Uint8Array, asked: Uint8Array): boolean {
  if (isGroup(attribute.type) && (asked.length === 2 || asked.length === 16)) {
    return new UUID(value).equals(new UUID(asked));
  }
  if (value.length !== asked.length) return false;
  for (let index = 0; index < value.length; index++) if (value[index] !== asked[index]) return false;
  return true;
}
