/** How long a link lives, or a time on it: what `DeviceConnection.timeout` gives. */

import type { Abortion, AbortSource, Clock, Timer } from "../platform/platform.ts";
import type { DeviceConnection } from "./device-connection.ts";
import { TimeoutError } from "./errors.ts";

/** What aborts the signals of `DeviceConnection.timeout`. */
export class LinkLifetime implements AbortSource {
  private readonly connection: DeviceConnection;
  private readonly timeoutMs: number | undefined;
  private readonly clock: Clock;
  /** Infinity without a deadline. */
  private readonly dueMs: number;

  constructor(connection: DeviceConnection, timeoutMs: number | undefined, clock: Clock) {
    this.connection = connection;
    this.timeoutMs = timeoutMs;
    this.clock = clock;
    this.dueMs = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + timeoutMs;
  }

  poll(): Abortion | undefined {
    const { connection, dueMs } = this;
    const endedAtMs = connection.downSinceMs;
    if (endedAtMs !== undefined && endedAtMs <= dueMs) return { atMs: endedAtMs, reason: connection.gone() };
    return this.clock.now() < dueMs ? undefined : { atMs: dueMs, reason: this.expiry() };
  }

  watch(abort: (reason: unknown) => void): () => void {
    const { clock, dueMs } = this;
    const { members } = this.connection.scope;
    let timer: Timer;
    const stop = (): void => {
      members.delete(member);
      if (timer !== undefined) clock.clearTimer(timer);
    };
    const member = {
      reject(error: unknown) {
        stop();
        abort(error);
      },
    };
    if (this.timeoutMs !== undefined) {
      timer = clock.setTimer(() => member.reject(this.expiry()), Math.max(0, dueMs - clock.now()));
    }
    members.add(member);
    return stop;
  }

  private expiry(): TimeoutError {
    return new TimeoutError(this.timeoutMs!);
  }
}
