/**
 * The firmware's own window: for five minutes after each start but a wake from deep sleep, and for ever in recovery, the camera
 * advertises its management service whenever its application has left it unreachable for a while. So no application that
 * never advertises, or has stopped, keeps a camera from being updated.
 */

import type { Advertiser } from "../ble/gap/advertiser.ts";
import { AD_TYPE, ADVERTISING_DATA_LENGTH } from "../ble/gap/advertising-data.ts";
import type { AdvertisingSet } from "../ble/gap/advertising-set.ts";
import { textOf } from "../ble/text.ts";
import { UUID } from "../ble/uuid.ts";
import type { Clock, LogLevel, Timer } from "../platform/platform.ts";
import { SERVICE_UUID } from "./service.ts";

/** How long the window is open. */
export const WINDOW_MS = 5 * 60_000;

/** How long nobody must have been able to connect before the firmware advertises. */
export const QUIET_MS = 10_000;

/** From one advertisement to the next. */
const INTERVAL_US = 250_000;

/** General Discoverable Mode, no BR/EDR (CSS, Part A, 1.3). */
const FLAGS = 0x06;

/** What the window is handed. */
export interface WindowPort {
  readonly clock: Clock;
  readonly advertiser: Pick<Advertiser, "lend" | "onAcquired" | "hasFreeSet">;
  /** Whether a central is connected: it can reach the management service. */
  isConnected(): boolean;
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

  constructor(port: WindowPort) {
    this.port = port;
  }

  /** @param durationMs until `close` when left out; then the firmware does not wait for an application either. */
  open(durationMs?: number): void {
    const { advertiser, clock } = this.port;
    this.isOpen = true;
    if (durationMs === undefined) this.quietMs = 0;
    else this.end = clock.setTimer(() => this.close(), durationMs);
    advertiser.onAcquired = () => this.changed();
    this.changed();
  }

  close(): void {
    const { advertiser, clock, log } = this.port;
    this.isOpen = false;
    advertiser.onAcquired = undefined;
    this.stopWaiting();
    if (this.end !== undefined) clock.clearTimer(this.end);
    this.end = undefined;
    const { set } = this;
    this.set = undefined;
    set?.release().catch((error: unknown) => log("warning", `update: ${textOf(error)}`));
  }

  /** Somebody advertises, connects or leaves. */
  changed(): void {
    const { advertiser, clock } = this.port;
    if (!this.isOpen) return;
    if (!advertiser.hasFreeSet) this.set = undefined;
    if (this.set || !advertiser.hasFreeSet || this.port.isConnected()) return this.stopWaiting();
    this.timer ??= clock.setTimer(() => {
      this.timer = undefined;
      void this.advertise();
    }, this.quietMs);
  }

  private stopWaiting(): void {
    if (this.timer !== undefined) this.port.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  private async advertise(): Promise<void> {
    const { activate, advertiser, log, name } = this.port;
    const set = advertiser.lend({
      onEnded: () => this.lost(set),
      take: () => true,
    });
    if (!set) return;
    this.set = set;
    try {
      await activate();
      if (this.set !== set) return;
      const started = set.start({
        intervalUs: INTERVAL_US,
        connectable: true,
        advData: serviceData(),
        respData: nameData(name()),
      });
      log(
        "info",
        "update: nobody can connect to the application; the camera advertises its management service",
      );
      await started;
    } catch (error) {
      log("info", `update: the management service is not advertised: ${textOf(error)}`);
      this.lost(set);
    }
  }

  /** The advertisement is over, and not by us: a central connected, or the radio is off. */
  private lost(set: AdvertisingSet | undefined): void {
    if (this.set !== set) return;
    this.set = undefined;
    set?.release().catch(() => undefined);
    // Whatever it was, not at once again.
    this.quietMs = Math.max(this.quietMs, 1000);
    this.changed();
  }
}

function serviceData(): Uint8Array {
  const uuid = new UUID(SERVICE_UUID).attBytes;
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
