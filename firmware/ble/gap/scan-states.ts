/** What a controller is at for a scan (Vol 4, Part E, 7.8.27). */
import type { Activity, StateFacts } from "./supported-states.ts";

const SCANNING: Activity = { verb: "scan", present: "it scans", end: "end the scan first" };

/** A scan that sends nothing. */
export const PASSIVE: StateFacts = {
  ...{ name: "passiveScanning", activity: SCANNING, alone: 4 },
  beside: {
    ...{ nonConnectableAdvertising: 8, scannableAdvertising: 9, connectableAdvertising: 10 },
    ...{ highDutyAdvertising: 11, lowDutyAdvertising: 30, peripheral: 26 },
  },
};

/** One that asks for scan responses. */
export const ACTIVE: StateFacts = {
  ...{ name: "activeScanning", activity: SCANNING, alone: 5 },
  beside: {
    ...{ nonConnectableAdvertising: 12, scannableAdvertising: 13, connectableAdvertising: 14 },
    ...{ highDutyAdvertising: 15, lowDutyAdvertising: 31, peripheral: 27 },
  },
};
