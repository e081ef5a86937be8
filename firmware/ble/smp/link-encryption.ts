/** What one link is encrypted with, and with which key next (Vol 3, Part H, 2.4.4 and 2.4.5; Vol 6, Part B, 5.1.3). */

import type { Timer } from "../../platform/platform.ts";
import { formatAddress } from "../codec.ts";
import { HciError } from "../errors.ts";
import { type LinkSecurity, UNENCRYPTED } from "../security.ts";
import { textOf } from "../text.ts";
import type { SecurityContext } from "./context.ts";
import { isAllowed, isEnough } from "./demands.ts";
import { encryptionError, KEY_MISSING } from "./failure.ts";
import { FIRMWARE_SETTINGS } from "./firmware-window.ts";
import type { Bond, BondUse, LongTermKey } from "./keys.ts";
import type { SecuredLink, SecurityPort } from "./port.ts";
import type { Level } from "./state.ts";

/** Controller error code (Vol 1, Part F, 1.3). */
export const UNSPECIFIED_ERROR = 0x1f;

/**
 * How long a peer may take to encrypt, as long as for any step of a pairing (Vol 3, Part H, 3.4). Its link
 * layer has 40 s for each of the steps that this takes (Vol 6, Part B, 5.2).
 */
export const ENCRYPTION_TIMEOUT_MS = 30_000;

/** What is wrong with a key, for the log. */
const WEAK = "a key that is worth less than secureOnly or minKeySize of config demand";

/** What the link is about to be encrypted with. */
interface Encryption {
  readonly level: Level;
  /** Undefined: the key of a pairing, or the bond has gone meanwhile. */
  bond: Bond | undefined;
  readonly onDone?: (error: unknown) => void;
}

export class LinkEncryption {
  private readonly link: SecuredLink;
  private readonly shared: SecurityContext;
  private readonly port: SecurityPort;
  private readonly peerLog: SecurityContext["peerLog"];
  /** Its address as it stands in the log. */
  private readonly peer: string;
  /** The controller refuses to begin; its error code. */
  private readonly onRefused: (status: number) => void;
  private current: LinkSecurity = UNENCRYPTED;
  private provenBond: Bond | undefined = undefined;
  private next: Encryption | undefined = undefined;
  /** Runs while the peer is to encrypt, and somebody here waits for it. */
  private timer: Timer = undefined;
  /** Whether there was a bond with the peer when the link came up: to look for one costs as many hashes as there are bonds. */
  readonly hadBond: boolean;
  /** On this link the peer has said that it has no key. */
  isKeyLost = false;

  constructor(link: SecuredLink, shared: SecurityContext, peer: string, onRefused: (status: number) => void) {
    this.link = link;
    this.shared = shared;
    this.port = shared.port;
    this.peerLog = shared.peerLog;
    this.peer = peer;
    this.onRefused = onRefused;
    const use = this.bondUse;
    this.hadBond = use !== "none";
    this.publish({ hasKey: use === "usable" });
  }

  get security(): LinkSecurity {
    return this.current;
  }

  /** The bond whose key encrypts the link. */
  get proven(): Bond | undefined {
    return this.provenBond;
  }

  /** The controller has been asked to encrypt, or has been given a key, and has not reported yet. */
  get isChanging(): boolean {
    return this.next !== undefined;
  }

  /** Whoever waits ends with the link. */
  abandon(): void {
    this.next = undefined;
    this.stopTimer();
  }

  /** The bond of the peer that this link's address claims. */
  findBond(): Bond | undefined {
    const { addressType, address } = this.link.peerAddress;
    return this.port.bonds.find(addressType, address);
  }

  /** The bond whose key may encrypt this link. */
  findUsableBond(): Bond | undefined {
    const bond = this.findBond();
    return this.useOf(bond) === "usable" ? bond : undefined;
  }

  /** What the bond of the peer that this link's address claims is good for. */
  get bondUse(): BondUse {
    return this.useOf(this.findBond());
  }

  private useOf(bond: Bond | undefined): BondUse {
    if (!bond) return "none";
    if (!this.keyOf(bond)) return "other-role";
    return this.isAllowed(bond) ? "usable" : "weak";
  }

  /**
   * Whether `config` lets this bond's key encrypt. In the firmware's own window it lets the owner in whatever the application
   * demands, as the pairing does that made its bond.
   */
  private isAllowed(bond: Bond): boolean {
    const { firmwareWindow, port } = this.shared;
    if (isAllowed(bond, port.settings)) return true;
    const isOwners = !this.link.isCentral && bond.isAttended && firmwareWindow?.isFor(bond) === true;
    return isOwners && isEnough(bond, FIRMWARE_SETTINGS);
  }

  /** `config` demands something else of keys than before: a link whose key is worth less is to end, or the one that it is about to have. */
  demandsChanged(): void {
    const { isEncrypted, hasKey } = this.current;
    if (isEncrypted) {
      const isEnoughStill = isAllowed(this.current, this.port.settings);
      if (!isEnoughStill && !(this.provenBond && this.isAllowed(this.provenBond))) this.endWeak();
      return;
    }
    const { next } = this;
    if (next?.bond && !this.isAllowed(next.bond)) {
      // Whoever waits for it waits no longer.
      this.abandon();
      this.endWeak();
    }
    const isUsable = this.bondUse === "usable";
    if (hasKey !== isUsable) this.publish({ hasKey: isUsable });
  }

  private endWeak(): void {
    const { handle } = this.link;
    this.peerLog.write("warning", `smp: link ${handle} is encrypted with ${WEAK}; ending it`);
    this.port.endLink(this.link);
  }

  private keyOf(bond: Bond): LongTermKey | undefined {
    return this.link.isCentral ? bond.keyAsCentral : bond.keyAsPeripheral;
  }

  /** The central starts with the key of a bond. @param onDone is called once, unless the link ends. */
  startWithBond(bond: Bond, onDone: (error: unknown) => void): void {
    this.next = { level: bond, bond, onDone };
    this.limit();
    this.start(this.keyOf(bond)!);
  }

  /**
   * Somebody waits for the encryption that is about to come: not for longer than 30 s. A peripheral that nobody asks anything needs no
   * timer for each return of its central, and a pairing has its own.
   */
  limit(): void {
    this.timer ??= this.port.clock.setTimer(() => this.timedOut(), ENCRYPTION_TIMEOUT_MS);
  }

  private stopTimer(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** Nothing goes through a link whose encryption has begun and is not over, so that it is of no use any more. */
  private timedOut(): void {
    this.timer = undefined;
    const { handle } = this.link;
    this.peerLog.write(
      "warning",
      `smp: ${this.peer} has not encrypted link ${handle} for 30 s; ending the link`,
    );
    this.port.endLink(this.link);
  }

  /** The central starts with the key of a pairing. */
  startWithPairing(key: Uint8Array, level: Level): void {
    this.next = { level, bond: undefined };
    this.start({ key, ediv: 0, rand: new Uint8Array(8) });
  }

  private start(key: LongTermKey): void {
    const { next } = this;
    this.port.encrypt(this.link, key).catch((error: unknown) => {
      if (this.next !== next) return;
      const status = error instanceof HciError ? error.status : 0;
      this.peerLog.write("warning", `smp: link ${this.link.handle}: ${textOf(error)}`);
      this.onRefused(status || UNSPECIFIED_ERROR);
    });
  }

  /** The peripheral answers with the key of a pairing. @param key undefined: there is none. */
  answerWithPairing(key: Uint8Array | undefined, level: Level): void {
    if (key) this.next = { level, bond: undefined };
    this.port.answerKeyRequest(this.link, key);
  }

  /** The peripheral answers with the bond's key, if it is that one which the peer's link layer asks for. */
  answerWithBond(ediv: number, rand: Uint8Array): void {
    const bond = this.findBond();
    const key = bond?.keyAsPeripheral;
    const isKnown = key?.ediv === ediv && this.port.crypto.isSameSecret(key.rand, rand);
    if (bond && isKnown && this.isAllowed(bond)) {
      this.next = { level: bond, bond };
      return this.port.answerKeyRequest(this.link, key.key);
    }
    this.port.answerKeyRequest(this.link, undefined);
    let why = "but there is no bond with it: let it forget this device, and pair again";
    if (bond) {
      why = isKnown
        ? `with ${WEAK}: let it forget this device, and pair anew`
        : "with another key than that of the bond: it has paired anew with a device of this address, or this one has";
    }
    this.peerLog.write("warning", `smp: ${this.peer} wants to encrypt, ${why}`);
  }

  /**
   * The controller reports that the link is encrypted, or its error code says why not.
   * @returns what notifies whoever started it
   */
  changed(status: number): () => void {
    const { next } = this;
    this.next = undefined;
    this.stopTimer();
    if (status === 0 && next?.bond && !this.isAllowed(next.bond)) {
      // `config` has changed meanwhile. Whoever waits ends with the link.
      this.endWeak();
      return () => {};
    }
    if (status === 0 && next) {
      const { bond, level } = next;
      const { isAuthenticated, isSecureConnections, keySize } = level;
      const isBonded = bond !== undefined;
      this.provenBond = bond;
      this.publish({
        isEncrypted: true,
        isAuthenticated,
        isSecureConnections,
        isBonded,
        keySize,
        hasKey: true,
      });
      this.port.log("info", `smp: link ${this.link.handle} is encrypted`);
    }
    if (status === KEY_MISSING && next?.bond && !this.isKeyLost) {
      this.isKeyLost = true;
      // The identity, which lasts, and that the list of bonds has.
      const { identity } = next.bond;
      const who = formatAddress(identity.address);
      this.peerLog.write("warning", `smp: ${who} has no key any more: it has forgotten this device`);
    }
    return () => next?.onDone?.(status === 0 ? undefined : encryptionError(status));
  }

  /** The pairing whose key encrypts the link left this bond; undefined: it was not kept. */
  bonded(bond: Bond | undefined): void {
    this.provenBond = bond;
    this.publish({ isBonded: bond !== undefined });
  }

  /** A bond has come or gone, perhaps the one that encrypts this link, or that is about to. */
  bondsChanged(): void {
    const { isBonded, isEncrypted } = this.current;
    if (this.next?.bond) this.next.bond = this.keptOf(this.next.bond);
    const former = this.provenBond;
    this.provenBond = former && this.keptOf(former);
    const isLost = former !== undefined && !this.provenBond;
    if (this.provenBond === former && isEncrypted) return;
    this.publish({ isBonded: isBonded && !isLost, hasKey: isEncrypted || this.bondUse === "usable" });
    if (isLost) this.port.onBondLost(this.link);
  }

  /** The bond with the keys of this one, as it is kept now: what another key has taken the place of is none any more. */
  private keptOf(bond: Bond): Bond | undefined {
    const { bonds, crypto } = this.port;
    const kept = bonds.find(bond.identity.addressType, bond.identity.address);
    return kept && hasSameKeys(crypto, kept, bond) ? kept : undefined;
  }

  private publish(change: Partial<LinkSecurity>): void {
    this.current = { ...this.current, ...change };
    this.link.secured(this.current, this.provenBond);
  }
}

function hasSameKeys(crypto: SecurityPort["crypto"], one: Bond, other: Bond): boolean {
  const isSame = (key: LongTermKey | undefined, mate: LongTermKey | undefined): boolean =>
    key && mate ? crypto.isSameSecret(key.key, mate.key) : key === mate;
  return isSame(one.keyAsCentral, other.keyAsCentral) && isSame(one.keyAsPeripheral, other.keyAsPeripheral);
}
