/** The control procedures of a link (Vol 6, Part B, 5.1), one end of them. */

import {
  leConnectionUpdateComplete,
  leDataLengthChange,
  lePhyUpdateComplete,
  leReadRemoteFeaturesComplete,
  leRemoteConnectionParameterRequest,
} from "../../firmware/ble/hci/le-events.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { Timer } from "../../firmware/platform/platform.ts";
import { Encryption } from "./encryption.ts";
import type { LinkEnd } from "./link-end.ts";
import { readRemoteVersionInformationComplete } from "./more-commands.ts";
import { LE_FEATURE } from "./options.ts";
import { type Control, MIN_DATA_OCTETS, PHY, type Phys, ROLE, type Timing } from "./pdu.ts";

/** Procedure response timeout (5.2). */
const RESPONSE_TIMEOUT_MS = 40_000;

/** Time on air of a payload on the 1M PHY in microseconds (4.5.10). */
export function dataTimeUs(octets: number): number {
  return (octets + 14) * 8;
}

/** The eight bytes of a set of feature bits. */
export function featureBytes(features: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(8);
  for (const feature of features) bytes[feature >> 3] = bytes[feature >> 3]! | (1 << (feature & 7));
  return bytes;
}

/** A procedure that this side began and the peer has not answered. */
interface Running {
  readonly request: Control;
  /** The peer refused: controller error code. */
  readonly onRejected: (error: number) => void;
}

export class Procedures {
  readonly encryption: Encryption;
  private readonly end: LinkEnd;
  private running: Running | undefined = undefined;
  private readonly waiting: Running[] = [];
  private timer: Timer | undefined = undefined;
  private peerFeatures: readonly number[] | undefined = undefined;
  private peerVersion: Extract<Control, { name: "LL_VERSION_IND" }> | undefined = undefined;
  private versionSent = false;
  private versionAsked = false;
  private maxTxOctets: number;
  private peerMaxRxOctets = MIN_DATA_OCTETS;
  private peerMaxTxOctets = MIN_DATA_OCTETS;
  /** A parameter request of the peer that the host has not answered. */
  private requested: (Timing & { readonly intervalMax: number }) | undefined = undefined;

  constructor(end: LinkEnd) {
    this.end = end;
    this.encryption = new Encryption(end, this);
    this.maxTxOctets = end.owner.suggestedTxOctets;
  }

  /** Begins a procedure; they run one after the other (5.2). */
  begin(request: Control, onRejected: (error: number) => void): void {
    this.waiting.push({ request, onRejected });
    this.startNext();
  }

  /** The procedure that runs has come to its end. */
  finish(): void {
    this.running = undefined;
    this.stopTimer();
    this.startNext();
  }

  private startNext(): void {
    if (this.running || this.waiting.length === 0) return;
    this.running = this.waiting.shift()!;
    this.end.send(this.running.request);
    this.restartTimer();
  }

  /** A procedure without an answer costs the link (5.2). */
  private restartTimer(): void {
    this.stopTimer();
    const end = this.end;
    this.timer = end.owner.clock.setTimer(
      () => end.finish(HCI_STATUS.LL_RESPONSE_TIMEOUT),
      RESPONSE_TIMEOUT_MS,
    );
  }

  private stopTimer(): void {
    this.end.owner.clock.clearTimer(this.timer);
    this.timer = undefined;
  }

  /** The link is gone. */
  stop(): void {
    this.stopTimer();
    this.waiting.length = 0;
  }

  /** 5.1.4; the event follows, at once when the features are known. */
  readFeatures(): void {
    if (this.peerFeatures) return this.reportFeatures(HCI_STATUS.SUCCESS);
    const central = this.end.role === ROLE.CENTRAL;
    const features = [...this.end.owner.options.features];
    this.begin({ name: central ? "LL_FEATURE_REQ" : "LL_PERIPHERAL_FEATURE_REQ", features }, (error) =>
      this.reportFeatures(error),
    );
  }

  private reportFeatures(status: number): void {
    const { owner, handle } = this.end;
    const leFeatures = featureBytes(this.peerFeatures ?? []);
    owner.emit(leReadRemoteFeaturesComplete, { status, connectionHandle: handle, leFeatures });
  }

  /** 5.1.5 */
  readVersion(): void {
    this.versionAsked = true;
    if (this.peerVersion) this.reportVersion();
    else if (!this.versionSent) this.sendVersion();
  }

  private sendVersion(): void {
    const { version, companyIdentifier, subversion } = this.end.owner.options;
    this.versionSent = true;
    this.end.send({ name: "LL_VERSION_IND", version, companyIdentifier, subversion });
  }

  private reportVersion(): void {
    const peer = this.peerVersion!;
    this.versionAsked = false;
    this.end.owner.emit(readRemoteVersionInformationComplete, {
      status: HCI_STATUS.SUCCESS,
      connectionHandle: this.end.handle,
      version: peer.version,
      companyIdentifier: peer.companyIdentifier,
      subversion: peer.subversion,
    });
  }

  /** New timing: by the central at an instant (5.1.1), by the peripheral as a request (5.1.7). */
  update(timing: Timing, intervalMin: number): void {
    if (this.end.role === ROLE.CENTRAL) return this.announceUpdate(timing);
    this.begin(
      { name: "LL_CONNECTION_PARAM_REQ", ...timing, interval: intervalMin, intervalMax: timing.interval },
      (error) => this.reportUpdate(error),
    );
  }

  private announceUpdate(timing: Timing): void {
    const events = this.end.events;
    const instant = events.nextInstant();
    const pdu = this.end.send({ name: "LL_CONNECTION_UPDATE_IND", timing, instant });
    events.at(
      instant,
      () => pdu.delivered,
      () => {
        events.timing = timing;
        this.reportUpdate(HCI_STATUS.SUCCESS);
        events.peripheral.procedures.updated();
      },
    );
  }

  /** The peripheral's side of a change of timing. */
  private updated(): void {
    if (!this.end.alive) return;
    if (this.running?.request.name === "LL_CONNECTION_PARAM_REQ") this.finish();
    this.reportUpdate(HCI_STATUS.SUCCESS);
  }

  private reportUpdate(status: number): void {
    const { owner, handle, events, alive } = this.end;
    if (!alive) return;
    owner.emit(leConnectionUpdateComplete, {
      status,
      connectionHandle: handle,
      connectionInterval: events.timing.interval,
      peripheralLatency: events.timing.latency,
      supervisionTimeout: events.timing.timeout,
    });
  }

  /** The host's answer to a parameter request: timing, or the reason why not. False when nobody asked. */
  answerUpdate(answer: Timing | number): boolean {
    if (!this.requested) return false;
    this.requested = undefined;
    if (typeof answer === "number") this.reject("LL_CONNECTION_PARAM_REQ", answer);
    else if (this.end.role === ROLE.CENTRAL) this.announceUpdate(answer);
    else this.end.send({ name: "LL_CONNECTION_PARAM_RSP", ...answer, intervalMax: answer.interval });
    return true;
  }

  /** 5.1.9; false when this controller does not do that. */
  setLength(txOctets: number): boolean {
    const { owner } = this.end;
    if (!owner.has(LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION) || owner.faults.refuseDataLength) return false;
    this.maxTxOctets = Math.min(txOctets, owner.options.maxDataOctets);
    this.begin({ name: "LL_LENGTH_REQ", ...this.ownLengths() }, () => {});
    return true;
  }

  /** What a controller does by itself when a link comes up. */
  connected(): void {
    if (this.maxTxOctets > MIN_DATA_OCTETS) this.setLength(this.maxTxOctets);
  }

  private ownLengths(): { maxTxOctets: number; maxRxOctets: number } {
    return { maxTxOctets: this.maxTxOctets, maxRxOctets: this.end.owner.options.maxDataOctets };
  }

  private applyLengths(peer: { maxTxOctets: number; maxRxOctets: number }): void {
    this.peerMaxTxOctets = peer.maxTxOctets;
    this.peerMaxRxOctets = peer.maxRxOctets;
    const end = this.end;
    const tx = Math.min(this.maxTxOctets, this.peerMaxRxOctets);
    const rx = Math.min(end.owner.options.maxDataOctets, this.peerMaxTxOctets);
    if (tx === end.txOctets && rx === end.rxOctets) return;
    end.txOctets = tx;
    end.rxOctets = rx;
    end.owner.emit(leDataLengthChange, {
      connectionHandle: end.handle,
      maxTxOctets: tx,
      maxTxTime: dataTimeUs(tx),
      maxRxOctets: rx,
      maxRxTime: dataTimeUs(rx),
    });
  }

  /** 5.1.10; the event follows in any case. */
  setPhy(txPhys: number, rxPhys: number): void {
    this.begin({ name: "LL_PHY_REQ", txPhys, rxPhys }, (error) => this.reportPhy(error));
  }

  private reportPhy(status: number): void {
    const { owner, handle, events, role, alive } = this.end;
    if (!alive) return;
    const down = events.centralToPeripheral;
    const up = events.peripheralToCentral;
    const central = role === ROLE.CENTRAL;
    owner.emit(lePhyUpdateComplete, {
      status,
      connectionHandle: handle,
      txPhy: central ? down : up,
      rxPhy: central ? up : down,
    });
  }

  /** The central decides: 2M where both sides like it. */
  private decidePhy(own: Phys, peer: Phys): void {
    const events = this.end.events;
    const pick = (both: number): number => (both & 2 ? PHY.LE_2M : PHY.LE_1M);
    const down = pick(own.txPhys & peer.rxPhys);
    const up = pick(own.rxPhys & peer.txPhys);
    const instant = events.nextInstant();
    const pdu = this.end.send({
      name: "LL_PHY_UPDATE_IND",
      centralToPeripheral: down,
      peripheralToCentral: up,
      instant,
    });
    events.at(
      instant,
      () => pdu.delivered,
      () => {
        const changed = down !== events.centralToPeripheral || up !== events.peripheralToCentral;
        events.centralToPeripheral = down;
        events.peripheralToCentral = up;
        for (const end of [events.central, events.peripheral]) end.procedures.phyUpdated(changed);
      },
    );
  }

  private phyUpdated(changed: boolean): void {
    const mine = this.running?.request.name === "LL_PHY_REQ";
    if (mine) this.finish();
    if (mine || changed) this.reportPhy(HCI_STATUS.SUCCESS);
  }

  reject(rejected: string, error: number): void {
    this.end.send({ name: "LL_REJECT_EXT_IND", rejected, error });
  }

  /** PHYs that this controller can do, as bits. */
  private get phys(): number {
    return this.end.owner.has(LE_FEATURE.PHY_2M) ? 0b11 : 0b01;
  }

  /** A control PDU of the peer. */
  receive(control: Control): void {
    const end = this.end;
    if (end.owner.faults.deafTo.includes(control.name)) return;
    if (this.running) this.restartTimer();
    if (this.encryption.receive(control)) return;
    switch (control.name) {
      case "LL_FEATURE_REQ":
      case "LL_PERIPHERAL_FEATURE_REQ":
        this.peerFeatures = control.features;
        end.send({ name: "LL_FEATURE_RSP", features: [...end.owner.options.features] });
        return;
      case "LL_FEATURE_RSP":
        this.peerFeatures = control.features;
        this.finish();
        return this.reportFeatures(HCI_STATUS.SUCCESS);
      case "LL_VERSION_IND":
        this.peerVersion = control;
        if (!this.versionSent) this.sendVersion();
        if (this.versionAsked) this.reportVersion();
        return;
      case "LL_LENGTH_REQ":
        if (!end.owner.has(LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION) || end.owner.faults.refuseDataLength) {
          end.send({ name: "LL_UNKNOWN_RSP", unknown: control.name });
          return;
        }
        end.send({ name: "LL_LENGTH_RSP", ...this.ownLengths() });
        return this.applyLengths(control);
      case "LL_LENGTH_RSP":
        this.applyLengths(control);
        return this.finish();
      case "LL_CONNECTION_PARAM_REQ":
        return this.receiveParameterRequest(control);
      case "LL_CONNECTION_PARAM_RSP":
        this.announceUpdate({
          interval: control.intervalMax,
          latency: control.latency,
          timeout: control.timeout,
        });
        return this.finish();
      case "LL_PHY_REQ":
        return this.receivePhyRequest(control);
      case "LL_PHY_RSP": {
        const own = this.running?.request;
        if (own?.name === "LL_PHY_REQ") this.decidePhy(own, control);
        return;
      }
      case "LL_REJECT_EXT_IND":
        return this.rejected(control.rejected, control.error);
      case "LL_UNKNOWN_RSP":
        return this.rejected(control.unknown, HCI_STATUS.UNSUPPORTED_REMOTE_FEATURE);
      default:
        return;
    }
  }

  private receiveParameterRequest(control: Extract<Control, { name: "LL_CONNECTION_PARAM_REQ" }>): void {
    const { owner, handle } = this.end;
    this.requested = control;
    const delivered =
      owner.has(LE_FEATURE.CONNECTION_PARAMETERS_REQUEST) &&
      owner.emit(leRemoteConnectionParameterRequest, {
        connectionHandle: handle,
        intervalMin: control.interval,
        intervalMax: control.intervalMax,
        maxLatency: control.latency,
        timeout: control.timeout,
      });
    // A host that does not want to be asked cannot agree (5.1.7.1).
    if (!delivered) this.answerUpdate(HCI_STATUS.UNSUPPORTED_REMOTE_FEATURE);
  }

  private receivePhyRequest(control: Extract<Control, { name: "LL_PHY_REQ" }>): void {
    const end = this.end;
    if (this.phys === 1) {
      end.send({ name: "LL_UNKNOWN_RSP", unknown: control.name });
      return;
    }
    const own = { txPhys: this.phys, rxPhys: this.phys };
    if (end.role === ROLE.CENTRAL) this.decidePhy(own, control);
    else end.send({ name: "LL_PHY_RSP", ...own });
  }

  private rejected(name: string, error: number): void {
    const running = this.running;
    if (!running || running.request.name !== name) return;
    this.finish();
    running.onRejected(error);
  }
}
