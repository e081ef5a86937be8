/** The services that `gattsRegisterServices` is given, as the GATT server takes them. */
import { BleError } from "../ble/errors.ts";
import type { Requirements } from "../ble/gatt/access.ts";
import type {
  CharacteristicDefinition,
  DescriptorDefinition,
  ServiceDefinition,
  ValueHooks,
} from "../ble/gatt/server/database.ts";
import { DEFAULT_CAPACITY } from "../ble/gatt/server/values.ts";
import { UUID } from "../ble/uuid.ts";
import type { IrqSource } from "./irq.ts";

/** A descriptor: its UUID, and `FLAG_READ`, `FLAG_WRITE`, `FLAG_WRITE_NO_RESPONSE` and the flags of protection. */
export type DescriptorTuple = readonly [uuid: UUID, flags: number];
/** A characteristic: its UUID, its flags up to `FLAG_INDICATE` and those of protection, and its descriptors. */
export type CharacteristicTuple = readonly [
  uuid: UUID,
  flags: number,
  descriptors?: readonly DescriptorTuple[],
];
/** A service: its UUID and its characteristics. */
export type ServiceTuple = readonly [uuid: UUID, characteristics: readonly CharacteristicTuple[]];

/** FLAG_READ_ENCRYPTED, FLAG_READ_AUTHENTICATED and FLAG_READ_AUTHORIZED. */
const READ_PROTECTION_FLAGS = 0x0e00;
/** FLAG_READ_ENCRYPTED to FLAG_WRITE_AUTHORIZED. */
const PROTECTION_FLAGS = 0x7e00;
/** FLAG_BROADCAST to FLAG_INDICATE, and what protects. */
const CHARACTERISTIC_FLAGS = 0x3f | PROTECTION_FLAGS;
/** FLAG_READ, FLAG_WRITE_NO_RESPONSE and FLAG_WRITE, and what protects. */
const DESCRIPTOR_FLAGS = 0x0e | PROTECTION_FLAGS;
/** FLAG_AUTHENTICATED_SIGNED_WRITE and FLAG_AUX_WRITE. */
const LATER_FLAGS = 0x0140;

const EMPTY = new Uint8Array(0);

/**
 * The UUID of a tuple whose flags are allowed. Tuples are read by index: destructuring them takes several times the
 * bytecode.
 */
function checkTuple(tuple: readonly unknown[], flags: number, allowed: number): UUID {
  const uuid = tuple[0];
  if (!(uuid instanceof UUID))
    throw new TypeError("gattsRegisterServices takes each uuid as a bluetooth.UUID");
  const beyond = flags >>> 0 === flags ? flags & ~allowed : -1;
  if (beyond === 0) return uuid;
  if ((beyond & ~LATER_FLAGS) === 0) {
    throw new BleError(
      "not-supported",
      `${uuid}: signed and auxiliary writes (flags 0x${flags.toString(16)}) are not there.`,
    );
  }
  throw new RangeError(`${uuid}: flags ${flags} are not a sum of FLAG_ constants`);
}

/** A service; `source` decides about what demands authorization. */
export function serviceOf(service: ServiceTuple, source: IrqSource): ServiceDefinition {
  const characteristics = service[1].map((characteristic) => characteristicOf(characteristic, source));
  return { uuid: checkTuple(service, 0, 0), characteristics };
}

/**
 * What the flags demand of who uses a value. Those of reading hold for subscriptions too, where the value cannot be read but is
 * sent; without them those of writing do.
 */
function requirementsOf(flags: number): Requirements | undefined {
  if ((flags & PROTECTION_FLAGS) === 0) return undefined;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const read = { encryption: has(0x0200), authentication: has(0x0400), authorization: has(0x0800) };
  const write = { encryption: has(0x1000), authentication: has(0x2000), authorization: has(0x4000) };
  return has(READ_PROTECTION_FLAGS) ? { read, write, subscribe: read } : { read, write };
}

function hooksOf(requirements: Requirements | undefined, source: IrqSource): ValueHooks | undefined {
  if (!requirements?.read?.authorization && !requirements?.write?.authorization) return undefined;
  return { onAuthorize: (client, access, attribute) => source.grants(client, access, attribute) };
}

function characteristicOf(characteristic: CharacteristicTuple, source: IrqSource): CharacteristicDefinition {
  const properties = characteristic[1];
  const requirements = requirementsOf(properties);
  return {
    uuid: checkTuple(characteristic, properties, CHARACTERISTIC_FLAGS),
    properties,
    value: EMPTY,
    maxLength: DEFAULT_CAPACITY,
    descriptors: characteristic[2]?.map((descriptor) => descriptorOf(descriptor, source)),
    requirements,
    hooks: hooksOf(requirements, source),
  };
}

function descriptorOf(descriptor: DescriptorTuple, source: IrqSource): DescriptorDefinition {
  const flags = descriptor[1];
  const requirements = requirementsOf(flags);
  return {
    uuid: checkTuple(descriptor, flags, DESCRIPTOR_FLAGS),
    read: (flags & 0x02) !== 0,
    write: (flags & 0x08) !== 0,
    writeNoResponse: (flags & 0x04) !== 0,
    value: EMPTY,
    maxLength: DEFAULT_CAPACITY,
    requirements,
    hooks: hooksOf(requirements, source),
  };
}
