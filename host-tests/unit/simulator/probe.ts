/** A bare host for tests of the controller: sends commands and bytes, and keeps what comes back. */
import { decode, encode, type Fields, hex, type Values, viewOf } from "../../../firmware/ble/codec.ts";
import { setEventMask } from "../../../firmware/ble/hci/commands/baseband.ts";
import {
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
} from "../../../firmware/ble/hci/commands/le-advertising.ts";
import { leSetEventMask } from "../../../firmware/ble/hci/commands/le-controller.ts";
import { leCreateConnection } from "../../../firmware/ble/hci/commands/le-scanning.ts";
import { disconnectionComplete } from "../../../firmware/ble/hci/events.ts";
import { leConnectionComplete } from "../../../firmware/ble/hci/le-events.ts";
import type { Command, HciEvent } from "../../../firmware/ble/hci/packet.ts";
import type { VirtualClock } from "../../../simulator/clock.ts";
import { Controller } from "../../../simulator/controller/controller.ts";
import type { ControllerOptions } from "../../../simulator/controller/options.ts";
import { Air } from "../../../simulator/link.ts";

export const ALL_EVENTS = new Uint8Array(8).fill(0xff);

export function bytesOf(digits: string): Uint8Array {
  const text = digits.split(" ").join("");
  return Uint8Array.from({ length: text.length / 2 }, (_, at) =>
    Number.parseInt(text.slice(at * 2, at * 2 + 2), 16),
  );
}

/** Bytes that show their place. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

export interface AclData {
  readonly handle: number;
  readonly boundary: number;
  readonly data: Uint8Array;
  readonly atMs: number;
}

export class Probe {
  readonly controller: Controller;
  readonly clock: VirtualClock;
  /** Whole packets from the controller as hexadecimal, in order. */
  readonly packets: string[] = [];
  private readonly times: number[] = [];

  constructor(clock: VirtualClock, air: Air, options: Partial<ControllerOptions> = {}) {
    this.clock = clock;
    this.controller = new Controller(air, options);
    this.controller.onPacket = (packet) => {
      this.packets.push(hex(packet));
      this.times.push(clock.now());
    };
  }

  /** Sends a packet given in hexadecimal and returns what was answered at once. */
  send(digits: string): string[] {
    const before = this.packets.length;
    this.controller.receive(bytesOf(digits));
    return this.packets.slice(before);
  }

  /** Sends a command and returns its status. */
  status<P extends Fields, R extends Fields>(command: Command<P, R>, values: Values<P>): number {
    const answer = bytesOf(this.exchange(command, values));
    return answer[1] === 0x0e ? answer[6]! : answer[3]!;
  }

  /** Sends a command that must succeed and returns what it returns. */
  command<P extends Fields, R extends Fields>(command: Command<P, R>, values: Values<P>): Values<R> {
    const answer = bytesOf(this.exchange(command, values));
    const status = answer[1] === 0x0e ? answer[6] : answer[3];
    if (status !== 0) throw new Error(`${command.name}: status ${status}`);
    if (answer[1] !== 0x0e) return {} as Values<R>;
    const returned = decode(command.returns, viewOf(answer), 7, answer.length, true);
    if (!returned) throw new Error(`${command.name}: bad return parameters ${hex(answer)}`);
    return returned;
  }

  private exchange<P extends Fields, R extends Fields>(command: Command<P, R>, values: Values<P>): string {
    const body = encode(command.parameters, values);
    const header = [1, command.opcode & 0xff, command.opcode >> 8, body.length];
    const before = this.packets.length;
    this.controller.receive(new Uint8Array([...header, ...body]));
    const answer = this.packets[before];
    if (answer === undefined) throw new Error(`${command.name} was not answered`);
    return answer;
  }

  /** Every such event so far. */
  events<F extends Fields>(event: HciEvent<F>): (Values<F> & { readonly atMs: number })[] {
    const found: (Values<F> & { readonly atMs: number })[] = [];
    for (const [index, digits] of this.packets.entries()) {
      const packet = bytesOf(digits);
      const code = packet[1] === 0x3e ? 0x3e00 | packet[3]! : packet[1];
      if (packet[0] !== 4 || code !== event.code) continue;
      const values = decode(event.fields, viewOf(packet), code > 0xff ? 4 : 3, packet.length, true);
      if (!values) throw new Error(`malformed ${event.name}: ${digits}`);
      found.push({ ...values, atMs: this.times[index]! });
    }
    return found;
  }

  /** The only such event so far. */
  event<F extends Fields>(event: HciEvent<F>): Values<F> & { readonly atMs: number } {
    const found = this.events(event);
    if (found.length !== 1) throw new Error(`${found.length} times ${event.name}`);
    return found[0]!;
  }

  /** ACL data from the controller. */
  get acl(): AclData[] {
    const found: AclData[] = [];
    for (const [index, digits] of this.packets.entries()) {
      const packet = bytesOf(digits);
      if (packet[0] !== 2) continue;
      const handle = (packet[1]! | (packet[2]! << 8)) & 0x0fff;
      found.push({ handle, boundary: packet[2]! >> 4, data: packet.slice(5), atMs: this.times[index]! });
    }
    return found;
  }

  /** Sends ACL data, starting a frame. */
  sendAcl(handle: number, data: Uint8Array, boundary = 0): void {
    const flags = handle | (boundary << 12);
    const header = [2, flags & 0xff, flags >> 8, data.length & 0xff, data.length >> 8];
    this.controller.receive(new Uint8Array([...header, ...data]));
  }

  /** Lets every event through. */
  unmask(): void {
    this.command(setEventMask, { eventMask: ALL_EVENTS });
    this.command(leSetEventMask, { leEventMask: ALL_EVENTS });
  }

  advertise(
    options: { type?: number; intervalMs?: number; filterPolicy?: number; peer?: Uint8Array } = {},
  ): void {
    const interval = Math.round((options.intervalMs ?? 100) / 0.625);
    this.command(leSetAdvertisingParameters, {
      advertisingIntervalMin: interval,
      advertisingIntervalMax: interval,
      advertisingType: options.type ?? 0,
      ownAddressType: 0,
      peerAddressType: 0,
      peerAddress: options.peer ?? new Uint8Array(6),
      advertisingChannelMap: 7,
      advertisingFilterPolicy: options.filterPolicy ?? 0,
    });
    this.command(leSetAdvertisingEnable, { advertisingEnable: 1 });
  }

  /** Ends of its links, by the events so far. */
  get reasons(): number[] {
    return this.events(disconnectionComplete).map(({ reason }) => reason);
  }
}

/** Parameters of LE Create Connection. */
export function connectionTo(peerAddress: Uint8Array, timing: Partial<Timing> = {}) {
  const { interval = 24, latency = 0, timeout = 400, filterPolicy = 0 } = timing;
  return {
    leScanInterval: 0x0010,
    leScanWindow: 0x0010,
    initiatorFilterPolicy: filterPolicy,
    peerAddressType: 0,
    peerAddress,
    ownAddressType: 0,
    connectionIntervalMin: interval,
    connectionIntervalMax: interval,
    maxLatency: latency,
    supervisionTimeout: timeout,
    minCeLength: 0,
    maxCeLength: 0,
  };
}

interface Timing {
  /** Units of 1.25 ms. */
  readonly interval: number;
  readonly latency: number;
  /** Units of 10 ms. */
  readonly timeout: number;
  readonly filterPolicy: number;
}

export const CENTRAL_ADDRESS = bytesOf("00 1b dc 00 00 0c");
export const PERIPHERAL_ADDRESS = bytesOf("00 1b dc 00 00 0f");

/** Two probes in one air. */
export interface Pair {
  readonly air: Air;
  readonly central: Probe;
  readonly peripheral: Probe;
}

export function createPair(
  clock: VirtualClock,
  options: {
    readonly central?: Partial<ControllerOptions>;
    readonly peripheral?: Partial<ControllerOptions>;
  } = {},
  seed = 1,
): Pair {
  const air = new Air(clock.quiet, seed);
  const central = new Probe(clock, air, { publicAddress: CENTRAL_ADDRESS, ...options.central });
  const peripheral = new Probe(clock, air, { publicAddress: PERIPHERAL_ADDRESS, ...options.peripheral });
  central.unmask();
  peripheral.unmask();
  return { air, central, peripheral };
}

/** A pair with a link; its handle is the same on both sides. */
export interface LinkedPair extends Pair {
  readonly handle: number;
}

export async function createLinkedPair(
  clock: VirtualClock,
  options: Parameters<typeof createPair>[1] & { readonly timing?: Partial<Timing> } = {},
  seed = 1,
): Promise<LinkedPair> {
  const pair = createPair(clock, options, seed);
  pair.peripheral.advertise();
  pair.central.command(leCreateConnection, connectionTo(PERIPHERAL_ADDRESS, options.timing));
  await clock.advance(200);
  return { ...pair, handle: pair.central.event(leConnectionComplete).connectionHandle };
}
