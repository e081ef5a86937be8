/** Binds the module `bluetooth` to a host. */
import type { Host } from "../ble/host.ts";
import { UUID } from "../ble/uuid.ts";

/** The names that an application imports from `bluetooth`. */
export function createBluetooth(_host: Host) {
  return { UUID };
}

/** Everything that `bluetooth` exports. */
export type Bluetooth = ReturnType<typeof createBluetooth>;
