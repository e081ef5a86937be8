/**
 * The radio: starts the controller, starts it again when it is lost, and switches it off. From one start to the next
 * loss or end is a session; what the host knows of the controller belongs to it.
 */

import type { ControllerDriver } from "../controllers/driver.ts";
import type { Clock, LogLevel } from "../platform/platform.ts";
import type { EarlyStart, EarlyStartPort } from "./early-start.ts";
import { BleError, HciError, isControllerDefect, isLoss } from "./errors.ts";
import { leSetAdvertisingEnable } from "./hci/commands/le-advertising.ts";
import { disconnect } from "./hci/commands/link-control.ts";
import type { Hci } from "./hci/hci.ts";
import { type Controller, startController } from "./hci/startup.ts";
import { HCI_STATUS } from "./hci/status.ts";
import { errorText, textOf } from "./text.ts";

/**
 * Pauses before each attempt to start the controller, and before it is started again when it was lost soon after a start, one
 * time after the other: a burst of noise, or a supply that dips, is to be over before all attempts are used up.
 */
const START_PAUSES_MS = [0, 250, 2000];

/** A controller that is lost before it has run for so long was lost soon after its start. */
const STABLE_MS = 10_000;

/** How long peers have to acknowledge the end of their links when the radio is switched off. */
export const FAREWELL_MS = 1000;

/** What the radio is handed. */
export interface RadioPort {
  readonly hci: Hci;
  readonly clock: Clock;
  /** Switches the controller on and off; undefined for one that always is on. */
  readonly driver?: ControllerDriver | undefined;
  log(level: LogLevel, message: string): void;
}

/** Where the radio reports, in the order of a session. */
export interface RadioHandlers {
  /** The controller was reset and has reported its figures: commands that it gets before the radio counts as on. */
  onStarting(controller: Controller): Promise<void>;
  /** A session begins: the radio is on. */
  onStarted(controller: Controller): void;
  /** The session is over, for the controller is lost. The radio starts again, unless it is being switched off. */
  onLost(): void;
  /** The radio is on again after a loss: what was on the air goes on. */
  onRecovered(): void;
  /** The controller was lost and could not be started again: the radio is off. */
  onFailed(error: BleError): void;
  /** The radio is about to be switched off. */
  onStopping(): void;
  /** Ends links and leaves the air, in bounded time, while the controller still runs. Does not reject. */
  onLeaving(): Promise<void>;
  /** The session is over: the radio is off. */
  onStopped(): void;
  /** What there is to end before the radio goes without a word. */
  onAir(): { readonly isAdvertising: boolean; readonly links: readonly number[] };
}

export class Radio {
  private readonly port: RadioPort;
  private readonly handlers: RadioHandlers;
  private running: Controller | undefined = undefined;
  private activation: Promise<void> | undefined = undefined;
  private deactivation: Promise<void> | undefined = undefined;
  private departure: Promise<void> | undefined = undefined;
  /** Counts activations and deactivations: a start that is not the latest gives up. */
  private session = 0;
  /** A start of the controller that nobody has asked for yet. */
  private early: EarlyStart | undefined = undefined;
  /** Ends the pause that runs. */
  private endPause: (() => void) | undefined = undefined;
  /** When the session began. */
  private startedMs = 0;
  /** Losses in a row that came soon after a start. */
  private earlyLosses = 0;
  private lastFailure: BleError | undefined = undefined;

  constructor(port: RadioPort, handlers: RadioHandlers) {
    this.port = port;
    this.handlers = handlers;
  }

  /** Figures of the running controller; undefined while the radio is off. */
  get controller(): Controller | undefined {
    return this.running;
  }

  /** Whether the radio is on, or will be: it starts, also after a failure of the controller. */
  get isSwitchedOn(): boolean {
    return this.activation !== undefined;
  }

  /** See `Host.isOff`. */
  get isOff(): boolean {
    return this.activation === undefined && this.deactivation === undefined;
  }

  /** See `Host.startFailure`. */
  get startFailure(): BleError | undefined {
    return this.lastFailure;
  }

  /** See `Host.prepareRadio`. */
  prepare(begin: (port: EarlyStartPort) => EarlyStart): void {
    const { driver, ...port } = this.port;
    if (!driver || this.session > 0) return;
    this.early ??= begin({ ...port, driver });
  }

  /** Whether somebody has switched it on since the camera started. */
  get wasUsed(): boolean {
    return this.session > 0;
  }

  /** See `Host.activate`. */
  activate(): Promise<void> {
    return this.activateAfter(0);
  }

  private activateAfter(pauseMs: number): Promise<void> {
    if (!this.activation) {
      const session = ++this.session;
      this.lastFailure = undefined;
      const activation = (this.deactivation ?? Promise.resolve()).then(() => this.start(session, pauseMs));
      this.activation = activation;
      activation.catch(() => {
        if (this.activation === activation) this.activation = undefined;
      });
    }
    return this.activation;
  }

  /** See `Host.deactivate`. */
  deactivate(): Promise<void> {
    this.early?.cancel();
    if (this.activation) {
      this.activation = undefined;
      this.session++;
      if (!this.deactivation) {
        this.deactivation = this.shutDown().finally(() => {
          this.deactivation = undefined;
        });
      }
    }
    return this.deactivation ?? Promise.resolve();
  }

  /** See `Host.depart`. */
  depart(): Promise<void> {
    this.departure ??= this.leave();
    return this.departure;
  }

  /** Waits `delayMs`, or until `cancelPause`. There is one pause at a time. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { clock } = this.port;
      const end = (): void => {
        clock.clearTimer(timer);
        this.endPause = undefined;
        resolve();
      };
      const timer = clock.setTimer(end, delayMs);
      this.endPause = end;
    });
  }

  /** The radio is being switched off, and its links have ended: there is nothing left to wait for. */
  cancelPause(): void {
    if (this.deactivation) this.endPause?.();
  }

  /** The controller is lost, and HCI is closed. */
  recover(error: BleError): void {
    if (!this.running) return; // Still starting: start() sees the error itself.
    const { handlers, port } = this;
    if (this.deactivation) return handlers.onLost();
    const pauseMs = this.pauseAfterLoss();
    const when = pauseMs > 0 ? ` in ${pauseMs} ms` : "";
    port.log("error", `host: ${error.message} Starting the controller again${when}.`);
    this.running = undefined;
    this.activation = undefined;
    const activation = this.activateAfter(pauseMs);
    const session = this.session;
    handlers.onLost();
    activation.then(
      () => handlers.onRecovered(),
      (cause: unknown) => {
        if (session !== this.session) return;
        const lost = cause instanceof BleError ? cause : error;
        port.log("error", `host: the radio stays off: ${lost.message}`);
        handlers.onFailed(lost);
      },
    );
  }

  private pauseAfterLoss(): number {
    const isEarly = this.port.clock.now() - this.startedMs < STABLE_MS;
    this.earlyLosses = isEarly ? this.earlyLosses + 1 : 0;
    // The first one is taken for an accident.
    return START_PAUSES_MS[Math.min(Math.max(this.earlyLosses - 1, 0), START_PAUSES_MS.length - 1)]!;
  }

  private async start(session: number, firstPauseMs: number): Promise<void> {
    const { clock, driver, hci, log } = this.port;
    let last: unknown;
    for (const [attempt, startPauseMs] of START_PAUSES_MS.entries()) {
      const pauseMs = attempt === 0 ? firstPauseMs : startPauseMs;
      if (pauseMs > 0) await this.pause(pauseMs);
      if (session !== this.session) break;
      try {
        if (driver) await (this.early?.take() ?? driver.start(hci));
        else hci.open();
        const controller = await startController(hci, { minimal: attempt > 0 });
        await driver?.configure(hci);
        await this.handlers.onStarting(controller);
        if (session !== this.session) break;
        hci.run();
        this.running = controller;
        this.lastFailure = undefined;
        this.startedMs = clock.now();
        this.handlers.onStarted(controller);
        return;
      } catch (error) {
        if (session !== this.session) break;
        last = error;
        this.lastFailure = error instanceof BleError ? error : lossOf(error);
        hci.close(lossOf(error));
        // Without supply it discharges in the pause.
        driver?.stop();
        log("warning", `host: start of the controller failed (attempt ${attempt + 1}): ${errorText(error)}`);
        if (isControllerDefect(error)) break;
      }
    }
    if (session !== this.session) {
      throw new HciError("radio-off", "The radio was switched off before it had started.");
    }
    throw last;
  }

  private async shutDown(): Promise<void> {
    this.earlyLosses = 0;
    this.lastFailure = undefined;
    this.handlers.onStopping();
    if (this.running) await this.handlers.onLeaving();
    this.endPause?.();
    const { driver, hci } = this.port;
    // What loses its supply needs no Reset, and in the middle of a start it would answer none.
    if (driver) {
      hci.close();
      driver.stop();
    } else await hci.retire();
    this.running = undefined;
    this.handlers.onStopped();
  }

  private async leave(): Promise<void> {
    const { driver, hci } = this.port;
    this.early?.cancel();
    await this.deactivation;
    const { isAdvertising, links } = this.handlers.onAir();
    let left = links.length;
    hci.silence(() => {
      if (--left === 0) this.endPause?.();
    });
    if (this.running) {
      // What the controller refuses is over already; one that does not answer is off as far as this host knows.
      const ignore = (): void => undefined;
      if (isAdvertising) hci.sendLast(leSetAdvertisingEnable, { advertisingEnable: 0 }).catch(ignore);
      for (const connectionHandle of links)
        hci.sendLast(disconnect, { connectionHandle, reason: HCI_STATUS.REMOTE_POWER_OFF }).catch(ignore);
      if (left > 0) await this.pause(FAREWELL_MS);
      await hci.retire();
    } else hci.close();
    driver?.stop();
  }
}

/** What an application hears that asks for something between two attempts to start the controller. */
function lossOf(error: unknown): HciError {
  if (error instanceof HciError && isLoss(error)) return error;
  return new HciError("controller-lost", `The Bluetooth controller could not be started: ${textOf(error)}`);
}
