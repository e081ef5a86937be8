/**
 * What the steps of a script are done with. The simulator's phone is such a phone, and so is our own stack under Node
 * (host-phone.ts). What they cannot do ends in a PhoneError: with its `code`, where the camera or the controller has one.
 */
import type { ServerValue } from "../../simulator/phone/att.ts";
import type { FoundCharacteristic, FoundDatabase } from "../../simulator/phone/discovery.ts";
import type { Target } from "../../simulator/phone/link.ts";
import type { Paired, PairOptions } from "../../simulator/phone/pairing.ts";
import type { Party } from "../../simulator/phone/security.ts";
import type { Sighting, Wanted } from "../../simulator/phone/sightings.ts";

/** A central with a user. */
export interface ScriptPhone {
  /** Its own, six bytes in printed order. */
  readonly address: Uint8Array;
  /** Brings its controller up. */
  start(): Promise<void>;
  /** Scans until a device was heard that fits. @throws PhoneError after `timeoutMs`. */
  find(wanted: Wanted, timeoutMs: number): Promise<Sighting>;
  /** Connects, and leaves the link in the clear. @throws PhoneError when no link comes up within 10 s. */
  connect(camera: Party): Promise<ScriptLink>;
  /** Forgets the bond with this camera; returns whether there was one. */
  forget(camera: Party): boolean;
}

/** A link of such a phone. */
export interface ScriptLink {
  readonly isConnected: boolean;
  /** ATT_MTU in force. */
  readonly mtu: number;
  /** Offers this ATT_MTU; resolves with the one that holds then. @throws AttErrorResponse, PhoneError. */
  exchangeMtu(mtu: number): Promise<number>;
  /** @throws AttErrorResponse, PhoneError. */
  discover(): Promise<FoundDatabase>;
  /** Reads a value, a long one in parts. @throws AttErrorResponse, PhoneError. */
  read(target: Target): Promise<Uint8Array>;
  /** Writes, whatever the characteristic's properties say. @throws AttErrorResponse, PhoneError. */
  write(target: Target, value: Uint8Array): Promise<void>;
  writeWithoutResponse(target: Target, value: Uint8Array): Promise<void>;
  /** Asks to be notified or indicated, or neither. @throws AttErrorResponse, PhoneError. */
  subscribe(characteristic: FoundCharacteristic, kind?: "notify" | "indicate" | "none"): Promise<void>;
  /** The next notification or indication that was not returned yet. @throws PhoneError when none comes in time. */
  nextValue(timeoutMs: number): Promise<ServerValue>;
  /** Pairs anew and keeps the bond. @throws PairingFailedError with the reason; PhoneError. */
  pair(options: PairOptions): Promise<Pick<Paired, "isAuthenticated" | "isSecureConnections">>;
  /** Encrypts with the key of the bond; false when there is none. @throws PhoneError with the controller's error code. */
  encryptWithBond(): Promise<boolean>;
  /** Ends the link; resolves with the reason that the controller gives. */
  disconnect(): Promise<number>;
  /** Resolves with the reason when the link ends, at once when it has. @throws PhoneError after `timeoutMs`. */
  disconnected(timeoutMs: number): Promise<number>;
}
