/** `scan` of `aioble`: who advertises nearby. */

import type { Core } from "../aioble/core.ts";
import { Scan, type ScanOptions } from "../aioble/scan.ts";
import { ScanResult } from "../aioble/scan-result.ts";
import { Scanner } from "../ble/gap/scanner.ts";
import type { Feature } from "./feature.ts";

export const feature = {
  attach(host) {
    host.scanner = host.join(new Scanner(host.port));
  },
  aioble: (core: Core) => ({
    Scan,
    ScanResult,
    scan: (options: ScanOptions = {}) => new Scan(core, options),
  }),
} satisfies Feature;
