/**
 * A whole session with a camera as a sequence of events, for a person or a program to read: find the camera, connect,
 * discover, read everything, subscribe, take some notifications, disconnect, and see that the camera advertises again.
 * Where nobody can connect, listen to what the camera advertises, as often as it would have taken notifications.
 */
import { attErrorText } from "../../firmware/ble/att/errors.ts";
import { formatAddress, hex } from "../../firmware/ble/codec.ts";
import { statusText } from "../../firmware/ble/hci/status.ts";
import type { UUID } from "../../firmware/ble/uuid.ts";
import { type AdStructure, parseAdvertisingData } from "./advertising-data.ts";
import { decodeValue, identify, type NamedUuid } from "./assigned-numbers.ts";
import type { ServerValue } from "./att.ts";
import type { FoundCharacteristic, FoundDatabase } from "./discovery.ts";
import { AttErrorResponse, PhoneError } from "./errors.ts";
import type { PhoneLink } from "./link.ts";
import type { Phone } from "./phone.ts";
import type { Sighting, Wanted } from "./sightings.ts";

const READ = 0x02;
const NOTIFY = 0x10;
const PROPERTY_NAMES = [
  "broadcast",
  "read",
  "write_without_response",
  "write",
  "notify",
  "indicate",
  "authenticated_signed_writes",
  "extended_properties",
];

/** What a scan heard; `…Raw` are hexadecimal. */
export interface SightingEvent {
  readonly address: string;
  readonly addressType: "public" | "random";
  readonly rssi: number;
  readonly connectable: boolean;
  readonly advertising: readonly AdStructure[];
  readonly advertisingRaw: string;
  readonly scanResponse: readonly AdStructure[];
  readonly scanResponseRaw: string;
}

export interface ServiceEvent extends NamedUuid {
  readonly handle: number;
  readonly endHandle: number;
  readonly included: readonly NamedUuid[];
  readonly characteristics: readonly (NamedUuid & {
    readonly handle: number;
    readonly properties: readonly string[];
    readonly descriptors: readonly (NamedUuid & { readonly handle: number })[];
  })[];
}

export interface ValueEvent extends NamedUuid {
  readonly handle: number;
  readonly raw: string;
  readonly decoded: string | null;
}

export type PhoneSessionEvent =
  | { readonly event: "ready"; readonly address: string }
  | ({ readonly event: "found" } & SightingEvent)
  | ({ readonly event: "heard"; readonly number: number } & SightingEvent)
  | { readonly event: "connected"; readonly address: string; readonly mtu: number }
  | { readonly event: "mtu"; readonly asked: number; readonly mtu: number }
  | { readonly event: "database"; readonly services: readonly ServiceEvent[] }
  | ({ readonly event: "value" } & ValueEvent)
  | ({ readonly event: "descriptor"; readonly handle: number; readonly raw: string } & NamedUuid)
  | ({ readonly event: "subscribed" } & NamedUuid)
  /** The camera answered a request with an ATT error. */
  | ({
      readonly event: "refused";
      readonly what: "read" | "subscribe";
      readonly code: number;
      readonly meaning: string;
    } & NamedUuid)
  | ({ readonly event: "notification"; readonly number: number } & ValueEvent)
  | { readonly event: "silence"; readonly seconds: number }
  | { readonly event: "disconnected"; readonly reason: number; readonly name: string }
  | ({ readonly event: "advertisingAgain" } & SightingEvent)
  | { readonly event: "done" };

export interface PhoneSessionOptions extends Wanted {
  /** Notifications, or payloads, to take before leaving; 5 by default. */
  readonly notifications?: number;
  /** Leave without the rest when none comes for so long; without it that is a failure. */
  readonly patienceMs?: number;
  readonly mtu?: number;
  /** How long to look for the camera, each time. */
  readonly findTimeoutMs?: number;
}

/** Runs the session. @throws PhoneError when the camera does not do its part. */
export async function* runPhoneSession(
  phone: Phone,
  options: PhoneSessionOptions,
): AsyncGenerator<PhoneSessionEvent, void, void> {
  const { notifications = 5, patienceMs, mtu = 247, findTimeoutMs } = options;
  await phone.start();
  yield { event: "ready", address: formatAddress(phone.address) };
  const sighting = await phone.find(options, findTimeoutMs);
  yield { event: "found", ...sightingEvent(sighting) };
  if (!sighting.connectable) {
    yield* listen(phone, sighting, options);
    yield { event: "done" };
    return;
  }
  const link = await phone.connect(sighting);
  yield { event: "connected", address: formatAddress(sighting.address), mtu: link.att.mtu };
  yield { event: "mtu", asked: mtu, mtu: await link.exchangeMtu(mtu) };
  const database = await link.discover();
  yield { event: "database", services: serviceEvents(database) };
  for (const characteristic of database.characteristics) {
    if (characteristic.properties & READ)
      yield await orRefusal("read", characteristic.uuid, async () => {
        const value = await link.read(characteristic);
        return { event: "value", ...valueEvent(characteristic, value) };
      });
    for (const { handle, uuid } of characteristic.descriptors)
      yield await orRefusal("read", uuid, async () => {
        const raw = hex(await link.read(handle));
        return { event: "descriptor", ...identify(uuid), handle, raw };
      });
  }
  for (const characteristic of database.characteristics) {
    if ((characteristic.properties & NOTIFY) === 0) continue;
    yield await orRefusal("subscribe", characteristic.uuid, async () => {
      await link.subscribe(characteristic);
      return { event: "subscribed", ...identify(characteristic.uuid) };
    });
  }
  for (let number = 1; number <= notifications; number++) {
    const received = await nextValue(link, patienceMs);
    if (received === undefined) {
      yield { event: "silence", seconds: (patienceMs ?? 0) / 1000 };
      break;
    }
    const { handle, value } = received;
    const characteristic = database.characteristics.find((candidate) => candidate.handle === handle);
    if (characteristic) yield { event: "notification", number, ...valueEvent(characteristic, value) };
  }
  const reason = await link.disconnect();
  yield { event: "disconnected", reason, name: statusText(reason) };
  yield { event: "advertisingAgain", ...sightingEvent(await phone.find(options, findTimeoutMs)) };
  yield { event: "done" };
}

/** The event of one of all values, or that the camera refuses it. */
async function orRefusal(
  what: "read" | "subscribe",
  uuid: UUID,
  work: () => Promise<PhoneSessionEvent>,
): Promise<PhoneSessionEvent> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AttErrorResponse)) throw error;
    const { code } = error;
    return { event: "refused", ...identify(uuid), what, code, meaning: attErrorText(code) };
  }
}

/** Yields each payload that is another than the one before. */
async function* listen(
  phone: Phone,
  first: Sighting,
  { notifications = 5, patienceMs, ...wanted }: PhoneSessionOptions,
): AsyncGenerator<PhoneSessionEvent, void, void> {
  let unlike = first;
  for (let number = 1; number <= notifications; number++) {
    try {
      unlike = await phone.find({ ...wanted, address: first.address, unlike }, patienceMs);
    } catch (error) {
      if (patienceMs === undefined || !(error instanceof PhoneError)) throw error;
      return yield { event: "silence", seconds: patienceMs / 1000 };
    }
    yield { event: "heard", number, ...sightingEvent(unlike) };
  }
}

/** Undefined when nothing came for `patienceMs` and the link is still there. */
async function nextValue(link: PhoneLink, patienceMs: number | undefined): Promise<ServerValue | undefined> {
  try {
    return await link.nextValue(patienceMs);
  } catch (error) {
    if (patienceMs === undefined || !link.isConnected || !(error instanceof PhoneError)) throw error;
    return undefined;
  }
}

/** A sighting as an event has it. */
export function sightingEvent(sighting: Sighting): SightingEvent {
  const scanResponse = sighting.scanResponse ?? new Uint8Array(0);
  return {
    address: formatAddress(sighting.address),
    addressType: sighting.addressType === 0 ? "public" : "random",
    rssi: sighting.rssi,
    connectable: sighting.connectable,
    advertising: parseAdvertisingData(sighting.advertising),
    advertisingRaw: hex(sighting.advertising),
    scanResponse: parseAdvertisingData(scanResponse),
    scanResponseRaw: hex(scanResponse),
  };
}

/** A database as an event has it. */
export function serviceEvents(database: FoundDatabase): ServiceEvent[] {
  return database.services.map((service) => ({
    ...identify(service.uuid),
    handle: service.handle,
    endHandle: service.endHandle,
    included: [],
    characteristics: service.characteristics.map((characteristic) => ({
      ...identify(characteristic.uuid),
      handle: characteristic.handle,
      properties: PROPERTY_NAMES.filter((_, index) => (characteristic.properties >> index) & 1),
      descriptors: characteristic.descriptors.map(({ uuid, handle }) => ({ ...identify(uuid), handle })),
    })),
  }));
}

/** A value as an event has it. */
export function valueEvent({ uuid, handle }: FoundCharacteristic, value: Uint8Array): ValueEvent {
  return { ...identify(uuid), handle, raw: hex(value), decoded: decodeValue(uuid, value) };
}
