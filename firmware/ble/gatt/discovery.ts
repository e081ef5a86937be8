/** The requests by which a client finds attributes (Vol 3, Part F, 3.4.3, 3.4.4.1, 3.4.4.9). */

import { ATT_ERROR } from "../att/errors.ts";
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
} from "../att/pdus.ts";
import { decode, type Fields, type Values, Writer } from "../codec.ts";
import { UUID } from "../uuid.ts";
import { type Attribute, type Database, TYPE } from "./database.ts";
import type { RemoteClient } from "./server.ts";

/** Longest value in one entry of Read By Type and Read By Group Type: the length field is one byte (3.4.4.2). */
const MAX_ENTRY_LENGTH = 255;

type Range = { startingHandle: number; endingHandle: number };

/** Why a search gives nothing, and the handle to blame. */
interface Refusal {
  readonly handle: number;
  readonly error: number;
}

export class Discovery {
  private readonly database: Database;
  private readonly readFor: (client: RemoteClient, attribute: Attribute) => Uint8Array | number;

  /** @param readFor the attribute's value as this client sees it, or the ATT error code that refuses it. */
  constructor(
    database: Database,
    readFor: (client: RemoteClient, attribute: Attribute) => Uint8Array | number,
  ) {
    this.database = database;
    this.readFor = readFor;
  }

  /** Serves the request if it is one of discovery; false when it is not. */
  serve(client: RemoteClient, opcode: number, view: DataView, start: number, length: number): boolean {
    if (opcode === findInformationRequest.opcode) {
      this.decoded(client, findInformationRequest, view, start, length, (request) =>
        this.findInformation(client, request),
      );
    } else if (opcode === findByTypeValueRequest.opcode) {
      this.decoded(client, findByTypeValueRequest, view, start, length, (request) =>
        this.findByTypeValue(client, request),
      );
    } else if (opcode === readByTypeRequest.opcode) {
      this.decoded(client, readByTypeRequest, view, start, length, (request) =>
        this.readByType(client, request),
      );
    } else if (opcode === readByGroupTypeRequest.opcode) {
      this.decoded(client, readByGroupTypeRequest, view, start, length, (request) =>
        this.readByGroupType(client, request),
      );
    } else {
      return false;
    }
    return true;
  }

  /** Decodes, checks the handle range (3.4.3.1), and answers what the search refuses. */
  private decoded<F extends Fields>(
    client: RemoteClient,
    request: Pdu<F>,
    view: DataView,
    start: number,
    length: number,
    search: (values: Values<F>) => Refusal | undefined,
  ): void {
    const values = decode(request.fields, view, start, start + length, true);
    if (!values) return client.bearer.refuse(request.opcode, 0, ATT_ERROR.INVALID_PDU);
    const { startingHandle, endingHandle } = values as unknown as Range;
    const refusal =
      startingHandle === 0 || startingHandle > endingHandle
        ? { handle: startingHandle, error: ATT_ERROR.INVALID_HANDLE }
        : search(values);
    if (refusal) client.bearer.refuse(request.opcode, refusal.handle, refusal.error);
  }

  private findInformation(client: RemoteClient, request: Range): Refusal | undefined {
    const writer = new Writer();
    let width = 0;
    for (const attribute of this.database.range(request.startingHandle, request.endingHandle)) {
      const type = attribute.type.attBytes;
      if (width === 0) width = type.length;
      if (type.length !== width || writer.length + 2 + width > client.bearer.mtu - 2) break;
      writer.u16(attribute.handle);
      writer.bytes(type);
    }
    if (width === 0) return notFound(request);
    client.bearer.respond(findInformationResponse, {
      format: width === 2 ? 1 : 2,
      informationData: writer.finish(),
    });
    return undefined;
  }

  private findByTypeValue(
    client: RemoteClient,
    request: Range & { attributeType: number; attributeValue: Uint8Array },
  ): Refusal | undefined {
    const type = new UUID(request.attributeType);
    const writer = new Writer();
    for (const attribute of this.database.range(request.startingHandle, request.endingHandle)) {
      if (!attribute.type.equals(type)) continue;
      const value = this.readFor(client, attribute);
      // What may not be read does not match: it is skipped, not refused (3.4.3.3).
      if (typeof value === "number" || !sameValue(attribute, value, request.attributeValue)) continue;
      if (writer.length + 4 > client.bearer.mtu - 1) break;
      writer.u16(attribute.handle);
      writer.u16(attribute.groupEnd);
    }
    if (writer.length === 0) return notFound(request);
    client.bearer.respond(findByTypeValueResponse, { handlesInformationList: writer.finish() });
    return undefined;
  }

  private readByType(client: RemoteClient, request: Range & { attributeType: UUID }): Refusal | undefined {
    const entries = this.collect(client, request, request.attributeType, 2);
    if ("error" in entries) return entries;
    client.bearer.respond(readByTypeResponse, entries);
    return undefined;
  }

  private readByGroupType(
    client: RemoteClient,
    request: Range & { attributeGroupType: UUID },
  ): Refusal | undefined {
    if (request.attributeGroupType.short !== TYPE.PRIMARY_SERVICE) {
      return { handle: request.startingHandle, error: ATT_ERROR.UNSUPPORTED_GROUP_TYPE };
    }
    const entries = this.collect(client, request, request.attributeGroupType, 4);
    if ("error" in entries) return entries;
    client.bearer.respond(readByGroupTypeResponse, entries);
    return undefined;
  }

  /** Entries of equal length: handle (and group end when `prefix` is 4), then as much of the value as fits. */
  private collect(
    client: RemoteClient,
    range: Range,
    type: UUID,
    prefix: 2 | 4,
  ): Refusal | { length: number; attributeDataList: Uint8Array } {
    const room = client.bearer.mtu - 2;
    const writer = new Writer();
    let length = 0;
    for (const attribute of this.database.range(range.startingHandle, range.endingHandle)) {
      if (!attribute.type.equals(type)) continue;
      const value = this.readFor(client, attribute);
      if (typeof value === "number") {
        if (length === 0) return { handle: attribute.handle, error: value };
        break;
      }
      const entryLength = Math.min(value.length, MAX_ENTRY_LENGTH - prefix, room - prefix) + prefix;
      if (length === 0) length = entryLength;
      if (entryLength !== length || writer.length + length > room) break;
      writer.u16(attribute.handle);
      if (prefix === 4) writer.u16(attribute.groupEnd);
      writer.bytes(value.subarray(0, length - prefix));
    }
    if (length === 0) return notFound(range);
    return { length, attributeDataList: writer.finish() };
  }
}

function notFound(range: Range): Refusal {
  return { handle: range.startingHandle, error: ATT_ERROR.ATTRIBUTE_NOT_FOUND };
}

/** Service UUIDs of different widths are the same value (Vol 3, Part B, 2.5.1). */
function sameValue(attribute: Attribute, value: Uint8Array, asked: Uint8Array): boolean {
  if (attribute.type.short === TYPE.PRIMARY_SERVICE && (asked.length === 2 || asked.length === 16)) {
    return new UUID(value).equals(new UUID(asked));
  }
  if (value.length !== asked.length) return false;
  for (let index = 0; index < value.length; index++) if (value[index] !== asked[index]) return false;
  return true;
}
