/** Binds the module `bluetooth` to a host. */
import type { Host } from "../ble/host.ts";
import type { Setting } from "../ble/setting.ts";
import { UUID } from "../ble/uuid.ts";
import { BLE } from "./ble.ts";
import * as constants from "./constants.ts";

/** Bytes for events that wait, in MicroPython: here none waits, so it has no effect. */
const RXBUF_SETTING: Setting<"rxbuf"> = { name: "rxbuf", min: 16, max: 0xffff, initial: 128 };

/** The names that an application imports from `bluetooth`. See index.ts for what each means. */
export function createBluetooth(host: Host) {
  host.settingTable.declare(RXBUF_SETTING);
  const ble = new BLE(host);
  function TheBLE(): BLE {
    return ble;
  }
  TheBLE.prototype = BLE.prototype;
  return { ...constants, BLE: TheBLE as unknown as new () => BLE, UUID };
}

/** Everything that `bluetooth` exports. */
export type Bluetooth = ReturnType<typeof createBluetooth>;
