/**
 * Ends the link of a peer that wants nothing, and of which the application wants nothing, when it keeps everybody else out: a
 * silent stranger must not hold a place for ever.
 */
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import { type Connection, ROLE } from "./gap/connection.ts";
import { HCI_STATUS } from "./hci/status.ts";
import type { Setting } from "./setting.ts";

/** Looks in one `idleTimeoutMs`: a link is ended after that time, at most one look later. */
const LOOKS = 3;
/** Looks between which nobody could connect before a link is ended: a moment between two advertisements is nothing. */
const BLOCKED_LOOKS = 2;
const LOOK_MIN_MS = 100;

/** See `Config.idleTimeoutMs`. */
export const IDLE_TIMEOUT_SETTING: Setting<"idleTimeoutMs"> = {
  name: "idleTimeoutMs",
  min: 0,
  max: 3_600_000,
  initial: 30_000,
};

export interface IdleLinksPort {
  readonly clock: Clock;
  readonly settings: { readonly idleTimeoutMs: number };
  readonly connections: ReadonlyMap<number, Connection>;
  readonly advertiser: { readonly isConnectable: boolean; readonly connectableStarts: number };
  /** Whether a pairing or an encryption is under way on the link: a user may need long for a passkey. */
  isPairing(connection: Connection): boolean;
  end(connection: Connection, reason: number): void;
  log(level: LogLevel, message: string): void;
}

export class IdleLinks {
  private readonly port: IdleLinksPort;
  private timer: Timer | undefined = undefined;
  /** The setting that holds since `update`. */
  private idleTimeoutMs = 0;
  /** For each link that was there at the latest look: looks in a row at which it had wanted nothing since the one before. */
  private silent = new Map<Connection, number>();
  /** Looks in a row since which nobody could connect. */
  private blocked = 0;
  /** `connectableStarts` at the latest look. */
  private starts = 0;

  constructor(port: IdleLinksPort) {
    this.port = port;
  }

  /** A link is up or has ended, a client has subscribed or ended that or opened or closed a channel, or the setting has changed. */
  update(): void {
    const { idleTimeoutMs } = this.port.settings;
    const isChanged = idleTimeoutMs !== this.idleTimeoutMs;
    const isNeeded = this.isNeeded();
    if (!isChanged && isNeeded === (this.timer !== undefined)) return;
    this.idleTimeoutMs = idleTimeoutMs;
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.forget();
    if (!isNeeded) return;
    for (const connection of this.candidates()) this.silent.set(connection, 0);
    this.arm();
  }

  /** Clients that have all subscribed are no reason to wake up. */
  private isNeeded(): boolean {
    return this.port.settings.idleTimeoutMs > 0 && this.candidates().length > 0;
  }

  private candidates(): Connection[] {
    return [...this.port.connections.values()].filter(
      ({ isWatched, openChannels, role, server }) =>
        role === ROLE.PERIPHERAL && !isWatched && !server.isSubscribed && openChannels === 0,
    );
  }

  private arm(): void {
    const { clock, settings } = this.port;
    const lookMs = Math.max(LOOK_MIN_MS, settings.idleTimeoutMs / LOOKS);
    this.timer = clock.setTimer(() => this.look(), lookMs);
  }

  private forget(): void {
    this.timer = undefined;
    this.silent.clear();
    this.blocked = 0;
  }

  private look(): void {
    this.timer = undefined;
    const before = this.silent;
    this.silent = new Map();
    let quietest: Connection | undefined;
    let most = LOOKS - 1;
    for (const connection of this.candidates()) {
      // A link that came between two looks is not counted before the second.
      const isActive = [
        connection.server.takeActivity(),
        connection.client?.takeActivity() ?? false,
        this.port.isPairing(connection),
      ].includes(true);
      const count = isActive ? 0 : (before.get(connection) ?? -1) + 1;
      this.silent.set(connection, count);
      if (count > most) [quietest, most] = [connection, count];
    }
    const { isConnectable, connectableStarts } = this.port.advertiser;
    this.blocked = isConnectable || connectableStarts !== this.starts ? 0 : this.blocked + 1;
    this.starts = connectableStarts;
    if (quietest && this.blocked >= BLOCKED_LOOKS) {
      this.blocked = 0;
      this.end(quietest);
    }
    if (this.isNeeded()) this.arm();
    else this.forget();
  }

  private end(connection: Connection): void {
    const { end, log, settings } = this.port;
    log(
      "warning",
      `host: ending link ${connection.handle}, which has subscribed to nothing and asked for nothing for ${settings.idleTimeoutMs} ms while nobody else could connect (config idleTimeoutMs)`,
    );
    end(connection, HCI_STATUS.REMOTE_LOW_RESOURCES);
  }
}
