/** What a controller is at for a central (Vol 4, Part E, 7.8.27). */
import { CONNECTED, type StateFacts } from "./supported-states.ts";

/** Looking for a device to connect to. */
export const INITIATING: StateFacts = {
  name: "initiating",
  activity: {
    verb: "look for a device",
    present: "it looks for a device to connect to",
    end: "wait until that is over",
  },
  alone: 6,
  beside: {
    ...{ nonConnectableAdvertising: 16, scannableAdvertising: 17, connectableAdvertising: 32 },
    ...{ highDutyAdvertising: 33, lowDutyAdvertising: 34 },
    ...{ passiveScanning: 22, activeScanning: 23, peripheral: 41 },
  },
};

/** A link as its central. */
export const CENTRAL: StateFacts = {
  ...{ name: "central", activity: CONNECTED },
  beside: {
    ...{ nonConnectableAdvertising: 18, scannableAdvertising: 19, connectableAdvertising: 35 },
    ...{ highDutyAdvertising: 36, lowDutyAdvertising: 37 },
    ...{ passiveScanning: 24, activeScanning: 25, initiating: 28 },
  },
};
