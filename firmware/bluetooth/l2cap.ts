/** L2CAP channels by numbers: the methods `l2cap…` of `BLE`. */
import {
  CHANNELS_MAX,
  type ChannelListener,
  type ChannelOwner,
  type ChannelRequest,
  type Channels,
  type CloseReason,
  type CreditChannel,
  checkSpsm,
  parametersOf,
} from "../ble/channels.ts";
import { BleError } from "../ble/errors.ts";
import type { Connection } from "../ble/gap/connection.ts";
import {
  IRQ_L2CAP_ACCEPT,
  IRQ_L2CAP_CONNECT,
  IRQ_L2CAP_DISCONNECT,
  IRQ_L2CAP_RECV,
  IRQ_L2CAP_SEND_READY,
} from "./constants.ts";
import type { IrqSource } from "./irq.ts";

/** Statuses of `IRQ_L2CAP_DISCONNECT` for a channel that never opened, beside the results of a peer: those of NimBLE. */
const NOT_CONNECTED = 7;
const TIMED_OUT = 13;
/** BLE_HS_EENCRYPT */
const NOT_ENCRYPTED = 25;
/** Statuses of attempts that have come to nothing; for a malformed response there is none of NimBLE's, so that of invalid parameters. */
const FAILURES = {
  timeout: TIMED_OUT,
  malformed: 0x000c,
  closed: NOT_CONNECTED,
  busy: NOT_CONNECTED,
  gate: NOT_ENCRYPTED,
} as const;

/** An open channel. */
class LowLevelChannel implements ChannelOwner {
  readonly channel: CreditChannel;
  private readonly conn: number;
  private readonly source: IrqSource;
  private readonly onEnd: () => void;
  /** Something waits to be sent, and the application knows. */
  isStalled = false;

  constructor(conn: number, channel: CreditChannel, source: IrqSource, onEnd: () => void) {
    this.conn = conn;
    this.channel = channel;
    this.source = source;
    this.onEnd = onEnd;
    channel.owner = this;
    const { cid, parameters, peerMtu, spsm } = channel;
    source.emit(IRQ_L2CAP_CONNECT, [conn, cid, spsm, parameters.mtu, peerMtu]);
  }

  onReceived(): void {
    this.source.emit(IRQ_L2CAP_RECV, [this.conn, this.channel.cid]);
  }

  onIdle(): void {
    if (!this.isStalled) return;
    this.isStalled = false;
    this.source.emit(IRQ_L2CAP_SEND_READY, [this.conn, this.channel.cid, 0]);
  }

  onClosed(_reason: CloseReason): void {
    const { cid, spsm } = this.channel;
    this.channel.discard();
    this.onEnd();
    this.source.emit(IRQ_L2CAP_DISCONNECT, [this.conn, cid, spsm, 0]);
  }
}

export class LowLevelChannels {
  private readonly channels: Channels;
  private readonly source: IrqSource;
  /** By connection and this side's identifier. */
  private readonly open = new Map<string, LowLevelChannel>();
  /** What ends listening, by multiplexer. */
  private readonly listening = new Map<number, () => void>();

  constructor(channels: Channels, source: IrqSource) {
    this.channels = channels;
    this.source = source;
  }

  /** See `BLE.l2capListen`. */
  listen(psm: number, mtu: number | null): void {
    checkSpsm(psm);
    const parameters = mtu === null ? undefined : parametersOf({ mtu });
    const stop = this.listening.get(psm);
    if (!stop && this.channels.isTaken(psm)) {
      throw new BleError("psm-in-use", `Somebody listens on psm ${psm} already: use another.`);
    }
    stop?.();
    this.listening.delete(psm);
    if (!parameters) return;
    const listener: ChannelListener = {
      onRequest: (connection, request) => this.requested(connection, request, parameters.mtu),
      expects: () => true,
    };
    this.listening.set(psm, this.channels.listen(psm, listener));
  }

  private requested({ handle }: Connection, request: ChannelRequest, mtu: number): void {
    const { cids, mtu: peerMtu, spsm } = request;
    const parameters = parametersOf({ mtu });
    const isWanted = (cid: number): boolean =>
      this.source.ask(IRQ_L2CAP_ACCEPT, [handle, cid, spsm, mtu, peerMtu]) === 0;
    for (const channel of request.accept(cids.length, parameters, isWanted)) this.add(handle, channel);
  }

  /** See `BLE.l2capConnect`. */
  connect(connection: Connection, psm: number, mtu: number): void {
    checkSpsm(psm);
    const { handle } = connection;
    // It may fail before it is known.
    let cid = 0;
    const failed = (status: number): void => {
      this.source.emit(IRQ_L2CAP_DISCONNECT, [handle, cid, psm, status]);
    };
    const attempt = this.channels.of(connection)!.connect(psm, parametersOf({ mtu }), {
      onOpened: ([channel]) => this.add(handle, channel!),
      onRefused: (result) => failed(result),
      onFailed: (reason) => failed(FAILURES[reason]),
    });
    if (attempt === "channels") {
      throw new BleError(
        "too-many-channels",
        `Connection ${handle} has ${CHANNELS_MAX} channels: disconnect one.`,
      );
    }
    if (attempt === "memory") {
      throw new BleError("peer-memory-full", `There is no memory for a channel with an mtu of ${mtu}.`);
    }
    if (attempt === "gate") throw connection.gate?.refusal;
    [cid] = attempt.wanted.cids as [number];
  }

  /** See `BLE.l2capDisconnect`. */
  disconnect(conn: number, cid: number): void {
    this.at(conn, cid).channel.close();
  }

  /** See `BLE.l2capSend`. */
  send(conn: number, cid: number, bytes: Uint8Array): boolean {
    const entry = this.at(conn, cid);
    const { channel } = entry;
    if (!(bytes.length >= 1 && bytes.length <= channel.peerMtu)) {
      throw new RangeError(`l2capSend takes 1 to ${channel.peerMtu} bytes here, not ${bytes.length}`);
    }
    if (entry.isStalled) {
      throw new BleError(
        "send-queue-full",
        `Channel ${cid} of connection ${conn} is stalled: wait for IRQ_L2CAP_SEND_READY.`,
      );
    }
    const item = channel.send(bytes, bytes.length, () => {});
    entry.isStalled = channel.pendingSends > 0;
    if (entry.isStalled) channel.own(item);
    return !entry.isStalled;
  }

  /** See `BLE.l2capRecvinto`. */
  recvinto(conn: number, cid: number, target: Uint8Array | null): number {
    const { channel } = this.at(conn, cid);
    if (target === null) return channel.unread;
    if (!(target instanceof Uint8Array)) throw new TypeError("l2capRecvinto takes a Uint8Array or null");
    let count = 0;
    while (count < target.length && channel.readable !== undefined) {
      count += channel.readInto(target.subarray(count));
    }
    return count;
  }

  private add(conn: number, channel: CreditChannel): void {
    const key = `${conn} ${channel.cid}`;
    this.open.set(key, new LowLevelChannel(conn, channel, this.source, () => this.open.delete(key)));
  }

  private at(conn: number, cid: number): LowLevelChannel {
    const entry = this.open.get(`${conn} ${cid}`);
    if (entry) return entry;
    throw new BleError(
      "l2cap-disconnected",
      `Connection ${conn} has no channel ${cid} of the module bluetooth.`,
    );
  }
}
