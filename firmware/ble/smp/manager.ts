/** The Security Manager of a host, by its links (Vol 3, Part H). */
import { claimWindow } from "./claim.ts";
import { SecurityContext } from "./context.ts";
import type { BondUse } from "./keys.ts";
import { SecurityLink } from "./link.ts";
import type { PairRequest, SecuredLink } from "./port.ts";

export class SecurityManager extends SecurityContext {
  private readonly links = new Map<SecuredLink, SecurityLink>();

  /** A link is up. */
  open(link: SecuredLink): void {
    this.links.set(link, new SecurityLink(link, this));
  }

  /** A link has ended, with everything that was about to happen on it. */
  close(link: SecuredLink): void {
    const secured = this.links.get(link);
    this.links.delete(link);
    secured?.close();
  }

  /** The peer's link layer asks for a key. */
  keyRequested(link: SecuredLink, ediv: number, rand: Uint8Array): void {
    this.links.get(link)?.keyRequested(ediv, rand);
  }

  /** The link is encrypted, or the controller's error code says why not. */
  encryptionChanged(link: SecuredLink, status: number): void {
    this.links.get(link)?.encryptionChanged(status);
  }

  /** Encrypts the link, with the key of the bond that there is or by pairing. Returns what withdraws the request. */
  pair(link: SecuredLink, request: PairRequest): () => void {
    const secured = this.links.get(link);
    return secured ? secured.pair(request) : () => {};
  }

  /** The central encrypts with the bond's key, where there is one and nothing is under way; `onSecurity` reports. */
  encryptWithBond(link: SecuredLink): void {
    this.links.get(link)?.encryptWithBond();
  }

  /** Somebody waits for the central to encrypt with the bond's key: it is asked to, once on a link. `onUnproven` says if it does not. */
  requestEncryption(link: SecuredLink): void {
    this.links.get(link)?.requestEncryption();
  }

  /** Whether a pairing, an encryption or a wish for one is under way on this link. */
  isInUse(link: SecuredLink): boolean {
    return this.links.get(link)?.isInUse ?? false;
  }

  /** What the bond with this link's peer is good for. */
  bondUse(link: SecuredLink): BondUse {
    return this.links.get(link)?.encryption.bondUse ?? "none";
  }

  /** Whether there was a bond with this link's peer when it came up. */
  hadBond(link: SecuredLink): boolean {
    return this.links.get(link)?.encryption.hadBond ?? false;
  }

  /** See `claimWindow` in claim.ts. */
  claimWindow(link: SecuredLink): boolean {
    const secured = this.links.get(link);
    return secured !== undefined && claimWindow(this, link, secured.encryption);
  }

  /** `secureOnly` or `minKeySize` of `config` has changed: it holds for the keys of bonds and links that there are. */
  demandsChanged(): void {
    for (const link of this.links.values()) link.demandsChanged();
  }

  protected override endUnadmitted(): void {
    for (const link of this.links.values()) link.endUnadmitted();
  }

  /** There is another bond, or one less: deleted, or given up for another. */
  bondsChanged(): void {
    for (const link of this.links.values()) link.bondsChanged();
  }
}
