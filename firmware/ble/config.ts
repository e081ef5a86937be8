/** What `config` of the public modules asks and changes. */

import { BleError } from "./errors.ts";
import { ADDRESS_TYPE } from "./gap/address.ts";
import { ADDRESS_MODE } from "./gap/own-address.ts";
import type { Host } from "./host.ts";
import type { AutoPairing, PairingPolicy } from "./smp/port.ts";
import { utf8Decode, utf8Encode } from "./utf8.ts";

/** Settings that can be asked and changed. They last until the camera starts again. */
export interface Config {
  /**
   * GAP Device Name, at most 248 bytes of UTF-8 (Vol 3, Part C, 12.1); empty at first. `advertise({ name })` sets it too.
   */
  gapName: string;
  /**
   * ATT_MTU that is offered to clients and accepted from them: 23 to 517 bytes, 517 at first. It holds for connections
   * that come later (Vol 3, Part F, 3.4.2.2: a link keeps what it exchanged).
   */
  mtu: number;
  /**
   * Bytes of the buffer in which MicroPython queues events: 16 to 65,535, 128 at first. Events are delivered here when they
   * happen and none is queued or lost for lack of room, so it is kept and has no effect.
   */
  rxbuf: number;
  /**
   * Kind of address that the camera has on the air, from the next start of an advertisement on. 0: the
   * public address, where there is one. 1, at first: a static random one, drawn once and kept on flash. 3: advertising that nobody can connect
   * to gets a new non-resolvable private one at each start, all else is as for 1 (Vol 6, Part B, 1.3). 2: a resolvable
   * private one, which changes and by which only bonded devices know the camera.
   */
  addrMode: number;
  /** With `addrMode` 2, how long an address is used: 1,000 to 3,600,000 milliseconds, 900,000 at first. */
  rpaTimeoutMs: number;
  /** Writes that the queue of all capture characteristics holds: 1 to 10,000, 10 at first. The oldest go when it shrinks. */
  captureQueueSize: number;
  /**
   * Devices whose GATT databases the camera's client remembers, so that it need not discover them again: 0 to 16, 0 at
   * first. What is remembered counts while the device has the same Database Hash, and until it says that it has changed.
   */
  gattCacheSize: number;
  /** What the stack writes to the console: 0 nothing, 1 errors, 2 warnings too (at first), 3 everything that happens. */
  logLevel: number;
  /** Devices that may be connected at a time: 1 to 16, 4 at first; the controller may have room for fewer. */
  maxConnections: number;
  /**
   * While nobody can connect, because all places are taken or nothing is advertised for it, a link whose client has
   * neither subscribed nor asked for anything for so many milliseconds is ended, the most silent first: 0 to 3,600,000,
   * 30,000 at first. 0: none is. Looked at every third of it.
   */
  idleTimeoutMs: number;
  /**
   * When devices may begin to pair: "always", at first; "window": while `security.openPairing` has opened a window;
   * "bonded": those that are bonded, on a link that is encrypted already; "never": nobody, and `pair` is refused too.
   */
  pairing: PairingPolicy;
  /**
   * What a client does by itself. "pair", at first: the link to a bonded device is encrypted before anything is
   * asked of it; a device that refuses a value on a link that is not protected is encrypted with by the bond that there is, or
   * paired with, and asked once more. "encrypt": only what a bond is enough for. "never": neither.
   */
  autoPair: AutoPairing;
  /**
   * How many milliseconds a bonded central has to encrypt its link by itself, as most phones do at once; then a camera that is
   * the peripheral asks it to, by a Security Request: 0 to 30,000, 1,000 at first. 0: it is asked only when the application asks
   * something of it.
   */
  securityRequestMs: number;
  /**
   * Who keeps bonds and this device's Identity Resolving Key: "records", at first, the camera's flash; "irq" the handler of
   * `bluetooth`, by `IRQ_GET_SECRET` and `IRQ_SET_SECRET`. Set the handler first, and this before the radio is on.
   */
  secretStore: "records" | "irq";
  /** Whether a pairing that a device begins leaves a bond: true at first. */
  bond: boolean;
  /** Whether a pairing that a device begins has to be authenticated: false at first. */
  mitm: boolean;
  /**
   * IO capability of the handler of `bluetooth`, for pairings that devices begin: 0 DisplayOnly, 1 DisplayYesNo, 2
   * KeyboardOnly, 3 NoInputNoOutput (at first), 4 KeyboardDisplay (Vol 3, Part H, Table 3.4). An agent of `aioble` says what
   * it is capable of by its functions.
   */
  io: number;
  /** Whether LE Secure Connections are offered: true at first. */
  leSecure: boolean;
  /**
   * Bytes of the shortest key that is taken, 7 to 16: 16 at first. It holds for the keys of bonds that there are, too: a shorter one
   * encrypts no link, and a link that it encrypts when this is raised is ended.
   */
  minKeySize: number;
  /** Bonds that are kept at a time: 1 to 32, 8 at first. */
  maxBonds: number;
  /**
   * Secure Connections Only mode: nothing below an authenticated key of 16 bytes by LE Secure Connections. False at first. As
   * `minKeySize` it holds for the keys of bonds that there are, too.
   */
  secureOnly: boolean;
}

/** What can only be asked. */
export interface ReadOnlyConfig {
  /**
   * The camera's address: its type (0 public, 1 random) and six bytes in printed order. The public address is known once
   * the radio has been on.
   */
  readonly mac: readonly [addrType: number, addr: Uint8Array];
}

/** The settings as the host keeps them. */
export type Settings = Omit<Config, "gapName">;

/** Bytes of a GAP Device Name (Vol 3, Part C, 12.1). */
const NAME_MAX = 248;

/** @throws TypeError for an unknown key, BleError `not-supported` for one of a feature that is not here. */
function checkKey(host: Host, key: string, others: readonly string[]): void {
  const missing = host.missing.get(key);
  if (missing) throw missing();
  const known = [...others, ...host.settingTable.names];
  if (!known.includes(key))
    throw new TypeError(`config: there is no "${key}" here, only ${known.join(", ")}`);
}

/**
 * One setting.
 * @throws TypeError for an unknown key, BleError `not-supported` for one of a feature that is not here, `radio-off` when the
 * public address is asked for and the radio has not been on.
 */
export function getConfig<K extends keyof (Config & ReadOnlyConfig)>(
  host: Host,
  key: K,
): (Config & ReadOnlyConfig)[K];
export function getConfig(host: Host, key: string): unknown {
  checkKey(host, key, ["mac", "gapName"]);
  if (key === "gapName") return utf8Decode(host.gatt.deviceName);
  if (key !== "mac") return host.settings[key as keyof Settings];
  if (host.settings.addrMode !== ADDRESS_MODE.PUBLIC) return [ADDRESS_TYPE.RANDOM, host.ownAddress.slice()];
  const { publicAddress } = host.identities;
  if (publicAddress) return [ADDRESS_TYPE.PUBLIC, publicAddress.slice()];
  throw new BleError(
    "radio-off",
    "The public address is in the controller: it is known once the radio has been on.",
  );
}

/**
 * Changes settings: all, or none when one of them is wrong.
 * @throws TypeError for an unknown key and a value of another type, RangeError for a value out of range, BleError `not-supported` for what comes with
 * pairing, `public-address-missing` for `addrMode` 0 on a board whose controller has none and to which none was assigned.
 */
export function setConfig(host: Host, changes: Partial<Config>): void {
  for (const [key, value] of Object.entries(changes)) {
    checkKey(host, key, ["gapName"]);
    if (key === "gapName") checkName(value);
    else checkSetting(host, key as keyof Settings, value);
  }
  const { gapName, ...settings } = changes;
  if (gapName !== undefined) host.gatt.deviceName = utf8Encode(gapName);
  host.configure(settings);
}

/** `config` asks for one setting by its name, or changes those in an object. */
export interface ConfigFunction {
  <K extends keyof (Config & ReadOnlyConfig)>(key: K): (Config & ReadOnlyConfig)[K];
  (changes: Partial<Config>): void;
}

/** The function `config` of both public modules. */
export function createConfig(host: Host): ConfigFunction {
  const config = (what: unknown): unknown => {
    if (typeof what === "string") return getConfig(host, what as keyof Config);
    if (typeof what === "object" && what !== null && !Array.isArray(what)) return setConfig(host, what);
    throw new TypeError(
      'config takes the name of a setting, or settings: config("mac"), config({ mtu: 185 })',
    );
  };
  return config as ConfigFunction;
}

function checkName(name: unknown): void {
  if (typeof name !== "string") throw new TypeError("config: gapName is a string");
  const { length } = name.length > NAME_MAX ? name : utf8Encode(name);
  if (length > NAME_MAX)
    throw new RangeError(`config: gapName has ${length} bytes; a device name has at most 248`);
}

function checkSecretStore(host: Host, value: unknown): void {
  if (!host.isOff) {
    throw new BleError(
      "radio-on",
      "The radio is on: set secretStore before it is switched on, or after await stop().",
    );
  }
  if (value === "irq" && !host.secrets) {
    throw new BleError(
      "not-supported",
      'config: secretStore "irq" needs the module bluetooth, which this image is without.',
    );
  }
}

function checkSetting(host: Host, key: keyof Settings, value: unknown): void {
  host.settingTable.check(key, value);
  const { identities } = host;
  if (key === "secretStore" && value !== host.settings.secretStore) checkSecretStore(host, value);
  if (key !== "addrMode") return;
  if (value === ADDRESS_MODE.PUBLIC) identities.checkPublic();
  if (value === ADDRESS_MODE.RESOLVABLE && !identities.isPrivacyPossible)
    throw new BleError(
      "not-supported",
      'config: addrMode 2, resolvable private addresses, needs the feature "security", which this image is without.',
    );
}
