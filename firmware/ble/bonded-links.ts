/** Links that a bond's key encrypts: who their peers are, and what was kept of them. */
import type { Connection } from "./gap/connection.ts";
import { BondedSessions } from "./gatt/server/bonded-sessions.ts";
import type { GattServer } from "./gatt/server/server.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { Bonds } from "./smp/bonds.ts";
import type { PeerMemory } from "./smp/kept-bond.ts";

/** What they are made of. */
export interface BondedLinksPort {
  readonly bonds: Bonds;
  readonly gatt: GattServer;
}

export class BondedLinks {
  private readonly port: BondedLinksPort;
  private readonly memories = new Map<Connection, PeerMemory>();

  constructor(port: BondedLinksPort) {
    this.port = port;
    port.gatt.keepSessions((context) => new BondedSessions(context));
  }

  /**
   * The protection of a link has changed. Once a bond's key encrypts it, it is known who the peer is, and what was kept of
   * it holds again.
   */
  secured(connection: Connection, status: number): void {
    const { bond, security } = connection;
    const isProven = status === HCI_STATUS.SUCCESS && security.isBonded && bond !== undefined;
    if (!isProven || this.memories.get(connection)?.isKept) return;
    connection.identity = bond.identity;
    const memory = this.port.bonds.open(bond.identity);
    if (!memory) return;
    this.memories.set(connection, memory);
    this.port.gatt.recall(connection.server, memory);
    if (connection.peerName) this.port.bonds.named(bond.identity, connection.peerName);
  }

  /** The bond whose key encrypts the link has gone, or given way to another: nothing more of the link is kept. */
  lost(connection: Connection): void {
    this.port.gatt.disown(connection.server);
    this.memories.get(connection)?.close();
    this.memories.delete(connection);
  }

  /** The link has ended. */
  ended(connection: Connection): void {
    this.memories.delete(connection);
  }
}
