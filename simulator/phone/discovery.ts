/** Walks a server's database (Vol 3, Part G, 4.4 to 4.7). */
import {
  findInformationRequest,
  findInformationResponse,
  readByGroupTypeRequest,
  readByGroupTypeResponse,
  readByTypeRequest,
  readByTypeResponse,
} from "../../firmware/ble/att/pdus.ts";
import { viewOf } from "../../firmware/ble/codec.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { PhoneAtt } from "./att.ts";
import { AttErrorResponse, PhoneError } from "./errors.ts";

const PRIMARY_SERVICE = 0x2800;
const CHARACTERISTIC = 0x2803;
const CCCD = 0x2902;
const ATTRIBUTE_NOT_FOUND = 0x0a;

export interface FoundDescriptor {
  readonly uuid: UUID;
  readonly handle: number;
}

export interface FoundCharacteristic {
  readonly uuid: UUID;
  readonly declarationHandle: number;
  /** Handle of the value. */
  readonly handle: number;
  readonly endHandle: number;
  /** Property bits (Vol 3, Part G, 3.3.1.1). */
  readonly properties: number;
  readonly descriptors: readonly FoundDescriptor[];
}

export interface FoundService {
  readonly uuid: UUID;
  readonly handle: number;
  readonly endHandle: number;
  readonly characteristics: readonly FoundCharacteristic[];
}

/** A whole database. */
export class FoundDatabase {
  readonly services: readonly FoundService[];

  constructor(services: readonly FoundService[]) {
    this.services = services;
  }

  get characteristics(): FoundCharacteristic[] {
    return this.services.flatMap((service) => [...service.characteristics]);
  }

  /** The first characteristic with this UUID. @throws PhoneError when there is none. */
  characteristic(uuid: UUID | number | string): FoundCharacteristic {
    const wanted = new UUID(uuid);
    const found = this.characteristics.find((candidate) => candidate.uuid.equals(wanted));
    if (!found) throw new PhoneError(`the camera has no characteristic ${wanted}`);
    return found;
  }
}

/** The Client Characteristic Configuration (Vol 3, Part G, 3.3.3.3). @throws PhoneError when there is none. */
export function configurationOf({ descriptors, uuid }: FoundCharacteristic): FoundDescriptor {
  const found = descriptors.find((descriptor) => descriptor.uuid.short === CCCD);
  if (!found) throw new PhoneError(`${uuid} has no client characteristic configuration`);
  return found;
}

interface Entry {
  readonly handle: number;
  readonly endHandle: number;
  readonly value: Uint8Array;
}

/** Asks until the server has no more; each answer says where to go on. */
async function collect(
  first: number,
  last: number,
  ask: (from: number) => Promise<Entry[]>,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let from = first; from <= last; ) {
    let found: Entry[];
    try {
      found = await ask(from);
    } catch (error) {
      if (error instanceof AttErrorResponse && error.code === ATTRIBUTE_NOT_FOUND) return entries;
      throw error;
    }
    const end = found[found.length - 1]?.endHandle ?? last;
    if (end < from) throw new PhoneError(`the server went back from handle ${from} to ${end}`);
    entries.push(...found);
    from = end + 1;
  }
  return entries;
}

/** Cuts a list of entries of equal length; each starts with a handle and, if `grouped`, the group's end. */
function cut(list: Uint8Array, length: number, grouped: boolean): Entry[] {
  const prefix = grouped ? 4 : 2;
  if (length <= prefix || list.length % length !== 0)
    throw new PhoneError("the server sent a list of odd length");
  const view = viewOf(list);
  const entries: Entry[] = [];
  for (let at = 0; at < list.length; at += length) {
    const handle = view.getUint16(at, true);
    const endHandle = grouped ? view.getUint16(at + 2, true) : handle;
    entries.push({ handle, endHandle, value: list.slice(at + prefix, at + length) });
  }
  return entries;
}

/** Primary services, their characteristics and the descriptors of those. */
export async function discoverDatabase(att: PhoneAtt): Promise<FoundDatabase> {
  const groups = await collect(1, 0xffff, async (startingHandle) => {
    const { length, attributeDataList } = await att.request(
      readByGroupTypeRequest,
      { startingHandle, endingHandle: 0xffff, attributeGroupType: new UUID(PRIMARY_SERVICE) },
      readByGroupTypeResponse,
    );
    return cut(attributeDataList, length, true);
  });
  const services: FoundService[] = [];
  for (const { handle, endHandle, value } of groups) {
    const characteristics = await discoverCharacteristics(att, handle, endHandle);
    services.push({ uuid: new UUID(value), handle, endHandle, characteristics });
  }
  return new FoundDatabase(services);
}

async function discoverCharacteristics(
  att: PhoneAtt,
  first: number,
  last: number,
): Promise<FoundCharacteristic[]> {
  const declarations = await collect(first, last, async (startingHandle) => {
    const { length, attributeDataList } = await att.request(
      readByTypeRequest,
      { startingHandle, endingHandle: last, attributeType: new UUID(CHARACTERISTIC) },
      readByTypeResponse,
    );
    return cut(attributeDataList, length, false);
  });
  const found: FoundCharacteristic[] = [];
  for (const [index, { handle: declarationHandle, value }] of declarations.entries()) {
    const handle = viewOf(value).getUint16(1, true);
    const endHandle = (declarations[index + 1]?.handle ?? last + 1) - 1;
    found.push({
      uuid: new UUID(value.slice(3)),
      declarationHandle,
      handle,
      endHandle,
      properties: value[0]!,
      descriptors: await discoverDescriptors(att, handle + 1, endHandle),
    });
  }
  return found;
}

async function discoverDescriptors(att: PhoneAtt, first: number, last: number): Promise<FoundDescriptor[]> {
  const entries = await collect(first, last, async (startingHandle) => {
    const { format, informationData } = await att.request(
      findInformationRequest,
      { startingHandle, endingHandle: last },
      findInformationResponse,
    );
    return cut(informationData, format === 1 ? 4 : 18, false);
  });
  return entries.map(({ handle, value }) => ({ handle, uuid: new UUID(value) }));
}
