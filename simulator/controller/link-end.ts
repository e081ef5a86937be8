/** One controller's end of a link: what waits to be sent, what is acknowledged, and how the link ends. */

import type { Fields, Values } from "../../firmware/ble/codec.ts";
import type { HciEvent } from "../../firmware/ble/hci/packet.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Clock, Timer } from "../../firmware/platform/platform.ts";
import type { Identity, Radio } from "../link.ts";
import type { AirEvent } from "./air-event.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import type { ControllerOptions, Faults } from "./options.ts";
import { type Control, type ControlPdu, type LinkPdu, MIN_DATA_OCTETS } from "./pdu.ts";
import { Procedures } from "./procedures.ts";

/** What a controller gives to its ends. */
export interface LinkOwner extends Radio {
  readonly clock: Clock;
  readonly options: ControllerOptions;
  readonly faults: Faults;
  /** Initial maximum of outgoing payloads: what the host suggested. */
  readonly suggestedTxOctets: number;
  has(feature: number): boolean;
  /** Whether the host takes data. */
  readonly hostTakes: () => boolean;
  /** Sends an event unless the host masked it; returns whether it was sent. */
  emit<F extends Fields>(event: HciEvent<F>, values: Values<F>): boolean;
  emitAcl(handle: number, first: boolean, bytes: Uint8Array): void;
  completed(end: LinkEnd, count: number): void;
  /** The link is gone on this side. */
  ended(end: LinkEnd, reason: number): void;
  onAir(event: AirEvent): void;
}

interface HostPacket {
  readonly first: boolean;
  readonly bytes: Uint8Array;
  sent: number;
}

export class LinkEnd {
  readonly owner: LinkOwner;
  readonly handle: number;
  readonly role: number;
  readonly peer: Identity;
  readonly events: ConnectionEvents;
  readonly procedures: Procedures;
  alive = true;
  /** A packet of the peer arrived. */
  established = false;
  lastHeardMs = 0;
  /** The peer said good-bye for this reason: acknowledge it, then go. */
  closing: number | undefined = undefined;
  encrypted = false;
  /** While encryption starts or pauses, only control PDUs travel (Vol 6, Part B, 5.1.3). */
  dataPaused = false;
  /** Payload that this side may send now. */
  txOctets = MIN_DATA_OCTETS;
  rxOctets = MIN_DATA_OCTETS;
  /** ACL packets of the host that are not acknowledged yet. */
  held = 0;
  private terminating = false;
  private inFlight: LinkPdu | undefined = undefined;
  private readonly controls: ControlPdu[] = [];
  private readonly packets: HostPacket[] = [];
  private completedCount = 0;
  private watchTimer: Timer | undefined = undefined;

  constructor(owner: LinkOwner, handle: number, role: number, peer: Identity, events: ConnectionEvents) {
    this.owner = owner;
    this.handle = handle;
    this.role = role;
    this.peer = peer;
    this.events = events;
    this.procedures = new Procedures(this);
  }

  get radio(): Radio {
    return this.owner;
  }

  get packetsPerEvent(): number {
    return this.owner.options.packetsPerEvent;
  }

  /** Whether the More Data bit would be set: something waits that the peer has not got. */
  get hasMore(): boolean {
    if (this.inFlight && !this.inFlight.delivered) return true;
    return this.controls.length > 0 || (this.packets.length > 0 && !this.dataPaused);
  }

  /** Takes an ACL packet of the host. */
  queue(first: boolean, bytes: Uint8Array): void {
    this.held++;
    this.packets.push({ first, bytes, sent: 0 });
  }

  send(control: Control): ControlPdu {
    const pdu: ControlPdu = { kind: "control", control, delivered: false };
    this.controls.push(pdu);
    return pdu;
  }

  /** Says good-bye; the link ends when the peer has acknowledged that. */
  terminate(reason: number): void {
    if (this.terminating) return;
    this.terminating = true;
    this.send({ name: "LL_TERMINATE_IND", reason });
  }

  /** The packet for the next turn; undefined for an empty one. */
  next(): LinkPdu | undefined {
    if (!this.inFlight) this.inFlight = this.controls.shift() ?? this.nextFragment();
    return this.inFlight;
  }

  private nextFragment(): LinkPdu | undefined {
    const packet = this.packets[0];
    if (!packet || this.dataPaused) return undefined;
    const start = packet.sent;
    packet.sent = Math.min(packet.bytes.length, start + this.txOctets);
    const completes = packet.sent === packet.bytes.length;
    if (completes) this.packets.shift();
    return {
      kind: "data",
      first: packet.first && start === 0,
      bytes: packet.bytes.slice(start, packet.sent),
      completes,
      delivered: false,
    };
  }

  /** A packet of the peer arrived, `undefined` if empty. It acknowledges what the peer had got before. */
  hear(pdu: LinkPdu | undefined): void {
    this.lastHeardMs = this.owner.clock.now();
    this.established = true;
    const acknowledged = this.inFlight?.delivered ? this.inFlight : undefined;
    if (acknowledged) {
      this.inFlight = undefined;
      this.acknowledge(acknowledged);
    }
    if (!pdu || pdu.delivered || !this.alive) return;
    if (pdu.kind === "data" && !this.owner.hostTakes()) return;
    pdu.delivered = true;
    if (pdu.kind === "data") this.owner.emitAcl(this.handle, pdu.first, pdu.bytes);
    else if (pdu.control.name === "LL_TERMINATE_IND") this.closing = pdu.control.reason;
    else this.procedures.receive(pdu.control);
  }

  private acknowledge(pdu: LinkPdu): void {
    if (pdu.kind === "data") {
      if (pdu.completes) this.completedCount++;
    } else if (pdu.control.name === "LL_TERMINATE_IND") {
      this.finish(HCI_STATUS.LOCAL_HOST_TERMINATED);
    }
  }

  /** Reports to the host which of its packets the peer has, once a connection event. */
  reportCompleted(): void {
    const count = this.completedCount;
    if (count === 0 || !this.alive) return;
    this.completedCount = 0;
    this.held -= count;
    this.owner.completed(this, count);
  }

  /** The supervision timer, replacing the one before. */
  watch(timer: Timer): void {
    this.owner.clock.clearTimer(this.watchTimer);
    this.watchTimer = timer;
  }

  /** The link is gone for this side. A good-bye that was never acknowledged counts as one that was. */
  finish(reason: number): void {
    if (!this.alive) return;
    this.drop();
    const timedOut = reason === HCI_STATUS.CONNECTION_TIMEOUT;
    this.owner.ended(this, this.terminating && timedOut ? HCI_STATUS.LOCAL_HOST_TERMINATED : reason);
  }

  /** Forgets the link without a word: reset, or loss of power. The peer waits for its supervision timeout. */
  drop(): void {
    this.alive = false;
    this.watch(undefined);
    this.procedures.stop();
    this.controls.length = 0;
    this.packets.length = 0;
  }
}
