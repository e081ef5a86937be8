/** Binds the module `bluetooth` to a host. */
import type { Host } from "../ble/host.ts";
import { UUID } from "../ble/uuid.ts";
import { BLE } from "./ble.ts";
import * as constants from "./constants.ts";

/** The names that an application imports from `bluetooth`. See index.ts for what each means. */
export function createBluetooth(host: Host) {
  const ble = new BLE(host);
  function TheBLE(): BLE {
    return ble;
  }
  TheBLE.prototype = BLE.prototype;
  return { ...constants, BLE: TheBLE as unknown as new () => BLE, UUID };
}

/** Everything that `bluetooth` exports. */
export type Bluetooth = ReturnType<typeof createBluetooth>;
