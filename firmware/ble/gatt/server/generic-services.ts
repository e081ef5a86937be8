/** The services that every server has: Generic Access (Vol 3, Part C, 12) and Generic Attribute (Vol 3, Part G, 7). */

import { ATT_ERROR } from "../../att/errors.ts";
import { Writer } from "../../codec.ts";
import { UUID } from "../../uuid.ts";
import { PROPERTY, TYPE } from "../types.ts";
import type { Attribute, Database } from "./database.ts";
import type { ServerSession } from "./session.ts";

// Made when the image is: at start nothing is left to do.
const GENERIC_ACCESS = new UUID(0x1800);
const DEVICE_NAME = new UUID(0x2a00);
const APPEARANCE = new UUID(0x2a01);
const GENERIC_ATTRIBUTE = new UUID(0x1801);
const SERVICE_CHANGED = new UUID(0x2a05);
const CLIENT_SUPPORTED_FEATURES = new UUID(0x2b29);
const DATABASE_HASH = new UUID(0x2b2a);

/** Features that a client may announce: robust caching and multiple notifications (EATT is not offered). */
const KNOWN_FEATURES = 0x05;

/** Attributes whose value is part of the Database Hash, and those of which only handle and type are (Vol 3, Part G, 7.3.1). */
const HASHED_WHOLE: readonly number[] = [
  TYPE.PRIMARY_SERVICE,
  TYPE.SECONDARY_SERVICE,
  TYPE.INCLUDE,
  TYPE.CHARACTERISTIC,
  TYPE.CHARACTERISTIC_EXTENDED_PROPERTIES,
];
const HASHED_TYPE: readonly number[] = [
  TYPE.CHARACTERISTIC_USER_DESCRIPTION,
  TYPE.CLIENT_CHARACTERISTIC_CONFIGURATION,
  0x2903,
  TYPE.CHARACTERISTIC_PRESENTATION_FORMAT,
  0x2905,
];

/** AES-CMAC of a message (RFC 4493). */
export type AesCmac = (key: Uint8Array, message: Uint8Array) => Uint8Array;

/** The values of the mandatory services; they outlive a new registration. */
export class GenericServices {
  private readonly aesCmac: AesCmac;
  private readonly keep: (session: ServerSession) => boolean;
  /** Undefined before the first database, as that of the appearance is. */
  private nameAttribute: Attribute | undefined = undefined;
  private appearanceAttribute: Attribute | undefined = undefined;
  private deviceNameBytes: Uint8Array = new Uint8Array(0);
  private appearanceBytes: Uint8Array = new Uint8Array(2);
  private hash: Uint8Array | undefined = undefined;
  private database!: Database;
  serviceChanged!: Attribute;

  /** @param keep keeps what is known of a bonded client; false when it cannot be kept. */
  constructor(aesCmac: AesCmac, keep: (session: ServerSession) => boolean) {
    this.aesCmac = aesCmac;
    this.keep = keep;
  }

  /**
   * Puts them at the beginning of a new database, always at the same handles (Vol 3, Part G, 7.1). The returned function
   * makes that database the one whose values this object keeps.
   */
  addTo(database: Database, sessionOf: (peer: unknown) => ServerSession | undefined): () => void {
    const [name, appearance] = database.add({
      uuid: GENERIC_ACCESS,
      characteristics: [
        { uuid: DEVICE_NAME, properties: PROPERTY.READ, value: this.deviceNameBytes, maxLength: 0 },
        { uuid: APPEARANCE, properties: PROPERTY.READ, value: this.appearanceBytes, maxLength: 0 },
      ],
    });
    const [serviceChanged] = database.add({
      uuid: GENERIC_ATTRIBUTE,
      characteristics: [
        {
          uuid: SERVICE_CHANGED,
          properties: PROPERTY.INDICATE,
          value: new Uint8Array(4),
          maxLength: 0,
        },
        {
          uuid: CLIENT_SUPPORTED_FEATURES,
          properties: PROPERTY.READ | PROPERTY.WRITE,
          value: new Uint8Array(1),
          maxLength: 8,
          hooks: {
            onRead: (peer) => new Uint8Array([sessionOf(peer)?.features ?? 0]),
            onWrite: (peer, value) => this.setFeatures(sessionOf(peer), value),
          },
        },
        {
          uuid: DATABASE_HASH,
          properties: PROPERTY.READ,
          value: new Uint8Array(16),
          maxLength: 0,
          hooks: {
            onRead: (peer) => {
              const session = sessionOf(peer);
              if (session) session.awareAtNextRequest = true;
              return this.databaseHash();
            },
          },
        },
      ],
    });
    return () => {
      this.database = database;
      this.hash = undefined;
      this.nameAttribute = name!;
      this.appearanceAttribute = appearance!;
      this.serviceChanged = serviceChanged!;
    };
  }

  /** The Device Name characteristic, UTF-8 bytes (Vol 3, Part C, 12.1). */
  get deviceName(): Uint8Array {
    return this.deviceNameBytes;
  }

  set deviceName(name: Uint8Array) {
    this.deviceNameBytes = name;
    if (this.nameAttribute) this.nameAttribute.value = name;
  }

  /** The Appearance characteristic (Vol 3, Part C, 12.2). */
  set appearance(appearance: number) {
    this.appearanceBytes = new Uint8Array([appearance & 0xff, appearance >> 8]);
    if (this.appearanceAttribute) this.appearanceAttribute.value = this.appearanceBytes;
  }

  /** A client may set bits, never clear them (Vol 3, Part G, 7.2). */
  private setFeatures(session: ServerSession | undefined, value: Uint8Array): number {
    const features = (value[0] ?? 0) & KNOWN_FEATURES;
    if (!session || value.length === 0 || (session.features & ~features) !== 0)
      return ATT_ERROR.VALUE_NOT_ALLOWED;
    const before = session.features;
    session.features = features;
    if (this.keep(session)) return 0;
    session.features = before;
    return ATT_ERROR.INSUFFICIENT_RESOURCES;
  }

  /** AES-CMAC with a key of zeros over the structure of the database (Vol 3, Part G, 7.3). Most significant byte last. */
  databaseHash(): Uint8Array {
    if (!this.hash) this.hash = this.aesCmac(new Uint8Array(16), hashInput(this.database)).reverse();
    return this.hash;
  }
}

function hashInput(database: Database): Uint8Array {
  const writer = new Writer(256);
  for (let handle = 1; handle <= database.lastHandle; handle++) {
    const attribute = database.at(handle)!;
    const type = attribute.type.short;
    const whole = HASHED_WHOLE.includes(type);
    if (!whole && !HASHED_TYPE.includes(type)) continue;
    writer.u16(attribute.handle);
    writer.u16(type);
    if (whole) writer.bytes(attribute.value);
  }
  return writer.finish();
}
