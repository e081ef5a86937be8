/**
 * Ends links that nobody manages the camera over, of those that are there for that alone: the ones that came by the firmware's own
 * advertisement, and all in recovery. A stranger must not hold the places that the owner needs.
 */
import type { Connection } from "../ble/gap/connection.ts";
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";

/** A link that may not manage the camera is ended so long after it came, whatever it does meanwhile. */
export const AUTHORIZE_MS = 30_000;

/** One that may is ended when it has asked for nothing for so long, and nobody else can connect. */
export const MANAGE_MS = 60_000;

/** From one look to the next: a link is ended that much later at most. */
export const LOOK_MS = 5000;

/** What the watch is handed. */
export interface UnusedLinksPort {
  readonly clock: Clock;
  /** Whether the management service would answer this link. */
  mayManage(connection: Connection): boolean;
  /** Whether nobody else can connect. */
  isFull(): boolean;
  end(connection: Connection): void;
  log(level: LogLevel, message: string): void;
}

export class UnusedLinks {
  private readonly port: UnusedLinksPort;
  /** When each link that is watched came, or was last used. */
  private readonly usedAtMs = new Map<Connection, number>();
  private timer: Timer | undefined = undefined;

  constructor(port: UnusedLinksPort) {
    this.port = port;
  }

  /** A link is there for the management alone. */
  watch(connection: Connection): void {
    const { clock } = this.port;
    connection.isWatched = true;
    this.usedAtMs.set(connection, clock.now());
    this.timer ??= clock.setTimer(() => this.look(), LOOK_MS);
  }

  /** A link that may manage the camera has asked for something. */
  used(connection: Connection): void {
    if (this.usedAtMs.has(connection)) this.usedAtMs.set(connection, this.port.clock.now());
  }

  /** A link has ended. */
  ended(connection: Connection): void {
    this.usedAtMs.delete(connection);
    if (this.usedAtMs.size > 0 || this.timer === undefined) return;
    this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** Whether a link that may manage the camera has asked for something within `MANAGE_MS`. */
  get isInUse(): boolean {
    const { clock, mayManage } = this.port;
    const sinceMs = clock.now() - MANAGE_MS;
    return [...this.usedAtMs].some(([connection, usedAtMs]) => usedAtMs > sinceMs && mayManage(connection));
  }

  private look(): void {
    const { clock, isFull, mayManage } = this.port;
    const now = clock.now();
    let idle: Connection | undefined;
    let idleSinceMs = now - MANAGE_MS;
    for (const [connection, usedAtMs] of this.usedAtMs) {
      if (!mayManage(connection)) {
        if (now - usedAtMs >= AUTHORIZE_MS)
          this.end(connection, `has not become one that may manage this camera within ${AUTHORIZE_MS} ms`);
      } else if (usedAtMs <= idleSinceMs) [idle, idleSinceMs] = [connection, usedAtMs];
    }
    if (idle && isFull())
      this.end(idle, `has asked for nothing for ${MANAGE_MS} ms while nobody else could connect`);
    this.timer = this.usedAtMs.size > 0 ? clock.setTimer(() => this.look(), LOOK_MS) : undefined;
  }

  private end(connection: Connection, why: string): void {
    const { end, log } = this.port;
    this.usedAtMs.delete(connection);
    log("warning", `update: ending link ${connection.handle}, which ${why}`);
    end(connection);
  }
}
