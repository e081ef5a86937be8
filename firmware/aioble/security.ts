/** Pairing: `DeviceConnection.pair`, and `security` of the module. */

import type { Encryption } from "../ble/encryption.ts";
import { checkInteger, checkKeys, type OptionKeys, WAIT_KEYS } from "../ble/option-keys.ts";
import { exportSecrets, importSecrets } from "../ble/smp/bond-export.ts";
import { IO_CAPABILITY } from "../ble/smp/method.ts";
import type { PairingOrigin, PairingUser, PairRequest, SecuredLink } from "../ble/smp/port.ts";
import type { PairingSettings } from "../ble/smp/state.ts";
import { BondList } from "./bonds.ts";
import type { Core } from "./core.ts";
import type { DeviceConnection } from "./device-connection.ts";
import {
  AgentUser,
  checkAgent,
  checkIo,
  ioOf,
  type OobData,
  outOfBandOf,
  type PairingAgent,
  type PairingMethod,
} from "./pairing-agent.ts";
import { checkTimeout, NO_LIMITS, type WaitOptions } from "./wait.ts";

/** Encryption Key Size Too Short (Vol 3, Part F, Table 3.4). */
const KEY_TOO_SHORT = 0x0c;

/** Bytes of the longest key. */
const KEY_SIZE_MAX = 16;

/** ATT errors that an encrypted link, or another key, is the answer to (Vol 3, Part C, 10.3.2). */
const PROTECTION_ERRORS: readonly number[] = [0x05, KEY_TOO_SHORT, 0x0f];

const METHODS: readonly PairingMethod[] = ["justWorks", "comparison", "passkey", "outOfBand"];

/** What `DeviceConnection.pair` takes. */
export interface PairOptions extends WaitOptions {
  /**
   * Milliseconds until the link is encrypted. Ends in `TimeoutError`. Left out: as long as it goes on; what makes no progress
   * for 30 s ends in `pairing-timeout` (Vol 3, Part H, 3.4).
   */
  readonly timeoutMs?: number;
  /** Whether the keys are kept: true when left out. */
  readonly bond?: boolean;
  /** Whether LE Secure Connections are offered: true when left out. "only" refuses legacy pairing. */
  readonly leSecure?: boolean | "only";
  /** Whether the key has to be authenticated, so that nobody can be in the middle: false when left out. */
  readonly mitm?: boolean;
  /**
   * IO capability: 0 DisplayOnly, 1 DisplayYesNo, 2 KeyboardOnly, 3 NoInputNoOutput, 4 KeyboardDisplay (Vol 3, Part H,
   * Table 3.4). Left out: what the agent's functions amount to.
   */
  readonly io?: number;
  /** Methods that are taken; all when left out. */
  readonly methods?: readonly PairingMethod[];
  /** Bytes of the shortest key that is taken: at most 16, and at least `minKeySize` of `config`, which it is when left out. */
  readonly minKeySize?: number;
  /** Stands for the user in this pairing; `security.agent` when left out. */
  readonly agent?: PairingAgent;
  /** What was learned of the other device by another way than the radio. */
  readonly oob?: OobData;
}

/** What `security.openPairing` takes. */
export interface PairingWindowOptions {
  /** How long it stays open; until `closePairing` when left out. */
  readonly durationMs?: number;
  /** Pairings that come about after which it closes: 1 when left out. */
  readonly count?: number;
}

const PAIR_KEYS: OptionKeys<PairOptions> = {
  ...WAIT_KEYS,
  bond: "flag",
  leSecure: true,
  mitm: "flag",
  io: "number",
  methods: "list",
  minKeySize: "number",
  agent: true,
  oob: true,
};
const WINDOW_KEYS: OptionKeys<PairingWindowOptions> = { durationMs: "number", count: "number" };

/** The camera as one that pairs. */
export class Pairing {
  /** `security.agent` of the module. */
  agent: PairingAgent | undefined = undefined;
  private readonly core: Core;
  private readonly encryption: Encryption;
  /** Attempts for operations that peers refused. */
  private readonly protecting = new Map<DeviceConnection, Promise<void>>();

  constructor(core: Core, encryption: Encryption) {
    this.core = core;
    this.encryption = encryption;
  }

  private readonly connectionOf = (link: SecuredLink): DeviceConnection | undefined =>
    this.core.connectionOf(this.encryption.connectionOf(link));

  /** @throws TypeError, RangeError for bad out-of-band data. */
  userOf(agent: PairingAgent | undefined, io?: number): PairingUser | undefined {
    return agent && new AgentUser(this.core, agent, this.connectionOf, io);
  }

  /** See `DeviceConnection.pair`. */
  pair(
    connection: DeviceConnection,
    options: PairOptions,
    origin: PairingOrigin = "application",
  ): Promise<void> {
    const { manager } = this.encryption;
    checkKeys("pair", options, PAIR_KEYS);
    const { agent, io, oob, signal, timeoutMs } = options;
    checkTimeout(timeoutMs);
    if (agent !== undefined) checkAgent(agent);
    if (io !== undefined) checkIo(io, agent ?? this.agent ?? {});
    const user = agent ? this.userOf(agent, io ?? ioOf(agent)) : manager.user;
    const outOfBand = oob !== undefined ? outOfBandOf(oob) : (user?.outOfBand ?? {});
    const settings = this.settingsOf(options, io ?? user?.io ?? IO_CAPABILITY.NO_INPUT_NO_OUTPUT);
    const isOutOfBand = outOfBand.peer !== undefined || outOfBand.temporaryKey !== undefined;
    if (settings.mitm && settings.io === IO_CAPABILITY.NO_INPUT_NO_OUTPUT && !isOutOfBand) {
      throw new RangeError(
        "pair: mitm: true and io 3 do not go together, for nobody could show, type or compare a number: give an agent or oob",
      );
    }
    const hasData = isOutOfBand || manager.outOfBand !== undefined;
    if (settings.methods?.some((method) => isPossible(method, settings, hasData)) === false) {
      throw new TypeError(
        `pair: none of methods ${settings.methods.join(", ")} can come about with this agent, oob, leSecure and mitm: give what it takes`,
      );
    }
    let withdraw: (() => void) | undefined;
    return connection.scope.wait<void>(
      timeoutMs === undefined && !signal ? NO_LIMITS : { timeoutMs, signal },
      (pending) => {
        const request: PairRequest = {
          origin,
          settings,
          user,
          outOfBand,
          onPaired: () => pending.resolve(),
          onFailed: (error) => pending.reject(error),
        };
        withdraw = this.encryption.pair(connection.link, request);
      },
      () => withdraw?.(),
    );
  }

  /**
   * A peer has refused an operation of ours for want of protection: what `config` says with `autoPair`. Operations at the
   * same time share one attempt.
   * @returns undefined when there is nothing to do about it.
   */
  protect(connection: DeviceConnection, status: number): Promise<void> | undefined {
    if (!PROTECTION_ERRORS.includes(status)) return undefined;
    const begun = this.protecting.get(connection);
    if (begun) return begun;
    const protecting = this.beginToProtect(connection, status);
    if (!protecting) return undefined;
    const over = (): void => void this.protecting.delete(connection);
    this.protecting.set(connection, protecting);
    protecting.then(over, over);
    return protecting;
  }

  private beginToProtect(connection: DeviceConnection, status: number): Promise<void> | undefined {
    const { autoPair } = this.core.host.settings;
    if (autoPair === "never") return undefined;
    const pair = (options: PairOptions): Promise<void> => this.pair(connection, options, "refusal");
    if (status === KEY_TOO_SHORT) {
      // Another pairing helps where both sides can have a longer key now; what it is worth must not fall.
      const { authenticated: mitm, encrypted, keySize } = connection;
      const canBeLonger = autoPair === "pair" && encrypted && keySize < KEY_SIZE_MAX;
      return canBeLonger ? pair({ mitm, minKeySize: keySize + 1 }) : undefined;
    }
    if (connection.encrypted) {
      // The key is not worth enough: a better one takes a user.
      const { user } = this.encryption.manager;
      const hasUser = user !== undefined && user.io !== IO_CAPABILITY.NO_INPUT_NO_OUTPUT;
      const canDoBetter = autoPair === "pair" && !connection.authenticated && hasUser;
      return canDoBetter ? pair({ mitm: true }) : undefined;
    }
    const { security } = connection.link;
    return autoPair === "pair" || security.hasKey ? pair(NO_LIMITS) : undefined;
  }

  /** @throws TypeError, RangeError for the first option that is wrong. */
  private settingsOf(options: PairOptions, io: number): PairingSettings {
    const { settings } = this.core.host;
    const { bond = true, leSecure = true, mitm = false, methods, minKeySize = settings.minKeySize } = options;
    if (leSecure !== "only" && typeof leSecure !== "boolean") {
      throw new TypeError('pair: leSecure is true, false or "only"');
    }
    checkInteger("pair: minKeySize", minKeySize, 7, 16);
    if (minKeySize < settings.minKeySize) {
      throw new RangeError(
        `pair: minKeySize ${minKeySize} is less than config has, ${settings.minKeySize}, which holds for every key: lower it there`,
      );
    }
    if (methods?.length === 0) {
      throw new TypeError(`pair: methods is a list of at least one of ${METHODS.join(", ")}`);
    }
    const unknown = methods?.find((method) => !METHODS.includes(method));
    if (unknown !== undefined)
      throw new TypeError(`pair: there is no method "${unknown}": ${METHODS.join(", ")}`);
    return {
      io,
      bond,
      mitm,
      secureConnections: leSecure === "only" ? "only" : leSecure ? "on" : "off",
      minKeySize,
      secureOnly: settings.secureOnly,
      methods,
      keypress: false,
      debugKeys: false,
    };
  }
}

/** Whether this side has what it takes for a pairing by this method. @param hasData it has data out of band, or has handed some out */
function isPossible(
  method: PairingMethod,
  { io, mitm, secureConnections, secureOnly }: PairingSettings,
  hasData: boolean,
): boolean {
  const isSecure = secureConnections !== "off";
  const mustAuthenticate = mitm || secureOnly;
  switch (method) {
    case "justWorks":
      return !mustAuthenticate;
    case "passkey":
      return io !== IO_CAPABILITY.NO_INPUT_NO_OUTPUT && (isSecure || !mustAuthenticate);
    case "comparison":
      return isSecure && (io === IO_CAPABILITY.DISPLAY_YES_NO || io === IO_CAPABILITY.KEYBOARD_DISPLAY);
    default:
      return hasData;
  }
}

/** `security` of the module: who stands for the user, and when devices may begin to pair. */
export class Security {
  /** The devices that the camera is bonded with. */
  readonly bonds: BondList;
  private readonly core: Core;
  private readonly pairing: Pairing;
  private readonly manager: Encryption["manager"];

  /** Not for applications: `aioble` has one. */
  constructor(core: Core, pairing: Pairing, encryption: Encryption) {
    this.core = core;
    this.bonds = new BondList(core, core.host.bonds!);
    this.pairing = pairing;
    this.manager = encryption.manager;
  }

  /**
   * Stands for the user in pairings that devices begin, and in those of `pair` without an agent of its own. Without one the
   * camera can neither show nor ask anything, and pairs by "justWorks" alone.
   * @throws TypeError for what is no agent: without any function or `oob`, with a key that there is not, with something else in
   *   the place of a function, with `compare` and no `display`; TypeError, RangeError when its `oob` is none.
   */
  get agent(): PairingAgent | undefined {
    return this.pairing.agent;
  }

  set agent(agent: PairingAgent | undefined) {
    if (agent !== undefined) checkAgent(agent);
    this.manager.agent = this.pairing.userOf(agent);
    this.pairing.agent = agent;
  }

  /**
   * Lets devices pair for a while, where `config` says `pairing: "window"`, or "bonded": call it when a button is pressed, or at the
   * start. With "never" it lets nobody pair, and the log says so. Three failed authentications close it, wrong passkeys for example. When it closes, pairings under way that
   * nothing else lets in end. While a window is open a call goes on with that one, for another time and count. What it returns closes it.
   * @throws RangeError for a bad option.
   */
  openPairing(options: PairingWindowOptions = {}): Disposable {
    checkKeys("openPairing", options, WINDOW_KEYS);
    const { durationMs, count = 1 } = options;
    checkTimeout(durationMs, "durationMs");
    if (!(count >= 1) || Math.floor(count) !== count)
      throw new RangeError(`openPairing: count ${count} is none`);
    this.manager.openWindow(durationMs, count);
    return { [Symbol.dispose]: () => this.closePairing() };
  }

  /** Closes the window that `openPairing` opened. */
  closePairing(): void {
    this.manager.closeWindow();
  }

  /** Whether a window is open, and lets devices pair: none does while `config` says `pairing: "never"`. */
  get isPairingOpen(): boolean {
    return this.manager.isWindowOpen;
  }

  /**
   * Bonds are kept, and are there at each start, by themselves: a call without `text` only says how many there are. With a
   * text that `saveSecrets` returned, takes over the camera's identity in it, and its bonds beside those that there are: all of it or
   * nothing. A bond of the same two devices takes the place of the one that there is, no other gives way; those of another identity of
   * the camera stay, and are of use when it has that one again.
   * @returns the number of bonds.
   * @throws TypeError for any other text, RangeError when there is no room for all of the bonds, BleError `radio-on`, Error when the
   * flash fails: what had been written is taken back then, as far as the flash can be written.
   */
  loadSecrets(text?: string): number {
    const { host } = this.core;
    const bonds = host.bonds!;
    if (text !== undefined) {
      const secrets = importSecrets(text);
      host.identities.checkAdoption(secrets.address);
      const formerIrk = bonds.ownIrk();
      const undo = bonds.adopt(secrets.bonds);
      try {
        bonds.setOwnIrk(secrets.irk);
        host.identities.adopt(secrets.address);
      } catch (error) {
        undo();
        if (bonds.ownIrk() !== formerIrk) bonds.setOwnIrk(formerIrk);
        throw error;
      }
    }
    return bonds.size;
  }

  /**
   * A copy of what the camera is known by, as text for `loadSecrets`: its address, its Identity Resolving Key and all
   * bonds. Whoever has it can be the camera, and read what it encrypts: keep it as a password.
   */
  saveSecrets(): string {
    const { host } = this.core;
    const bonds = host.bonds!;
    return exportSecrets({ address: host.ownAddress, irk: bonds.ownIrk(), bonds: bonds.all() });
  }

  /**
   * What to hand to the other device by another way than the radio, for the next pairing by LE Secure Connections. It takes
   * the place of what was handed out before.
   * @throws Error when the board has no entropy.
   */
  localOob(): Required<Pick<OobData, "random" | "confirm">> {
    return this.manager.createOutOfBand();
  }
}
