/** Changes of what either end of an enhanced channel takes (Vol 3, Part A, 4.27 and 4.28). */
import { type ChannelParameters, isInRange } from "./channel-parameters.ts";
import { RECONFIGURE_RESULT } from "./channel-results.ts";
import type { CreditChannel, ReconfigurationHandlers, ReconfigurationRefusal } from "./credit-channel.ts";
import { requestsOn } from "./signal-requests.ts";
import { REJECT, SIGNAL, type SignalHandler, type Signaling } from "./signaling.ts";

/** What reconfigurations are handed. */
export interface ReconfigurationPort {
  readonly signaling: Signaling;
  /** The channel whose other end this is. */
  ofPeer(peerCid: number): CreditChannel | undefined;
  /** Sets memory aside for `parameters`, as far as that of the channel is less. False when there is none. */
  reserve(channel: CreditChannel, parameters: ChannelParameters): boolean;
}

export class Reconfigurations {
  private readonly port: ReconfigurationPort;
  /** Channels that wait for the peer's response. */
  private readonly open = new Set<CreditChannel>();

  constructor(port: ReconfigurationPort) {
    this.port = port;
    port.signaling.on(SIGNAL.CREDIT_RECONFIGURE_REQUEST, this.onRequest);
  }

  /**
   * Notifies the peer of what this side takes from now on: one command for one channel, so that its MPS may be smaller than
   * before. Until the peer has answered, frames and SDUs of either figures are taken.
   * @param parameters an MTU that is not below the one before; as many credits as an SDU takes, and one.
   * @returns why nothing was sent; undefined when the handlers are called.
   */
  begin(
    channel: CreditChannel,
    parameters: ChannelParameters,
    handlers: ReconfigurationHandlers,
  ): ReconfigurationRefusal | undefined {
    const { open, port } = this;
    if (open.has(channel)) return "changing";
    const requests = requestsOn(port.signaling);
    if (!requests.hasRoom) return "requests";
    const before = channel.parameters;
    const { mtu, mps, credits } = parameters;
    const either = { mtu: Math.max(mtu, before.mtu), mps: Math.max(mps, before.mps), credits };
    if (!port.reserve(channel, either)) return "memory";
    open.add(channel);
    requests.send(SIGNAL.CREDIT_RECONFIGURE_REQUEST, [mtu, mps, channel.cid], {
      onResponse: (code, view, start, length) => {
        open.delete(channel);
        // A channel that was closed meanwhile has nothing to change.
        if (!channel.isOpen) return;
        const isAnswer = code === SIGNAL.CREDIT_RECONFIGURE_RESPONSE && length === 2;
        const result = isAnswer ? view.getUint16(start, true) : undefined;
        if (result === RECONFIGURE_RESULT.SUCCESS) {
          channel.reconfigure(parameters);
          return handlers.onChanged();
        }
        // The memory stays set aside: what has arrived meanwhile may need it.
        channel.reconfigure(before);
        return handlers.onRefused(result);
      },
      onFailure: (reason) => {
        open.delete(channel);
        handlers.onFailed(reason);
      },
    });
    // With the credits of the new figures: a peer that takes them up before its response is heard, or lost, needs those.
    channel.takeUntilAnswered(either);
    return undefined;
  }

  private readonly onRequest: SignalHandler = (identifier, view, start, length) => {
    const { signaling } = this.port;
    if (length < 6 || length % 2 !== 0) return signaling.reject(identifier, REJECT.NOT_UNDERSTOOD);
    const cids: number[] = [];
    for (let at = 4; at < length; at += 2) cids.push(view.getUint16(start + at, true));
    const result = this.change(view.getUint16(start, true), view.getUint16(start + 2, true), cids);
    signaling.send(SIGNAL.CREDIT_RECONFIGURE_RESPONSE, identifier, [result]);
  };

  /** What the peer takes changes on all of these channels, or on none. */
  private change(mtu: number, mps: number, cids: readonly number[]): number {
    if (!isInRange({ mtu, mps }, true)) return RECONFIGURE_RESULT.UNACCEPTABLE_PARAMETERS;
    const channels: CreditChannel[] = [];
    for (const cid of cids) {
      const channel = this.port.ofPeer(cid);
      if (!channel?.isOpen || !channel.isEnhanced || channels.includes(channel)) {
        return RECONFIGURE_RESULT.INVALID_CID;
      }
      channels.push(channel);
    }
    if (channels.some((channel) => mtu < channel.peerMtu)) return RECONFIGURE_RESULT.MTU_REDUCED;
    if (channels.length > 1 && channels.some((channel) => mps < channel.peerMps))
      return RECONFIGURE_RESULT.MPS_REDUCED;
    for (const channel of channels) channel.reconfigurePeer(mtu, mps);
    return RECONFIGURE_RESULT.SUCCESS;
  }
}
