/** News of the host for the modules above it. */
import type { Settings } from "./config.ts";
import type { BleError } from "./errors.ts";
import type { Connection } from "./gap/connection.ts";

/** What a module above the host is notified of. */
export interface HostObserver {
  onConnected?(connection: Connection): void;
  /** After `onConnected`: nobody waits for this connection. */
  onUnwanted?(connection: Connection): void;
  /** `reason` is a controller error code (Vol 1, Part F, 1.3). */
  onDisconnected?(connection: Connection, reason: number): void;
  onMtu?(connection: Connection, mtu: number): void;
  /** The link layer changed `connection.parameters`, or with another status than 0 did not. */
  onParameters?(connection: Connection, status: number): void;
  /**
   * `connection.security` has changed, or with another status than 0 could not: a controller error code, or a reason of
   * Pairing Failed. In the middle of a pairing (`isPairing`) another report follows, unless the link ends.
   */
  onSecurity?(connection: Connection, status: number, isPairing: boolean): void;
  /** Settings may have changed. */
  onConfigured?(settings: Readonly<Settings>): void;
  /** The controller failed and could not be started again: the radio is off. */
  onRadioLost?(error: BleError): void;
  /** The radio is about to be switched off; `onDisconnected` of each link follows. */
  onStopping?(): void;
  /** The radio is off. */
  onStopped?(): void;
}
