/**
 * The module `bluetooth` as an application sees it. On the camera its names are bound to the host that runs the
 * application (bluetooth.ts); this file declares them for TypeScript.
 */
import type { BLE as TheBLE } from "./ble.ts";

export type { Config, ConfigFunction, ReadOnlyConfig } from "../ble/config.ts";
export type { Value } from "../ble/gatt/server/values.ts";
export { UUID } from "../ble/uuid.ts";
export type { GapAdvertiseOptions } from "./advertising.ts";
export * from "./constants.ts";
export type { IrqEvent, IrqHandler } from "./irq.ts";
export type { CharacteristicTuple, DescriptorTuple, ServiceTuple } from "./services.ts";

/** The low-level view of the camera's radio. It works beside `aioble`, on the same radio and the same services. */
export type BLE = TheBLE;
/** `new BLE()` returns the same object each time. */
export declare const BLE: new () => TheBLE;
