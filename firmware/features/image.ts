/**
 * What this image has. The build puts the choice of the image's manifest in the place of this module
 * (tools/build/features.ts); as it stands here, it has everything.
 */

import { feature as central } from "./central.ts";
import { feature as channels } from "./channels.ts";
import { feature as client } from "./client.ts";
import { feature as cyw43 } from "./cyw43.ts";
import type { Image } from "./feature.ts";
import { feature as linkControl } from "./link-control.ts";
import { feature as lowLevel } from "./low-level.ts";
import { feature as power } from "./power.ts";
import { feature as scan } from "./scan.ts";
import { feature as security } from "./security.ts";
import { feature as update } from "./update.ts";

export const image = {
  manifest: "camera",
  features: [central, channels, client, cyw43, linkControl, lowLevel, power, scan, security, update],
  missing: [],
} satisfies Image;
