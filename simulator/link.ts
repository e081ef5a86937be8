/**
 * The air: joins any number of controllers. What a radio sends is heard by every other that listens and is in range,
 * unless the air loses it.
 */
import type { Clock } from "../firmware/platform/platform.ts";
import type { ConnectionEvents } from "./controller/connection-events.ts";
import { SeededRandom } from "./random.ts";

/** Legacy advertising PDUs, numbered as Advertising_Type and Event_Type are (Vol 4, Part E, 7.8.5 and 7.7.65.2). */
export const ADV = {
  CONNECTABLE: 0x00,
  DIRECTED: 0x01,
  SCANNABLE: 0x02,
  NON_CONNECTABLE: 0x03,
  SCAN_RESPONSE: 0x04,
} as const;

/** A device as the air knows it. */
export interface Identity {
  /** 0 public, 1 random. */
  readonly type: number;
  /** Six bytes in printed order. */
  readonly address: Uint8Array;
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  if (a.type !== b.type) return false;
  for (let index = 0; index < 6; index++) if (a.address[index] !== b.address[index]) return false;
  return true;
}

/** What a CONNECT_IND says (Vol 6, Part B, 2.3.3.1). */
export interface ConnectRequest {
  readonly initiator: Identity;
  /** Connection interval in units of 1.25 ms. */
  readonly interval: number;
  readonly latency: number;
  /** Supervision timeout in units of 10 ms. */
  readonly timeout: number;
  /** Stands for access address, hop and anchor: what both sides follow from now on. */
  readonly events: ConnectionEvents;
}

/** One advertising event. */
export interface Advertisement {
  /** One of `ADV`. */
  readonly type: number;
  readonly advertiser: Identity;
  /** Of directed advertising: the only device that may connect. */
  readonly target: Identity | undefined;
  readonly data: Uint8Array;
  /** A SCAN_REQ; undefined when the advertiser does not answer it. */
  onScanRequest(scanner: Identity): Uint8Array | undefined;
  /** A CONNECT_IND; the advertiser's radio joins the link, or refuses by silence (false). */
  onConnectRequest(request: ConnectRequest): boolean;
}

/** A controller as the air knows it. */
export interface Radio {
  /** Hears one advertising event. */
  hear(advertisement: Advertisement, sender: Radio): void;
}

export class Air {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** Probability that a packet is lost, 0 to 1. */
  loss = 0;
  /** Received signal strength in dBm, the same everywhere. */
  rssi = -52;
  private readonly radios = new Set<Radio>();
  /** Pairs that are out of each other's range. */
  private readonly separated: [Radio, Radio][] = [];

  constructor(clock: Clock, seed = 1) {
    this.clock = clock;
    this.random = new SeededRandom(seed);
  }

  join(radio: Radio): void {
    this.radios.add(radio);
  }

  leave(radio: Radio): void {
    this.radios.delete(radio);
  }

  /** Takes two radios out of each other's range. */
  separate(a: Radio, b: Radio): void {
    this.separated.push([a, b]);
  }

  /** Brings two radios together again. */
  reunite(a: Radio, b: Radio): void {
    for (let index = this.separated.length - 1; index >= 0; index--) {
      const [one, other] = this.separated[index]!;
      if ((one === a && other === b) || (one === b && other === a)) this.separated.splice(index, 1);
    }
  }

  /** Whether one packet from `sender` arrives at `receiver`; asked once for each packet. */
  carries(sender: Radio, receiver: Radio): boolean {
    if (!this.radios.has(sender) || !this.radios.has(receiver)) return false;
    for (const [one, other] of this.separated) {
      if ((one === sender && other === receiver) || (one === receiver && other === sender)) return false;
    }
    return !this.random.chance(this.loss);
  }

  /** One advertising event, heard by every radio that it reaches. */
  advertise(advertisement: Advertisement, sender: Radio): void {
    for (const radio of [...this.radios]) {
      if (radio !== sender && this.carries(sender, radio)) radio.hear(advertisement, sender);
    }
  }
}
