/** A small server for scenarios: one service with a value to read, one to write, one to be notified of, and a long one. */
import { buildAdvertisingPayload } from "../../firmware/ble/gap/advertising-data.ts";
import type { AdvertisingSet } from "../../firmware/ble/gap/advertising-set.ts";
import type { Connection } from "../../firmware/ble/gap/connection.ts";
import type { Attribute } from "../../firmware/ble/gatt/server/database.ts";
import { PROPERTY } from "../../firmware/ble/gatt/types.ts";
import type { Host } from "../../firmware/ble/host.ts";
import { utf8Encode } from "../../firmware/ble/utf8.ts";
import { UUID } from "../../firmware/ble/uuid.ts";

export const SERVICE = 0x181a;
export const READABLE = 0x2a6e;
export const WRITABLE = 0x2a6f;
export const NOTIFYING = 0x2a19;
export const LONG = 0x2a38;
export const LONG_VALUE: Uint8Array = Uint8Array.from({ length: 300 }, (_, index) => (index * 3) & 0xff);

/** A camera that serves, and what happened to it. */
export interface Server<C extends { readonly host: Host }> {
  readonly camera: C;
  readonly readable: Attribute;
  readonly writable: Attribute;
  readonly notifying: Attribute;
  readonly connected: Connection[];
  /** Reasons of the links that ended. */
  readonly ended: number[];
  /** Values that clients wrote, in order. */
  readonly written: Uint8Array[];
  /** Begins to advertise under this name. */
  advertise(name: string, intervalUs?: number): Promise<void>;
}

function characteristic(uuid: number, properties: number, value: Uint8Array, maxLength: number, hooks = {}) {
  return { uuid: new UUID(uuid), properties, value, maxLength, hooks };
}

export function createServer<C extends { readonly host: Host }>(camera: C): Server<C> {
  const { host } = camera;
  const written: Uint8Array[] = [];
  const [attributes] = host.gatt.register([
    {
      uuid: new UUID(SERVICE),
      characteristics: [
        characteristic(READABLE, PROPERTY.READ, new Uint8Array([0x34, 0x08]), 0),
        characteristic(WRITABLE, PROPERTY.WRITE | PROPERTY.WRITE_WITHOUT_RESPONSE, new Uint8Array(0), 100, {
          onWritten: () => written.push(writable!.value),
        }),
        characteristic(NOTIFYING, PROPERTY.READ | PROPERTY.NOTIFY, new Uint8Array([0]), 0),
        characteristic(LONG, PROPERTY.READ, LONG_VALUE, 0),
      ],
    },
  ]);
  const [readable, writable, notifying] = attributes!;
  const connected: Connection[] = [];
  const ended: number[] = [];
  host.observe({
    onConnected: (connection) => connected.push(connection),
    onDisconnected: (_, reason) => ended.push(reason),
  });
  let set: AdvertisingSet | undefined;
  return {
    camera,
    readable: readable!,
    writable: writable!,
    notifying: notifying!,
    connected,
    ended,
    written,
    async advertise(name, intervalUs = 100_000) {
      await host.activate();
      host.gatt.generic.deviceName = utf8Encode(name);
      const services = [new UUID(SERVICE)];
      const payload = buildAdvertisingPayload({ connectable: true, name, services });
      set ??= host.advertiser.acquire({ onEnded() {}, take: () => true });
      await set!.start({ intervalUs, connectable: true, ...payload });
    },
  };
}
