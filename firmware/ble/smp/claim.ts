/** How a device that is bonded already takes the firmware's window: by the key of its bond, without pairing anew. */
import { textOf } from "../text.ts";
import type { SecurityContext } from "./context.ts";
import { isEnough } from "./demands.ts";
import { FIRMWARE_SETTINGS } from "./firmware-window.ts";
import type { Bond } from "./keys.ts";
import type { LinkEncryption } from "./link-encryption.ts";
import type { SecuredLink } from "./port.ts";

/**
 * Gives the bond whose key encrypts this link what a pairing in the firmware's window would give it, and the window to its device.
 * A device that encrypts and asks for nothing takes no window: clients of the application come back by themselves at power-on.
 * @returns whether the bond is one from a window now: not on a link that this side has made, for a window that is another's, for
 *   a key that whoever heard its pairing has too, or where flash fails
 */
export function claimWindow(
  { firmwareWindow: window, peerLog, port }: SecurityContext,
  { handle, isCentral }: SecuredLink,
  encryption: LinkEncryption,
): boolean {
  const bond = encryption.proven;
  if (isCentral || !bond || !window?.isFor(bond)) return false;
  const { bonds, log } = port;
  const { identity } = bond;
  // Another bond may have taken its place since it encrypted the link: that is not the one whose key is proved.
  if (!isAsGood(bond) || bonds.find(identity.addressType, identity.address) !== bond) return false;
  try {
    bonds.keep({ ...bond, isAttended: true, isFromWindow: true }, true);
  } catch (error) {
    peerLog.write("error", `smp: link ${handle}: the bond does not take the window: ${textOf(error)}`);
    return false;
  }
  log("info", `smp: link ${handle}: a device that was bonded takes the firmware's window`);
  window.take(identity);
  encryption.bonded(bonds.find(identity.addressType, identity.address));
  return true;
}

/** Legacy pairing is read by whoever hears it: in the window that is a moment, before it any time since the bond was made. */
function isAsGood(bond: Bond): boolean {
  return bond.isSecureConnections && isEnough(bond, FIRMWARE_SETTINGS);
}
