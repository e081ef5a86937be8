/**
 * Finds out what a peer's database has, a request at a time (Vol 3, Part G, 4.4 to 4.7). Each request asks for what lies
 * above all that is known, so that no server can keep a client busy for ever.
 */
import type { Operation } from "../../att/client-role.ts";
import { ATT_ERROR, GattError, ProtocolError } from "../../att/errors.ts";
import {
  findByTypeValueRequest,
  findByTypeValueResponse,
  findInformationRequest,
  findInformationResponse,
  readByGroupTypeRequest,
  readByGroupTypeResponse,
  readByTypeRequest,
  readByTypeResponse,
  readRequest,
  readResponse,
} from "../../att/pdus.ts";
import { UUID } from "../../uuid.ts";
import { TYPE } from "../types.ts";
import {
  parseCharacteristics,
  parseIncludes,
  parseInformation,
  parseServices,
  parseServicesWith,
} from "./parse.ts";
import {
  LAST_HANDLE,
  type RemoteCharacteristic,
  type RemoteDescriptor,
  type RemoteInclude,
  RemoteService,
} from "./remote.ts";

/** Bytes of an entry of Find Information with a 16-bit UUID (Vol 3, Part F, 3.4.3.2), and of what stands before them all. */
const INFORMATION_ENTRY_LENGTH = 4;
const INFORMATION_HEADER_LENGTH = 2;

/** What a discovery is part of. */
export interface DiscoveryContext {
  /** ATT_MTU in force. */
  readonly mtu: number;
  /** More of a service is known. @throws BleError when there is no room for it. */
  accountFor(service: RemoteService): void;
}

/** Some of what was looked for, and the handle from which to look on; undefined when there is no more. */
export interface Found<T> {
  readonly items: readonly T[];
  readonly next: number | undefined;
}

const NOTHING: Found<never> = Object.freeze({
  items: Object.freeze([]) as readonly never[],
  next: undefined,
});

/** The response; undefined when the peer has no such attribute. @throws GattError for every other error. */
async function found(response: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await response;
  } catch (error) {
    if (error instanceof GattError && error.status === ATT_ERROR.ATTRIBUTE_NOT_FOUND) return undefined;
    throw error;
  }
}

function after(handle: number, last: number): number | undefined {
  return handle < last ? handle + 1 : undefined;
}

/** Primary services from handle `first` on, all (Vol 3, Part G, 4.4.1) or those with a UUID (4.4.2): one request. */
export async function findServices(
  operation: Operation,
  first: number,
  uuid?: UUID,
): Promise<Found<RemoteService>> {
  const range = { startingHandle: first, endingHandle: LAST_HANDLE };
  const body = await found(
    uuid
      ? operation.request(
          findByTypeValueRequest,
          { ...range, attributeType: TYPE.PRIMARY_SERVICE, attributeValue: uuid.attBytes },
          findByTypeValueResponse,
        )
      : operation.request(
          readByGroupTypeRequest,
          { ...range, attributeGroupType: new UUID(TYPE.PRIMARY_SERVICE) },
          readByGroupTypeResponse,
        ),
  );
  if (!body) return NOTHING;
  const items = uuid
    ? parseServicesWith(body, uuid, first, LAST_HANDLE)
    : parseServices(body, first, LAST_HANDLE);
  return { items, next: after(items.at(-1)!.endHandle, LAST_HANDLE) };
}

function readByType(
  operation: Operation,
  type: number,
  first: number,
  last: number,
): Promise<Uint8Array | undefined> {
  const values = { startingHandle: first, endingHandle: last, attributeType: new UUID(type) };
  return found(operation.request(readByTypeRequest, values, readByTypeResponse));
}

/** Characteristics of a range of handles (4.6.1): one request. */
export async function findCharacteristics(
  operation: Operation,
  first: number,
  last: number,
): Promise<Found<RemoteCharacteristic>> {
  const body = await readByType(operation, TYPE.CHARACTERISTIC, first, last);
  if (!body) return NOTHING;
  const items = parseCharacteristics(body, first, last);
  return { items, next: after(items.at(-1)!.valueHandle, last) };
}

/** Types of the attributes of a range of handles (4.7.1): one request. */
export async function findInformation(
  operation: Operation,
  first: number,
  last: number,
): Promise<Found<RemoteDescriptor>> {
  const body = await found(
    operation.request(
      findInformationRequest,
      { startingHandle: first, endingHandle: last },
      findInformationResponse,
    ),
  );
  if (!body) return NOTHING;
  const items = parseInformation(body, first, last);
  return { items, next: after(items.at(-1)!.handle, last) };
}

/** Looks for all services that a service includes (4.5.1). */
export async function discoverIncludes(
  operation: Operation,
  service: RemoteService,
  context: DiscoveryContext,
): Promise<void> {
  const includes: RemoteInclude[] = [];
  service.includes = includes;
  service.hasAllIncludes = false;
  const last = service.endHandle;
  let next = after(service.startHandle, last);
  while (next !== undefined) {
    const body = await readByType(operation, TYPE.INCLUDE, next, last);
    if (!body) break;
    const items = parseIncludes(body, next, last);
    for (const { handle, startHandle, endHandle, uuid } of items) {
      const known = uuid ?? (await uuidOfService(operation, startHandle));
      includes.push({ handle, service: new RemoteService(startHandle, endHandle, known) });
    }
    context.accountFor(service);
    next = after(items.at(-1)!.handle, last);
  }
  service.hasAllIncludes = true;
}

/** An include declaration has no room for 128 bits: they stand in the declaration of the service. */
async function uuidOfService(operation: Operation, handle: number): Promise<UUID> {
  const body = await operation.request(readRequest, { attributeHandle: handle }, readResponse);
  if (body.length !== 2 && body.length !== 16) throw new ProtocolError("a service without a UUID");
  return new UUID(body);
}

/**
 * Looks for more characteristics of a service, which gets what is found: one request. For the rest of a service a look at
 * the types of its last attributes costs no more than the specification's question, and finds their descriptors too.
 */
export async function discoverCharacteristics(
  operation: Operation,
  service: RemoteService,
  context: DiscoveryContext,
): Promise<void> {
  const { unknownFrom: first, endHandle: last, characteristics } = service;
  const { mtu } = context;
  if (service.isComplete) return;
  context.accountFor(service);
  if (characteristics.length > 0 && !service.isDeclarationNext) {
    const from = sweepStart(service, characteristics.at(-1)!, mtu);
    if (fitsOneResponse(from, last, mtu)) return sweep(operation, service, from, context);
  }
  const { items, next } = await findCharacteristics(operation, first, last);
  characteristics.push(...items);
  service.unknownFrom = next ?? last + 1;
  service.isDeclarationNext = false;
  context.accountFor(service);
}

/** Looks for the descriptors of a characteristic until they are known, and for those after it with the same requests. */
export async function discoverDescriptors(
  operation: Operation,
  service: RemoteService,
  characteristic: RemoteCharacteristic,
  context: DiscoveryContext,
): Promise<void> {
  while (!service.isCovered(characteristic)) {
    context.accountFor(service);
    await sweep(operation, service, sweepStart(service, characteristic, context.mtu), context);
  }
}

function fitsOneResponse(first: number, last: number, mtu: number): boolean {
  const entries = Math.floor((mtu - INFORMATION_HEADER_LENGTH) / INFORMATION_ENTRY_LENGTH);
  return last - first < entries;
}

/**
 * Where to begin to look for the descriptors of a characteristic: at the first ones that are not known, if one response
 * has room for all from there to the end of the service. It has not where a UUID of 128 bits comes between, which ends a
 * list of short ones.
 */
function sweepStart(service: RemoteService, wanted: RemoteCharacteristic, mtu: number): number {
  const { characteristics, endHandle, firstUncovered: first = wanted } = service;
  const own = wanted.coveredTo + 1;
  if (characteristics.some(({ uuid }) => uuid.width !== 2)) return own;
  const from = Math.min(own, first.coveredTo + 1);
  return fitsOneResponse(from, endHandle, mtu) ? from : own;
}

/** Asks for the types of the attributes from a handle on, which lies above a value, and tells descriptors apart. */
async function sweep(
  operation: Operation,
  service: RemoteService,
  first: number,
  context: DiscoveryContext,
): Promise<void> {
  const { characteristics, endHandle } = service;
  const { items, next } = await findInformation(operation, first, endHandle);
  let coveredTo = next === undefined ? endHandle : next - 1;
  const declaration = items.find(
    ({ handle, uuid }) => handle >= service.unknownFrom && uuid.short === TYPE.CHARACTERISTIC,
  );
  if (declaration) {
    // A characteristic that is not known yet: it ends the one before it, and what lies above it is for later.
    coveredTo = declaration.handle - 1;
    service.unknownFrom = declaration.handle;
    service.isDeclarationNext = true;
  } else if (coveredTo >= service.unknownFrom) {
    service.unknownFrom = coveredTo + 1;
  }
  for (const [index, characteristic] of characteristics.entries()) {
    const { descriptors, valueHandle } = characteristic;
    const end = Math.min(coveredTo, (characteristics[index + 1]?.handle ?? endHandle + 1) - 1);
    // Nothing is known of what lies between those that were known and where this look began.
    if (characteristic.coveredTo + 1 < first || end <= characteristic.coveredTo) continue;
    for (const item of items) {
      if (item.handle > characteristic.coveredTo && item.handle > valueHandle && item.handle <= end) {
        descriptors.push(item);
      }
    }
    characteristic.coveredTo = end;
  }
  context.accountFor(service);
}
