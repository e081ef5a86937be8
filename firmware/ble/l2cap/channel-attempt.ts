/** One request of this side for a channel: an enhanced one first, then a plain one (Vol 3, Part A, 4.22, 4.23, 4.25, 4.26). */
import { type ChannelParameters, ENHANCED_MIN, PLAIN_MIN } from "./channel-parameters.ts";
import { CHANNEL_RESULT } from "./channel-results.ts";
import type { CreditChannel, PeerParameters } from "./credit-channel.ts";
import { SIGNAL, type Signaling } from "./signaling.ts";

/** What becomes of an attempt; exactly one is called, once, unless it is cancelled. */
export interface AttemptHandlers {
  onOpened(channel: CreditChannel): void;
  /** The peer refused, with the result of its response (`CHANNEL_RESULT`). */
  onRefused(result: number): void;
  /** There was no response in time, the link ended, or no further request may be open. */
  onFailed(reason: "timeout" | "closed" | "busy"): void;
}

/** What is asked for. */
export interface WantedChannel {
  readonly spsm: number;
  readonly cid: number;
  readonly parameters: ChannelParameters;
}

/** What an attempt is handed. */
export interface AttemptPort {
  readonly signaling: Signaling;
  /** Whether the peer may give the channel this end. */
  isUsable(peer: PeerParameters): boolean;
  onOpened(peer: PeerParameters, isEnhanced: boolean): CreditChannel;
  /** The peer opened a channel that is not wanted, and has to hear so. */
  onUnwanted(peerCid: number): void;
  /** Nothing came of it. */
  onOver(): void;
  /** The peer knows no enhanced channels. */
  onPlain(): void;
}

/** Serves a response; the range of its data is valid during the call. */
type ResponseHandler = (code: number, view: DataView, start: number, length: number) => void;

export class ChannelAttempt {
  readonly wanted: WantedChannel;
  private readonly port: AttemptPort;
  private handlers: AttemptHandlers | undefined;

  constructor(port: AttemptPort, wanted: WantedChannel, handlers: AttemptHandlers) {
    this.port = port;
    this.wanted = wanted;
    this.handlers = handlers;
  }

  /** Nobody waits any more: a channel that opens yet is ended. */
  cancel(): void {
    this.handlers = undefined;
  }

  begin(isEnhanced: boolean): void {
    if (isEnhanced) this.askEnhanced();
    else this.askPlain();
  }

  private askEnhanced(): void {
    const { spsm, cid, parameters } = this.wanted;
    const { mtu, mps, credits } = parameters;
    this.request(
      SIGNAL.CREDIT_CONNECTION_REQUEST,
      [spsm, mtu, mps, credits, cid],
      (code, view, start, length) => {
        if (code === SIGNAL.COMMAND_REJECT) {
          this.port.onPlain();
          return this.askPlain();
        }
        const result = length >= 8 ? view.getUint16(start + 6, true) : CHANNEL_RESULT.INVALID_PARAMETERS;
        // A peer may listen for channels of the older kind alone.
        if (result === CHANNEL_RESULT.SPSM_NOT_SUPPORTED) return this.askPlain();
        // Some leave out the list of channels where they refuse all.
        if (result !== CHANNEL_RESULT.SUCCESS) return this.refused(result);
        if (length !== 10) return this.refused(CHANNEL_RESULT.INVALID_PARAMETERS);
        const peer = {
          mtu: view.getUint16(start, true),
          mps: view.getUint16(start + 2, true),
          credits: view.getUint16(start + 4, true),
          cid: view.getUint16(start + 8, true),
        };
        return this.answered(result, peer, true);
      },
    );
  }

  private askPlain(): void {
    const { spsm, cid, parameters } = this.wanted;
    const { mtu, mps, credits } = parameters;
    if (!this.handlers) return this.port.onOver();
    this.request(
      SIGNAL.LE_CREDIT_CONNECTION_REQUEST,
      [spsm, cid, mtu, mps, credits],
      (code, view, start, length) => {
        // A peer without any channels.
        if (code === SIGNAL.COMMAND_REJECT) return this.refused(CHANNEL_RESULT.SPSM_NOT_SUPPORTED);
        if (length !== 10) return this.refused(CHANNEL_RESULT.INVALID_PARAMETERS);
        const peer = {
          cid: view.getUint16(start, true),
          mtu: view.getUint16(start + 2, true),
          mps: view.getUint16(start + 4, true),
          credits: view.getUint16(start + 6, true),
        };
        return this.answered(view.getUint16(start + 8, true), peer, false);
      },
    );
  }

  private request(code: number, words: readonly number[], onResponse: ResponseHandler): void {
    const isSent = this.port.signaling.request(code, words, {
      onResponse,
      isPending: (code, view, start, length) =>
        code === SIGNAL.CREDIT_CONNECTION_RESPONSE &&
        length >= 8 &&
        isPending(view.getUint16(start + 6, true)),
      onFailure: (reason) => this.failed(reason),
    });
    if (!isSent) this.failed("busy");
  }

  private answered(result: number, peer: PeerParameters, isEnhanced: boolean): void {
    if (result !== CHANNEL_RESULT.SUCCESS) return this.refused(result);
    const { handlers, port } = this;
    if (!port.isUsable(peer)) return this.refused(CHANNEL_RESULT.INVALID_PARAMETERS);
    const least = isEnhanced ? ENHANCED_MIN : PLAIN_MIN;
    if (!handlers || peer.mtu < least || peer.mps < least) {
      port.onUnwanted(peer.cid);
      handlers?.onRefused(CHANNEL_RESULT.INVALID_PARAMETERS);
      return;
    }
    handlers.onOpened(port.onOpened(peer, isEnhanced));
  }

  private refused(result: number): void {
    this.port.onOver();
    this.handlers?.onRefused(result);
  }

  private failed(reason: "timeout" | "closed" | "busy"): void {
    this.port.onOver();
    this.handlers?.onFailed(reason);
  }
}

function isPending(result: number): boolean {
  return result >= CHANNEL_RESULT.PENDING && result <= CHANNEL_RESULT.PENDING_AUTHORIZATION;
}
