/**
 * One request of this side for channels: enhanced ones first, up to five by one command, then plain ones, one after the
 * other (Vol 3, Part A, 4.22, 4.23, 4.25, 4.26).
 */
import type { GateUser, OperationGate } from "../operation-gate.ts";
import { type ChannelParameters, isInRange } from "./channel-parameters.ts";
import { CHANNEL_RESULT } from "./channel-results.ts";
import type { CreditChannel, PeerParameters } from "./credit-channel.ts";
import { requestsOn } from "./signal-requests.ts";
import { SIGNAL, type Signaling } from "./signaling.ts";

/** Channels that one Credit Based Connection Request can ask for (Vol 3, Part A, 4.25). */
export const CHANNELS_PER_REQUEST = 5;

/** Why an attempt has come to nothing, where the peer has not refused it. "gate": see `OperationGate.refusal`. */
export type FailedAttempt = "timeout" | "malformed" | "closed" | "busy" | "gate";

/** What becomes of an attempt; exactly one is called, once, unless it is cancelled. */
export interface AttemptHandlers {
  /** Those that the peer opened, one at least. */
  onOpened(channels: readonly CreditChannel[]): void;
  /** The peer opened none, with the result of its response (`CHANNEL_RESULT`). */
  onRefused(result: number): void;
  /**
   * There was no response in time, or one that breaks the protocol; the link ended; no further request may be open; or the link
   * could not be encrypted.
   */
  onFailed(reason: FailedAttempt): void;
}

/** What is asked for. */
export interface WantedChannels {
  readonly spsm: number;
  /** This side's ends, one to `CHANNELS_PER_REQUEST`. */
  readonly cids: readonly number[];
  readonly parameters: ChannelParameters;
}

/** What an attempt is handed. */
export interface AttemptPort {
  readonly signaling: Signaling;
  /** Holds back what this device asks of the peer; undefined: nothing does. */
  readonly gate: OperationGate | undefined;
  /** Whether the peer may give a channel this end. */
  isUsable(peerCid: number): boolean;
  /** The peer has opened the channel with this end of ours, which is the attempt's no longer. */
  onOpened(cid: number, peer: PeerParameters, isEnhanced: boolean): CreditChannel;
  /** The same of one that is not wanted: the peer has to hear so. */
  onUnwanted(cid: number, peerCid: number): void;
  /** Nothing more comes of it: so many of its channels were not opened. */
  onOver(missing: number): void;
  /** The peer knows no enhanced channels. */
  onPlain(): void;
}

/** Serves a response; the range of its data is valid during the call. */
type ResponseHandler = (code: number, view: DataView, start: number, length: number) => void;

/** What a peer's response says of every channel that it opens. */
type PeerFigures = Omit<PeerParameters, "cid">;

export class ChannelAttempt implements GateUser {
  readonly wanted: WantedChannels;
  /** This side's ends of channels that are neither open nor given up. */
  readonly left: number[];
  private readonly port: AttemptPort;
  private handlers: AttemptHandlers | undefined;
  private readonly opened: CreditChannel[] = [];
  private isEnhanced = false;

  constructor(port: AttemptPort, wanted: WantedChannels, handlers: AttemptHandlers) {
    this.port = port;
    this.wanted = wanted;
    this.left = [...wanted.cids];
    this.handlers = handlers;
  }

  /** Nobody waits any more: what has opened is ended, and what opens yet. */
  cancel(): void {
    this.handlers = undefined;
    for (const channel of this.opened.splice(0)) channel.close();
  }

  begin(isEnhanced: boolean): void {
    const { gate } = this.port;
    this.isEnhanced = isEnhanced;
    if (gate?.isHeld) gate.join(this);
    else this.decided();
  }

  /** For the gate. */
  decided(): void {
    if (this.port.gate?.refusal) this.failed("gate");
    else if (!this.handlers) this.finish();
    else if (this.isEnhanced) this.askEnhanced();
    else this.askPlain();
  }

  /** The link has ended. What the peer was asked for ends with its request. */
  end(): void {
    const { gate } = this.port;
    if (gate?.isHeld) this.failed("closed");
    gate?.leave(this);
  }

  private askEnhanced(): void {
    const { port, wanted } = this;
    const { spsm, cids, parameters } = wanted;
    const { mtu, mps, credits } = parameters;
    this.request(
      SIGNAL.CREDIT_CONNECTION_REQUEST,
      [spsm, mtu, mps, credits, ...cids],
      (code, view, start, length) => {
        if (code === SIGNAL.COMMAND_REJECT) {
          port.onPlain();
          return this.askPlain();
        }
        if (length < 8) return this.failed("malformed");
        const result = view.getUint16(start + 6, true);
        // A peer may listen for channels of the older kind alone.
        if (result === CHANNEL_RESULT.SPSM_NOT_SUPPORTED) return this.askPlain();
        // Some leave out the list of channels where they refuse all.
        if (!opensAny(result) || (result !== CHANNEL_RESULT.SUCCESS && length === 8))
          return this.refused(result);
        if (length !== 8 + 2 * cids.length) return this.failed("malformed");
        const figures = {
          mtu: view.getUint16(start, true),
          mps: view.getUint16(start + 2, true),
          credits: view.getUint16(start + 4, true),
        };
        for (const [at, cid] of cids.entries()) {
          this.answered(cid, view.getUint16(start + 8 + 2 * at, true), figures, true);
        }
        return result === CHANNEL_RESULT.SUCCESS ? this.failed("malformed") : this.refused(result);
      },
    );
  }

  /** The next of those that are left. */
  private askPlain(): void {
    const { spsm, parameters } = this.wanted;
    const { mtu, mps, credits } = parameters;
    const [cid] = this.left;
    if (!this.handlers || cid === undefined) return this.finish();
    this.request(
      SIGNAL.LE_CREDIT_CONNECTION_REQUEST,
      [spsm, cid, mtu, mps, credits],
      (code, view, start, length) => {
        // A peer without any channels.
        if (code === SIGNAL.COMMAND_REJECT) return this.refused(CHANNEL_RESULT.SPSM_NOT_SUPPORTED);
        if (length !== 10) return this.failed("malformed");
        const result = view.getUint16(start + 8, true);
        if (result !== CHANNEL_RESULT.SUCCESS) return this.refused(result);
        const figures = {
          mtu: view.getUint16(start + 2, true),
          mps: view.getUint16(start + 4, true),
          credits: view.getUint16(start + 6, true),
        };
        const isOpened = this.answered(cid, view.getUint16(start, true), figures, false);
        return isOpened ? this.askPlain() : this.failed("malformed");
      },
    );
  }

  private request(code: number, words: readonly number[], onResponse: ResponseHandler): void {
    const isSent = requestsOn(this.port.signaling).send(code, words, {
      onResponse,
      isPending: (code, view, start, length) =>
        code === SIGNAL.CREDIT_CONNECTION_RESPONSE &&
        length >= 8 &&
        isPending(view.getUint16(start + 6, true)),
      onFailure: (reason) => this.failed(reason),
    });
    if (!isSent) this.failed("busy");
  }

  /** Takes what a response says of one channel. Returns whether it is open, or would be, did somebody wait. */
  private answered(cid: number, peerCid: number, figures: PeerFigures, isEnhanced: boolean): boolean {
    const { handlers, left, opened, port } = this;
    if (!port.isUsable(peerCid)) return false;
    left.splice(left.indexOf(cid), 1);
    const isSound = isInRange(figures, isEnhanced);
    if (handlers && isSound) opened.push(port.onOpened(cid, { cid: peerCid, ...figures }, isEnhanced));
    else port.onUnwanted(cid, peerCid);
    return isSound;
  }

  /** No more channels are opened, for this reason. */
  private refused(result: number): void {
    this.finish(() => this.handlers?.onRefused(result));
  }

  private failed(reason: FailedAttempt): void {
    this.finish(() => this.handlers?.onFailed(reason), reason !== "closed");
  }

  /** @param onNone called when no channel is open. */
  private finish(onNone?: () => void, isUp = true): void {
    this.port.onOver(this.left.length);
    // One that the peer has closed meanwhile is none. From here on they are not the attempt's any more.
    const open = this.opened.splice(0).filter(({ isOpen }) => isOpen);
    if (open.length > 0 && isUp) this.handlers?.onOpened(open);
    else onNone?.();
  }
}

function isPending(result: number): boolean {
  return result >= CHANNEL_RESULT.PENDING && result <= CHANNEL_RESULT.PENDING_AUTHORIZATION;
}

/** Whether a response of this result may open channels: all of them, or some (Vol 3, Part A, Table 4.18). */
function opensAny(result: number): boolean {
  return (
    result === CHANNEL_RESULT.SUCCESS ||
    result === CHANNEL_RESULT.NO_RESOURCES ||
    result === CHANNEL_RESULT.INVALID_SOURCE_CID ||
    result === CHANNEL_RESULT.SOURCE_CID_ALLOCATED
  );
}
