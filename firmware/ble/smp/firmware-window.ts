/**
 * The firmware's own pairing window: in it one device becomes the camera's, whatever the application has set. A camera that is
 * managed over the air opens it at power-on, so that no application can keep the camera's owner out.
 */
import { isSameIdentity } from "./identities.ts";
import type { Bond, Identity } from "./keys.ts";
import { IO_CAPABILITY } from "./method.ts";
import type { PairingSettings } from "./state.ts";

/** How often the device that has taken it may pair anew in the same window: each bond is written to flash. */
export const ANEW_MAX = 3;

/** Just Works, and a bond whose key is as long as keys are: nobody is there to show or to type anything. */
export const FIRMWARE_SETTINGS: PairingSettings = Object.freeze({
  io: IO_CAPABILITY.NO_INPUT_NO_OUTPUT,
  bond: true,
  mitm: false,
  secureConnections: "on",
  minKeySize: 16,
  secureOnly: false,
  methods: undefined,
  keypress: false,
  debugKeys: false,
});

export class FirmwareWindow {
  /** A pairing that was the application's has failed in it, or was refused: from then on they are the firmware's. */
  hasApplicationFailed = false;
  private holder: Identity | undefined = undefined;
  private left = 1 + ANEW_MAX;
  /** The holder has shown that it has its bond. */
  private isUsed = false;
  private isClosed = false;
  private readonly replaces: boolean;
  private readonly onTaken: () => void;

  /**
   * @param replaces the one device may take the place of a bonded one, and need not show that it is that one
   * @param onTaken it has its one device
   */
  constructor(replaces: boolean, onTaken: () => void) {
    this.replaces = replaces;
    this.onTaken = onTaken;
  }

  /**
   * Whether it is for a device with this bond, or with none. Not for one whose bond is authenticated: that is never given up
   * for what the firmware's own pairing is worth.
   */
  isFor(bond: Bond | undefined): boolean {
    if (this.isClosed || bond?.isAuthenticated) return false;
    return this.holder === undefined || (bond !== undefined && this.isOpenFor(bond.identity));
  }

  /** Whether a bond with this device may be kept by it: devices can have begun to pair at the same time. */
  isOpenFor(identity: Identity): boolean {
    return (
      !this.isClosed && this.left > 0 && (this.holder === undefined || isSameIdentity(this.holder, identity))
    );
  }

  /**
   * Whether the bond with this device gives way only to who shows that it is that device: an address can be copied. Not while
   * the holder has not used its bond: it may have lost what it was given.
   */
  asksProof(identity: Identity): boolean {
    const isHolder = this.holder !== undefined && isSameIdentity(this.holder, identity);
    return isHolder ? this.isUsed : !this.replaces;
  }

  /** The device with this identity has its bond: a link is encrypted with the key, or the camera is managed over it. */
  used(identity: Identity): void {
    if (this.holder !== undefined && isSameIdentity(this.holder, identity)) this.isUsed = true;
  }

  /** Its time is over, for pairings under way too. */
  close(): void {
    this.isClosed = true;
  }

  /** A bond with this device is kept. */
  take(identity: Identity): void {
    this.left--;
    if (this.holder !== undefined) return;
    this.holder = identity;
    this.onTaken();
  }
}
