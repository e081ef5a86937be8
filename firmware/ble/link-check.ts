/**
 * Finds links that are not what the host takes them for.
 *
 * One kind has ended unheard. The controller reports an end once (Vol 4, Part E, 7.7.5), and one wrong
 * bit on its line is enough to lose that: the link would be counted, and waited for, for ever. So the controller is asked
 * whether it knows the link, when there is a sign that it may not; one that does not answers Unknown Connection Identifier,
 * which `Hci` reports as it does for every command about a link.
 *
 * Another kind is up and moves nothing: packets that the line lost on their way to the controller are never completed, and
 * keep buffers for ever. A peer can do the same, which acknowledges nothing and goes on sending empty packets (Vol 6, Part B,
 * 4.5.9). From here the two look alike, so that the link is ended and not the controller started again: that would be a
 * peer's to provoke, and end everybody's links. What the controller held counts as completed with the link's end (Vol 4,
 * Part E, 4.3).
 */
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import type { Connection } from "./gap/connection.ts";
import { readRssi } from "./hci/commands/status-parameters.ts";
import type { Hci } from "./hci/hci.ts";
import { textOf } from "./text.ts";

/**
 * While all places are taken, links without data under way are asked about as well: each at most so often, and at most once
 * in its supervision timeout.
 */
export const QUIET_CHECK_MS = 10_000;

/**
 * A link of whose packets the controller has completed none for so long is ended, within one more supervision timeout of its
 * own, for completions are looked at so often. It is longer than the longest supervision timeout, 32 s (Vol 6, Part B, 4.5.2),
 * and than the 40 s of a procedure that data may have to wait for, such as the start of encryption (5.2): what a link does that
 * works, it has done by then.
 */
export const STALL_MS = 45_000;

/** The shortest supervision timeout (Vol 4, Part E, 7.7.65.1). A link that is reported with 0 would be looked at again at once, for ever. */
const SUPERVISION_TIMEOUT_LEAST_MS = 100;

export interface LinkCheckPort {
  readonly hci: Hci;
  readonly clock: Clock;
  readonly connections: ReadonlyMap<number, Connection>;
  /** Whether the controller can be asked. */
  isPossible(): boolean;
  /** Whether there is no place for another link: those that have ended unheard keep others out. */
  isFull(): boolean;
  /** Whether the link ends anyway, reported or not. */
  isEnding(connection: Connection): boolean;
  /** The controller has held packets of the link for `STALL_MS`, and completed none. */
  onStalled(connection: Connection): void;
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
  /** When it expires. */
  private timerMs = Number.POSITIVE_INFINITY;
  /** See `STALL_MS`; 0 never ends a link. */
  stallMs = STALL_MS;
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
    this.timerMs = Number.POSITIVE_INFINITY;
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
   * The controller holds data of a link that held none: a peer that is there acknowledges within its supervision timeout, or
   * else the link ends (Vol 6, Part B, 4.5.2). Each link's time counts from its own packet, whatever the others have under way.
   */
  watch(connection: Connection): void {
    const nowMs = this.port.clock.now();
    this.lookAt(this.visit(connection, nowMs), nowMs);
  }

  /**
   * Ends links that move nothing, asks about the first link that it is time for, and looks again when it is time for the
   * next. To be called when a link is up, for it may have taken the last place.
   */
  look(): void {
    this.stop();
    const { clock, connections } = this.port;
    const nowMs = clock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const connection of connections.values()) nextMs = Math.min(nextMs, this.visit(connection, nowMs));
    this.lookAt(nextMs, nowMs);
  }

  private lookAt(nextMs: number, nowMs: number): void {
    // The answer to a question is followed by a look.
    if (nextMs >= this.timerMs || this.isAsking) return;
    this.stop();
    this.timerMs = nextMs;
    this.timer = this.port.clock.setTimer(() => this.look(), nextMs - nowMs);
  }

  /** Looks at one link; the result is when to look next. */
  private visit(connection: Connection, nowMs: number): number {
    const { isEnding, onStalled } = this.port;
    if (isEnding(connection)) return Number.POSITIVE_INFINITY;
    const { link } = connection;
    const watch = this.watchOf(connection);
    const isQuiet = link.inController === 0;
    link.isWatched = !isQuiet;
    if (link.hasProgress || watch.isQuiet !== isQuiet) watch.sinceMs = nowMs;
    link.hasProgress = false;
    watch.isQuiet = isQuiet;
    const { stallMs } = this;
    const endMs = isQuiet || stallMs === 0 ? Number.POSITIVE_INFINITY : watch.sinceMs + stallMs;
    if (endMs > nowMs) return Math.min(endMs, this.askWhenDue(connection, watch, nowMs));
    // A controller that refuses to end it is told again.
    watch.sinceMs = nowMs;
    onStalled(connection);
    return nowMs + stallMs;
  }

  /** Asks about a link if it is time for that; the result is when to look next. */
  private askWhenDue(connection: Connection, watch: Watch, nowMs: number): number {
    const { isFull, isPossible } = this.port;
    const isNeeded = isPossible()
      ? watch.isDoubtful || !watch.isQuiet || isFull()
      : !watch.isQuiet && this.stallMs > 0;
    if (!isNeeded) return Number.POSITIVE_INFINITY;
    const dueMs = this.dueMs(connection, watch);
    if (dueMs > nowMs || this.isAsking) return dueMs;
    if (isPossible()) this.ask(connection, watch);
    else watch.askedMs = nowMs;
    return this.dueMs(connection, watch);
  }

  /** When it is time to ask about a link. */
  private dueMs(connection: Connection, { askedMs, isDoubtful, isQuiet, sinceMs }: Watch): number {
    const patienceMs = Math.max(connection.parameters.supervisionTimeoutMs, SUPERVISION_TIMEOUT_LEAST_MS);
    if (isDoubtful) return askedMs + patienceMs;
    return Math.max(askedMs, sinceMs) + Math.max(patienceMs, isQuiet ? QUIET_CHECK_MS : 0);
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
