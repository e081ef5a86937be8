/** A controller that refuses to advertise is asked again, where that may help. */
import { BleError, HciError } from "../ble/errors.ts";
import { HCI_STATUS } from "../ble/hci/status.ts";
import type { Timer } from "../platform/platform.ts";
import type { Core } from "./core.ts";

/** The first pause; each is twice the one before, up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;

/** After so many refusals in a row the controller is started again: what it takes itself for may be wrong. */
const RESTART_AFTER = 3;

/** The pause while the controller is at something beside which it cannot advertise. */
const BUSY_PAUSE_MS = 1000;

/** Refusals that say the same every time: the controller does not have what it is asked for. */
const LASTING: readonly number[] = [
  HCI_STATUS.UNKNOWN_COMMAND,
  HCI_STATUS.UNSUPPORTED_FEATURE,
  HCI_STATUS.INVALID_PARAMETERS,
];

/** The refusals that one call of `advertise`, `broadcast` or `connections` has met. */
export class Refusals {
  /** The latest, while nothing was on the air since. */
  standing: BleError | undefined = undefined;
  private readonly core: Core;
  private readonly isPatient: boolean;
  private inARow = 0;
  private timer: Timer = undefined;
  private resume: (() => void) | undefined = undefined;

  /** @param isPatient asks again whatever the refusal says. */
  constructor(core: Core, isPatient: boolean) {
    this.core = core;
    this.isPatient = isPatient;
  }

  /** Whether the error is a refusal after which the controller is asked again. That links are the reason is not. */
  mayPass(error: unknown): error is BleError {
    if (error instanceof BleError && error.code === "controller-busy") return this.isPatient;
    return (
      error instanceof HciError &&
      error.code === "controller-refused" &&
      (this.isPatient || !LASTING.includes(error.status))
    );
  }

  /** Waits until the controller is to be asked again, or until `cancel`. Has it started again every few refusals. */
  async pause(error: BleError): Promise<void> {
    const { clock, host } = this.core;
    this.standing = error;
    const isBusy = error.code === "controller-busy";
    const refusalMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.inARow, 10));
    if (!isBusy) this.inARow++;
    await new Promise<void>((resolve) => {
      this.resume = resolve;
      this.timer = clock.setTimer(
        () => {
          this.timer = undefined;
          // Those who are connected would lose their links by it.
          if (!isBusy && this.inARow % RESTART_AFTER === 0 && host.connections.size === 0) {
            host.restartController("The Bluetooth controller goes on refusing to advertise.");
          }
          resolve();
        },
        isBusy ? BUSY_PAUSE_MS : refusalMs,
      );
    });
    this.resume = undefined;
  }

  /** Ends the pause that runs: nobody wants to be on the air any more. */
  cancel(): void {
    if (this.timer !== undefined) this.core.clock.clearTimer(this.timer);
    this.timer = undefined;
    this.resume?.();
  }

  /** The controller advertises. */
  passed(): void {
    this.standing = undefined;
    this.inARow = 0;
  }
}
