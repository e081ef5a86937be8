/** What was dropped and what is kept, in one object. */
import type { Counters as HostCounters } from "../ble/counters.ts";
import type { Core } from "./core.ts";

/** Counters since the camera started, by module. */
export interface Counters extends HostCounters {
  /** Captured writes that the queue dropped. */
  readonly capture: { readonly droppedWrites: number };
}

/** The function `counters`. */
export function createCounters(core: Core): () => Counters {
  return () => ({ ...core.host.counters, capture: { droppedWrites: core.capture.dropped } });
}
