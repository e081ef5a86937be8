/** L2CAP on one LE link: puts frames together and hands each to its channel (Vol 3, Part A, 2.1). */
import type { Clock, LogLevel } from "../../platform/platform.ts";
import type { Acl, AclLink } from "../hci/acl.ts";
import type { ChannelReceiver } from "./channel.ts";
import { CHANNEL, FixedChannel } from "./fixed-channel.ts";
import { type FrameReceiver, Reassembly } from "./reassembly.ts";
import { SIGNALING_MTU, Signaling } from "./signaling.ts";

export { CHANNEL } from "./fixed-channel.ts";

/** The lowest fixed channel that an LE link has. */
const FIRST_CHANNEL = CHANNEL.ATT;
/** The lowest identifier of credit-based channels (Vol 3, Part A, Table 2.3). */
const FIRST_DYNAMIC_CHANNEL = 0x0040;

/** A channel as the table of a link has it. */
export interface AttachedChannel {
  readonly receiver: ChannelReceiver | undefined;
}

/** What L2CAP is handed. */
export interface L2capPort {
  readonly clock: Clock;
  log(level: LogLevel, message: string): void;
}

export class L2cap implements FrameReceiver {
  /** The fixed ones, from `FIRST_CHANNEL` on. First: every frame needs it, and the engine finds it soonest. */
  private readonly channels: (AttachedChannel | undefined)[] = [undefined, undefined, undefined];
  /** The others by their identifiers, once there is one. */
  private dynamic: Map<number, AttachedChannel> | undefined = undefined;
  readonly link: AclLink;
  readonly signaling: Signaling;
  private readonly acl: Acl;
  private readonly port: L2capPort;
  private readonly reassembly: Reassembly;

  /** @param limit the longest frame payload that any channel of this link accepts, in bytes. */
  constructor(acl: Acl, link: AclLink, limit: number, port: L2capPort) {
    this.acl = acl;
    this.link = link;
    this.port = port;
    this.reassembly = new Reassembly(limit, this, link.account);
    link.receiver = this.reassembly;
    this.signaling = new Signaling(this.openFixed(CHANNEL.SIGNALING, SIGNALING_MTU), port.clock);
  }

  /** Opens a fixed channel; what arrives on it is dropped until it has a receiver. */
  openFixed(id: number, mtu: number): FixedChannel {
    const channel = new FixedChannel(this.acl, this.link, id, mtu);
    this.attach(id, channel);
    return channel;
  }

  /** Frames for this identifier go to this channel from now on. */
  attach(id: number, channel: AttachedChannel): void {
    if (id < FIRST_DYNAMIC_CHANNEL) {
      this.channels[id - FIRST_CHANNEL] = channel;
      return;
    }
    this.dynamic ??= new Map();
    this.dynamic.set(id, channel);
  }

  /** The channel with this identifier is gone: frames for it are dropped. */
  detach(id: number): void {
    this.dynamic?.delete(id);
  }

  onFrame(id: number, view: DataView, start: number, length: number): void {
    const channel = id < FIRST_DYNAMIC_CHANNEL ? this.channels[id - FIRST_CHANNEL] : this.dynamic?.get(id);
    const receiver = channel?.receiver;
    if (receiver) return receiver.receive(view, start, length);
    this.port.log(
      "debug",
      `l2cap: dropped ${length} bytes for channel 0x${id.toString(16)}, which is not open`,
    );
  }

  onTooLong(id: number, view: DataView, start: number, length: number): void {
    const isShown = id === CHANNEL.ATT || id === CHANNEL.SIGNALING || id >= FIRST_DYNAMIC_CHANNEL;
    if (isShown) this.onFrame(id, view, start, length);
  }

  /** See `Signaling.serveLater`. */
  serveLater(codes: readonly number[], begin: () => void): void {
    this.signaling.serveLater(codes, begin);
  }

  /** Frames from the peer that could not be put together. */
  get dropped(): number {
    return this.reassembly.dropped;
  }

  /** The link is gone: ends what waits. */
  close(): void {
    this.signaling.close();
    this.reassembly.forget();
  }
}
