/** Keeps the owner's way to the management service free: the firmware's own window, and an end to links that do not use it. */
import type { Connection } from "../ble/gap/connection.ts";
import type { Host } from "../ble/host.ts";
import { type Access, isManagerConnected, refusalOf } from "./access.ts";
import { UnusedLinks } from "./unused-links.ts";
import { UpdateWindow } from "./window.ts";

/**
 * Links that may come by the firmware's own window when an application has given away every place of `maxConnections`, or has
 * taken them for connections of its own.
 */
export const RESERVED_PLACES = 1;

/** What `Reach` is told of the camera. */
export interface ReachOptions {
  readonly access: Access;
  /** No application runs: every link is there for the management. */
  readonly isRecovery: boolean;
  /** What the camera is called in the firmware's advertisement, UTF-8. */
  name(): Uint8Array;
}

export class Reach {
  private readonly links: UnusedLinks;
  private readonly window: UpdateWindow;

  constructor(host: Host, { access, isRecovery, name }: ReachOptions) {
    const { advertiser, log, peerLog } = host;
    const { clock } = host.platform;
    const mayManage = (connection: Connection): boolean => refusalOf(access, connection) === undefined;
    /**
     * Beside an application, the camera is reached by the link of whoever may manage it: a second way in would only take
     * the next client away from the application.
     */
    const isReached = (): boolean => !isRecovery && isManagerConnected(access, host.connections.values());
    const reserved = isRecovery ? 0 : RESERVED_PLACES;
    const hasRoom = (): boolean => host.connections.size < host.maxConnections + reserved && !isReached();
    const links = new UnusedLinks({
      ...{ clock, log: peerLog.write, mayManage },
      isFull: () => !hasRoom() || !window.canAdvertise,
      end(connection) {
        host
          .disconnect(connection)
          .catch((error: Error) =>
            peerLog.write("warning", `update: link ${connection.handle} is not ended: ${error.message}`),
          );
      },
    });
    const window = new UpdateWindow({
      ...{ clock, advertiser, log, hasRoom, name },
      onTaken: (connection) => {
        // The application may hear of it by what it asks for.
        host.encryption?.holdBack(connection);
        links.watch(connection);
      },
      activate: () => host.activate(),
    });
    this.links = links;
    this.window = window;
    host.observe({
      onConnected(connection) {
        if (isRecovery) links.watch(connection);
        window.changed();
      },
      onDisconnected(connection) {
        links.ended(connection);
        window.changed();
      },
    });
  }

  /** See `UpdateWindow.open`. */
  open(durationMs?: number): void {
    this.window.open(durationMs);
  }

  /** Whether somebody manages the camera over a link that is there for that alone. */
  get isInUse(): boolean {
    return this.links.isInUse;
  }

  /** A client that may manage the camera has asked for something. */
  used(connection: Connection): void {
    this.links.used(connection);
  }
}
