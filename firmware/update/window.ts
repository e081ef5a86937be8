/**
 * The firmware's own window: for five minutes after each start but a wake from deep sleep, and for ever in recovery, the camera
 * advertises its management service whenever its application has left it unreachable for a while: it advertises nothing, or
 * broadcasts what nobody can connect to, which is then interrupted for a moment again and again. Beside a link too, while its port
 * says that there is room: who is connected need not be who manages the camera.
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

/** How long a broadcast is interrupted, each time that it has been on the air for `QUIET_MS`. */
export const INTERRUPTION_MS = 2000;

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
    "lend" | "onAcquired" | "hasFreeSet" | "isBroadcast" | "interrupt" | "resume"
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
  /** Ends the interruption of a broadcast. */
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
    advertiser.onAcquired = () => {
      this.stopWaiting();
      this.changed();
    };
    this.changed();
  }

  close(): void {
    const { advertiser, clock } = this.port;
    this.isOpen = false;
    advertiser.onAcquired = undefined;
    this.stopWaiting();
    if (this.end !== undefined) clock.clearTimer(this.end);
    this.end = undefined;
    this.lost(this.set);
  }

  /** Somebody advertises, connects or leaves. */
  changed(): void {
    const { advertiser, clock } = this.port;
    if (!this.isOpen || this.interruption !== undefined) return;
    if (!advertiser.hasFreeSet) this.set = undefined;
    if (this.set || !this.port.hasRoom()) return this.stopWaiting();
    // What was acquired says only when it starts what it is for: it is looked at when the time is over.
    this.timer ??= clock.setTimer(() => {
      this.timer = undefined;
      void this.advertise();
    }, this.quietMs);
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
      onEnded: () => this.lost(set),
      take: (connection) => {
        this.port.onTaken(connection);
        return true;
      },
    };
    const isInterruption = advertiser.isBroadcast;
    const set = isInterruption ? advertiser.interrupt(owner) : advertiser.lend(owner);
    if (!set) return;
    this.set = set;
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
    }
  }

  /** The advertisement is over: a central connected, the radio is off, or the broadcast has its turn again. */
  private lost(set: AdvertisingSet | undefined): void {
    if (this.set !== set) return;
    const { advertiser, clock, log } = this.port;
    this.set = undefined;
    const released = set?.release().catch(() => undefined);
    if (this.interruption !== undefined) {
      clock.clearTimer(this.interruption);
      this.interruption = undefined;
      void released
        ?.then(() => advertiser.resume())
        .catch((error: unknown) => log("warning", `update: the broadcast does not go on: ${textOf(error)}`));
    }
    // Whatever it was, not at once again.
    this.quietMs = Math.max(this.quietMs, 1000);
    this.changed();
  }
}

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
