/** A connected rig with a database of its own, and the requests of a client in short. */
import type {
  Attribute,
  CharacteristicDefinition,
  ServiceDefinition,
} from "../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { concat, counting, le16, toHex } from "./bytes.ts";
import { ATT, createConnectedRig, HANDLE, type Rig, takeFrames } from "./rig.ts";

/** Handle of the first registered service, after Generic Access (1 to 5) and Generic Attribute (6 to 13). */
export const FIRST = 14;
/** Handle of the value of its first characteristic. */
export const VALUE = 16;
/** Handle of that value's CCCD, if it has one. */
export const CCCD = 17;
/** Handles of the Generic Attribute service. */
export const SERVICE_CHANGED = 8;
export const SERVICE_CHANGED_CCCD = 9;
export const CLIENT_FEATURES = 11;
export const DATABASE_HASH = 13;

export const READ_WRITE = PROPERTY.READ | PROPERTY.WRITE;
export const ALL = READ_WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE | PROPERTY.NOTIFY | PROPERTY.INDICATE;

export interface Client {
  readonly rig: Rig;
  readonly values: readonly Attribute[];
  /** Sends a request or command; the ATT payloads that came back, as text. */
  send(...parts: readonly (Uint8Array | readonly number[])[]): Promise<string[]>;
  /** Sends one or several PDUs in one go, without promise jobs between; the payloads that came back. */
  together(...pdus: readonly (Uint8Array | readonly number[])[]): Promise<string[]>;
  read(handle?: number): Promise<string[]>;
  blob(offset: number, handle?: number): Promise<string[]>;
  write(value: Uint8Array | readonly number[], handle?: number): Promise<string[]>;
  command(value: Uint8Array | readonly number[], handle?: number): Promise<string[]>;
  prepare(offset: number, part: Uint8Array | readonly number[], handle?: number): Promise<string[]>;
  execute(flags?: number): Promise<string[]>;
  /** ATT payloads that were sent since the last request, as text; forgets them. */
  sent(): string[];
}

/** One characteristic that may do everything, 20 bytes long, unless it is set otherwise. */
export function characteristic(options: Partial<CharacteristicDefinition> = {}): CharacteristicDefinition {
  return { uuid: new UUID(0x2a6e), properties: ALL, value: counting(4), maxLength: 20, ...options };
}

export function service(...characteristics: readonly Partial<CharacteristicDefinition>[]): ServiceDefinition {
  return { uuid: new UUID(0x181a), characteristics: characteristics.map(characteristic) };
}

/** A client of a server with these characteristics in one service. */
export async function createClient(
  characteristics: readonly Partial<CharacteristicDefinition>[] = [{}],
  mtu = 23,
): Promise<Client> {
  let values: Attribute[] = [];
  const rig = await createConnectedRig((fresh) => {
    values = fresh.host.gatt.register([service(...characteristics)])[0]!;
  });
  const client = clientOn(rig, values);
  if (mtu !== 23) await client.send([0x02], le16(mtu));
  return client;
}

export function clientOn(rig: Rig, values: readonly Attribute[] = [], link: number = HANDLE): Client {
  const send: Client["send"] = (...parts) => rig.exchange(ATT, concat(...parts), link);
  const sent = () =>
    takeFrames(rig.controller, link)
      .filter((frame) => frame.channel === ATT)
      .map((frame) => toHex(frame.payload));
  return {
    rig,
    values,
    send,
    sent,
    async together(...pdus) {
      rig.controller.sent.length = 0;
      rig.controller.deliverTogether(
        ...pdus.map((pdu) => {
          const frame = concat(le16(pdu.length), le16(ATT), pdu);
          return concat([0x02], le16(link | 0x2000), le16(frame.length), frame);
        }),
      );
      await rig.settle();
      return sent();
    },
    read: (handle = VALUE) => send([0x0a], le16(handle)),
    blob: (offset, handle = VALUE) => send([0x0c], le16(handle), le16(offset)),
    write: (value, handle = VALUE) => send([0x12], le16(handle), value),
    command: (value, handle = VALUE) => send([0x52], le16(handle), value),
    prepare: (offset, part, handle = VALUE) => send([0x16], le16(handle), le16(offset), part),
    execute: (flags = 1) => send([0x18, flags]),
  };
}

/** Another central connects on `link`. */
export async function connectAnother(rig: Rig, link: number): Promise<Client> {
  const connected = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(link);
  await connected;
  return clientOn(rig, [], link);
}

/** An Error Response as text. */
export function error(request: number, handle: number, code: number): string {
  return toHex(Uint8Array.from([0x01, request, ...le16(handle), code]));
}

/** A promise that a test settles. */
export function deferred<T>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
