/**
 * The lists in which servers describe their databases (Vol 3, Part F, 3.4.3 and 3.4.4). Handles have to lie in the range
 * that was asked for and to rise: a server that goes round in circles would keep a client busy for ever.
 */
import { ProtocolError } from "../../att/errors.ts";
import { viewOf } from "../../codec.ts";
import { UUID } from "../../uuid.ts";
import { RemoteCharacteristic, type RemoteDescriptor, RemoteService } from "./remote.ts";

/** Formats of Find Information (3.4.3.2). */
const FORMAT_16_BIT = 1;
const FORMAT_128_BIT = 2;

/** Bytes of a list of entries, all of the same length. */
interface Entries {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Offset of the first one. */
  readonly start: number;
  readonly length: number;
}

/** An entry of an include list. */
export interface FoundInclude {
  readonly handle: number;
  readonly startHandle: number;
  readonly endHandle: number;
  /** Undefined when it has 128 bits, which are not in the list (Vol 3, Part G, 4.5.1). */
  readonly uuid: UUID | undefined;
}

/** @throws ProtocolError when there is no entry, or not a whole number of them. */
function entriesOf(bytes: Uint8Array, start: number, length: number): Entries {
  const size = bytes.length - start;
  if (size <= 0 || length <= 0 || size % length !== 0) {
    throw new ProtocolError(`a list of ${Math.max(0, size)} bytes of entries of ${length} bytes`);
  }
  return { bytes, view: viewOf(bytes), start, length };
}

/** Entries whose length stands before them. */
function measuredEntries(body: Uint8Array, lengths: readonly number[]): Entries {
  const length = body[0] ?? 0;
  if (!lengths.includes(length)) throw new ProtocolError(`a list of entries of ${length} bytes`);
  return entriesOf(body, 1, length);
}

function* offsets({ bytes, start, length }: Entries): Generator<number> {
  for (let at = start; at < bytes.length; at += length) yield at;
}

function uuidAt({ bytes }: Entries, start: number, end: number): UUID {
  return new UUID(bytes.subarray(start, end));
}

/** @throws ProtocolError unless first <= handle <= last. */
function checkHandle(handle: number, first: number, last: number): void {
  if (handle >= first && handle <= last) return;
  if (first > last)
    throw new ProtocolError(`handle ${handle} after an entry that ends at ${last}, the last handle`);
  throw new ProtocolError(`handle ${handle} where one from ${first} to ${last} may be`);
}

/** Read By Group Type Response (3.4.4.10): services from `first` on. */
export function parseServices(body: Uint8Array, first: number, last: number): RemoteService[] {
  const entries = measuredEntries(body, [6, 20]);
  return ranges(entries, first, last, (at) => uuidAt(entries, at + 4, at + entries.length));
}

/** Find By Type Value Response (3.4.3.4): services with this UUID from `first` on. */
export function parseServicesWith(
  body: Uint8Array,
  uuid: UUID,
  first: number,
  last: number,
): RemoteService[] {
  return ranges(entriesOf(body, 0, 4), first, last, () => uuid);
}

function ranges(
  entries: Entries,
  first: number,
  last: number,
  uuidOf: (at: number) => UUID,
): RemoteService[] {
  const found: RemoteService[] = [];
  let least = first;
  for (const at of offsets(entries)) {
    const startHandle = entries.view.getUint16(at, true);
    const endHandle = entries.view.getUint16(at + 2, true);
    checkHandle(startHandle, least, last);
    checkHandle(endHandle, startHandle, last);
    found.push(new RemoteService(startHandle, endHandle, uuidOf(at)));
    least = endHandle + 1;
  }
  return found;
}

/** Read By Type Response with declarations of characteristics (Vol 3, Part G, 4.6.1). */
export function parseCharacteristics(body: Uint8Array, first: number, last: number): RemoteCharacteristic[] {
  const entries = measuredEntries(body, [7, 21]);
  const found: RemoteCharacteristic[] = [];
  let least = first;
  for (const at of offsets(entries)) {
    const handle = entries.view.getUint16(at, true);
    const properties = entries.view.getUint8(at + 2);
    const valueHandle = entries.view.getUint16(at + 3, true);
    checkHandle(handle, least, last);
    checkHandle(valueHandle, handle + 1, last);
    const uuid = uuidAt(entries, at + 5, at + entries.length);
    found.push(new RemoteCharacteristic(handle, valueHandle, properties, uuid));
    least = valueHandle + 1;
  }
  return found;
}

/** Read By Type Response with include declarations (Vol 3, Part G, 4.5.1). */
export function parseIncludes(body: Uint8Array, first: number, last: number): FoundInclude[] {
  const entries = measuredEntries(body, [6, 8]);
  const found: FoundInclude[] = [];
  let least = first;
  for (const at of offsets(entries)) {
    const handle = entries.view.getUint16(at, true);
    const startHandle = entries.view.getUint16(at + 2, true);
    const endHandle = entries.view.getUint16(at + 4, true);
    checkHandle(handle, least, last);
    if (startHandle === 0 || endHandle < startHandle) {
      throw new ProtocolError(`an included service from handle ${startHandle} to ${endHandle}`);
    }
    const uuid = entries.length === 8 ? uuidAt(entries, at + 6, at + 8) : undefined;
    found.push({ handle, startHandle, endHandle, uuid });
    least = handle + 1;
  }
  return found;
}

/** Find Information Response (3.4.3.2): types of the attributes from `first` on. */
export function parseInformation(body: Uint8Array, first: number, last: number): RemoteDescriptor[] {
  const format = body[0] ?? 0;
  if (format !== FORMAT_16_BIT && format !== FORMAT_128_BIT) {
    throw new ProtocolError(`a Find Information Response of format ${format}`);
  }
  const entries = entriesOf(body, 1, format === FORMAT_16_BIT ? 4 : 18);
  const found: RemoteDescriptor[] = [];
  let least = first;
  for (const at of offsets(entries)) {
    const handle = entries.view.getUint16(at, true);
    checkHandle(handle, least, last);
    found.push({ handle, uuid: uuidAt(entries, at + 2, at + entries.length) });
    least = handle + 1;
  }
  return found;
}
