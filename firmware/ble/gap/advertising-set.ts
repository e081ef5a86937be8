/** An advertising set: what its owner wants on the air, and keeps there over losses of the controller. */

import type { LogLevel } from "../../platform/platform.ts";
import { isLoss } from "../errors.ts";
import { textOf } from "../text.ts";
import { ADVERTISING_DATA_LENGTH } from "./advertising-data.ts";
import type { Connection } from "./connection.ts";
import type { LegacyAdvertisement, LegacyAdvertising } from "./legacy-advertising.ts";

/** Range of Advertising_Interval: 20 ms to 10.24 s (Vol 4, Part E, 7.8.5). */
export const ADVERTISING_INTERVAL_MIN_US = 20_000;
export const ADVERTISING_INTERVAL_MAX_US = 10_240_000;
/** Shortest interval that a controller before 5.0 takes for advertising that nobody can connect to. */
export const SLOW_INTERVAL_MIN_US = 100_000;
/** How long high duty cycle directed advertising lasts (Vol 6, Part B, 4.4.2.4.3). */
export const HIGH_DUTY_MS = 1280;
/** Core 5.0 as HCI_Version (Assigned Numbers, 2.1). */
const VERSION_5_0 = 9;

/** A start during which the controller is lost is tried again when it is back: so often in all. */
export const START_ATTEMPTS = 3;

/** Advertising_Filter_Policy: the sum of these (Vol 4, Part E, 7.8.5). */
export const BONDED_ONLY = { SCAN: 0x01, CONNECT: 0x02 } as const;

export interface AdvertisingParameters {
  /** Microseconds, 20,000 to 10,240,000; rounded down to 625. */
  readonly intervalUs: number;
  readonly connectable: boolean;
  /** Only this device may connect; such packets carry no data. */
  readonly directedTo?: { readonly addressType: number; readonly address: Uint8Array };
  /** Directed advertising as fast as the controller can, whatever the interval, for `HIGH_DUTY_MS`. */
  readonly highDuty?: boolean;
  /** What only bonded devices may do: the sum of `BONDED_ONLY`; left out: nothing. */
  readonly bondedOnly?: number;
  /** At most 31 bytes each. */
  readonly advData: Uint8Array;
  readonly respData: Uint8Array;
}

/** Why an advertisement is over that its owner did not end. */
export type AdvertisingEnd =
  /** A central connected: `AdvertisingOwner.take` follows. */
  | { readonly by: "connection" }
  /** High duty cycle directed advertising had its time. */
  | { readonly by: "timeout" }
  /** The radio is off, or the controller refused to go on. */
  | { readonly by: "failure"; readonly error: unknown };

/** Who has acquired a set. */
export interface AdvertisingOwner {
  /** The advertisement is over. The set stays the owner's until it releases it. Not called for what `start` reports. */
  onEnded(end: AdvertisingEnd): void;
  /** A central connected to what a set of this owner has, or just had, on the air. False: nobody waits for it. */
  take(connection: Connection): boolean;
}

/** What a set is handed by the advertiser. */
export interface AdvertisingSetPort {
  readonly legacy: LegacyAdvertising<AdvertisingSet>;
  /** HCI_Version of the controller. */
  hciVersion(): number;
  /** Whether the controller runs. */
  isRunning(): boolean;
  /** Runs work on the air when all before it is done. */
  exclusive(work: () => Promise<void>): Promise<void>;
  log(level: LogLevel, message: string): void;
  /** A start was asked for. */
  onStart(parameters: AdvertisingParameters): void;
  /** The set is free. */
  onReleased(set: AdvertisingSet): void;
}

/** @throws RangeError when no controller takes this interval. */
export function checkInterval(intervalUs: number): void {
  if (!(intervalUs >= ADVERTISING_INTERVAL_MIN_US && intervalUs <= ADVERTISING_INTERVAL_MAX_US)) {
    throw new RangeError(
      `intervalUs ${intervalUs} is out of range: 20,000 (20 ms) to 10,240,000 (10.24 s) microseconds`,
    );
  }
}

/** A start that waits for the controller to be started again. */
interface WaitingStart {
  resolve(): void;
  reject(error: unknown): void;
}

export class AdvertisingSet implements LegacyAdvertisement {
  readonly owner: AdvertisingOwner;
  private readonly port: AdvertisingSetPort;
  private wanted: AdvertisingParameters | undefined = undefined;
  /** Counts starts and ends: what waits for its turn gives up when it is not the latest. */
  private turn = 0;
  private waiting: WaitingStart | undefined = undefined;
  /** Losses of the controller during a start, in a row. */
  private losses = 0;
  private released = false;

  /** For `Advertiser.acquire`. */
  constructor(port: AdvertisingSetPort, owner: AdvertisingOwner) {
    this.port = port;
    this.owner = owner;
  }

  /** What is on the air, or will be as soon as the controller runs and the commands on their way are through. */
  get parameters(): AdvertisingParameters | undefined {
    return this.wanted;
  }

  /** Whether the controller advertises, or will. */
  get advertising(): boolean {
    return this.wanted !== undefined;
  }

  /**
   * Sets parameters and data and switches advertising on, in place of what the set had on the air. Resolves when the
   * controller advertises, or another call took this one's place. When the controller is lost meanwhile it is started
   * again, and this goes on then, `START_ATTEMPTS` times in all.
   * @throws RangeError for an interval or data out of range, HciError when the controller refuses: with the code
   * `advertising-while-connected` when it cannot do so beside the links that are up, `too-many-connections` when it has
   * no room for another link; `radio-off` when the radio is switched off, and what ended it for good.
   */
  start(parameters: AdvertisingParameters): Promise<void> {
    this.check(parameters);
    this.supersede();
    this.wanted = parameters;
    this.losses = 0;
    this.port.onStart(parameters);
    return this.attempt(this.turn);
  }

  private async attempt(turn: number): Promise<void> {
    if (this.port.isRunning()) {
      try {
        await this.enable(turn);
        return;
      } catch (error) {
        if (turn !== this.turn) {
          if (isLoss(error)) return;
          throw error;
        }
        if (!isLoss(error) || ++this.losses >= START_ATTEMPTS) {
          this.wanted = undefined;
          throw error;
        }
      }
    }
    await new Promise<void>((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  private async enable(turn: number): Promise<void> {
    const { exclusive, legacy } = this.port;
    await exclusive(async () => {
      if (turn === this.turn) await legacy.start(this, () => turn === this.turn);
    });
    if (turn === this.turn) this.losses = 0;
  }

  /** The controller was started again: goes on where it was. */
  async restart(): Promise<void> {
    if (!this.wanted) return;
    const { turn, waiting } = this;
    this.waiting = undefined;
    try {
      await this.enable(turn);
      waiting?.resolve();
    } catch (error) {
      if (turn !== this.turn) return waiting?.resolve();
      if (isLoss(error) && ++this.losses < START_ATTEMPTS) this.waiting = waiting;
      else {
        this.port.log("warning", `host: the radio is back, but does not advertise again: ${textOf(error)}`);
        this.fail(error, waiting);
      }
    }
  }

  /**
   * Changes the data of the advertisement that runs. It stays on the air, unless it comes to have, or to lack, a scan
   * response that nobody may connect to: that is another Advertising_Type, for which it pauses for a moment. While the
   * controller is started again, the change waits for it.
   * @throws RangeError for more than 31 bytes, HciError when the controller refuses.
   */
  update(advData: Uint8Array, respData: Uint8Array): Promise<void> {
    const current = this.wanted;
    if (!current) return Promise.resolve();
    const parameters = { ...current, advData, respData };
    this.check(parameters);
    this.wanted = parameters;
    const { legacy, isRunning, exclusive } = this.port;
    if (!isRunning()) return Promise.resolve();
    const { turn } = this;
    return exclusive(async () => {
      if (this.wanted !== parameters) return; // Superseded, or over.
      if (legacy.isSameKind(parameters)) return legacy.setData(parameters);
      try {
        await legacy.start(this, () => turn === this.turn);
      } catch (error) {
        // A controller that is lost meanwhile goes on when it is back; one that refuses does not.
        if (turn === this.turn && !isLoss(error)) this.wanted = undefined;
        throw error;
      }
    });
  }

  /** Goes on with another interval, if the advertisement still runs. Throws as `start`. */
  slowDown(intervalUs: number): Promise<void> {
    return this.wanted ? this.start({ ...this.wanted, intervalUs }) : Promise.resolve();
  }

  /** Switches advertising off; done when the controller says so, or is lost. @throws HciError when it refuses. */
  async stop(): Promise<void> {
    this.supersede();
    const { exclusive, legacy } = this.port;
    try {
      await exclusive(async () => {
        if (legacy.latest === this) await legacy.stop();
      });
    } catch (error) {
      if (!isLoss(error)) throw error;
    }
  }

  /** Gives the set back, off the air. Throws as `stop`. */
  release(): Promise<void> {
    if (this.released) return Promise.resolve();
    this.released = true;
    const { legacy } = this.port;
    const stopped = this.wanted || legacy.latest === this ? this.stop() : Promise.resolve();
    this.port.onReleased(this);
    return stopped;
  }

  /** It is over, though its owner did not end it. */
  ended(end: AdvertisingEnd): void {
    const isWanted = this.wanted !== undefined;
    this.supersede();
    if (isWanted) this.owner.onEnded(end);
  }

  /** The radio is off: nothing goes on. */
  forget(error: unknown): void {
    const { waiting } = this;
    this.waiting = undefined;
    if (this.wanted) this.fail(error, waiting);
  }

  onRefused(error: unknown): void {
    this.fail(error, undefined);
  }

  private fail(error: unknown, waiting: WaitingStart | undefined): void {
    this.supersede();
    if (waiting) waiting.reject(error);
    else this.owner.onEnded({ by: "failure", error });
  }

  /** What was wanted is not any more. */
  private supersede(): void {
    this.wanted = undefined;
    this.turn++;
    this.waiting?.resolve();
    this.waiting = undefined;
  }

  private check(parameters: AdvertisingParameters): void {
    if (this.released) throw new Error("This advertising set has been released.");
    const { intervalUs, connectable, advData, respData } = parameters;
    checkInterval(intervalUs);
    if (!connectable && intervalUs < SLOW_INTERVAL_MIN_US && this.port.hciVersion() < VERSION_5_0) {
      throw new RangeError(
        `intervalUs ${intervalUs} is out of range: this controller needs 100,000 (100 ms) or more when not connectable`,
      );
    }
    for (const [name, data] of [
      ["advData", advData],
      ["respData", respData],
    ] as const) {
      if (data.length > ADVERTISING_DATA_LENGTH) {
        throw new RangeError(`${name} has ${data.length} bytes; an advertising packet holds 31`);
      }
    }
  }
}
