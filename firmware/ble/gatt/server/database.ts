/** The attributes of a GATT server (Vol 3, Part G, 2.5 and 3). */
import { sameBytes, Writer } from "../../codec.ts";
import { UUID } from "../../uuid.ts";
import type { Access, Requirements } from "../access.ts";
import { CCCD, CCCD_LENGTH, PROPERTY, TYPE } from "../types.ts";

/** An ATT error code that refuses, bytes that take the value's place, or 0 or nothing: the stored value. */
export type ReadAnswer = number | Uint8Array | undefined;
/** An ATT error code that refuses; 0 or nothing accepts. */
export type WriteAnswer = number | undefined;

/** Functions that are there, or not, at the moment. */
export interface Handlers {
  readonly onRead?: unknown;
  readonly onWrite?: unknown;
}

/** What the owner of a value may decide. `client` is whatever the host gave the server for that connection. */
export interface ValueHooks {
  /**
   * Whose `onRead` and `onWrite` say, at each request anew, whether there is anybody to ask; these hooks themselves when
   * left out.
   */
  readonly handlers?: Handlers;
  /** Where a requirement says `authorization`: whether it is granted. Anything but true refuses. A promise has 29 s. */
  onAuthorize?(client: unknown, access: Access, attribute: Attribute): boolean | PromiseLike<boolean>;
  /** Before a client reads from offset 0. A promise has 29 s. */
  onRead?(client: unknown): ReadAnswer | PromiseLike<ReadAnswer>;
  /** Before a client's write is stored. A promise has 29 s. */
  onWrite?(client: unknown, value: Uint8Array): WriteAnswer | PromiseLike<WriteAnswer>;
  /** After a client's write was stored; `value` is what this write brought. */
  onWritten?(client: unknown, value: Uint8Array): void;
  /**
   * A client changed its subscription; `configuration` is its CCCD. 0 also when its link ends, or a registration
   * ends its subscription; what it is where one takes the subscription over from another owner of hooks.
   */
  onSubscribe?(client: unknown, configuration: number): void;
}

export interface DescriptorDefinition {
  readonly uuid: UUID;
  readonly read?: boolean;
  readonly write?: boolean;
  /** Takes Write Commands, as ATT lets any attribute do (Vol 3, Part F, 3.4.5.3). */
  readonly writeNoResponse?: boolean;
  readonly value: Uint8Array;
  /** Longest value that a client may write, 0..512 bytes. */
  readonly maxLength: number;
  readonly hooks?: ValueHooks;
  /** What a link must offer; nothing when left out. */
  readonly requirements?: Requirements;
}

export interface CharacteristicDefinition {
  readonly uuid: UUID;
  /** Sum of `PROPERTY` bits. */
  readonly properties: number;
  readonly value: Uint8Array;
  /** Longest value that a client may write, 0..512 bytes. */
  readonly maxLength: number;
  /** Clients' writes are added to the value instead of replacing it. */
  readonly append?: boolean;
  readonly descriptors?: readonly DescriptorDefinition[];
  readonly hooks?: ValueHooks;
  /** What a link must offer; nothing when left out. */
  readonly requirements?: Requirements;
}

export interface ServiceDefinition {
  readonly uuid: UUID;
  /** Only meant to be included by others (Vol 3, Part G, 3.1). */
  readonly secondary?: boolean;
  /** Services of the same registration. */
  readonly includes?: readonly ServiceDefinition[];
  readonly characteristics: readonly CharacteristicDefinition[];
}

/** One row of the database. */
export interface Attribute {
  readonly handle: number;
  readonly type: UUID;
  readonly readable: boolean;
  /** Write Request allowed. */
  readonly writable: boolean;
  /** Write Command allowed. */
  readonly writableWithoutResponse: boolean;
  /** Longest value that a client may write. */
  maxLength: number;
  append: boolean;
  value: Uint8Array;
  /** Last handle of the group that this attribute opens; its own handle otherwise. */
  groupEnd: number;
  readonly hooks: ValueHooks | undefined;
  /** Of the hooks: whom to look for `onRead` and `onWrite`. */
  readonly handlers: Handlers | undefined;
  readonly requirements: Requirements | undefined;
  /** Of a CCCD: the characteristic value that it configures. */
  readonly configures: Attribute | undefined;
  /** Of a CCCD: the bits that the characteristic's properties allow. */
  readonly allowedConfiguration: number;
  /** Of a characteristic's value: the descriptors of its definition. */
  descriptors: readonly Attribute[];
}

type Row = Partial<Omit<Attribute, "type" | "value">> & { type: UUID; value: Uint8Array };

// One object for all declarations of a kind, made when the image is: at start nothing is left to do.
const PRIMARY_SERVICE = new UUID(TYPE.PRIMARY_SERVICE);
const SECONDARY_SERVICE = new UUID(TYPE.SECONDARY_SERVICE);
const INCLUDE = new UUID(TYPE.INCLUDE);
const CHARACTERISTIC = new UUID(TYPE.CHARACTERISTIC);
const CLIENT_CHARACTERISTIC_CONFIGURATION = new UUID(TYPE.CLIENT_CHARACTERISTIC_CONFIGURATION);

const NONE: readonly Attribute[] = Object.freeze([]);

export class Database {
  /** Handle h stands at index h - 1: handles are given without gaps. */
  private readonly attributes: Attribute[] = [];
  private readonly services = new Map<ServiceDefinition, Attribute>();
  /** Include declarations whose service had no handles yet. */
  private readonly unresolved: { readonly row: Attribute; readonly service: ServiceDefinition }[] = [];

  /** Adds a service; returns the attributes of its characteristics' values in order. */
  add(service: ServiceDefinition): Attribute[] {
    const first = this.append({
      type: service.secondary ? SECONDARY_SERVICE : PRIMARY_SERVICE,
      value: service.uuid.attBytes,
      readable: true,
    });
    this.services.set(service, first);
    for (const included of service.includes ?? []) {
      const row = this.append({
        type: INCLUDE,
        value: new Uint8Array(0),
        readable: true,
      });
      this.unresolved.push({ row, service: included });
    }
    const values = service.characteristics.map((characteristic) => this.addCharacteristic(characteristic));
    first.groupEnd = this.lastHandle;
    return values;
  }

  /**
   * Fills in the include declarations, once every service has its handles (Vol 3, Part G, 3.2).
   * @throws TypeError when a service includes one that was not added.
   */
  resolveIncludes(): void {
    for (const { row, service } of this.unresolved.splice(0)) {
      const included = this.services.get(service);
      if (!included) throw new TypeError(`service ${service.uuid} is included, but is not registered`);
      const value = new Writer(6);
      value.u16(included.handle);
      value.u16(included.groupEnd);
      const { attBytes } = service.uuid;
      if (attBytes.length === 2) value.bytes(attBytes);
      row.value = value.finish();
    }
  }

  private addCharacteristic(definition: CharacteristicDefinition): Attribute {
    const properties = definition.properties;
    const { attBytes } = definition.uuid;
    const valueHandle = this.lastHandle + 2;
    const declaration = new Uint8Array(3 + attBytes.length);
    declaration[0] = properties;
    declaration[1] = valueHandle;
    declaration[2] = valueHandle >> 8;
    declaration.set(attBytes, 3);
    const opening = this.append({
      type: CHARACTERISTIC,
      value: declaration,
      readable: true,
    });
    const value = this.append({
      type: definition.uuid,
      value: definition.value,
      readable: (properties & PROPERTY.READ) !== 0,
      writable: (properties & PROPERTY.WRITE) !== 0,
      writableWithoutResponse: (properties & PROPERTY.WRITE_WITHOUT_RESPONSE) !== 0,
      maxLength: definition.maxLength,
      append: definition.append,
      hooks: definition.hooks,
      requirements: definition.requirements,
    });
    if ((properties & (PROPERTY.NOTIFY | PROPERTY.INDICATE)) !== 0) {
      this.append({
        type: CLIENT_CHARACTERISTIC_CONFIGURATION,
        value: new Uint8Array(CCCD_LENGTH),
        readable: true,
        writable: true,
        maxLength: CCCD_LENGTH,
        configures: value,
        allowedConfiguration:
          (properties & PROPERTY.NOTIFY ? CCCD.NOTIFY : 0) |
          (properties & PROPERTY.INDICATE ? CCCD.INDICATE : 0),
      });
    }
    value.descriptors = (definition.descriptors ?? []).map((descriptor) =>
      this.append({
        type: descriptor.uuid,
        value: descriptor.value,
        readable: descriptor.read ?? false,
        writable: descriptor.write ?? false,
        writableWithoutResponse: descriptor.writeNoResponse ?? false,
        maxLength: descriptor.maxLength,
        hooks: descriptor.hooks,
        requirements: descriptor.requirements,
      }),
    );
    opening.groupEnd = this.lastHandle;
    return value;
  }

  private append(row: Row): Attribute {
    const handle = this.attributes.length + 1;
    if (handle > 0xffff) throw new RangeError("the GATT database is full: 65,535 attributes");
    // What a write looks at comes first: the engine finds it there sooner.
    const attribute: Attribute = {
      handle,
      value: row.value,
      writable: row.writable ?? false,
      requirements: row.requirements,
      configures: row.configures,
      append: row.append ?? false,
      maxLength: row.maxLength ?? 0,
      handlers: row.hooks?.handlers ?? row.hooks,
      hooks: row.hooks,
      readable: row.readable ?? false,
      writableWithoutResponse: row.writableWithoutResponse ?? false,
      type: row.type,
      groupEnd: handle,
      allowedConfiguration: row.allowedConfiguration ?? 0,
      descriptors: NONE,
    };
    this.attributes.push(attribute);
    return attribute;
  }

  /**
   * The characteristic's value of `other` that is the same for a client as this one of this database: it has its handle,
   * UUID, properties and service UUID.
   */
  successorOf(value: Attribute, other: Database): Attribute | undefined {
    const { handle, type } = value;
    const successor = other.at(handle);
    if (!successor?.type.equals(type)) return undefined;
    const [before, after] = [this.declarations(handle), other.declarations(handle)];
    // Properties are the first byte of a characteristic's declaration.
    const isSame =
      before &&
      after &&
      before[0].value[0] === after[0].value[0] &&
      sameBytes(before[1].value, after[1].value);
    return isSame ? successor : undefined;
  }

  /** Of a characteristic's value: the declarations of the characteristic and of its service. */
  declarations(handle: number): readonly [Attribute, Attribute] | undefined {
    const characteristic = this.at(handle - 1);
    if (characteristic?.type.short !== TYPE.CHARACTERISTIC) return undefined;
    for (let at = handle - 2; at > 0; at--) {
      const service = this.attributes[at - 1]!;
      const { short } = service.type;
      if (short === TYPE.PRIMARY_SERVICE || short === TYPE.SECONDARY_SERVICE)
        return [characteristic, service];
    }
    return undefined;
  }

  /** Whether there is a service, or an included one, with this UUID. */
  hasService(uuid: UUID): boolean {
    return [...this.services.keys()].some((service) => service.uuid.equals(uuid));
  }

  /** The attribute with this handle, if there is one. */
  at(handle: number): Attribute | undefined {
    return this.attributes[handle - 1];
  }

  get lastHandle(): number {
    return this.attributes.length;
  }

  /** The first attribute with a handle from `first` (1 or more) to `last`, of that type when one is given. */
  next(first: number, last: number, type?: UUID): Attribute | undefined {
    const end = Math.min(last, this.attributes.length);
    for (let handle = first; handle <= end; handle++) {
      const attribute = this.attributes[handle - 1]!;
      if (!type || attribute.type.equals(type)) return attribute;
    }
    return undefined;
  }
}
