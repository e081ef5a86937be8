/** A pair whose camera is run through the module `bluetooth`: events are waited for. */
import type { Bluetooth } from "../../firmware/bluetooth/bluetooth.ts";
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import { ADV_DATA, createPair, INTERVAL_US, type Pair } from "./pair.ts";

type DataOf<E extends number> = Extract<IrqEvent, [event: E, data: unknown]>[1];

export interface LowLevelPair extends Pair {
  readonly bluetooth: Bluetooth;
  readonly ble: InstanceType<Bluetooth["BLE"]>;
  /** Every event so far. */
  readonly events: IrqEvent[];
  /** The data of the next event of this kind that was not waited for yet; of each kind, one waits at a time. */
  event<E extends IrqEvent[0]>(kind: E): Promise<DataOf<E>>;
  /** Advertises as the originals do. */
  advertise(): Promise<void>;
}

/** The events of one camera, to be waited for. */
export type Events = Pick<LowLevelPair, "ble" | "event" | "events">;

/** @param handle what the handler does besides; its return value is the handler's. */
export function createEvents(
  bluetooth: Bluetooth,
  handle: (...event: IrqEvent) => unknown = () => undefined,
): Events {
  const ble = new bluetooth.BLE();
  const events: IrqEvent[] = [];
  const fresh: IrqEvent[] = [];
  let waiting: (() => void)[] = [];
  ble.irq((...event) => {
    events.push(event);
    fresh.push(event);
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
    return handle(...event);
  });
  return {
    ble,
    events,
    async event<E extends IrqEvent[0]>(kind: E): Promise<DataOf<E>> {
      for (;;) {
        const at = fresh.findIndex(([candidate]) => candidate === kind);
        if (at >= 0) return fresh.splice(at, 1)[0]![1] as DataOf<E>;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

/** @param handle see `createEvents`. */
export function createLowLevelPair(handle?: (...event: IrqEvent) => unknown): LowLevelPair {
  const pair = createPair();
  const { bluetooth } = pair.camera;
  const events = createEvents(bluetooth, handle);
  return {
    ...pair,
    ...events,
    bluetooth,
    advertise: () => events.ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA }),
  };
}
