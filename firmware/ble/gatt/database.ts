/** The attributes of a GATT server (Vol 3, Part G, 2.5 and 3). */
import { Writer } from "../codec.ts";
import { UUID } from "../uuid.ts";

/** Attribute types of declarations and descriptors (Assigned Numbers, 3.6 and 3.7). */
export const TYPE = {
  PRIMARY_SERVICE: 0x2800,
  CHARACTERISTIC: 0x2803,
  CLIENT_CHARACTERISTIC_CONFIGURATION: 0x2902,
} as const;

/** Characteristic properties (Vol 3, Part G, 3.3.1.1). */
export const PROPERTY = {
  BROADCAST: 0x01,
  READ: 0x02,
  WRITE_WITHOUT_RESPONSE: 0x04,
  WRITE: 0x08,
  NOTIFY: 0x10,
  INDICATE: 0x20,
} as const;

/** Bits of a client characteristic configuration (Vol 3, Part G, 3.3.3.3). */
export const CCCD = { NOTIFY: 0x0001, INDICATE: 0x0002 } as const;

/** Longest attribute value (Vol 3, Part F, 3.2.9). */
export const MAX_VALUE_LENGTH = 512;

/** What the owner of a value may decide. `client` is whatever the host gave the server for that connection. */
export interface ValueHooks {
  /** Before a client reads from offset 0: return an ATT error code to refuse, 0 or nothing to allow. */
  onRead?(client: unknown): number | undefined;
  /** After a client's write was stored. */
  onWritten?(client: unknown): void;
  /** A client changed what it wants to be told; `configuration` is its CCCD. */
  onSubscribe?(client: unknown, configuration: number): void;
}

export interface CharacteristicDefinition {
  readonly uuid: UUID;
  /** Sum of `PROPERTY` bits. */
  readonly properties: number;
  readonly value: Uint8Array;
  /** Longest value that a client may write, 0..512 bytes. */
  readonly maxLength: number;
  readonly hooks?: ValueHooks;
}

export interface ServiceDefinition {
  readonly uuid: UUID;
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
  value: Uint8Array;
  /** Last handle of the group that this attribute opens; its own handle otherwise. */
  groupEnd: number;
  readonly hooks: ValueHooks | undefined;
  /** Of a characteristic value with notify or indicate: the handle of its CCCD; else 0. */
  cccdHandle: number;
  /** Of a CCCD: the characteristic value that it configures. */
  readonly configures: Attribute | undefined;
  /** Of a CCCD: the bits that the characteristic's properties allow. */
  readonly allowedConfiguration: number;
}

type Row = Partial<Omit<Attribute, "type" | "value">> & { type: UUID; value: Uint8Array };

export class Database {
  /** Handle h stands at index h - 1: handles are given without gaps. */
  private readonly attributes: Attribute[] = [];

  /** Adds a service; returns the attributes of its characteristics' values in order. */
  add(service: ServiceDefinition): Attribute[] {
    const first = this.append({
      type: new UUID(TYPE.PRIMARY_SERVICE),
      value: service.uuid.attBytes,
      readable: true,
    });
    const values = service.characteristics.map((characteristic) => this.addCharacteristic(characteristic));
    first.groupEnd = this.lastHandle;
    return values;
  }

  private addCharacteristic(definition: CharacteristicDefinition): Attribute {
    const properties = definition.properties;
    const declaration = new Writer(19);
    declaration.u8(properties);
    declaration.u16(this.lastHandle + 2);
    declaration.bytes(definition.uuid.attBytes);
    const opening = this.append({
      type: new UUID(TYPE.CHARACTERISTIC),
      value: declaration.finish(),
      readable: true,
    });
    const value = this.append({
      type: definition.uuid,
      value: definition.value,
      readable: (properties & PROPERTY.READ) !== 0,
      writable: (properties & PROPERTY.WRITE) !== 0,
      writableWithoutResponse: (properties & PROPERTY.WRITE_WITHOUT_RESPONSE) !== 0,
      maxLength: definition.maxLength,
      hooks: definition.hooks,
    });
    if ((properties & (PROPERTY.NOTIFY | PROPERTY.INDICATE)) !== 0) {
      const configuration = this.append({
        type: new UUID(TYPE.CLIENT_CHARACTERISTIC_CONFIGURATION),
        value: new Uint8Array(2),
        readable: true,
        writable: true,
        maxLength: 2,
        configures: value,
        allowedConfiguration:
          (properties & PROPERTY.NOTIFY ? CCCD.NOTIFY : 0) |
          (properties & PROPERTY.INDICATE ? CCCD.INDICATE : 0),
      });
      value.cccdHandle = configuration.handle;
    }
    opening.groupEnd = this.lastHandle;
    return value;
  }

  private append(row: Row): Attribute {
    const handle = this.attributes.length + 1;
    if (handle > 0xffff) throw new RangeError("the GATT database is full: 65,535 attributes");
    const attribute: Attribute = {
      handle,
      type: row.type,
      readable: row.readable ?? false,
      writable: row.writable ?? false,
      writableWithoutResponse: row.writableWithoutResponse ?? false,
      maxLength: row.maxLength ?? 0,
      value: row.value,
      groupEnd: handle,
      hooks: row.hooks,
      cccdHandle: 0,
      configures: row.configures,
      allowedConfiguration: row.allowedConfiguration ?? 0,
    };
    this.attributes.push(attribute);
    return attribute;
  }

  /** The attribute with this handle, if there is one. */
  at(handle: number): Attribute | undefined {
    return this.attributes[handle - 1];
  }

  get lastHandle(): number {
    return this.attributes.length;
  }

  /** Attributes with handles from `first` to `last`, in order. */
  range(first: number, last: number): Attribute[] {
    return this.attributes.slice(Math.max(0, first - 1), last);
  }
}
