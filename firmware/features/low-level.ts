/** The class BLE of `bluetooth`: the radio by handles, flags and events, as MicroPython has it. */
import { createBluetooth } from "../bluetooth/bluetooth.ts";
import type { Feature } from "./feature.ts";

export const feature = { bluetooth: createBluetooth } satisfies Feature;
