/** Encrypted links: between the Security Manager, which has the keys, and the controller, which encrypts. */
import type { Clock, Crypto, LogLevel } from "../platform/platform.ts";
import { type Connection, ROLE } from "./gap/connection.ts";
import type { Acl } from "./hci/acl.ts";
import {
  leEnableEncryption,
  leLongTermKeyRequestNegativeReply,
  leLongTermKeyRequestReply,
} from "./hci/commands/le-security.ts";
import { encryptionChange, encryptionChangeV2, encryptionKeyRefreshComplete } from "./hci/events.ts";
import type { Hci } from "./hci/hci.ts";
import { HCI_STATUS } from "./hci/status.ts";
import { CHANNEL } from "./l2cap/l2cap.ts";
import { OperationGate } from "./operation-gate.ts";
import type { ChoiceSetting, Setting } from "./setting.ts";
import { configuredSettings } from "./smp/demands.ts";
import { bondDeletedError, bondUnusableError, encryptionError, unprovenError } from "./smp/failure.ts";
import { isSameIdentity } from "./smp/identities.ts";
import type { BondKeeper, BondUse, Identity } from "./smp/keys.ts";
import { SecurityManager } from "./smp/manager.ts";
import { IO_CAPABILITY, IO_MAX } from "./smp/method.ts";
import { SMP_MTU } from "./smp/pdus.ts";
import type {
  AutoPairing,
  PairingPolicy,
  PairingUser,
  PairRequest,
  SecuredLink,
  SecuritySettings,
} from "./smp/port.ts";
import { textOf } from "./text.ts";

/** When peers may begin to pair. */
export const PAIRING_SETTING: ChoiceSetting<"pairing", PairingPolicy> = {
  name: "pairing",
  choices: ["always", "window", "bonded", "never"],
  initial: "always",
};
/** Whether keys are kept. */
export const BOND_SETTING: ChoiceSetting<"bond", boolean> = {
  name: "bond",
  choices: [true, false],
  initial: true,
};
/** Whether authenticated keys are demanded. */
export const MITM_SETTING: ChoiceSetting<"mitm", boolean> = {
  name: "mitm",
  choices: [true, false],
  initial: false,
};
/** IO capability of whoever handles the events of `bluetooth`. */
export const IO_SETTING: Setting<"io"> = {
  name: "io",
  min: 0,
  max: IO_MAX,
  initial: IO_CAPABILITY.NO_INPUT_NO_OUTPUT,
};
/** Whether LE Secure Connections are offered. */
export const LE_SECURE_SETTING: ChoiceSetting<"leSecure", boolean> = {
  name: "leSecure",
  choices: [true, false],
  initial: true,
};
/** Bytes of the shortest key that is taken. */
export const MIN_KEY_SIZE_SETTING: Setting<"minKeySize"> = {
  name: "minKeySize",
  min: 7,
  max: 16,
  initial: 16,
};
/** Secure Connections Only mode (Vol 3, Part C, 10.2.4). */
export const SECURE_ONLY_SETTING: ChoiceSetting<"secureOnly", boolean> = {
  name: "secureOnly",
  choices: [true, false],
  initial: false,
};

/** What a client does by itself about the protection of its links. */
export const AUTO_PAIR_SETTING: ChoiceSetting<"autoPair", AutoPairing> = {
  name: "autoPair",
  choices: ["pair", "encrypt", "never"],
  initial: "pair",
};

/** How long a bonded central has to encrypt its link by itself; then it gets a Security Request. 0: it never gets one. */
export const SECURITY_REQUEST_SETTING: Setting<"securityRequestMs"> = {
  name: "securityRequestMs",
  min: 0,
  max: 30_000,
  initial: 1000,
};

/** Who keeps bonds: the camera's records on flash, or the handler of `bluetooth`. */
export const SECRET_STORE_SETTING: ChoiceSetting<"secretStore", "records" | "irq"> = {
  name: "secretStore",
  choices: ["records", "irq"],
  initial: "records",
};

/** All settings of pairing. */
export const PAIRING_SETTINGS = [
  PAIRING_SETTING,
  BOND_SETTING,
  MITM_SETTING,
  IO_SETTING,
  LE_SECURE_SETTING,
  MIN_KEY_SIZE_SETTING,
  SECURE_ONLY_SETTING,
  AUTO_PAIR_SETTING,
  SECURITY_REQUEST_SETTING,
  SECRET_STORE_SETTING,
] as const;

/** What encrypted links are made of. */
export interface EncryptionPort {
  readonly hci: Hci;
  readonly acl: Pick<Acl, "whenCompleted">;
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly settings: SecuritySettings & { readonly autoPair: AutoPairing };
  readonly bonds: BondKeeper;
  random(length: number): Uint8Array;
  /** The Identity Address of this device, which it distributes to whom it bonds with. */
  ownIdentity(): Identity;
  /** The link that has this handle. */
  connectionOf(handle: number): Connection | undefined;
  disconnect(connection: Connection, reason: number): Promise<void>;
  /** See `HostObserver.onSecurity`. */
  onSecurity(connection: Connection, status: number, isPairing: boolean): void;
  /** See `SecurityPort.onBondLost`. */
  onBondLost(connection: Connection): void;
  /** The controller reports that a link could not be encrypted. */
  onRefused(): void;
  log(level: LogLevel, message: string, error?: unknown): void;
}

/** A connection as the Security Manager sees it. */
class Secured implements SecuredLink {
  readonly connection: Connection;
  readonly handle: number;
  readonly isCentral: boolean;
  readonly ownAddress: Identity;
  readonly peerAddress: Identity;
  readonly channel: SecuredLink["channel"];
  private readonly onSecured: (connection: Connection) => void;

  constructor(connection: Connection, ownAddress: Identity, onSecured: (connection: Connection) => void) {
    this.connection = connection;
    this.onSecured = onSecured;
    this.handle = connection.handle;
    this.isCentral = connection.role === ROLE.CENTRAL;
    this.ownAddress = ownAddress;
    this.peerAddress = { addressType: connection.peerAddressType & 1, address: connection.peerAddress };
    this.channel = connection.l2cap.openFixed(CHANNEL.SMP, SMP_MTU);
  }

  secured(...[security, bond]: Parameters<SecuredLink["secured"]>): void {
    const { connection } = this;
    connection.security = security;
    connection.bond = bond;
    connection.server.security = security;
    this.onSecured(connection);
  }
}

/** Whether the bond that a link has is that of the device that its address claims. */
function isAsClaimed({ bond, identity }: Connection): boolean {
  return bond !== undefined && isSameIdentity(bond.identity, identity);
}

export class Encryption {
  readonly manager: SecurityManager;
  private readonly port: EncryptionPort;
  private readonly links = new Map<Connection, Secured>();

  constructor(port: EncryptionPort) {
    this.port = port;
    const { acl, bonds, clock, crypto, hci, log, settings } = port;
    this.manager = new SecurityManager({
      clock,
      crypto,
      settings,
      bonds,
      log,
      random: (length) => port.random(length),
      ownIdentity: () => port.ownIdentity(),
      encrypt: ({ handle }, { key, ediv, rand }) =>
        hci.send(leEnableEncryption, {
          connectionHandle: handle,
          randomNumber: rand,
          encryptedDiversifier: ediv,
          longTermKey: key.slice().reverse(),
        }),
      answerKeyRequest: ({ handle }, key) => this.answer(handle, key),
      whenDelivered: (link, callback) => acl.whenCompleted((link as Secured).connection.link, callback),
      onBondLost: (link) => port.onBondLost((link as Secured).connection),
      endLink: (link) => this.end((link as Secured).connection),
      onUnproven: (link, error) => {
        const { connection } = link as Secured;
        // The bond may be gone by now.
        this.decide(connection, HCI_STATUS.SUCCESS);
        if (connection.gate?.isHeld) connection.gate.refuse(error);
      },
      onSecurity: (link, status, isPairing) => {
        const { connection } = link as Secured;
        this.decide(connection, status);
        port.onSecurity(connection, status, isPairing);
      },
    });
    hci.on(encryptionChange, (values) => this.changed(values));
    hci.on(encryptionChangeV2, (values) => this.changed(values));
    hci.on(encryptionKeyRefreshComplete, ({ status, connectionHandle }) =>
      this.changed({ status, connectionHandle, encryptionEnabled: 1 }),
    );
  }

  /** A link is up. @param ownAddress this device's address on it. */
  open(connection: Connection, ownAddress: Identity): void {
    const link = new Secured(connection, ownAddress, (secured) => this.decide(secured, HCI_STATUS.SUCCESS));
    this.links.set(connection, link);
    this.manager.open(link);
  }

  /** A link has ended. */
  close(connection: Connection): void {
    const link = this.links.get(connection);
    this.links.delete(connection);
    if (link) this.manager.close(link);
  }

  /** See `claimWindow` in smp/claim.ts. */
  claimWindow(connection: Connection): boolean {
    const link = this.links.get(connection);
    return link !== undefined && this.manager.claimWindow(link);
  }

  /** See `SecurityManager.pair`. */
  pair(connection: Connection, request: PairRequest): () => void {
    const link = this.links.get(connection);
    if (!link) return () => {};
    const { origin } = request;
    const onPaired = (): void => {
      // The application has decided that this is the device, whatever became of its bond.
      if (origin === "application") connection.gate?.open();
      request.onPaired();
    };
    return this.manager.pair(link, { ...request, onPaired });
  }

  /** Pairs as `config` says; what comes of it is reported by `onSecurity`, and stands in the log. */
  pairAsConfigured(connection: Connection, user: PairingUser): void {
    const settings = configuredSettings(this.port.settings, user.io);
    this.pair(connection, {
      origin: "application",
      settings,
      user,
      outOfBand: {},
      onPaired() {},
      onFailed() {},
    });
  }

  /**
   * What this device asks of the peer waits from now on, if it is bonded with this peer, until the link is encrypted
   * (Vol 3, Part C, 10.3.2): a central begins with that at `encryptByItself`, a peripheral asks its central to once something waits.
   * When it fails what waits ends with the PairingError that says why, and so does all that comes while there is the bond and the
   * link is not encrypted. Where the bond's key may not encrypt, or is not for this role, it ends so at once: nobody pairs by itself
   * over a bond whose peer has not proved who it is. Nothing waits where `autoPair` of `config` leaves that to the application.
   */
  holdBack(connection: Connection): void {
    const link = this.links.get(connection);
    const isWanted = this.port.settings.autoPair !== "never";
    if (!link || !isWanted || connection.security.isEncrypted || !this.manager.hadBond(link)) return;
    const use = this.manager.bondUse(link);
    if (use === "none") return;
    const { isCentral } = connection;
    const onWanted = isCentral ? undefined : (): void => this.manager.requestEncryption(link);
    const gate = new OperationGate(this.port.clock, onWanted);
    connection.bearer.gate = gate;
    if (use === "usable") return;
    const error = bondUnusableError(use);
    if (isCentral) {
      const { peerLog } = this.manager;
      peerLog.write("warning", `smp: link ${connection.handle} is not encrypted: ${error.message}`);
    }
    gate.refuse(error);
  }

  private bondUse(connection: Connection): BondUse {
    const link = this.links.get(connection);
    return link ? this.manager.bondUse(link) : "none";
  }

  /** See `SecurityManager.demandsChanged`. */
  demandsChanged(): void {
    this.manager.demandsChanged();
  }

  /** See `SecurityManager.bondsChanged`. */
  bondsChanged(): void {
    this.manager.bondsChanged();
  }

  /** Encrypts a link whose operations are held back, unless that is under way already. */
  encryptByItself(connection: Connection): void {
    const link = this.links.get(connection);
    const { gate } = connection;
    if (!link || !gate?.isHeld) return;
    this.manager.encryptWithBond(link);
    // The bond may have given way to another meanwhile.
    this.decide(connection, HCI_STATUS.SUCCESS);
  }

  /** Whether what is held back may go out now. @param status 0, or why the link could not be encrypted */
  private decide(connection: Connection, status: number): void {
    const { gate, isCentral, security } = connection;
    if (!gate || gate.isOpen) return;
    // A central encrypts with the bond's key itself, unless its application pairs. Whoever is the central may pair as a stranger.
    if (security.isEncrypted && (isCentral || security.isBonded)) {
      if (gate.isHeld && !isCentral && !isAsClaimed(connection)) gate.refuse(unprovenError());
      return gate.open();
    }
    if (this.isInUse(connection)) return;
    const use = this.bondUse(connection);
    if (use === "none") {
      // The peer is a stranger from now on. What was asked of the bonded device is not asked of it.
      if (gate.isHeld) gate.refuse(bondDeletedError());
      return gate.open();
    }
    if (!gate.isHeld) return;
    if (security.isEncrypted) gate.refuse(unprovenError());
    else if (!isCentral && use === "usable") return;
    else if (status !== HCI_STATUS.SUCCESS) gate.refuse(encryptionError(status));
    else if (use !== "usable") gate.refuse(bondUnusableError(use));
  }

  /** Whether a pairing or an encryption is under way on this link. */
  isInUse(connection: Connection): boolean {
    const link = this.links.get(connection);
    return link !== undefined && this.manager.isInUse(link);
  }

  /** The connection behind a link of the Security Manager. */
  connectionOf(link: SecuredLink): Connection {
    return (link as Secured).connection;
  }

  /** The peer's link layer asks for a key (Vol 4, Part E, 7.7.65.5). */
  keyRequested(handle: number, ediv: number, rand: Uint8Array): void {
    const link = this.linkOf(handle);
    if (link) this.manager.keyRequested(link, ediv, rand);
    else this.answer(handle, undefined);
  }

  private linkOf(handle: number): Secured | undefined {
    const connection = this.port.connectionOf(handle);
    return connection && this.links.get(connection);
  }

  private answer(connectionHandle: number, key: Uint8Array | undefined): void {
    const { hci } = this.port;
    const { peerLog } = this.manager;
    const sent: Promise<unknown> = key
      ? hci.send(leLongTermKeyRequestReply, { connectionHandle, longTermKey: key.slice().reverse() })
      : hci.send(leLongTermKeyRequestNegativeReply, { connectionHandle });
    sent.catch((error: unknown) => peerLog.write("warning", `host: ${textOf(error)}`));
  }

  private changed(values: {
    readonly status: number;
    readonly connectionHandle: number;
    readonly encryptionEnabled: number;
  }): void {
    const { status, connectionHandle, encryptionEnabled } = values;
    const link = this.linkOf(connectionHandle);
    if (!link) return;
    const { peerLog } = this.manager;
    if (status === HCI_STATUS.SUCCESS && encryptionEnabled === 0) {
      // There is no way on LE to switch encryption off: what the link carries from now on is not what it was.
      peerLog.write("warning", `host: link ${connectionHandle} is no longer encrypted; ending it`);
      return this.end(link.connection);
    }
    if (status !== HCI_STATUS.SUCCESS) this.port.onRefused();
    this.manager.encryptionChanged(link, status);
  }

  private end(connection: Connection): void {
    const { disconnect } = this.port;
    const { peerLog } = this.manager;
    disconnect(connection, HCI_STATUS.AUTHENTICATION_FAILURE).catch((error: unknown) =>
      peerLog.write("warning", `host: ${textOf(error)}`),
    );
  }
}
