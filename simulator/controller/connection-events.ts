/**
 * The connection events of one link (Vol 6, Part B, 4.5): at each anchor point the central sends, the peripheral
 * answers, and they go on while either has more data. A packet that is lost closes the event and is sent again in the
 * next; what was delivered is acknowledged by the next packet in the other direction.
 */

import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Timer } from "../../firmware/platform/platform.ts";
import type { Air } from "../link.ts";
import type { LinkEnd } from "./link-end.ts";
import { CONTROL_OCTETS, type LinkPdu, PHY, type Timing } from "./pdu.ts";

/** Transmit window delay of legacy advertising, 1.25 ms, and a window offset of the same length (4.5.3). */
const FIRST_ANCHOR_MS = 2.5;
/** A link is established when a packet came within six intervals (4.5.2). */
const ESTABLISH_INTERVALS = 6;
/** Inter frame space in microseconds (4.1.1). */
const INTER_FRAME_US = 150;
/** Preamble, access address, header and check of a packet on the 1M PHY, in octets; on 2M one more (2.1). */
const OVERHEAD_OCTETS = 10;
/** Message integrity check (2.4). */
const MIC_OCTETS = 4;

export class ConnectionEvents {
  central!: LinkEnd;
  peripheral!: LinkEnd;
  timing: Timing;
  /** connEventCounter (4.5.1), not wrapped. */
  count = 0;
  centralToPeripheral: number = PHY.LE_1M;
  peripheralToCentral: number = PHY.LE_1M;
  private readonly air: Air;
  private anchorMs = 0;
  /** Events that the peripheral slept through since it listened last. */
  private slept = 0;
  /** What happens at an instant that both sides know. */
  private readonly instants: { readonly instant: number; readonly apply: () => void }[] = [];
  /** One side changed and the other did not: they miss each other for good. */
  private apart = false;

  constructor(air: Air, timing: Timing) {
    this.air = air;
    this.timing = timing;
  }

  /** Both ends are there: the first anchor point follows. */
  start(): void {
    const nowMs = this.air.clock.now();
    this.central.lastHeardMs = nowMs;
    this.peripheral.lastHeardMs = nowMs;
    this.anchorMs = nowMs + FIRST_ANCHOR_MS;
    this.schedule();
  }

  /** The advertiser did not join: the central gives up when nothing has come for six intervals (4.5.2). */
  startAlone(): void {
    const { central } = this;
    central.watch(
      this.air.clock.setTimer(
        () => central.finish(HCI_STATUS.CONNECTION_FAILED_TO_BE_ESTABLISHED),
        ESTABLISH_INTERVALS * this.intervalMs,
      ),
    );
  }

  get intervalMs(): number {
    return this.timing.interval * 1.25;
  }

  /** The instant of a change that is announced now (5.1.1): six events on, and those that the peripheral may skip. */
  nextInstant(): number {
    return this.count + ESTABLISH_INTERVALS + this.timing.latency;
  }

  /** Calls `apply` at `instant`, if the peripheral has heard of it by then; else the two part. */
  at(instant: number, heard: () => boolean, apply: () => void): void {
    this.instants.push({
      instant,
      apply: () => {
        if (heard()) apply();
        else this.apart = true;
      },
    });
  }

  private schedule(): void {
    const clock = this.air.clock;
    clock.setTimer(() => this.event(), this.anchorMs - clock.now());
  }

  private event(): void {
    this.count++;
    for (let index = 0; index < this.instants.length; ) {
      if (this.instants[index]!.instant > this.count) index++;
      else this.instants.splice(index, 1)[0]!.apply();
    }
    const { central, peripheral } = this;
    if (central.alive && peripheral.alive && !this.apart && !this.peripheralSleeps()) {
      const bytes = this.exchange();
      for (const { owner } of [central, peripheral]) owner.onAir({ kind: "connection", bytes });
    }
    central.reportCompleted();
    peripheral.reportCompleted();
    this.anchorMs += this.intervalMs;
    this.supervise(central);
    this.supervise(peripheral);
    if (central.alive || peripheral.alive) this.schedule();
  }

  /** Peripheral latency: it may stay asleep while it has nothing to send (4.5.1). */
  private peripheralSleeps(): boolean {
    const mustListen = this.peripheral.hasMore || !this.peripheral.established || this.instants.length > 0;
    if (mustListen || this.slept >= this.timing.latency) {
      this.slept = 0;
      return false;
    }
    this.slept++;
    return true;
  }

  /** Returns the bytes of payload that were sent. */
  private exchange(): number {
    const { central, peripheral, air } = this;
    const roomUs = this.timing.interval * 1250 - INTER_FRAME_US;
    const most = Math.min(central.packetsPerEvent, peripheral.packetsPerEvent);
    let usedUs = 0;
    let bytes = 0;
    for (let turn = 0; turn < most; turn++) {
      const down = central.next();
      bytes += payloadOf(down);
      usedUs += airtimeUs(down, this.centralToPeripheral, central.encrypted) + INTER_FRAME_US;
      if (turn > 0 && usedUs + this.longestAnswerUs() > roomUs) return bytes;
      if (!air.carries(central.radio, peripheral.radio)) return bytes;
      peripheral.hear(down);
      if (central.closing !== undefined) central.finish(central.closing);
      if (!peripheral.alive) return bytes;
      const up = peripheral.next();
      bytes += payloadOf(up);
      usedUs += airtimeUs(up, this.peripheralToCentral, peripheral.encrypted) + INTER_FRAME_US;
      const arrives = central.alive && air.carries(peripheral.radio, central.radio);
      if (arrives) central.hear(up);
      // Having answered, the peripheral may go: nobody acknowledges an acknowledgement (5.1.6).
      if (peripheral.closing !== undefined) peripheral.finish(peripheral.closing);
      if (!arrives || !central.alive || !peripheral.alive) return bytes;
      if (!central.hasMore && !peripheral.hasMore && central.closing === undefined) return bytes;
    }
    return bytes;
  }

  /** The central keeps room for the longest packet that the peripheral may answer with (4.5.6). */
  private longestAnswerUs(): number {
    return (
      packetUs(this.central.rxOctets, this.peripheralToCentral, this.peripheral.encrypted) + INTER_FRAME_US
    );
  }

  /** Supervision (4.5.2): looks again when the time would run out before the next anchor point. */
  private supervise(end: LinkEnd): void {
    if (!end.alive) return;
    const clock = this.air.clock;
    const patienceMs = end.established ? this.timing.timeout * 10 : ESTABLISH_INTERVALS * this.intervalMs;
    const deadlineMs = end.lastHeardMs + patienceMs;
    if (deadlineMs > this.anchorMs) return;
    const watch: Timer = clock.setTimer(
      () => {
        if (!end.alive || end.lastHeardMs + patienceMs > clock.now()) return;
        end.finish(
          end.established ? HCI_STATUS.CONNECTION_TIMEOUT : HCI_STATUS.CONNECTION_FAILED_TO_BE_ESTABLISHED,
        );
      },
      Math.max(0, deadlineMs - clock.now()),
    );
    end.watch(watch);
  }
}

function airtimeUs(pdu: LinkPdu | undefined, phy: number, encrypted: boolean): number {
  return packetUs(payloadOf(pdu), phy, encrypted);
}

function payloadOf(pdu: LinkPdu | undefined): number {
  if (pdu === undefined) return 0;
  return pdu.kind === "data" ? pdu.bytes.length : CONTROL_OCTETS;
}

/** Time of one packet on the air in microseconds. */
function packetUs(payload: number, phy: number, encrypted: boolean): number {
  const octets = OVERHEAD_OCTETS + payload + (encrypted && payload > 0 ? MIC_OCTETS : 0);
  return phy === PHY.LE_2M ? (octets + 1) * 4 : octets * 8;
}
