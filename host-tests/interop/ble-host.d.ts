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

  export interface Connection extends EventEmitter {
    readonly gatt: GattConnection;
    readonly disconnected: boolean;
    disconnect(): void;
  }

  export interface BleManager {
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
