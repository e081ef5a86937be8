/** Links that this device comes to have as a central: who has searched for them, and when they are established. */
import type { LogLevel } from "../platform/platform.ts";
import type { Connection } from "./gap/connection.ts";
import type { Initiator } from "./gap/initiator.ts";
import type { OwnAddress } from "./gap/own-address.ts";
import { leReadRemoteFeatures } from "./hci/commands/le-link.ts";
import { disconnect } from "./hci/commands/link-control.ts";
import type { Hci } from "./hci/hci.ts";
import { leReadRemoteFeaturesComplete } from "./hci/le-events.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { LinkEstablished } from "./links.ts";
import { textOf } from "./text.ts";

/** What they are made of. */
export interface CentralLinksPort {
  readonly hci: Hci;
  readonly initiator: Initiator<Connection>;
  readonly connections: ReadonlyMap<number, Connection>;
  /** See `Links.open`. */
  open(established: LinkEstablished, ownAddress: OwnAddress): Connection;
  log(level: LogLevel, message: string): void;
}

export class CentralLinks {
  private readonly port: CentralLinksPort;

  constructor(port: CentralLinksPort) {
    this.port = port;
    port.hci.on(leReadRemoteFeaturesComplete, ({ status, connectionHandle }) => {
      // The peer has answered: the link exists for it too.
      if (status === HCI_STATUS.SUCCESS) port.connections.get(connectionHandle)?.onEstablished?.();
    });
  }

  /** The controller reports a link in the central role. */
  connected(values: LinkEstablished): void {
    const { hci, initiator, log } = this.port;
    const { connectionHandle } = values;
    const attempt = initiator.connected();
    if (!attempt) {
      log("info", "host: ended a link that came up after its search was given up");
      const reason = HCI_STATUS.REMOTE_USER_TERMINATED;
      hci
        .send(disconnect, { connectionHandle, reason })
        .catch((error: unknown) => log("debug", `host: ${textOf(error)}`));
      return;
    }
    attempt.handlers.onConnected(this.port.open(values, initiator.ownAddress));
    // Its answer is the first that is heard of a peripheral, which says nothing by itself.
    hci
      .send(leReadRemoteFeatures, { connectionHandle })
      .catch((error: unknown) => log("debug", `host: ${textOf(error)}`));
  }

  /** The controller could not make a link. @param status its error code */
  failed(status: number): void {
    this.port.initiator.failed(status);
  }
}
