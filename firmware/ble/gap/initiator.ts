/** Makes connections as a central, one after the other (Vol 4, Part E, 7.8.12; Vol 3, Part C, 9.3.8). */
import type { Clock, LogLevel, Timer } from "../../platform/platform.ts";
import { BleError, HciError, isLoss } from "../errors.ts";
import { leCreateConnection, leCreateConnectionCancel } from "../hci/commands/le-scanning.ts";
import type { Hci } from "../hci/hci.ts";
import { HCI_STATUS } from "../hci/status.ts";
import { ADDRESS_TYPE, type ListedDevice, sameDevice } from "./address.ts";
import { Attempt, type AttemptHandlers, type ConnectParameters, failureOf } from "./attempt.ts";
import { CENTRAL, INITIATING } from "./central-states.ts";
import type { AddressUser, OwnAddress, OwnAddresses } from "./own-address.ts";
import { toUnits } from "./parameter-range.ts";
import { PeerSearch } from "./peer-search.ts";
import type { PeerIdentities } from "./scan-filter.ts";
import { SCAN_UNIT_US } from "./scan-parameters.ts";
import type { Scanner } from "./scanner.ts";
import {
  excludedBy,
  isLink,
  isScanning,
  type StateFacts,
  type StateUser,
  type SupportedStates,
} from "./supported-states.ts";

/** A controller that has accepted a cancellation reports the end of the attempt at once; longer is never. */
const CANCEL_TIMEOUT_MS = 2000;

/** After so long a controller is asked again that has a link to the device yet. */
const REPEAT_MS = 250;

/** While others wait, an attempt that has been on the air for so long makes way for the next, and goes on after them. */
const TURN_MS = 2000;

/** What the initiator is handed. */
export interface InitiatorPort {
  readonly hci: Hci;
  readonly clock: Clock;
  readonly addresses: OwnAddresses;
  readonly settings: { readonly addrMode: number };
  readonly states: SupportedStates;
  readonly peers: PeerIdentities;
  /** Whether the running controller has this bit of LE_Features. */
  hasFeature(bit: number): boolean;
  /**
   * Makes way for a controller that cannot do both, and hears where a device is that has private addresses; undefined in an
   * image without the feature `scan`.
   */
  scanner(): Pick<Scanner, "suspend" | "resume" | "beginSearch" | "endSearch"> | undefined;
  log(level: LogLevel, message: string): void;
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
  private readonly search: PeerSearch;
  /** Has the first be heard anew, and since when the controller looks for the address that it was heard under. */
  private patience: { readonly timer: Timer; readonly sinceMs: number } | undefined = undefined;
  /** Counts the sessions of the controller: what waits gives up when it is not in the latest. */
  private session = 0;

  constructor(port: InitiatorPort) {
    this.port = port;
    this.search = new PeerSearch(port);
    port.addresses.join(this);
    port.states.join(this);
    port.states.central = CENTRAL;
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
  get state(): StateFacts | undefined {
    return this.onAir ? INITIATING : undefined;
  }

  /**
   * Looks for a device until it is found or cancelled, taking turns with the others that are looked for.
   * @param device its identity, or an address that it was heard under
   */
  connect(device: ListedDevice, parameters: ConnectParameters, handlers: AttemptHandlers<C>): Attempt<C> {
    const target = this.port.peers.identityOf(device);
    const heard = sameDevice(target, device) ? undefined : { device };
    const attempt = new Attempt<C>(target, heard, parameters, handlers);
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
    this.search.forget();
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
    if (status === HCI_STATUS.UNKNOWN_CONNECTION || this.repeats(attempt, status)) return;
    this.fail(attempt, status);
  }

  /** Whether the controller is asked again, after those that wait. */
  private repeats(attempt: Attempt<C>, status: number): boolean {
    const { clock } = this.port;
    if (attempt.cancelled || !attempt.mayBeRepeated(status, clock.now())) return false;
    this.queue.push(this.queue.shift()!);
    clock.setTimer(() => this.next(), REPEAT_MS);
    return true;
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
    if (!attempt || attempt.cancelled || this.onAir) return;
    // Under another own address, or with a scan: neither is for now.
    if (attempt.heard?.own || this.mustBeHeard(attempt)) return this.next();
    await this.create(attempt).catch(this.refused(attempt));
  }

  private next(): void {
    const [attempt] = this.queue;
    if (!attempt || !this.isRunning || this.isLooking) return;
    this.whenFirst(attempt, async () => {
      if (!this.isLooking) await this.look(attempt);
    });
  }

  /** Does what is for this attempt, when the work on the air before is done and the attempt is still the one. */
  private whenFirst(attempt: Attempt<C>, work: () => Promise<void>): void {
    const { session } = this;
    this.port.addresses
      .exclusive(async () => {
        if (session === this.session && this.isFirst(attempt)) await work();
      })
      .catch(this.refused(attempt));
  }

  private isFirst(attempt: Attempt<C>): boolean {
    return attempt === this.queue[0] && !attempt.cancelled;
  }

  private get isLooking(): boolean {
    return this.onAir || this.search.isOn;
  }

  private mustBeHeard({ heard, target }: Attempt<C>): boolean {
    return this.search.isNeededFor(target) && !(heard && (heard.own || this.search.isAddressEnough));
  }

  /** Looks for the device, or first hears which address it has. Only inside `exclusive`. */
  private async look(attempt: Attempt<C>): Promise<void> {
    const { addresses, settings } = this.port;
    if (this.mustBeHeard(attempt) && (await this.listen(attempt))) return;
    const address = attempt.heard?.own;
    this.own = address
      ? { type: ADDRESS_TYPE.RANDOM, address }
      : addresses.forAdvertising(settings.addrMode, true);
    await addresses.apply(this.own, this);
    await this.create(attempt);
  }

  /** False where it cannot be. */
  private async listen(attempt: Attempt<C>): Promise<boolean> {
    const { scanIntervalUs: intervalUs, scanWindowUs: windowUs } = attempt.parameters;
    // The scan goes on, or comes back, as a part of it.
    this.scanPaused = false;
    const isOn = await this.search.begin(attempt.target, { intervalUs, windowUs }, (heard) => {
      attempt.heardAt(heard);
      this.lookAnew(attempt);
    });
    if (isOn) this.limitTurn();
    return isOn;
  }

  private lookAnew(attempt: Attempt<C>): void {
    this.whenFirst(attempt, async () => {
      await this.leaveAir();
      if (this.isFirst(attempt) && this.isRunning) await this.look(attempt);
    });
  }

  /** While others wait, the first has `TURN_MS`. */
  private limitTurn(): void {
    if (this.turn !== undefined || this.queue.length < 2 || !this.isLooking) return;
    const [attempt] = this.queue;
    this.turn = this.port.clock.setTimer(() => {
      this.turn = undefined;
      this.pass(attempt!).catch(this.refused(attempt!));
    }, TURN_MS);
  }

  /** The first makes way for the next, unless it is found at the last moment. */
  private async pass(attempt: Attempt<C>): Promise<void> {
    await this.port.addresses.exclusive(async () => {
      if (!this.isFirst(attempt) || this.queue.length < 2) return;
      await this.leaveAir();
      if (this.isFirst(attempt) && this.isRunning) this.queue.push(this.queue.shift()!);
    });
    this.next();
  }

  private refused(attempt: Attempt<C>): (error: unknown) => void {
    return (error) => {
      // A controller that is lost goes on when it is back.
      if (isLoss(error) || attempt !== this.queue[0]) return;
      if (error instanceof HciError && this.repeats(attempt, error.status)) return;
      this.finish(attempt);
      if (!attempt.cancelled) attempt.handlers.onFailed(error);
    };
  }

  private async create(attempt: Attempt<C>): Promise<void> {
    const { addresses, hci, scanner } = this.port;
    const { heard, parameters: wanted } = attempt;
    await this.makeWay();
    // A controller that resolves the device's addresses looks for its identity, and for no private address of it.
    const target = addresses.resolving?.find(attempt.target) ?? heard?.device ?? attempt.target;
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
      await scanner()?.suspend();
      await this.create(attempt);
    }
    this.limitTurn();
    this.limitPatience(attempt);
  }

  private limitPatience(attempt: Attempt<C>): void {
    const { clock } = this.port;
    if (!this.onAir || this.patience || !attempt.heard || !this.search.isNeededFor(attempt.target)) return;
    const timer = clock.setTimer(() => {
      attempt.lost();
      this.lookAnew(attempt);
    }, attempt.heardForMs);
    this.patience = { timer, sinceMs: clock.now() };
  }

  /**
   * Has the scan pause where the controller says that it cannot do both.
   * @throws BleError `connecting-while-connected` or `controller-busy` when it says that it cannot beside something else.
   */
  private async makeWay(): Promise<void> {
    const { scanner, states } = this.port;
    let other = await states.conflict(INITIATING);
    if (other && isScanning(other) && !this.scanPaused) {
      this.scanPaused = true;
      await scanner()?.suspend();
      other = await states.conflict(INITIATING);
    }
    if (!other) return;
    if (!isLink(other)) throw excludedBy(INITIATING, other);
    throw new BleError(
      "connecting-while-connected",
      `This Bluetooth controller cannot connect to a device while another is connected${other === CENTRAL ? "" : " to it"}: wait until that leaves.`,
    );
  }

  /** Takes the attempt off the air; done when the controller has said so. */
  private async leaveAir(): Promise<void> {
    if (this.search.isOn) {
      this.endTurn();
      await this.search.end();
    }
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
    const { clock } = this.port;
    const { patience } = this;
    this.onAir = false;
    this.endTurn();
    this.patience = undefined;
    if (patience) {
      clock.clearTimer(patience.timer);
      const [attempt] = this.queue;
      if (attempt) attempt.heardForMs -= Math.min(clock.now() - patience.sinceMs, attempt.heardForMs);
    }
    this.onReported?.();
    this.onReported = undefined;
  }

  private endTurn(): void {
    if (this.turn !== undefined) this.port.clock.clearTimer(this.turn);
    this.turn = undefined;
  }

  private fail(attempt: Attempt<C>, status: number): void {
    this.finish(attempt);
    if (attempt.cancelled) return;
    attempt.handlers.onFailed(failureOf(status));
  }

  /** An attempt is over. When it was the first, the scan goes on, and the next has its turn. */
  private finish(attempt: Attempt<C>): void {
    const place = this.queue.indexOf(attempt);
    if (place >= 0) this.queue.splice(place, 1);
    if (place !== 0) return;
    if (this.scanPaused) {
      this.scanPaused = false;
      void this.port.addresses.exclusive(async () => this.port.scanner()?.resume());
    }
    this.next();
  }
}
