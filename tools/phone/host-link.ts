/** A link of the phone that is our own stack. */
import type { Operation } from "../../firmware/ble/att/client-role.ts";
import {
  exchangeMtuRequest,
  findInformationRequest,
  readByGroupTypeRequest,
  readByTypeRequest,
  readRequest,
  writeRequest,
} from "../../firmware/ble/att/pdus.ts";
import { BleError } from "../../firmware/ble/errors.ts";
import type { Connection } from "../../firmware/ble/gap/connection.ts";
import type { GattClient } from "../../firmware/ble/gatt/client/client.ts";
import type { Found } from "../../firmware/ble/gatt/client/discovery.ts";
import type { RemoteCharacteristic, RemoteService } from "../../firmware/ble/gatt/client/remote.ts";
import { WRITE_OVERHEAD } from "../../firmware/ble/gatt/client/writes.ts";
import type { Host } from "../../firmware/ble/host.ts";
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import type { PairingSettings } from "../../firmware/ble/smp/state.ts";
import type { ServerValue } from "../../simulator/phone/att.ts";
import { Deferred } from "../../simulator/phone/deadline.ts";
import {
  configurationOf,
  type FoundCharacteristic,
  FoundDatabase,
  type FoundService,
} from "../../simulator/phone/discovery.ts";
import { PhoneError } from "../../simulator/phone/errors.ts";
import { handleOf, type Target } from "../../simulator/phone/link.ts";
import type { Paired, PairOptions } from "../../simulator/phone/pairing.ts";
import { CAMERAS_MAX } from "../central/host.ts";
import { type Asked, phoneErrorOf } from "./host-errors.ts";
import { ENCRYPTION, IdleUser, pairingSettings, StepUser } from "./host-user.ts";
import type { ScriptLink } from "./script-phone.ts";

/** Longer than any supervision timeout. */
const DISCONNECT_TIMEOUT_MS = 40_000;

export class HostLink implements ScriptLink {
  private readonly host: Host;
  private readonly connection: Connection;
  private readonly client: GattClient;
  /** Values that the camera has sent, and nobody has taken. */
  private readonly values: ServerValue[] = [];
  private valueWait: Deferred<void> | undefined = undefined;
  private readonly ending: ((reason: number) => void)[] = [];
  /** What ends with the link. */
  private readonly waiting = new Set<(error: unknown) => void>();

  /** Of a link that has just come up: what the camera sends is kept from the first byte on. */
  constructor(host: Host, connection: Connection) {
    this.host = host;
    this.connection = connection;
    this.client = host.clientOf(connection)!;
    this.client.watch((handle, value, isIndication) => {
      const kind = isIndication ? "indication" : "notification";
      this.values.push({ kind, handle, value, atMs: this.clock.now() });
      this.valueWait?.resolve();
    });
  }

  private get clock() {
    return this.host.platform.clock;
  }

  get isConnected(): boolean {
    return this.connection.isConnected;
  }

  get mtu(): number {
    return this.client.mtu;
  }

  /** The host has reported the end. */
  ended(reason: number): void {
    const error = this.endError();
    this.valueWait?.reject(error);
    for (const reject of [...this.waiting]) reject(error);
    for (const resolve of this.ending.splice(0)) resolve(reason);
  }

  private endError(): PhoneError {
    const reason = this.connection.disconnectReason ?? 0;
    return new PhoneError(`the link ended with reason 0x${reason.toString(16)}`, reason);
  }

  /** Waits for what `begin` settles, until the link ends. */
  private async whileConnected<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  ): Promise<T> {
    if (!this.isConnected) throw this.endError();
    let end: (error: unknown) => void = () => {};
    try {
      return await new Promise<T>((resolve, reject) => {
        end = reject;
        this.waiting.add(end);
        begin(resolve, reject);
      });
    } finally {
      this.waiting.delete(end);
    }
  }

  /** One operation of the GATT client. */
  private async ask<T>(
    asked: Asked,
    work: (client: GattClient, operation: Operation) => Promise<T>,
  ): Promise<T> {
    const { client } = this;
    try {
      return await this.whileConnected<T>((resolve, reject) => {
        client.perform((operation) => work(client, operation), { resolve, reject });
      });
    } catch (error) {
      if (error instanceof BleError && error.code === "device-disconnected") {
        throw this.isConnected
          ? new PhoneError("the camera left a request unanswered for 30 s, and the link ends")
          : this.endError();
      }
      throw phoneErrorOf(error, asked);
    }
  }

  exchangeMtu(mtu: number): Promise<number> {
    this.connection.bearer.offerMtu(mtu);
    return this.ask({ request: exchangeMtuRequest.opcode, handle: 0 }, (client, operation) =>
      client.exchangeMtu(operation),
    );
  }

  async discover(): Promise<FoundDatabase> {
    const services: FoundService[] = [];
    const found = await this.collect<RemoteService>(readByGroupTypeRequest.opcode, 1, (client, ...range) =>
      client.findServices(...range),
    );
    for (const { startHandle: handle, endHandle, uuid } of found)
      services.push({
        uuid,
        handle,
        endHandle,
        characteristics: await this.characteristics(handle, endHandle),
      });
    return new FoundDatabase(services);
  }

  private async characteristics(first: number, last: number): Promise<FoundCharacteristic[]> {
    const declared = await this.collect<RemoteCharacteristic>(
      readByTypeRequest.opcode,
      first,
      (client, ...from) => client.findCharacteristics(...from, last),
    );
    const found: FoundCharacteristic[] = [];
    for (const [index, { handle: declarationHandle, properties, uuid, valueHandle }] of declared.entries()) {
      const endHandle = (declared[index + 1]?.handle ?? last + 1) - 1;
      const descriptors =
        valueHandle < endHandle
          ? await this.collect(findInformationRequest.opcode, valueHandle + 1, (client, ...from) =>
              client.findInformation(...from, endHandle),
            )
          : [];
      found.push({ uuid, declarationHandle, handle: valueHandle, endHandle, properties, descriptors });
    }
    return found;
  }

  /** All that there is from `first` on. */
  private async collect<T>(
    request: number,
    first: number,
    find: (client: GattClient, operation: Operation, first: number) => Promise<Found<T>>,
  ): Promise<T[]> {
    const items: T[] = [];
    for (let next: number | undefined = first; next !== undefined; ) {
      const from: number = next;
      const found: Found<T> = await this.ask({ request, handle: from }, (client, operation) =>
        find(client, operation, from),
      );
      items.push(...found.items);
      next = found.next;
    }
    return items;
  }

  read(target: Target): Promise<Uint8Array> {
    const handle = handleOf(target);
    return this.ask({ request: readRequest.opcode, handle }, (client, operation) =>
      client.readValue(operation, handle),
    );
  }

  write(target: Target, value: Uint8Array): Promise<void> {
    const handle = handleOf(target);
    return this.ask({ request: writeRequest.opcode, handle }, (client, operation) =>
      client.writeValue(operation, { handle, value }),
    );
  }

  /** Resolves when the camera's controller has it. @throws PhoneError when it is longer than the link's packets. */
  async writeWithoutResponse(target: Target, value: Uint8Array): Promise<void> {
    const most = this.mtu - WRITE_OVERHEAD;
    if (value.length > most)
      throw new PhoneError(
        `a write without response takes ${most} bytes on this link, and not ${value.length}`,
      );
    await this.whileConnected<void>((resolve, reject) => {
      const outcome = this.client.writeCommand({ handle: handleOf(target), value });
      if (outcome === "full" || outcome === "held") reject(new PhoneError("the link takes no write now"));
      else this.host.whenCompleted(this.connection, resolve);
    });
  }

  subscribe(
    characteristic: FoundCharacteristic,
    kind: "notify" | "indicate" | "none" = "notify",
  ): Promise<void> {
    const { handle } = configurationOf(characteristic);
    return this.write(handle, Uint8Array.of(kind === "notify" ? 1 : kind === "indicate" ? 2 : 0, 0));
  }

  async nextValue(timeoutMs: number): Promise<ServerValue> {
    while (this.values.length === 0) {
      if (!this.isConnected) throw this.endError();
      this.valueWait = new Deferred<void>(this.clock, timeoutMs, "a notification");
      await this.valueWait.promise;
    }
    return this.values.shift()!;
  }

  /** Pairs as with a stranger, whatever bond there is: that is there again when no other comes of it. */
  async pair(options: PairOptions): Promise<Pick<Paired, "isAuthenticated" | "isSecureConnections">> {
    const bonds = this.host.bonds!;
    const user = new StepUser(options);
    const former = this.bond;
    if (!former && bonds.size >= CAMERAS_MAX)
      throw new PhoneError(
        `the phone is bonded with ${bonds.size} cameras, and keeps no more bonds: forget one`,
      );
    if (former) bonds.forget(former.identity);
    try {
      await this.secure(pairingSettings(options.legacy ?? false), user);
    } catch (error) {
      if (former && !this.bond) bonds.adopt([former]);
      throw user.failure ?? error;
    }
    return this.connection.security;
  }

  async encryptWithBond(): Promise<boolean> {
    const { security } = this.connection;
    if (!this.bond || !(security.isEncrypted || security.hasKey)) return false;
    await this.secure(ENCRYPTION, new IdleUser());
    return true;
  }

  private get bond(): Bond | undefined {
    const { peerAddress, peerAddressType } = this.connection;
    return this.host.bonds!.find(peerAddressType & 1, peerAddress) as Bond | undefined;
  }

  private async secure(settings: PairingSettings, user: IdleUser): Promise<void> {
    try {
      await this.whileConnected<void>((onPaired, onFailed) => {
        const request = { origin: "application", settings, user, outOfBand: {}, onPaired, onFailed } as const;
        this.host.encryption!.pair(this.connection, request);
      });
    } catch (error) {
      throw phoneErrorOf(error);
    }
  }

  async disconnect(): Promise<number> {
    const ended = this.disconnected();
    try {
      await this.host.disconnect(this.connection);
    } catch (error) {
      ended.catch(() => undefined);
      throw phoneErrorOf(error);
    }
    return ended;
  }

  disconnected(timeoutMs = DISCONNECT_TIMEOUT_MS): Promise<number> {
    const { disconnectReason } = this.connection;
    if (disconnectReason !== undefined) return Promise.resolve(disconnectReason);
    const wait = new Deferred<number>(this.clock, timeoutMs, "the end of the link");
    this.ending.push((reason) => wait.resolve(reason));
    return wait.promise;
  }
}
