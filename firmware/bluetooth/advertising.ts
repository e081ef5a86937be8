/** Advertising by numbers, for the class BLE. */
import { BleError } from "../ble/errors.ts";
import type { AdvertisingOwner, AdvertisingSet } from "../ble/gap/advertising-set.ts";
import { ownBytes } from "../ble/gatt/server/values.ts";
import type { Host } from "../ble/host.ts";
import { checkKeys, type OptionKeys } from "../ble/option-keys.ts";
import { textOf } from "../ble/text.ts";

/** What `gapAdvertise` sends. */
export interface GapAdvertiseOptions {
  /** Advertising data, at most 31 bytes; left out: that of the call before. */
  readonly advData?: Uint8Array | null;
  /** Scan response, at most 31 bytes; left out: that of the call before. */
  readonly respData?: Uint8Array | null;
  /** Whether centrals may connect; true by default. */
  readonly connectable?: boolean;
}

const KEYS: OptionKeys<GapAdvertiseOptions> = { advData: "any", respData: "any", connectable: "flag" };

const EMPTY = new Uint8Array(0);

export class LowLevelAdvertising {
  private readonly host: Host;
  private advData: Uint8Array = EMPTY;
  private respData: Uint8Array = EMPTY;
  /** Every connection is for the handler of `irq`. */
  private readonly owner: AdvertisingOwner = { onEnded: () => this.release(), take: () => true };
  /** The advertising set that is this module's. */
  private set: AdvertisingSet | undefined = undefined;
  /** Counts calls of `gapAdvertise`: one that waits for the radio gives way to the next. */
  private turn = 0;

  constructor(host: Host) {
    this.host = host;
  }

  /** See `BLE.gapAdvertise`. */
  start(intervalUs: number | null, options: GapAdvertiseOptions): Promise<void> {
    const { host } = this;
    checkKeys("gapAdvertise", options, KEYS);
    const advData = options.advData != null ? ownBytes(options.advData) : this.advData;
    const respData = options.respData != null ? ownBytes(options.respData) : this.respData;
    if (!this.set && !host.advertiser.hasFreeSet) throw aiobleAdvertises();
    const turn = ++this.turn;
    if (intervalUs === null) return this.releaseSet();
    if (!host.isSwitchedOn) throw new BleError("radio-off", "The radio is off: await active(true) before.");
    const { connectable = true } = options;
    if (connectable && host.connections.size >= host.maxConnections) {
      throw new BleError(
        "too-many-connections",
        `${host.maxConnections} devices are connected, which is all there is room for.`,
      );
    }
    const parameters = { intervalUs, connectable, advData, respData };
    const set = this.set ?? host.advertiser.acquire(this.owner);
    if (!set) throw aiobleAdvertises();
    this.set = set;
    try {
      const started = host.active
        ? set.start(parameters)
        : host.activate().then(() => {
            const isLatest = turn === this.turn && this.set === set;
            return isLatest ? set.start(parameters) : undefined;
          });
      this.advData = advData;
      this.respData = respData;
      return started.catch((error: unknown) => this.releaseUnused(turn, error));
    } catch (error) {
      return this.releaseUnused(turn, error);
    }
  }

  private async releaseSet(): Promise<void> {
    const { set } = this;
    this.set = undefined;
    await set?.release();
  }

  /** The call with this turn failed: the set is given back, unless it is on the air or another call needs it. */
  private releaseUnused(turn: number, error: unknown): never {
    if (turn === this.turn && !this.set?.advertising) this.release();
    throw error;
  }

  private release(): void {
    this.releaseSet().catch((error: unknown) => this.host.log("warning", `bluetooth: ${textOf(error)}`));
  }
}

function aiobleAdvertises(): BleError {
  return new BleError(
    "already-advertising",
    "aioble advertises: wait for its connection or end it by its signal.",
  );
}
