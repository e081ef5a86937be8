/**
 * The firmware's own window: for five minutes after each start but a wake from deep sleep, and for ever in recovery, the camera
 * advertises its management service whenever its application has left it unreachable for a while. Where the application advertises
 * what not everybody can connect to, or nothing for long enough, that is interrupted for a moment again and again. Beside a link
 * too, while its port says that there is room: who is connected need not be who manages the camera.
 */

import type { Advertiser } from "../ble/gap/advertiser.ts";
import { AD_TYPE, ADVERTISING_DATA_LENGTH } from "../ble/gap/advertising-data.ts";
import type { AdvertisingOwner, AdvertisingSet } from "../ble/gap/advertising-set.ts";
import type { Connection } from "../ble/gap/connection.ts";
import { textOf } from "../ble/text.ts";
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import { SERVICE_UUID } from "./service.ts";

/** How long the window is open. */
export const WINDOW_MS = 5 * 60_000;

/** How long nobody must have been able to connect before the firmware advertises. */
export const QUIET_MS = 10_000;

/** How long the application's advertising is interrupted, each time that nobody has been able to connect for `QUIET_MS`. */
export const INTERRUPTION_MS = 2000;

/** How long an advertisement that everybody can connect to must have been on the air, without a break, to count. */
export const REACHED_MS = 2000;

/** Advertising at a longer interval counts as none: phones that look for a camera give up before they hear it. */
export const FINDABLE_INTERVAL_US = 1_285_000;

/** From the end of a turn of the firmware that was too short to the next. */
const AGAIN_MS = 1000;

/** From one advertisement to the next. */
const INTERVAL_US = 250_000;
/** The same in an interruption: whoever looks for the camera has to hear it in time. */
const SHORT_INTERVAL_US = 50_000;

/** General Discoverable Mode, no BR/EDR (CSS, Part A, 1.3). */
const FLAGS = 0x06;

/** What the window is handed. */
export interface WindowPort {
  readonly clock: Clock;
  readonly advertiser: Pick<
    Advertiser,
    "lend" | "onChanged" | "hasFreeSet" | "openIntervalUs" | "interrupt" | "resume"
  >;
  /** Whether one more central may connect, and is wanted. */
  hasRoom(): boolean;
  /** A central has connected to the firmware's own advertisement. */
  onTaken(connection: Connection): void;
  /** See `Host.activate`. */
  activate(): Promise<void>;
  /** What the camera is called, UTF-8. */
  name(): Uint8Array;
  log(level: LogLevel, message: string): void;
}

export class UpdateWindow {
  private readonly port: WindowPort;
  private isOpen = false;
  private quietMs = QUIET_MS;
  private timer: Timer | undefined = undefined;
  private end: Timer | undefined = undefined;
  private set: AdvertisingSet | undefined = undefined;
  /** When the firmware's advertisement, which is `set`, began. */
  private setSince = 0;
  /** Since when nobody has been able to connect, as far as it counts; undefined while a link is enough. */
  private quietSince: number | undefined = undefined;
  /** Since when the application has on the air what everybody can connect to. */
  private openSince: number | undefined = undefined;
  /** Whether the firmware's latest turn was too short: the next one holds the air, whoever wants it. */
  private wasShort = false;
  /** Whether one advertisement has been let be that was young when the time was over. */
  private isSpared = false;
  /** Ends the interruption of the application's advertising. */
  private interruption: Timer | undefined = undefined;
  /** Why the latest start has failed; undefined when it has not. */
  private failure: string | undefined = undefined;

  constructor(port: WindowPort) {
    this.port = port;
  }

  /** @param durationMs until `close` when left out; then the firmware does not wait for an application either. */
  open(durationMs?: number): void {
    const { advertiser, clock } = this.port;
    this.isOpen = true;
    if (durationMs === undefined) this.quietMs = 0;
    else this.end = clock.setTimer(() => this.close(), durationMs);
    advertiser.onChanged = () => this.changed();
    this.changed();
  }

  close(): void {
    const { advertiser, clock } = this.port;
    this.isOpen = false;
    advertiser.onChanged = undefined;
    this.stopWaiting();
    if (this.end !== undefined) clock.clearTimer(this.end);
    this.end = undefined;
    this.lost(this.set);
  }

  /** Somebody advertises, connects or leaves. */
  changed(): void {
    const { advertiser, clock, hasRoom } = this.port;
    if (!this.isOpen || this.interruption !== undefined) return;
    this.look();
    if (this.set && !advertiser.hasFreeSet) this.yielded();
    if (!hasRoom()) this.quietSince = undefined;
    if (this.set || !hasRoom()) return this.stopWaiting();
    this.quietSince ??= clock.now();
    this.wait(this.quietSince + this.quietMs - clock.now());
  }

  /** Advertisements that end before anybody can connect, and those for few, do not begin the time anew. */
  private look(): void {
    const { advertiser, clock } = this.port;
    const { openIntervalUs } = advertiser;
    if (openIntervalUs !== undefined && isFindable(openIntervalUs)) this.openSince ??= clock.now();
    else {
      if (this.isReached) {
        this.quietSince = clock.now();
        this.isSpared = false;
        this.wasShort = false;
      }
      this.openSince = undefined;
    }
  }

  private get isReached(): boolean {
    return this.openSince !== undefined && this.port.clock.now() - this.openSince >= REACHED_MS;
  }

  /** The application has taken the air. A turn that was too short is made up for. */
  private yielded(): void {
    const { clock } = this.port;
    this.set = undefined;
    this.wasShort = clock.now() - this.setSince < INTERRUPTION_MS;
    this.quietSince = clock.now() + (this.wasShort ? AGAIN_MS - this.quietMs : 0);
  }

  private wait(ms: number): void {
    this.timer ??= this.port.clock.setTimer(
      () => {
        this.timer = undefined;
        void this.expire();
      },
      Math.max(ms, 0),
    );
  }

  private async expire(): Promise<void> {
    const { clock, hasRoom, log } = this.port;
    this.look();
    // The end of what everybody can connect to is reported.
    if (!this.isOpen || this.isReached || !hasRoom()) return;
    const leftMs = (this.quietSince ?? clock.now()) + this.quietMs - clock.now();
    if (leftMs > 0) return this.wait(leftMs);
    if (this.openSince !== undefined && !this.isSpared && !this.wasShort) {
      // Perhaps this one stays; the next ones are interrupted.
      this.isSpared = true;
      return this.wait(this.openSince + REACHED_MS - clock.now());
    }
    this.isSpared = false;
    this.openSince = undefined;
    try {
      await this.advertise();
    } catch (error) {
      // Whatever an application has done to what it shares with the firmware: the next turn may go well.
      const { set } = this;
      this.set = undefined;
      void this.handBack(set);
      this.quietSince = clock.now();
      this.wait(Math.max(this.quietMs, AGAIN_MS));
      log("warning", `update: the window fails: ${textOf(error)}`);
    }
  }

  /** Whether the controller advertises for the firmware when it is asked to: some cannot beside a link. */
  get canAdvertise(): boolean {
    return this.failure === undefined;
  }

  private stopWaiting(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  private async advertise(): Promise<void> {
    const { activate, advertiser, clock, log, name } = this.port;
    const owner: AdvertisingOwner = {
      onEnded: ({ by }) => this.lost(set, by === "connection"),
      take: (connection) => {
        this.port.onTaken(connection);
        return true;
      },
    };
    const isInterruption = !advertiser.hasFreeSet || this.wasShort;
    this.wasShort = false;
    const set = isInterruption ? advertiser.interrupt(owner) : advertiser.lend(owner);
    if (!set) throw new Error("the advertisement before has not ended");
    this.set = set;
    this.setSince = clock.now();
    if (isInterruption) this.interruption = clock.setTimer(() => this.lost(set), INTERRUPTION_MS);
    try {
      await activate();
      if (this.set !== set) return;
      const started = set.start({
        intervalUs: isInterruption ? SHORT_INTERVAL_US : INTERVAL_US,
        connectable: true,
        advData: serviceData(),
        respData: nameData(name()),
      });
      log(
        "info",
        "update: nobody can connect to the application; the camera advertises its management service",
      );
      await started;
      this.failure = undefined;
    } catch (error) {
      const failure = textOf(error);
      // It is tried again and again: once is enough.
      if (failure !== this.failure)
        log("info", `update: the management service is not advertised: ${failure}`);
      this.failure = failure;
      this.lost(set);
      this.quietSince = clock.now();
    }
  }

  /** The advertisement is over: a central connected, the radio is off, or the application has its turn again. */
  private lost(set: AdvertisingSet | undefined, isTaken = false): void {
    if (this.set !== set) return;
    // Whatever it was, not at once again.
    this.quietMs = Math.max(this.quietMs, AGAIN_MS);
    if (set !== undefined) this.yielded();
    if (isTaken) {
      this.wasShort = false;
      this.quietSince = this.port.clock.now();
    }
    void this.handBack(set);
    this.changed();
  }

  private async handBack(set: AdvertisingSet | undefined): Promise<void> {
    const { advertiser, clock, log } = this.port;
    const { interruption } = this;
    this.interruption = undefined;
    try {
      const released = set?.release();
      if (interruption !== undefined) clock.clearTimer(interruption);
      await released;
    } catch {
      // The controller is lost, and what it had on the air is, too; or it fails, and the application's turn comes all the same.
    }
    if (interruption === undefined) return;
    try {
      await advertiser.resume();
    } catch (error) {
      log("warning", `update: the application's advertising does not go on: ${textOf(error)}`);
    }
  }
}

/** Whether a phone that looks for the camera soon hears what everybody can connect to at this interval. */
export const isFindable = (intervalUs: number): boolean => intervalUs <= FINDABLE_INTERVAL_US;

function serviceData(): Uint8Array {
  const uuid = SERVICE_UUID.attBytes;
  return Uint8Array.from([2, AD_TYPE.FLAGS, FLAGS, 1 + uuid.length, AD_TYPE.COMPLETE_128_BIT_UUIDS, ...uuid]);
}

/** A name that does not fit is cut. */
function nameData(name: Uint8Array): Uint8Array {
  const room = ADVERTISING_DATA_LENGTH - 2;
  const isWhole = name.length <= room;
  const bytes = name.subarray(0, room);
  const type = isWhole ? AD_TYPE.COMPLETE_LOCAL_NAME : AD_TYPE.SHORTENED_LOCAL_NAME;
  return Uint8Array.from([1 + bytes.length, type, ...bytes]);
}
