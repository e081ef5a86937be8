/** The Filter Accept List (Vol 6, Part B, 4.3.1). */
import { type Identity, sameIdentity } from "../link.ts";

export class AcceptList {
  private readonly size: number;
  private entries: Identity[] = [];

  constructor(size: number) {
    this.size = size;
  }

  /** Returns false when the list is full; a device that is in it already stays once. */
  add(identity: Identity): boolean {
    if (this.has(identity)) return true;
    if (this.entries.length >= this.size) return false;
    this.entries.push(identity);
    return true;
  }

  remove(identity: Identity): void {
    this.entries = this.entries.filter((entry) => !sameIdentity(entry, identity));
  }

  clear(): void {
    this.entries = [];
  }

  has(identity: Identity): boolean {
    return this.entries.some((entry) => sameIdentity(entry, identity));
  }
}
