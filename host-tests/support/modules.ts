/** The public modules on a host, as the image with every feature has them. */
import type { Aioble } from "../../firmware/aioble/aioble.ts";
import type { Host } from "../../firmware/ble/host.ts";
import type { Bluetooth } from "../../firmware/bluetooth/bluetooth.ts";
import type { feature as channels } from "../../firmware/features/channels.ts";
import type { feature as client } from "../../firmware/features/client.ts";
import { image } from "../../firmware/features/image.ts";
import type { feature as linkControl } from "../../firmware/features/link-control.ts";
import { createModules } from "../../firmware/features/modules.ts";
import type { feature as scan } from "../../firmware/features/scan.ts";
import type { feature as security } from "../../firmware/features/security.ts";
import type { Signals } from "../../firmware/platform/platform.ts";
import type { Power } from "../../firmware/power/power.ts";

/** `aioble` with what the features add to it. */
export type WholeAioble = Aioble &
  ReturnType<(typeof client)["aioble"]> &
  ReturnType<(typeof linkControl)["aioble"]> &
  ReturnType<(typeof scan)["aioble"]> &
  ReturnType<(typeof channels)["aioble"]> &
  ReturnType<(typeof security)["aioble"]>;

/** The modules of a host. */
export interface WholeModules {
  readonly aioble: WholeAioble;
  readonly bluetooth: Bluetooth;
  readonly power: Power;
}

export const createWholeModules = (host: Host, signals: Signals): WholeModules =>
  createModules(host, signals, image) as unknown as WholeModules;
