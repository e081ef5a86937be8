/** What the protocols above L2CAP see of a channel, be it fixed or credit-based (Vol 3, Part A, 2.1). */

/** Takes what arrives on a channel. */
export interface ChannelReceiver {
  /**
   * One SDU, or one K-frame of a credit-based channel; the range is valid during the call. ATT, signalling and credit-based channels, which have to refuse
   * what is too long, are shown frames above the link's limit too: `length` is the announced one then, and of the frame only
   * the first four bytes are sure to be there.
   */
  receive(view: DataView, start: number, length: number): void;
}

/** Both directions of one channel. What waits to be sent is kept by the layers below it, within their bounds. */
export interface Channel {
  /** Longest SDU that both sides take, in bytes. */
  readonly mtu: number;
  /**
   * Where the layer above writes the header of what it sends, in the bytes from `headerOffset` on, just before `send`:
   * nothing else may be sent in between. There is room for `PDU_HEADER_MAX` bytes less those of the channel's own header.
   */
  readonly header: DataView;
  readonly headerOffset: number;
  /** Who takes what arrives; nobody at first. */
  receiver: ChannelReceiver | undefined;
  /**
   * Whether the queue takes an SDU of so many bytes that nobody asked for. An answer may be sent without asking: it has a
   * reserve.
   */
  hasRoom(length: number): boolean;
  /**
   * Channels of one group frame an SDU alike, so that `broadcast` serves them together. A channel whose frames differ from
   * all others' is a group of its own.
   */
  readonly group: unknown;
  /**
   * Sends an SDU: `headerLength` bytes that the caller wrote at `headerOffset`, then `payload[start..end)`. Returns whether
   * it has left for the controller already; else a copy waits in the queue, or it was dropped and counted because that is
   * full.
   */
  send(headerLength: number, payload: Uint8Array, start: number, end: number): boolean;
  /**
   * Sends the same SDU, `payload[0..end)` behind its header, on those of the first `count` of `channels` whose queue takes
   * more of what nobody asked for; all are of this one's group. Returns how many did.
   */
  broadcast(
    channels: readonly Channel[],
    count: number,
    headerLength: number,
    payload: Uint8Array,
    end: number,
  ): number;
}
