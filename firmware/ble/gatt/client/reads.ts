/** Reading values (Vol 3, Part G, 4.8). */
import type { Operation } from "../../att/client-role.ts";
import { ATT_ERROR, GattError, ProtocolError } from "../../att/errors.ts";
import {
  readBlobRequest,
  readBlobResponse,
  readByTypeRequest,
  readByTypeResponse,
  readMultipleRequest,
  readMultipleResponse,
  readMultipleVariableRequest,
  readMultipleVariableResponse,
  readRequest,
  readResponse,
} from "../../att/pdus.ts";
import { viewOf, Writer } from "../../codec.ts";
import type { UUID } from "../../uuid.ts";
import { MAX_VALUE_LENGTH } from "../types.ts";
import { LAST_HANDLE } from "./remote.ts";

/** What a client knows of its bearer. */
export interface Mtu {
  /** ATT_MTU in force. */
  readonly mtu: number;
}

/** Errors by which a server says that there is nothing behind what was read (Vol 3, Part G, 4.8.3). */
const NO_MORE: readonly number[] = [ATT_ERROR.ATTRIBUTE_NOT_LONG, ATT_ERROR.INVALID_OFFSET];

/** Reads a value, with as many requests as it takes (4.8.1 and 4.8.3). */
export async function readValue(operation: Operation, bearer: Mtu, handle: number): Promise<Uint8Array> {
  const before = bearer.mtu;
  const first = await operation.request(readRequest, { attributeHandle: handle }, readResponse);
  if (first.length < Math.min(before, bearer.mtu) - 1) return first;
  return readRest(operation, bearer, handle, first);
}

/** Reads what lies behind the beginning of a value that filled its packet. */
async function readRest(
  operation: Operation,
  bearer: Mtu,
  handle: number,
  first: Uint8Array,
): Promise<Uint8Array> {
  const value = new Writer(MAX_VALUE_LENGTH);
  value.bytes(first);
  for (;;) {
    // The peer may exchange the MTU meanwhile: a part is the last only if it is short by both.
    const before = bearer.mtu;
    const part = await readPart(operation, handle, value.length);
    if (value.length + part.length > MAX_VALUE_LENGTH) {
      throw new ProtocolError(`a value of more than ${MAX_VALUE_LENGTH} bytes`);
    }
    value.bytes(part);
    if (part.length < Math.min(before, bearer.mtu) - 1) return value.finish();
  }
}

async function readPart(operation: Operation, handle: number, valueOffset: number): Promise<Uint8Array> {
  try {
    return await operation.request(
      readBlobRequest,
      { attributeHandle: handle, valueOffset },
      readBlobResponse,
    );
  } catch (error) {
    if (error instanceof GattError && NO_MORE.includes(error.status)) return new Uint8Array(0);
    throw error;
  }
}

/** Values that one request may ask for: their handles fit ATT_MTU. */
function batchesOf(handles: readonly number[], { mtu }: Mtu): number[][] {
  const size = Math.floor((mtu - 1) / 2);
  const batches: number[][] = [];
  for (let at = 0; at < handles.length; at += size) batches.push(handles.slice(at, at + size));
  return batches;
}

function setOf(handles: readonly number[]): { readonly setOfHandles: Uint8Array } {
  const writer = new Writer(2 * handles.length);
  for (const handle of handles) writer.u16(handle);
  return { setOfHandles: writer.finish() };
}

/**
 * Reads several values of any length (4.8.5). What does not fit the peer's responses is read by itself.
 * @param isKnown whether the peer knows Read Multiple Variable Request: else each is read by itself.
 */
export async function readValues(
  operation: Operation,
  bearer: Mtu,
  handles: readonly number[],
  isKnown: boolean,
): Promise<Uint8Array[]> {
  const values: Uint8Array[] = [];
  let isUnderstood = isKnown;
  for (const batch of batchesOf(handles, bearer)) {
    let known: Uint8Array[] = [];
    if (isUnderstood && batch.length > 1) {
      const answered = await readVariable(operation, batch);
      isUnderstood = answered !== undefined;
      known = answered ?? [];
    }
    for (const handle of batch.slice(known.length)) known.push(await readValue(operation, bearer, handle));
    values.push(...known);
  }
  return values;
}

/** The values that came whole; undefined when the peer does not know this request. */
async function readVariable(
  operation: Operation,
  handles: readonly number[],
): Promise<Uint8Array[] | undefined> {
  try {
    const body = await operation.request(
      readMultipleVariableRequest,
      setOf(handles),
      readMultipleVariableResponse,
    );
    return parseTuples(body, handles.length);
  } catch (error) {
    if (error instanceof GattError && error.status === ATT_ERROR.REQUEST_NOT_SUPPORTED) return undefined;
    throw error;
  }
}

/** Read Multiple Variable Response (Vol 3, Part F, 3.4.4.12): the values that are whole. The last may be cut. */
export function parseTuples(body: Uint8Array, count: number): Uint8Array[] {
  const view = viewOf(body);
  const values: Uint8Array[] = [];
  let at = 0;
  while (values.length < count && body.length - at >= 2) {
    const length = view.getUint16(at, true);
    if (length > MAX_VALUE_LENGTH) throw new ProtocolError(`a value of ${length} bytes`);
    if (length > body.length - at - 2) return values;
    values.push(body.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (values.length === count && at < body.length) throw new ProtocolError("more values than were asked for");
  return values;
}

/**
 * Reads several values whose lengths are known (4.8.4). What does not fit the response is read by itself.
 * @throws ProtocolError when the peer's values have other lengths together.
 */
export async function readFixedValues(
  operation: Operation,
  bearer: Mtu,
  wanted: readonly { readonly handle: number; readonly length: number }[],
): Promise<Uint8Array[]> {
  const values: Uint8Array[] = [];
  const handles = wanted.map(({ handle }) => handle);
  let done = 0;
  for (const batch of batchesOf(handles, bearer)) {
    const lengths = wanted.slice(done, done + batch.length).map(({ length }) => length);
    done += batch.length;
    const known = batch.length > 1 ? await readFixed(operation, bearer, batch, lengths) : [];
    for (const handle of batch.slice(known.length)) known.push(await readValue(operation, bearer, handle));
    values.push(...known);
  }
  return values;
}

async function readFixed(
  operation: Operation,
  bearer: Mtu,
  handles: readonly number[],
  lengths: readonly number[],
): Promise<Uint8Array[]> {
  const before = bearer.mtu;
  const body = await operation.request(readMultipleRequest, setOf(handles), readMultipleResponse);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  const room = Math.min(before, bearer.mtu) - 1;
  if (body.length !== all && !(all > room && body.length >= room)) {
    throw new ProtocolError(`${body.length} bytes of values that have ${all}`);
  }
  const values: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at + length > body.length) break;
    values.push(body.slice(at, at + length));
    at += length;
  }
  return values;
}

/** Reads the first value of a type (4.8.2); undefined when there is none. */
export async function readByUuid(operation: Operation, uuid: UUID): Promise<Uint8Array | undefined> {
  const range = { startingHandle: 1, endingHandle: LAST_HANDLE };
  try {
    const body = await operation.request(
      readByTypeRequest,
      { ...range, attributeType: uuid },
      readByTypeResponse,
    );
    const length = body[0] ?? 0;
    if (length < 2 || body.length < 1 + length) throw new ProtocolError("a list of incomplete values");
    return body.slice(3, 1 + length);
  } catch (error) {
    if (error instanceof GattError && error.status === ATT_ERROR.ATTRIBUTE_NOT_FOUND) return undefined;
    throw error;
  }
}
