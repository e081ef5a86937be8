/** What a vendor's controller wants before it speaks HCI. Another vendor is another file beside cyw43.ts. */
import type { Hci } from "../ble/hci/hci.ts";
import type { HciTransport } from "../platform/platform.ts";

/** Switches one make of controller on and off. */
export interface ControllerDriver {
  /** The line to the controller, which HCI opens: the driver sees what passes. */
  readonly transport: HciTransport;
  /**
   * The public address that was assigned to this device, six bytes in printed order; undefined: none was, and the one that the
   * controller has by itself may be that of many.
   */
  readonly publicAddress?: Uint8Array | undefined;
  /** @throws BleError `public-address-missing` where none was. */
  checkPublicAddress?(): void;
  /**
   * Supplies the controller from cold, and leaves the line open, at the rate of the run, with a controller that has
   * answered Reset. May be called again at any time: it starts over.
   * @param offForMs how long the controller has been without supply for certain; 0 when nothing is known of it
   * @throws HciError with one of the codes of docs/errors.md that say which step failed.
   */
  start(hci: Hci, offForMs?: number): Promise<void>;
  /** What Reset undid: sent behind the last Reset of a start, before the radio counts as on. @throws HciError as `Hci.sendSetup`. */
  configure(hci: Hci): Promise<void>;
  /** Takes the supply away. The line is closed already. */
  stop(): void;
}
