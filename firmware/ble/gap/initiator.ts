/** Makes connections as a central, one after the other (Vol 4, Part E, 7.8.12; Vol 3, Part C, 9.3.8). */
import type { Clock, LogLevel, Timer } from "../../platform/platform.ts";
import { BleError, HciError, isLoss } from "../errors.ts";
import { leCreateConnection, leCreateConnectionCancel } from "../hci/commands/le-scanning.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS, statusText } from "../hci/status.ts";
import type { ListedDevice } from "./address.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";
import { type ParameterRange, toUnits } from "./parameter-range.ts";
import {
  excludedBy,
  isLink,
  isScanning,
  type LeState,
  type StateUser,
  type SupportedStates,
} from "./supported-states.ts";

/** What a connection is to be like, and how it is looked for. */
export interface ConnectParameters extends ParameterRange {
  /** How the radio listens for the device: 2,500 to 10,240,000 microseconds, the window at most the interval. */
  readonly scanIntervalUs: number;
  readonly scanWindowUs: number;
}

/** Unit of the scan's parameters (7.8.12). */
const SCAN_UNIT_US = 625;

/** A controller that has accepted a cancellation reports the end of the attempt at once; longer is never. */
const CANCEL_TIMEOUT_MS = 2000;

/** While others wait, an attempt that has been on the air for so long makes way for the next, and goes on after them. */
const TURN_MS = 2000;

/** Who waits for a connection. Exactly one of the two is called. */
export interface AttemptHandlers<C> {
  onConnected(connection: C): void;
  onFailed(error: unknown): void;
}

/** What the initiator is handed. */
export interface InitiatorPort {
  readonly hci: Hci;
  readonly clock: Clock;
  readonly addresses: OwnAddresses;
  readonly settings: { readonly addrMode: number };
  readonly states: SupportedStates;
  /** The scan, which makes way for a controller that cannot do both. */
  readonly scanner: Pick<AddressUser, "suspend" | "resume">;
  log(level: LogLevel, message: string): void;
}

/** One connection that is wanted. */
export class Attempt<C> {
  readonly target: ListedDevice;
  readonly parameters: ConnectParameters;
  readonly handlers: AttemptHandlers<C>;
  /** Nobody waits any more. */
  cancelled = false;

  /** For `Initiator`. */
  constructor(target: ListedDevice, parameters: ConnectParameters, handlers: AttemptHandlers<C>) {
    this.target = target;
    this.parameters = parameters;
    this.handlers = handlers;
  }
}

/** `C`: a connection, as the host keeps it. */
export class Initiator<C> implements AddressUser, StateUser {
  private own: OwnAddress = { type: 0 };
  private readonly port: InitiatorPort;
  /** The first is on the air, or on the way to it; a controller takes one at a time. */
  private readonly queue: Attempt<C>[] = [];
  /** The controller looks for the first. */
  private onAir = false;
  /** Called when the controller has reported the end of what was on the air. */
  private onReported: (() => void) | undefined = undefined;
  /** Off the air while the own address changes. */
  private suspended = false;
  private scanPaused = false;
  private isRunning = false;
  /** Ends the turn of the first while others wait. */
  private turn: Timer | undefined = undefined;
  /** Counts the sessions of the controller: what waits gives up when it is not in the latest. */
  private session = 0;

  constructor(port: InitiatorPort) {
    this.port = port;
    port.addresses.join(this);
    port.states.join(this);
  }

  /** The own address of the attempt that is, or was last, on the air. */
  get ownAddress(): OwnAddress {
    return this.port.addresses.onAir(this.own);
  }

  /** For `OwnAddresses`. */
  get isOnAir(): boolean {
    return this.onAir;
  }

  /** For `SupportedStates`. */
  get state(): LeState | undefined {
    return this.onAir ? "initiating" : undefined;
  }

  /** Looks for a device until it is found or cancelled, taking turns with the others that are looked for. */
  connect(target: ListedDevice, parameters: ConnectParameters, handlers: AttemptHandlers<C>): Attempt<C> {
    const attempt = new Attempt<C>(target, parameters, handlers);
    this.queue.push(attempt);
    if (this.queue.length === 1) this.next();
    else this.limitTurn();
    return attempt;
  }

  /** Gives an attempt up: neither of its handlers is called any more. Done when the controller looks for it no longer. */
  async cancel(attempt: Attempt<C>): Promise<void> {
    attempt.cancelled = true;
    if (attempt === this.queue[0]) {
      await this.port.addresses.exclusive(async () => {
        if (attempt === this.queue[0]) await this.leaveAir();
      });
    }
    this.finish(attempt);
  }

  /** A session of the controller begins: goes on with what is wanted. */
  begin(): void {
    this.isRunning = true;
    this.next();
  }

  /** The controller is lost: nothing is on the air. What is wanted stays so. */
  end(): void {
    this.session++;
    this.isRunning = false;
    this.reported();
    this.suspended = false;
    this.scanPaused = false;
  }

  /** The radio is off, for `error`. */
  forget(error: unknown): void {
    this.end();
    for (const attempt of this.queue.splice(0)) {
      if (!attempt.cancelled) attempt.handlers.onFailed(error);
    }
  }

  /**
   * The controller reports a link in the central role. Returns who waits for it; undefined when nobody does any more,
   * so that the link has to be ended.
   */
  connected(): Attempt<C> | undefined {
    const [attempt] = this.queue;
    const isWanted = attempt !== undefined && this.onAir && !attempt.cancelled;
    this.reported();
    if (!isWanted) return undefined;
    this.finish(attempt);
    return attempt;
  }

  /** LE Connection Complete with another status than 0, which may be about an attempt. */
  failed(status: number): void {
    const [attempt] = this.queue;
    if (!this.onAir || !attempt) return;
    this.reported();
    // Cancelled: by `cancel`, which finishes it, or for a change of the address, after which it goes on.
    if (status === HCI_STATUS.UNKNOWN_CONNECTION) return;
    this.fail(attempt, status);
  }

  /** For `OwnAddresses`: see `AddressUser`. */
  async suspend(): Promise<void> {
    if (!this.onAir) return;
    await this.leaveAir();
    this.suspended = true;
  }

  /** For `OwnAddresses`: see `AddressUser`. */
  async resume(): Promise<void> {
    const [attempt] = this.queue;
    if (!this.suspended) return;
    this.suspended = false;
    if (attempt && !attempt.cancelled && !this.onAir) await this.create(attempt).catch(this.refused(attempt));
  }

  private next(): void {
    const [attempt] = this.queue;
    if (!attempt || !this.isRunning || this.onAir) return;
    const { session } = this;
    const { addresses, settings } = this.port;
    addresses
      .exclusive(async () => {
        if (session !== this.session || attempt !== this.queue[0] || attempt.cancelled || this.onAir) return;
        this.own = addresses.forAdvertising(settings.addrMode, true);
        await addresses.apply(this.own, this);
        await this.create(attempt);
      })
      .catch(this.refused(attempt));
  }

  /** While others wait, the first has `TURN_MS`. */
  private limitTurn(): void {
    if (this.turn !== undefined || this.queue.length < 2 || !this.onAir) return;
    const [attempt] = this.queue;
    this.turn = this.port.clock.setTimer(() => {
      this.turn = undefined;
      this.pass(attempt!).catch(this.refused(attempt!));
    }, TURN_MS);
  }

  /** The first makes way for the next, unless it is found at the last moment. */
  private async pass(attempt: Attempt<C>): Promise<void> {
    await this.port.addresses.exclusive(async () => {
      const isFirst = (): boolean => attempt === this.queue[0] && !attempt.cancelled;
      if (!isFirst() || this.queue.length < 2) return;
      await this.leaveAir();
      if (isFirst() && this.isRunning) this.queue.push(this.queue.shift()!);
    });
    this.next();
  }

  private refused(attempt: Attempt<C>): (error: unknown) => void {
    return (error) => {
      // A controller that is lost goes on when it is back.
      if (isLoss(error) || attempt !== this.queue[0]) return;
      this.finish(attempt);
      if (!attempt.cancelled) attempt.handlers.onFailed(error);
    };
  }

  private async create(attempt: Attempt<C>): Promise<void> {
    const { addresses, hci, scanner } = this.port;
    const { parameters: wanted } = attempt;
    await this.makeWay();
    // A controller that resolves the device's addresses looks for its identity, and for no private address of it.
    const target = addresses.resolving?.find(attempt.target) ?? attempt.target;
    const { intervalMin, intervalMax, latency, timeout } = toUnits(wanted);
    const values = {
      leScanInterval: Math.floor(wanted.scanIntervalUs / SCAN_UNIT_US),
      leScanWindow: Math.floor(wanted.scanWindowUs / SCAN_UNIT_US),
      initiatorFilterPolicy: 0,
      peerAddressType: target.addressType,
      peerAddress: target.address,
      ownAddressType: this.own.type,
      connectionIntervalMin: intervalMin,
      connectionIntervalMax: intervalMax,
      maxLatency: latency,
      supervisionTimeout: timeout,
      minCeLength: 0,
      maxCeLength: 0,
    };
    // The event may come in the same turn as the answer.
    this.onAir = true;
    try {
      await hci.send(leCreateConnection, values);
    } catch (error) {
      this.onAir = false;
      const mayBeScan = error instanceof HciError && error.status === HCI_STATUS.COMMAND_DISALLOWED;
      if (!mayBeScan || this.scanPaused) throw error;
      // Not every controller scans and connects at a time.
      this.scanPaused = true;
      await scanner.suspend();
      await this.create(attempt);
    }
    this.limitTurn();
  }

  /**
   * Has the scan pause where the controller says that it cannot do both.
   * @throws BleError `connecting-while-connected` or `controller-busy` when it says that it cannot beside something else.
   */
  private async makeWay(): Promise<void> {
    const { scanner, states } = this.port;
    let other = await states.conflict("initiating");
    if (other && isScanning(other) && !this.scanPaused) {
      this.scanPaused = true;
      await scanner.suspend();
      other = await states.conflict("initiating");
    }
    if (!other) return;
    if (!isLink(other)) throw excludedBy("initiating", other);
    throw new BleError(
      "connecting-while-connected",
      `This Bluetooth controller cannot connect to a device while another is connected${other === "central" ? "" : " to it"}: wait until that leaves.`,
    );
  }

  /** Takes the attempt off the air; done when the controller has said so. */
  private async leaveAir(): Promise<void> {
    if (!this.onAir) return;
    const { clock, hci, log } = this.port;
    const reported = new Promise<void>((resolve) => {
      const timer = clock.setTimer(() => {
        log("warning", "gap: the controller did not report the end of an attempt to connect");
        this.reported();
      }, CANCEL_TIMEOUT_MS);
      this.onReported = () => {
        clock.clearTimer(timer);
        resolve();
      };
    });
    try {
      await hci.send(leCreateConnectionCancel, {});
    } catch (error) {
      if (!(error instanceof HciError)) throw error;
      // The link came up meanwhile: its report is on the way. A lost controller reports nothing more.
      if (error.status !== HCI_STATUS.COMMAND_DISALLOWED) this.reported();
    }
    await reported;
  }

  /** Nothing is on the air any more. */
  private reported(): void {
    this.onAir = false;
    if (this.turn !== undefined) this.port.clock.clearTimer(this.turn);
    this.turn = undefined;
    this.onReported?.();
    this.onReported = undefined;
  }

  private fail(attempt: Attempt<C>, status: number): void {
    this.finish(attempt);
    if (attempt.cancelled) return;
    const error =
      status === HCI_STATUS.CONNECTION_LIMIT_EXCEEDED
        ? new BleError("too-many-connections", "The Bluetooth controller has no room for another connection.")
        : new HciError(
            "controller-refused",
            `The Bluetooth controller gave the connection up: ${statusText(status)}.`,
            status,
          );
    attempt.handlers.onFailed(error);
  }

  /** An attempt is over. When it was the first, the scan goes on, and the next has its turn. */
  private finish(attempt: Attempt<C>): void {
    const place = this.queue.indexOf(attempt);
    if (place >= 0) this.queue.splice(place, 1);
    if (place !== 0) return;
    if (this.scanPaused) {
      this.scanPaused = false;
      void this.port.addresses.exclusive(() => this.port.scanner.resume());
    }
    this.next();
  }
}
