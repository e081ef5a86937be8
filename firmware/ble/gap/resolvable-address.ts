/** The resolvable private address that this device has on the air, and gives up for another (Vol 3, Part C, 10.7). */
import type { Clock, LogLevel, Timer } from "../../platform/platform.ts";
import type { Setting } from "../setting.ts";
import { textOf } from "../text.ts";
import { type Aes128, createResolvableAddress, findResolvingKey } from "./address.ts";

/** How long a resolvable private address is used (Vol 3, Part C, Appendix A, T_GAP(private_addr_int)). */
export const RPA_TIMEOUT_SETTING: Setting<"rpaTimeoutMs"> = {
  name: "rpaTimeoutMs",
  min: 1000,
  max: 3_600_000,
  initial: 900_000,
};

/** What it is made of. */
export interface ResolvableAddressPort {
  readonly clock: Clock;
  readonly aes128: Aes128;
  readonly settings: { readonly rpaTimeoutMs: number };
  random(length: number): Uint8Array;
  /** This device's Identity Resolving Key. */
  key(): Uint8Array;
  /** Whether somebody was given the key. */
  isKnown(): boolean;
  log(level: LogLevel, message: string): void;
}

/** What is on the air (own-address.ts). */
export interface Air {
  /** The controller's random address. */
  readonly current: Uint8Array | undefined;
  /** Whether anything is on the air. */
  readonly isInUse: boolean;
  /** Runs `work` when all work before it is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** All leave the air, and go on under this address. Only inside `exclusive`. @throws HciError */
  replace(address: Uint8Array): Promise<void>;
}

/**
 * It is used for `rpaTimeoutMs`; while something is on the air under it, all leave the air then and go on under another.
 * What is on the air under none costs no timer.
 */
export class ResolvableAddress {
  private readonly port: ResolvableAddressPort;
  private readonly air: Air;
  private address: Uint8Array | undefined = undefined;
  /** When it was drawn, by the clock. */
  private drawnAtMs = 0;
  private timer: Timer = undefined;

  constructor(port: ResolvableAddressPort, air: Air) {
    this.port = port;
    this.air = air;
  }

  /** The address of the moment: another one when its time is over. */
  get(): Uint8Array {
    const { aes128, clock, random, settings } = this.port;
    const isOver = clock.now() - this.drawnAtMs >= settings.rpaTimeoutMs;
    if (!this.address || isOver) {
      this.address = createResolvableAddress(this.port.key(), aes128, random);
      this.drawnAtMs = clock.now();
    }
    return this.address;
  }

  /** Whether somebody can make addresses of this device. */
  get isKnown(): boolean {
    return this.port.isKnown();
  }

  /** Whether this is a private address of this device, made by itself or by a bonded one. */
  owns(address: Uint8Array): boolean {
    const { aes128, isKnown, key } = this.port;
    return isKnown() && findResolvingKey(address, [key()], aes128) === 0;
  }

  /** The next is another one. */
  forget(): void {
    this.address = undefined;
  }

  /** An address went on the air: when it is this one, it is given up when its time is over. */
  applied(): void {
    if (this.timer !== undefined || !this.isOnAir) return;
    const { clock, settings } = this.port;
    const leftMs = this.drawnAtMs + settings.rpaTimeoutMs - clock.now();
    this.timer = clock.setTimer(
      () => {
        this.timer = undefined;
        this.renew();
      },
      Math.max(0, leftMs),
    );
  }

  /** Has another one, where one is on the air: its time is over, or somebody may have recognised this device by it. */
  renew(): void {
    const { air, port } = this;
    air
      .exclusive(() => this.rotate())
      .catch((error: unknown) => {
        port.log("warning", `gap: the private address stays for now: ${textOf(error)}`);
      });
  }

  /** Whether it is the controller's random address. */
  private get isOnAir(): boolean {
    return this.address !== undefined && this.address === this.air.current;
  }

  private async rotate(): Promise<void> {
    if (!this.isOnAir) return;
    this.forget();
    // What is not on the air draws its own when it goes there.
    if (!this.air.isInUse) return;
    try {
      await this.air.replace(this.get());
    } finally {
      this.applied();
    }
  }
}
