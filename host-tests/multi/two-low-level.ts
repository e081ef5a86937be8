/** Two cameras whose applications use the module `bluetooth`. */
import { UUID } from "../../firmware/ble/uuid.ts";
import {
  IRQ_GATTC_CHARACTERISTIC_DONE,
  IRQ_GATTC_CHARACTERISTIC_RESULT,
  IRQ_PERIPHERAL_CONNECT,
} from "../../firmware/bluetooth/constants.ts";
import type { IrqEvent } from "../../firmware/bluetooth/irq.ts";
import { createEvents, type Events } from "./low-level.ts";
import { ADV_DATA, INTERVAL_US } from "./pair.ts";
import { createTwoCameras, type TwoCameras } from "./two-cameras.ts";

/** Both sides of a multitest of the module `bluetooth`. */
export interface TwoLowLevel extends TwoCameras {
  /** The central's events, and the peripheral's. */
  readonly near: Events;
  readonly far: Events;
  /** The peripheral switches its radio on and advertises. */
  offer(): Promise<void>;
  /** The central switches its radio on and connects; returns the handle. */
  meet(): Promise<number>;
  /** What the central finds by a UUID: the handle of the value. */
  handleOf(conn: number, uuid: string): Promise<number>;
}

type Handle = (...event: IrqEvent) => unknown;

/** @param handle what the central's handler does besides, and the peripheral's. */
export function createTwoLowLevel(handle?: Handle, farHandle?: Handle): TwoLowLevel {
  const cameras = createTwoCameras();
  const near = createEvents(cameras.central.bluetooth, handle);
  const far = createEvents(cameras.peripheral.bluetooth, farHandle);
  return {
    ...cameras,
    near,
    far,
    async offer() {
      await far.ble.active(true);
      await far.ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
    },
    async meet() {
      await near.ble.active(true);
      near.ble.gapConnect(1, cameras.peripheral.host.ownAddress, 5000);
      const [conn] = await near.event(IRQ_PERIPHERAL_CONNECT);
      return conn;
    },
    async handleOf(conn, uuid) {
      near.ble.gattcDiscoverCharacteristics(conn, 1, 0xffff, new UUID(uuid));
      const [, , handle] = await near.event(IRQ_GATTC_CHARACTERISTIC_RESULT);
      await near.event(IRQ_GATTC_CHARACTERISTIC_DONE);
      return handle;
    },
  };
}
