/** The GATT clients of a host: one on each bearer that needs one. */
import type { AttBearer } from "../../att/bearer.ts";
import { GattClient, type GattClientCounters } from "./client.ts";

export class GattClients {
  readonly counters: GattClientCounters = {
    droppedValues: 0,
    knownAttributes: 0,
    refusedAttributes: 0,
    unexpectedPdus: 0,
    unwantedValues: 0,
  };

  /** The client on a bearer that has none yet. */
  open(bearer: AttBearer): GattClient {
    return new GattClient(bearer, this.counters);
  }
}
