/** Records that end with the process. */
import type { Records } from "../../firmware/platform/platform.ts";

export class MemoryRecords implements Records {
  private readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key)?.slice();
  }

  set(key: string, value: Uint8Array): void {
    this.values.set(key, value.slice());
  }

  delete(key: string): boolean {
    return this.values.delete(key);
  }

  keys(): string[] {
    return [...this.values.keys()];
  }
}
