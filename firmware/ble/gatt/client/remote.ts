/** What is known of a peer's database: handles, UUIDs and properties, as far as they were discovered (Vol 3, Part G, 2.6). */
import type { UUID } from "../../uuid.ts";

/** The highest handle there may be (Vol 3, Part F, 3.2.2). */
export const LAST_HANDLE = 0xffff;

/** A descriptor of a characteristic (Vol 3, Part G, 3.3.3). */
export interface RemoteDescriptor {
  readonly handle: number;
  readonly uuid: UUID;
}

/** A characteristic (Vol 3, Part G, 3.3). */
export class RemoteCharacteristic {
  /** Handle of its declaration. */
  readonly handle: number;
  readonly valueHandle: number;
  /** Sum of PROPERTY bits. */
  readonly properties: number;
  readonly uuid: UUID;
  /** Those that are known, in the order of their handles. */
  readonly descriptors: RemoteDescriptor[] = [];
  /** What lies above its value is known up to this handle. */
  coveredTo: number;

  constructor(handle: number, valueHandle: number, properties: number, uuid: UUID) {
    this.handle = handle;
    this.valueHandle = valueHandle;
    this.properties = properties;
    this.uuid = uuid;
    this.coveredTo = valueHandle;
  }
}

/** A service that another one includes (Vol 3, Part G, 3.2). */
export interface RemoteInclude {
  /** Handle of the include declaration. */
  readonly handle: number;
  readonly service: RemoteService;
}

/** Attributes of a service that are accounted for, its declaration among them; see `GattClient.accountFor`. */
export interface AttributeShare {
  attributes: number;
  isCounted: boolean;
}

/** A service: the range of its handles, and what of it is known (Vol 3, Part G, 3.1). */
export class RemoteService {
  readonly startHandle: number;
  readonly endHandle: number;
  readonly uuid: UUID;
  /** Those that are known, in the order of their handles. */
  readonly characteristics: RemoteCharacteristic[] = [];
  /** There may be more declarations of characteristics from this handle on; above `endHandle` when all are known. */
  unknownFrom: number;
  /** The declaration at `unknownFrom` was seen, and not read yet: it ends the characteristic before it. */
  isDeclarationNext = false;
  /** Services that it includes, as far as they are known. */
  includes: readonly RemoteInclude[] = [];
  hasAllIncludes = false;
  readonly share: AttributeShare = { attributes: 0, isCounted: false };

  constructor(startHandle: number, endHandle: number, uuid: UUID) {
    this.startHandle = startHandle;
    this.endHandle = endHandle;
    this.uuid = uuid;
    this.unknownFrom = startHandle + 1;
  }

  /** Whether all its characteristics are known. */
  get isComplete(): boolean {
    return this.unknownFrom > this.endHandle;
  }

  /**
   * The last handle that a descriptor of the characteristic at this place may have; undefined while the declaration that
   * ends it may not have been found.
   */
  private endAt(index: number): number | undefined {
    const next = this.characteristics[index + 1];
    if (next) return next.handle - 1;
    if (this.isDeclarationNext) return this.unknownFrom - 1;
    return this.isComplete ? this.endHandle : undefined;
  }

  private isCoveredAt(index: number): boolean {
    const end = this.endAt(index);
    return end !== undefined && this.characteristics[index]!.coveredTo >= end;
  }

  /** Declarations and descriptors that are known. */
  get attributeCount(): number {
    let count = 1 + this.characteristics.length + this.includes.length;
    for (const { descriptors } of this.characteristics) count += descriptors.length;
    return count;
  }

  /** Whether all descriptors of a characteristic are known. */
  isCovered(characteristic: RemoteCharacteristic): boolean {
    return this.isCoveredAt(this.characteristics.indexOf(characteristic));
  }

  /** The first characteristic of which not all descriptors are known. */
  get firstUncovered(): RemoteCharacteristic | undefined {
    return this.characteristics.find((_, index) => !this.isCoveredAt(index));
  }
}
