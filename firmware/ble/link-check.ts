/**
 * Finds links whose end the host has not heard of. The controller reports an end once (Vol 4, Part E, 7.7.5), and one wrong
 * bit on its line is enough to lose that: the link would be counted, and waited for, for ever. So the controller is asked
 * whether it knows the link, when there is a sign that it may not; one that does not answers Unknown Connection Identifier,
 * which `Hci` reports as it does for every command about a link.
 */
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import type { Connection } from "./gap/connection.ts";
import type { Acl } from "./hci/acl.ts";
import { readRssi } from "./hci/commands/status-parameters.ts";
import type { Hci } from "./hci/hci.ts";
import { textOf } from "./text.ts";

/**
 * While all places are taken, links without data under way are asked about as well: each at most so often, and at most once
 * in its supervision timeout.
 */
export const QUIET_CHECK_MS = 10_000;

export interface LinkCheckPort {
  readonly hci: Hci;
  readonly acl: Acl;
  readonly clock: Clock;
  readonly connections: ReadonlyMap<number, Connection>;
  /** Whether the controller can be asked. */
  isPossible(): boolean;
  /** Whether there is no place for another link: those that have ended unheard keep others out. */
  isFull(): boolean;
  /** Whether the link ends anyway, reported or not. */
  isEnding(connection: Connection): boolean;
  log(level: LogLevel, message: string): void;
}

/** What is known of one link. */
interface Watch {
  /** When the controller was asked about it last. */
  askedMs: number;
  /** It held no data for the link when that was looked at last. */
  isQuiet: boolean;
  /** Since when what it holds for the link has not become less, or since when the link has been quiet. */
  sinceMs: number;
  /** Its end may have been reported, and not understood. */
  isDoubtful: boolean;
}

export class LinkCheck {
  private readonly port: LinkCheckPort;
  private readonly watches = new Map<Connection, Watch>();
  private timer: Timer | undefined = undefined;
  /** One question at a time is under way. */
  private isAsking = false;

  constructor(port: LinkCheckPort) {
    this.port = port;
  }

  /** The controller may have reported the end of a link, or of any, by a packet that could not be understood. */
  doubt(which?: Connection): void {
    for (const connection of this.port.connections.values()) {
      if (!which || which === connection) this.watchOf(connection).isDoubtful = true;
    }
    this.look();
  }

  /** The link has ended. */
  forget(connection: Connection): void {
    this.watches.delete(connection);
    if (this.port.connections.size === 0) this.stop();
  }

  private stop(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
    this.port.acl.isWatched = false;
  }

  private watchOf(connection: Connection): Watch {
    let watch = this.watches.get(connection);
    if (!watch) {
      watch = {
        askedMs: Number.NEGATIVE_INFINITY,
        isQuiet: true,
        sinceMs: this.port.clock.now(),
        isDoubtful: false,
      };
      this.watches.set(connection, watch);
    }
    return watch;
  }

  /**
   * Asks about the first link that it is time for, and looks again when it is time for the next. To be called when a link is
   * up, for it may have taken the last place, and when the controller holds data that nobody looks after yet: a peer that is
   * there acknowledges within its supervision timeout, or else the link ends (Vol 6, Part B, 4.5.2).
   */
  look(): void {
    this.stop();
    const { acl, clock, connections, isEnding, isPossible } = this.port;
    if (!isPossible()) {
      acl.isWatched = true;
      return;
    }
    const nowMs = clock.now();
    const isFull = this.port.isFull();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const connection of connections.values()) {
      if (isEnding(connection)) continue;
      const watch = this.watchOf(connection);
      const wasQuiet = watch.isQuiet;
      watch.isQuiet = connection.link.inController === 0;
      if (acl.takeProgress(connection.link) || watch.isQuiet !== wasQuiet) watch.sinceMs = nowMs;
      if (!watch.isDoubtful && watch.isQuiet) {
        if (!isFull) continue;
      } else acl.isWatched = true;
      const dueMs = this.dueMs(connection, watch);
      nextMs = Math.min(nextMs, dueMs);
      if (dueMs <= nowMs && !this.isAsking) this.ask(connection, watch);
    }
    if (nextMs === Number.POSITIVE_INFINITY || this.isAsking) return;
    this.timer = clock.setTimer(() => this.look(), nextMs - nowMs);
  }

  /** When it is time to ask about a link. */
  private dueMs(connection: Connection, { askedMs, isDoubtful, isQuiet, sinceMs }: Watch): number {
    const { supervisionTimeoutMs } = connection.parameters;
    if (isDoubtful) return askedMs + supervisionTimeoutMs;
    return Math.max(askedMs, sinceMs) + Math.max(supervisionTimeoutMs, isQuiet ? QUIET_CHECK_MS : 0);
  }

  private ask(connection: Connection, watch: Watch): void {
    const { clock, hci, log } = this.port;
    watch.askedMs = clock.now();
    watch.isDoubtful = false;
    this.isAsking = true;
    const answered = (): void => {
      this.isAsking = false;
      this.look();
    };
    hci.send(readRssi, { connectionHandle: connection.handle }).then(answered, (error: unknown) => {
      log("debug", `host: link ${connection.handle}: ${textOf(error)}`);
      answered();
    });
  }
}
