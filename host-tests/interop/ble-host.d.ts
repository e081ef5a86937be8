/** The part of ble-host 1.0.3 (no types of its own) that the interoperability tests use; see its docs/api. */
declare module "ble-host" {
  import type { EventEmitter } from "node:events";

  export interface Transport extends EventEmitter {
    write(packet: Buffer): void;
  }

  export interface ScanReport {
    readonly connectable: boolean;
    readonly addressType: "public" | "random";
    readonly address: string;
    readonly parsedDataItems: {
      readonly localName?: string;
      readonly serviceUuids?: readonly string[];
      readonly appearance?: number;
      readonly manufacturerSpecificData?: readonly { companyIdentifierCode: number; data: Buffer }[];
    };
  }

  export interface Scanner extends EventEmitter {
    stopScan(): void;
  }

  export interface GattClientDescriptor {
    readonly uuid: string;
    read(callback: (error: number, value?: Buffer) => void): void;
    write(value: Buffer, callback: (error: number) => void): void;
  }

  export interface GattClientCharacteristic extends EventEmitter {
    readonly uuid: string;
    discoverDescriptors(callback: (descriptors: GattClientDescriptor[]) => void): void;
    readonly properties: Readonly<Record<string, boolean>>;
    read(callback: (error: number, value?: Buffer) => void): void;
    write(value: Buffer, callback: (error: number) => void): void;
    writeWithoutResponse(value: Buffer, sent: () => void): void;
    writeCCCD(notifications: boolean, indications: boolean, callback: (error: number) => void): void;
  }

  export interface GattClientService {
    readonly uuid: string;
    discoverCharacteristics(callback: (characteristics: GattClientCharacteristic[]) => void): void;
  }

  export interface GattConnection {
    readonly currentMtu: number;
    exchangeMtu(callback: (error: number) => void): void;
    discoverAllPrimaryServices(callback: (services: GattClientService[]) => void): void;
    beginReliableWrite(): void;
    commitReliableWrite(callback: (error: number) => void): void;
  }

  /** What a pairing asks for; all are optional. */
  export interface PairingFeatures {
    readonly ioCap?: number;
    readonly mitm?: boolean;
  }

  /** The initiator. Events: passkeyExchange, pairingComplete, pairingFailed, encrypt. */
  export interface SmpMasterConnection extends EventEmitter {
    sendPairingRequest(features: PairingFeatures): boolean;
    startEncryption(): boolean;
  }

  /** The responder. Events: pairingRequest, passkeyExchange, pairingComplete, pairingFailed, encrypt. */
  export interface SmpSlaveConnection extends EventEmitter {
    sendSecurityRequest(bond: boolean, mitm: boolean, keypress: boolean): void;
  }

  export interface Connection extends EventEmitter {
    readonly gatt: GattConnection;
    readonly smp: SmpMasterConnection;
    readonly disconnected: boolean;
    disconnect(): void;
  }

  /** Of the database that a peripheral serves. Methods that ble-host calls, and those that it adds. */
  export interface GattServerCharacteristic {
    readonly uuid: string | number;
    readonly properties: readonly string[];
    readonly value?: Buffer | string;
    readonly readPerm?: "encrypted" | "encrypted-mitm-sc";
    onRead?(connection: Connection, callback: (error: number, value?: Buffer) => void): void;
    onWrite?(
      connection: Connection,
      needsResponse: boolean,
      value: Buffer,
      callback: (error: number) => void,
    ): void;
    onSubscriptionChange?(connection: Connection, notification: boolean, indication: boolean): void;
    notify?(connection: Connection, value: Buffer): boolean;
    indicate?(connection: Connection, value: Buffer, confirmed: () => void): boolean;
  }

  export interface GattServerService {
    readonly uuid: string | number;
    readonly characteristics: readonly GattServerCharacteristic[];
  }

  export interface BleManager {
    removeBond(identityAddressType: string, identityAddress: string): void;
    readonly gattDb: { addServices(services: readonly GattServerService[]): void };
    setAdvertisingData(data: Buffer, callback: (status: number) => void): void;
    startAdvertising(
      parameters: { readonly intervalMin: number; readonly intervalMax: number },
      callback: (status: number, connection: Connection) => void,
    ): void;
    startScan(parameters: { activeScan?: boolean; filterDuplicates?: boolean }): Scanner;
    connect(
      addressType: string,
      address: string,
      parameters: object,
      callback: (connection: Connection) => void,
    ): EventEmitter;
  }

  const bleHost: {
    BleManager: {
      create(
        transport: Transport,
        options: { staticRandomAddress?: string },
        callback: (error: Error | null, manager: BleManager) => void,
      ): void;
    };
  };
  export default bleHost;
}
