/** A phone's link to a camera. */
import {
  exchangeMtuRequest,
  exchangeMtuResponse,
  readBlobRequest,
  readBlobResponse,
  readRequest,
  readResponse,
  writeCommand,
  writeRequest,
  writeResponse,
} from "../../firmware/ble/att/pdus.ts";
import { viewOf, Writer } from "../../firmware/ble/codec.ts";
import { leConnectionUpdate } from "../../firmware/ble/hci/commands/le-link.ts";
import { leEnableEncryption } from "../../firmware/ble/hci/commands/le-security.ts";
import { disconnect } from "../../firmware/ble/hci/commands/link-control.ts";
import { encodePdu, PhoneAtt, type ServerValue } from "./att.ts";
import { Deferred } from "./deadline.ts";
import {
  configurationOf,
  discoverDatabase,
  type FoundCharacteristic,
  type FoundDatabase,
} from "./discovery.ts";
import { PhoneError } from "./errors.ts";
import type { PhoneHci } from "./hci.ts";
import { type Paired, type PairOptions, PhonePairing } from "./pairing.ts";
import type { Party, PhoneSecurity } from "./security.ts";

/** Fixed L2CAP channels (Vol 3, Part A, Table 2.2). */
export const CHANNEL = { ATT: 0x0004, SIGNALING: 0x0005, SMP: 0x0006 } as const;

/** Bytes of a Write Request or Command beside the value (Vol 3, Part F, 3.4.5.1, 3.4.5.3). */
const WRITE_OVERHEAD = 3;
const REMOTE_USER_TERMINATED = 0x13;
const CONNECTION_PARAMETER_UPDATE_REQUEST = 0x12;
const CONNECTION_PARAMETER_UPDATE_RESPONSE = 0x13;
/** Longer than any supervision timeout. */
const DISCONNECT_TIMEOUT_MS = 40_000;
const PROCEDURE_TIMEOUT_MS = 45_000;

/** A frame that arrived, for tests that look below ATT. */
export interface Frame {
  readonly channel: number;
  readonly payload: Uint8Array;
  readonly atMs: number;
}

/** Timing of a link in the units of a person. */
export interface LinkTiming {
  readonly intervalMs: number;
  readonly latency: number;
  readonly supervisionTimeoutMs: number;
}

/** A handle, or what discovery found. */
export type Target = number | Pick<FoundCharacteristic, "handle">;

export function handleOf(target: Target): number {
  return typeof target === "number" ? target : target.handle;
}

export class PhoneLink {
  readonly handle: number;
  readonly att: PhoneAtt;
  timing: LinkTiming;
  encrypted = false;
  /** Every frame that arrived, in order. */
  readonly frames: Frame[] = [];
  /** Why the link ended; undefined while it is up. */
  reason: number | undefined = undefined;
  private readonly hci: PhoneHci;
  private readonly pairing: PhonePairing;
  private partial: Uint8Array = new Uint8Array(0);
  private readonly ending: ((reason: number) => void)[] = [];
  private updating: Deferred<number> | undefined = undefined;
  private encrypting: Deferred<number> | undefined = undefined;

  /** @param own the phone's address on the air, and @param peer the camera's. */
  constructor(
    hci: PhoneHci,
    handle: number,
    timing: LinkTiming,
    own: Party,
    peer: Party,
    security: PhoneSecurity,
  ) {
    this.hci = hci;
    this.handle = handle;
    this.timing = timing;
    const isEncrypted = (): boolean => this.encrypted;
    this.pairing = new PhonePairing(security, {
      clock: hci.clock,
      own,
      peer,
      get isEncrypted() {
        return isEncrypted();
      },
      send: (pdu) => this.sendFrame(CHANNEL.SMP, pdu),
      delivered: () => hci.delivered(handle),
      encrypt: (...key) => this.encrypt(...key),
    });
    this.att = new PhoneAtt(hci.clock, (pdu) => this.sendFrame(CHANNEL.ATT, pdu));
  }

  get isConnected(): boolean {
    return this.reason === undefined;
  }

  /** ATT_MTU in force. */
  get mtu(): number {
    return this.att.mtu;
  }

  /** Sends any bytes on any channel, whatever they are. */
  sendFrame(channel: number, payload: Uint8Array, onSent?: () => void): void {
    const writer = new Writer(4 + payload.length);
    writer.u16(payload.length);
    writer.u16(channel);
    writer.bytes(payload);
    this.sendRaw(writer.finish(), onSent);
  }

  /** Sends bytes as one ACL transfer, without an L2CAP header. */
  sendRaw(bytes: Uint8Array, onSent?: () => void): void {
    if (this.isConnected) this.hci.sendFrame(this.handle, bytes, onSent);
  }

  /** One ACL packet of this link. */
  receiveAcl(first: boolean, data: Uint8Array): void {
    const joined = new Uint8Array((first ? 0 : this.partial.length) + data.length);
    if (!first) joined.set(this.partial);
    joined.set(data, joined.length - data.length);
    this.partial = joined;
    if (joined.length < 4) return;
    const view = viewOf(joined);
    const end = 4 + view.getUint16(0, true);
    if (joined.length < end) return;
    this.partial = new Uint8Array(0);
    this.receiveFrame(view.getUint16(2, true), joined.slice(4, end));
  }

  private receiveFrame(channel: number, payload: Uint8Array): void {
    this.frames.push({ channel, payload, atMs: this.hci.clock.now() });
    if (channel === CHANNEL.ATT) this.att.receive(payload);
    else if (channel === CHANNEL.SIGNALING) this.receiveSignal(payload);
    else if (channel === CHANNEL.SMP) this.pairing.receive(payload);
  }

  /** A peripheral that asks for other parameters is given them (Vol 3, Part A, 4.20). */
  private receiveSignal(signal: Uint8Array): void {
    if (signal[0] !== CONNECTION_PARAMETER_UPDATE_REQUEST || signal.length !== 12) return;
    const view = viewOf(signal);
    const accepted = [CONNECTION_PARAMETER_UPDATE_RESPONSE, signal[1]!, 2, 0, 0, 0];
    this.sendFrame(CHANNEL.SIGNALING, new Uint8Array(accepted));
    const timing = {
      intervalMs: view.getUint16(6, true) * 1.25,
      latency: view.getUint16(8, true),
      supervisionTimeoutMs: view.getUint16(10, true) * 10,
    };
    this.update(timing).catch(() => {});
  }

  /** Exchanges the ATT_MTU (Vol 3, Part G, 4.3.1) and resolves with the one in force. */
  async exchangeMtu(mtu = 517): Promise<number> {
    const { serverRxMtu } = await this.att.request(
      exchangeMtuRequest,
      { clientRxMtu: mtu },
      exchangeMtuResponse,
    );
    this.att.mtu = Math.max(23, Math.min(mtu, serverRxMtu));
    return this.att.mtu;
  }

  discover(): Promise<FoundDatabase> {
    return discoverDatabase(this.att);
  }

  /** Reads a value, a long one in parts (Vol 3, Part G, 4.8.3). */
  async read(target: Target): Promise<Uint8Array> {
    const attributeHandle = handleOf(target);
    const { attributeValue } = await this.att.request(readRequest, { attributeHandle }, readResponse);
    const value = [...attributeValue];
    let part = attributeValue;
    while (part.length === this.att.mtu - 1 && value.length < 512) {
      const request = { attributeHandle, valueOffset: value.length };
      part = (await this.att.request(readBlobRequest, request, readBlobResponse)).partAttributeValue;
      value.push(...part);
    }
    return new Uint8Array(value);
  }

  /**
   * Writes and waits for the response (Vol 3, Part G, 4.9.3).
   * @throws PhoneError for a value that is longer than a packet: this phone writes nothing in parts
   */
  async write(target: Target, attributeValue: Uint8Array): Promise<void> {
    this.checkFits("a write", attributeValue);
    await this.att.request(
      writeRequest,
      { attributeHandle: handleOf(target), attributeValue },
      writeResponse,
    );
  }

  /** Writes without a response (Vol 3, Part G, 4.9.1); resolves when the phone's controller has it. @throws as `write` */
  async writeWithoutResponse(target: Target, attributeValue: Uint8Array): Promise<void> {
    this.checkFits("a write without response", attributeValue);
    const pdu = encodePdu(writeCommand, { attributeHandle: handleOf(target), attributeValue });
    await new Promise<void>((resolve) => this.sendFrame(CHANNEL.ATT, pdu, resolve));
  }

  /** What is longer would be a PDU that the camera refuses, as if it were at fault. */
  private checkFits(what: string, { length }: Uint8Array): void {
    const most = this.mtu - WRITE_OVERHEAD;
    if (length > most) throw new PhoneError(`${what} takes ${most} bytes on this link, and not ${length}`);
  }

  /** Asks to be notified or indicated, or neither (Vol 3, Part G, 4.10, 4.11). */
  async subscribe(
    characteristic: FoundCharacteristic,
    kind: "notify" | "indicate" | "none" = "notify",
  ): Promise<void> {
    await this.write(
      configurationOf(characteristic),
      new Uint8Array([kind === "notify" ? 1 : kind === "indicate" ? 2 : 0, 0]),
    );
  }

  /** The next notification or indication that was not returned yet. */
  nextValue(timeoutMs?: number): Promise<ServerValue> {
    return this.att.nextValue(timeoutMs);
  }

  /** Changes the link's timing and waits until it holds. @throws PhoneError with the status. */
  async update(timing: LinkTiming): Promise<void> {
    const updating = new Deferred<number>(this.hci.clock, PROCEDURE_TIMEOUT_MS, "the connection update");
    this.updating = updating;
    const interval = Math.round(timing.intervalMs / 1.25);
    await this.orEnd(
      this.hci.command(leConnectionUpdate, {
        connectionHandle: this.handle,
        connectionIntervalMin: interval,
        connectionIntervalMax: interval,
        maxLatency: timing.latency,
        supervisionTimeout: Math.round(timing.supervisionTimeoutMs / 10),
        minCeLength: 0,
        maxCeLength: 0,
      }),
      updating,
    );
    const status = await updating.promise;
    if (status !== 0)
      throw new PhoneError(`the connection update failed with 0x${status.toString(16)}`, status);
  }

  /** Starts encryption with a long term key and waits for its outcome. @throws PhoneError with the status. */
  async encrypt(
    longTermKey: Uint8Array,
    randomNumber: Uint8Array = new Uint8Array(8),
    encryptedDiversifier = 0,
  ): Promise<void> {
    const encrypting = new Deferred<number>(this.hci.clock, PROCEDURE_TIMEOUT_MS, "encryption");
    this.encrypting = encrypting;
    const command = { connectionHandle: this.handle, randomNumber, encryptedDiversifier, longTermKey };
    await this.orEnd(this.hci.command(leEnableEncryption, command), encrypting);
    const status = await encrypting.promise;
    if (status !== 0) throw new PhoneError(`encryption failed with 0x${status.toString(16)}`, status);
  }

  /** Encrypts with the key of the bond; false when there is none. @throws PhoneError with the status. */
  encryptWithBond(): Promise<boolean> {
    return this.pairing.encryptWithBond();
  }

  /** Pairs, and keeps the bond. @throws PairingFailedError with the reason; PhoneError. */
  pair(options?: PairOptions): Promise<Paired> {
    return this.pairing.pair(options);
  }

  /** A command that is refused ends the wait for its outcome too. */
  private async orEnd(command: Promise<unknown>, outcome: Deferred<number>): Promise<void> {
    try {
      await command;
    } catch (error) {
      outcome.promise.catch(() => {});
      outcome.reject(error);
    }
  }

  /** The controller reported a change of timing. */
  updated(status: number, timing: LinkTiming): void {
    if (status === 0) this.timing = timing;
    this.updating?.resolve(status);
  }

  /** The controller reported a change of encryption. */
  encryptionChanged(status: number, enabled: boolean): void {
    this.encrypted = enabled;
    this.encrypting?.resolve(status);
  }

  /** Ends the link and resolves with the reason that the controller gives. */
  async disconnect(reason = REMOTE_USER_TERMINATED): Promise<number> {
    const ended = this.disconnected();
    if (this.isConnected) await this.hci.command(disconnect, { connectionHandle: this.handle, reason });
    return ended;
  }

  /** Resolves with the reason when the link ends, at once when it has. @throws PhoneError after `timeoutMs`. */
  disconnected(timeoutMs = DISCONNECT_TIMEOUT_MS): Promise<number> {
    if (this.reason !== undefined) return Promise.resolve(this.reason);
    const wait = new Deferred<number>(this.hci.clock, timeoutMs, "the end of the link");
    this.ending.push((reason) => wait.resolve(reason));
    return wait.promise;
  }

  /** The controller reported the end. */
  ended(reason: number): void {
    this.reason = reason;
    const error = new PhoneError(`the link ended with reason 0x${reason.toString(16)}`, reason);
    this.att.close(error);
    this.pairing.close(error);
    for (const wait of [this.updating, this.encrypting]) wait?.reject(error);
    for (const resolve of this.ending.splice(0)) resolve(reason);
  }
}
