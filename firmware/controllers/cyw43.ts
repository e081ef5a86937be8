/**
 * Brings up controllers of the Cypress/Infineon CYW43 family over H4: they wake at 115,200 baud with a ROM that needs
 * the vendor's patch, restart when it is launched, and keep nothing without supply.
 */
import { BleError, HciError } from "../ble/errors.ts";
import { reset } from "../ble/hci/commands/baseband.ts";
import type { Hci } from "../ble/hci/hci.ts";
import { textOf } from "../ble/text.ts";
import type { Clock, HciTransport, LogLevel, PatchSource, RadioLines } from "../platform/platform.ts";
import {
  downloadMinidriver,
  launchRam,
  setSleepModeParameters,
  updateBaudRate,
  writeBdAddr,
  writeRam,
} from "./cyw43-commands.ts";
import type { ControllerDriver } from "./driver.ts";
import { ADDRESS_BYTES, addressAt, checkPatch, parametersAt } from "./patch.ts";
import { PatchRecords } from "./patch-records.ts";
import { WakeLine } from "./wake-line.ts";

/** The rate after power-on and after a launch. */
const START_BAUD = 115_200;

/** A controller without supply forgets what it had after this long, with some reserve. */
const OFF_MS = 100;

/** From supply to CTS: its power-on reset may take 110 ms. */
const POWER_UP_LIMIT_MS = 500;

/** From launch to CTS: the pause in which the controller is not looked at, and the limit. */
const LAUNCH_PAUSE_MS = 10;
const LAUNCH_LIMIT_MS = 400;

/** How long an answer may take; the slowest record is over in a tenth of it. */
const ANSWER_LIMIT_MS = 500;

/** How far from the wanted rate the UART may be: an asynchronous receiver bears no more. */
const BAUD_TOLERANCE = 0.02;

/** Idle times of the sleep mode, in units of 300 ms. */
const IDLE_THRESHOLD = 1;

/** What the driver is handed. */
export interface Cyw43Port {
  readonly transport: HciTransport;
  readonly lines: RadioLines;
  readonly clock: Clock;
  log(level: LogLevel, message: string): void;
}

export class Cyw43 implements ControllerDriver {
  readonly transport: WakeLine;
  private readonly port: Cyw43Port;
  /** When the supply was taken away; undefined while that is not known to this driver. */
  private offAtMs: number | undefined = undefined;
  /** Counts starts and stops: a start that is not the latest gives up. */
  private session = 0;
  /** The line's rate. */
  private baudRate = START_BAUD;
  /** Looks whether the wait for CTS that runs is over. */
  private look: (() => void) | undefined = undefined;

  constructor(port: Cyw43Port) {
    this.port = port;
    this.transport = new WakeLine(port.transport, port.lines, port.clock);
    port.lines.watchReady(() => this.look?.());
  }

  async start(hci: Hci, offForMs = 0): Promise<void> {
    const { clock, lines, log } = this.port;
    const { downloadBaud, runBaud } = lines;
    const patch = lines.patch();
    if (!patch) {
      throw new HciError(
        "patch-missing",
        "This board keeps no patch for its Bluetooth controller: build with --patch FILE, or write one into its area of flash.",
      );
    }
    const { records, bytes } = checkPatch(patch);
    this.begin();
    const startedMs = clock.now();
    await this.powerUp(offForMs);
    hci.open();
    await hci.sendSetup(reset, {}, ANSWER_LIMIT_MS);
    await this.changeRate(hci, downloadBaud);
    await hci.sendSetup(downloadMinidriver, {}, ANSWER_LIMIT_MS);
    await this.download(hci, patch, records);
    await this.restart(hci);
    await this.changeRate(hci, runBaud);
    const tookMs = Math.round(clock.now() - startedMs);
    log("info", `cyw43: ready after ${tookMs} ms, with a patch of ${records} records, ${bytes} bytes`);
  }

  get publicAddress(): Uint8Array | undefined {
    return this.port.lines.publicAddress;
  }

  checkPublicAddress(): void {
    if (this.publicAddress) return;
    throw new BleError(
      "public-address-missing",
      "config: addrMode 0 needs a public address, and none was assigned to this camera: the Bluetooth controller's own may be that of many.",
    );
  }

  async configure(hci: Hci): Promise<void> {
    const { publicAddress } = this;
    if (publicAddress) await hci.sendSetup(writeBdAddr, { bdAddr: publicAddress });
    // Reset ends the sleep mode. Both wake lines are active when low.
    await hci.sendSetup(setSleepModeParameters, {
      sleepMode: 1,
      hostIdleThreshold: IDLE_THRESHOLD,
      controllerIdleThreshold: IDLE_THRESHOLD,
      devWakePolarity: 0,
      hostWakePolarity: 0,
      allowHostSleepDuringSco: 0,
      combineSleepModeAndLpm: 1,
      tristateTxWhileAsleep: 0,
      usb: new Uint8Array(3),
      pulsedHostWake: 0,
    });
    this.transport.release();
  }

  stop(): void {
    this.begin();
    this.transport.pin();
    this.cut();
  }

  /** Ends what an earlier start still waits for. */
  private begin(): void {
    this.session++;
    this.look?.();
  }

  private cut(): void {
    this.port.lines.power(false);
    this.offAtMs = this.port.clock.now();
  }

  /** From cold, whatever the controller did before: waits until it takes bytes. */
  private async powerUp(offBeforeMs: number): Promise<void> {
    const { clock, lines } = this.port;
    this.transport.pin();
    const isFirst = this.offAtMs === undefined;
    if (isFirst) this.cut();
    const offForMs = clock.now() - this.offAtMs! + (isFirst ? offBeforeMs : 0);
    if (offForMs < OFF_MS) await this.pause(OFF_MS - offForMs);
    this.setRate(START_BAUD);
    lines.power(true);
    this.offAtMs = undefined;
    if (!(await this.becomesReady(POWER_UP_LIMIT_MS))) {
      throw new HciError(
        "controller-not-ready",
        `The Bluetooth controller did not ask for bytes within ${POWER_UP_LIMIT_MS} ms of its supply: check REG_ON, its supply and CTS.`,
      );
    }
  }

  /** The controller changes behind its answer, which comes at the old rate. */
  private async changeRate(hci: Hci, baudRate: number): Promise<void> {
    if (baudRate === this.baudRate) return;
    await hci.sendSetup(updateBaudRate, { encodedBaudRate: new Uint8Array(2), baudRate }, ANSWER_LIMIT_MS);
    this.setRate(baudRate);
    try {
      await hci.sendSetup(reset, {}, ANSWER_LIMIT_MS);
    } catch (cause) {
      if (isSwitchedOff(cause)) throw cause;
      throw new HciError(
        "controller-baud-rate",
        `The Bluetooth controller was not understood at ${baudRate} baud: check what the UART's clock can make of that rate. (${textOf(cause)})`,
      );
    }
  }

  private setRate(baudRate: number): void {
    const achieved = this.port.lines.setBaudRate(baudRate);
    if (Math.abs(achieved / baudRate - 1) > BAUD_TOLERANCE) {
      throw new HciError(
        "controller-baud-rate",
        `The UART makes ${achieved} baud of ${baudRate}, which the Bluetooth controller cannot follow: choose another rate in board.json.`,
      );
    }
    this.baudRate = baudRate;
  }

  /** Sends the records in order, one at a time; the last of them is the launch. */
  private async download(hci: Hci, patch: PatchSource, count: number): Promise<void> {
    const records = new PatchRecords(writeRam, patch, count - 1);
    try {
      await hci.sendSeries(records, ANSWER_LIMIT_MS);
      const addressAndData = parametersAt(patch, records.offset);
      await hci.sendSetup(launchRam, { addressAndData }, ANSWER_LIMIT_MS);
    } catch (cause) {
      if (isSwitchedOff(cause)) throw cause;
      const { number, offset } = records;
      const address = addressAt(patch, offset).toString(16);
      const what = `record ${number} of its patch, at byte ${offset}, address 0x${address.padStart(ADDRESS_BYTES * 2, "0")}`;
      throw new HciError(
        "patch-refused",
        `The Bluetooth controller did not take ${what}: the patch is for another controller, or the line loses bytes. (${textOf(cause)})`,
        cause instanceof HciError ? cause.status : 0,
      );
    }
  }

  /** The patched controller starts at the first rate again. */
  private async restart(hci: Hci): Promise<void> {
    this.setRate(START_BAUD);
    // Nothing passes until CTS: without an open line the board may stop its clocks.
    hci.close();
    await this.pause(LAUNCH_PAUSE_MS);
    const isReady = await this.becomesReady(LAUNCH_LIMIT_MS);
    try {
      if (!isReady)
        throw new HciError("controller-not-ready", `CTS was not low ${LAUNCH_LIMIT_MS} ms later.`);
      hci.open();
      await hci.sendSetup(reset, {}, ANSWER_LIMIT_MS);
    } catch (cause) {
      if (isSwitchedOff(cause)) throw cause;
      throw new HciError(
        "patch-failed",
        `The Bluetooth controller did not come back with its patch: the patch is for another controller. (${textOf(cause)})`,
        cause instanceof HciError ? cause.status : 0,
      );
    }
  }

  /** Waits for CTS, which the board reports. @throws HciError as `pause`. */
  private async becomesReady(limitMs: number): Promise<boolean> {
    const { clock, lines } = this.port;
    const { session } = this;
    if (!lines.isReady()) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clock.clearTimer(timer);
          this.look = undefined;
          resolve();
        };
        const timer = clock.setTimer(end, limitMs);
        this.look = () => {
          if (lines.isReady() || session !== this.session) end();
        };
      });
    }
    this.checkSession(session);
    return lines.isReady();
  }

  /** @throws HciError `radio-off` when the driver was stopped, or started anew, meanwhile. */
  private async pause(delayMs: number): Promise<void> {
    const { session } = this;
    await new Promise<void>((resolve) => this.port.clock.setTimer(resolve, delayMs));
    this.checkSession(session);
  }

  private checkSession(session: number): void {
    if (session !== this.session) {
      throw new HciError("radio-off", "The radio was switched off before it had started.");
    }
  }
}

/** A radio that was switched off meanwhile is no failure of the step. */
function isSwitchedOff(cause: unknown): boolean {
  return cause instanceof HciError && cause.code === "radio-off";
}
