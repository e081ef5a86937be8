/**
 * Hands out advertising sets. There is one, for legacy advertising (Vol 3, Part C, 9.2 and 9.3): the application acquires it,
 * and while it does not, the firmware may have it lent.
 */
import type { LogLevel } from "../../platform/platform.ts";
import { isLoss } from "../errors.ts";
import { textOf } from "../text.ts";
import type { ListedDevice } from "./address.ts";
import { type AdvertisingOwner, AdvertisingSet, type AdvertisingSetPort } from "./advertising-set.ts";
import {
  type AdvertisingFilter,
  connectsBondedOnly,
  LegacyAdvertising,
  type LegacyAdvertisingPort,
} from "./legacy-advertising.ts";
import type { OwnAddress } from "./own-address.ts";

/** What the advertiser is handed. */
export interface AdvertiserPort extends LegacyAdvertisingPort {
  log(level: LogLevel, message: string): void;
}

export class Advertiser {
  private readonly legacy: LegacyAdvertising<AdvertisingSet>;
  private readonly setPort: AdvertisingSetPort;
  /** HCI_Version of the controller; before it was asked, one that takes everything. */
  private hciVersion = Number.POSITIVE_INFINITY;
  private isRunning = false;
  private acquired: AdvertisingSet | undefined = undefined;
  /** The firmware's own, while nobody has acquired one. */
  private lent: AdvertisingSet | undefined = undefined;
  /** Whether what is lent has the air to itself, whoever acquires a set: from `interrupt` to `resume`. */
  private isInterrupted = false;
  /** Called when a set was acquired, started, or released by who had acquired it. */
  onChanged: (() => void) | undefined = undefined;
  private starts = 0;

  constructor(port: AdvertiserPort) {
    const { addresses, log } = port;
    const legacy = new LegacyAdvertising<AdvertisingSet>(port);
    this.legacy = legacy;
    this.setPort = {
      legacy,
      log,
      hciVersion: () => this.hciVersion,
      // In an interruption starts wait, as they do for a controller that is started again.
      isRunning: () => this.isRunning && !this.isInterrupted,
      exclusive: (work) => addresses.exclusive(work),
      onStart: ({ connectable }) => {
        if (connectable) this.starts++;
        this.onChanged?.();
      },
      onReleased: (set) => {
        if (this.lent === set) this.lent = undefined;
        if (this.acquired !== set) return;
        this.acquired = undefined;
        this.onChanged?.();
      },
    };
  }

  /** Whether a set is to be had. */
  get hasFreeSet(): boolean {
    return this.acquired === undefined;
  }

  /** Takes a set until it is released; undefined when there is none to be had. */
  acquire(owner: AdvertisingOwner): AdvertisingSet | undefined {
    if (this.acquired) return undefined;
    const yielding = this.isInterrupted ? undefined : this.lent;
    yielding?.release().catch((error: unknown) => this.setPort.log("warning", `host: ${textOf(error)}`));
    this.acquired = new AdvertisingSet(this.setPort, owner);
    this.onChanged?.();
    return this.acquired;
  }

  /**
   * Lends a set to the firmware itself, until it releases it or somebody acquires one: then it is taken off the air without a
   * word. Undefined while somebody has one. What it has on the air counts neither as advertising nor as connectable below.
   */
  lend(owner: AdvertisingOwner): AdvertisingSet | undefined {
    if (this.acquired || this.lent) return undefined;
    return this.newLent(owner);
  }

  /**
   * The advertising interval of what somebody has acquired a set for, where any central can connect to it: undefined for a
   * broadcast, and for what is directed, or for bonded devices alone.
   */
  get openIntervalUs(): number | undefined {
    return openIntervalOf(this.acquired);
  }

  /**
   * What any central can connect to now, whoever it belongs to: its interval, and the number of its start. It is on the air
   * since that start without a break, by the controller's own word.
   */
  get onAirForAll(): { readonly run: number; readonly intervalUs: number } | undefined {
    const { latest, run } = this.legacy;
    const intervalUs = openIntervalOf(latest);
    return run === undefined || intervalUs === undefined ? undefined : { run, intervalUs };
  }

  /** Who may answer what only bonded devices may; undefined in an image without the feature `security`. */
  get filter(): AdvertisingFilter | undefined {
    return this.legacy.filter;
  }

  set filter(filter: AdvertisingFilter | undefined) {
    this.legacy.filter = filter;
  }

  /** Bonds have come or gone. */
  refresh(): void {
    if (!this.isRunning || !this.isOnAir) return;
    this.setPort
      .exclusive(() => this.legacy.refresh())
      .catch((error: unknown) => {
        // When the controller is lost, it is started again, and advertising with it.
        if (!isLoss(error))
          this.setPort.log("warning", `gap: advertising for bonded devices: ${textOf(error)}`);
      });
  }

  /**
   * Whether the device that has connected as a central may: by what is, or was last, on the air only bonded ones may have
   * been able to. Where it may not, its connection has ended advertising, which goes on after `restart`.
   */
  admits(device: ListedDevice): boolean {
    if (this.legacy.admits(device)) return true;
    this.legacy.ended();
    return false;
  }

  /**
   * Puts what `lend` would on the air in the place of what somebody has acquired a set for, until `resume`: then that goes on.
   * Its owner does not notice, apart from starts meanwhile, which wait. Undefined while something is lent.
   */
  interrupt(owner: AdvertisingOwner): AdvertisingSet | undefined {
    if (this.lent) return undefined;
    this.isInterrupted = true;
    return this.newLent(owner);
  }

  /** What was interrupted goes on, and what was to start meanwhile starts. */
  async resume(): Promise<void> {
    this.isInterrupted = false;
    if (this.isRunning) await this.acquired?.restart();
  }

  private newLent(owner: AdvertisingOwner): AdvertisingSet {
    const { setPort } = this;
    const port = { ...setPort, isRunning: () => this.isRunning, onStart: () => undefined };
    this.lent = new AdvertisingSet(port, owner);
    return this.lent;
  }

  /** Whether the controller was last set to advertise. */
  get isOnAir(): boolean {
    return this.legacy.isOnAir;
  }

  /** Whether some set advertises, or will as soon as the commands on their way are through. */
  get advertising(): boolean {
    return this.acquired?.advertising ?? false;
  }

  /** Whether a central can connect to what is, or will be, on the air. */
  get isConnectable(): boolean {
    return this.acquired?.parameters?.connectable ?? false;
  }

  /** Starts of advertising that a central can connect to, so far. */
  get connectableStarts(): number {
    return this.starts;
  }

  /** The own address of the advertisement that is, or was last, on the air. */
  get ownAddress(): OwnAddress {
    return this.legacy.ownAddress;
  }

  /** A session of the controller begins. */
  begin(hciVersion: number): void {
    this.hciVersion = hciVersion;
    this.isRunning = true;
    this.legacy.reset();
  }

  /** The controller is lost: what is known of it is not true any more. What owners want on the air stays so. */
  end(): void {
    this.isRunning = false;
    this.legacy.reset();
  }

  /** The controller was started again: goes on with what is wanted on the air. Failures are reported to the owner. */
  async restart(): Promise<void> {
    await (this.isInterrupted ? this.lent : (this.acquired ?? this.lent))?.restart();
  }

  /** Takes everything off the air, for `error`. @throws HciError when the controller refuses. */
  stop(error: unknown): Promise<void> {
    for (const set of [this.acquired, this.lent]) set?.ended({ by: "failure", error });
    return this.setPort.exclusive(() => this.legacy.stop());
  }

  /** The radio is off, for `error`: nothing is wanted on the air any more. */
  forget(error: unknown): void {
    this.end();
    for (const set of [this.acquired, this.lent]) set?.forget(error);
  }

  /**
   * A central connected: that ends connectable advertising (Vol 6, Part B, 4.4.2.3), and no other. Returns the set that
   * it came by.
   */
  connected(): AdvertisingSet | undefined {
    const set = this.legacy.latest ?? this.acquired;
    const isOther = set?.parameters?.connectable === false;
    if (!isOther) {
      this.legacy.ended();
      set?.ended({ by: "connection" });
    }
    return set;
  }

  /** Directed advertising at high duty cycle had its time, if that is what runs. */
  expired(): void {
    const set = this.legacy.latest;
    if (!set?.parameters?.highDuty) return;
    this.legacy.ended();
    set.ended({ by: "timeout" });
  }
}

function openIntervalOf(set: AdvertisingSet | undefined): number | undefined {
  const parameters = set?.parameters;
  if (!parameters?.connectable || parameters.directedTo !== undefined) return undefined;
  return connectsBondedOnly(parameters) ? undefined : parameters.intervalUs;
}
