/** The phone's side of HCI: commands one after the other, events, and ACL data within the controller's credits. */
import { decode, encode, type Fields, type Values, viewOf, Writer } from "../../firmware/ble/codec.ts";
import { reset } from "../../firmware/ble/hci/commands/baseband.ts";
import { leReadBufferSize } from "../../firmware/ble/hci/commands/le-controller.ts";
import { commandComplete, commandStatus, numberOfCompletedPackets } from "../../firmware/ble/hci/events.ts";
import {
  type AnyCommand,
  type Command,
  H4_ACL,
  H4_COMMAND,
  H4_EVENT,
  type HciEvent,
  LE_META,
} from "../../firmware/ble/hci/packet.ts";
import type { Clock } from "../../firmware/platform/platform.ts";
import { Deferred } from "./deadline.ts";
import { PhoneError } from "./errors.ts";

const ANSWER_TIMEOUT_MS = 5000;
const CONTINUING = 0x1000;

interface Fragment {
  readonly handle: number;
  readonly packet: Uint8Array;
  readonly onSent: (() => void) | undefined;
}

/** Where packets to the controller go. */
export type SendPacket = (packet: Uint8Array) => void;

export class PhoneHci {
  readonly clock: Clock;
  /** Takes the data of each ACL packet. */
  onAcl: (handle: number, first: boolean, data: Uint8Array) => void = () => {};
  private readonly sendPacket: SendPacket;
  private readonly handlers = new Map<number, (packet: DataView) => void>();
  private pending: { readonly command: AnyCommand; readonly answer: Deferred<DataView> } | undefined =
    undefined;
  private last: Promise<unknown> = Promise.resolve();
  private packetLength = 27;
  private credits = 0;
  private readonly waiting: Fragment[] = [];
  /** Packets of each link that the controller holds. */
  private readonly held = new Map<number, number>();
  private readonly delivering: { readonly handle: number; readonly resolve: () => void }[] = [];

  constructor(clock: Clock, sendPacket: SendPacket) {
    this.clock = clock;
    this.sendPacket = sendPacket;
  }

  /** Resets the controller and learns its buffers. */
  async start(): Promise<void> {
    await this.command(reset, {});
    const buffers = await this.command(leReadBufferSize, {});
    this.packetLength = buffers.leAclDataPacketLength;
    this.credits = buffers.totalNumLeAclDataPackets;
    this.waiting.length = 0;
    this.held.clear();
  }

  /** Calls `handler` for each such event, in place of the handler before. */
  on<F extends Fields>(event: HciEvent<F>, handler: (values: Values<F>) => void): void {
    this.handlers.set(event.code, (packet) => {
      const values = decode(event.fields, packet, event.code > 0xff ? 4 : 3, packet.byteLength);
      if (values) handler(values);
    });
  }

  /**
   * Sends a command when its predecessors are answered, and resolves with what it returns.
   * @throws PhoneError with the status when the controller refuses.
   */
  command<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
  ): Promise<Values<R>> {
    const run = this.last.then(() => this.exchange(command, parameters));
    this.last = run.catch(() => {});
    return run;
  }

  private async exchange<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    parameters: Values<P>,
  ): Promise<Values<R>> {
    const body = encode(command.parameters, parameters);
    const writer = new Writer(4 + body.length);
    writer.u8(H4_COMMAND);
    writer.u16(command.opcode);
    writer.u8(body.length);
    writer.bytes(body);
    const answer = new Deferred<DataView>(this.clock, ANSWER_TIMEOUT_MS, `the answer to ${command.name}`);
    this.pending = { command, answer };
    this.sendPacket(writer.finish());
    const packet = await answer.promise;
    const complete = packet.getUint8(1) === commandComplete.code;
    const status = packet.getUint8(complete ? 6 : 3);
    if (status !== 0) {
      throw new PhoneError(`${command.name} was refused with status 0x${status.toString(16)}`, status);
    }
    const values = complete ? decode(command.returns, packet, 7, packet.byteLength) : ({} as Values<R>);
    if (!values) throw new PhoneError(`${command.name} returned too little`);
    return values;
  }

  /** One packet from the controller, H4 indicator first. */
  receive(bytes: Uint8Array): void {
    const packet = viewOf(bytes);
    if (bytes[0] === H4_ACL) {
      const handleAndFlags = packet.getUint16(1, true);
      this.onAcl(handleAndFlags & 0x0fff, ((handleAndFlags >> 12) & 3) !== 1, bytes.slice(5));
    } else if (bytes[0] === H4_EVENT) {
      this.receiveEvent(packet);
    }
  }

  private receiveEvent(packet: DataView): void {
    const code = packet.getUint8(1);
    if (code === commandComplete.code) this.answered(packet.getUint16(4, true), packet);
    else if (code === commandStatus.code) this.answered(packet.getUint16(5, true), packet);
    else if (code === numberOfCompletedPackets.code) this.completed(packet);
    else this.handlers.get(code === LE_META ? (LE_META << 8) | packet.getUint8(3) : code)?.(packet);
  }

  private answered(opcode: number, packet: DataView): void {
    if (this.pending?.command.opcode === opcode) this.pending.answer.resolve(packet);
  }

  private completed(packet: DataView): void {
    for (let index = 0; index < packet.getUint8(3); index++) {
      const handle = packet.getUint16(4 + index * 4, true);
      const held = this.held.get(handle);
      if (held === undefined) continue;
      const count = packet.getUint16(6 + index * 4, true);
      this.held.set(handle, held - count);
      this.credits += count;
    }
    this.drain();
  }

  /** Sends an L2CAP frame in as many packets as it takes; `onSent` when the controller has the last of them. */
  sendFrame(handle: number, frame: Uint8Array, onSent?: () => void): void {
    for (let at = 0; at < frame.length; at += this.packetLength) {
      const data = frame.subarray(at, at + this.packetLength);
      const writer = new Writer(5 + data.length);
      writer.u8(H4_ACL);
      writer.u16(handle | (at === 0 ? 0 : CONTINUING));
      writer.u16(data.length);
      writer.bytes(data);
      const last = at + this.packetLength >= frame.length;
      this.waiting.push({ handle, packet: writer.finish(), onSent: last ? onSent : undefined });
    }
    this.drain();
  }

  /** Resolves when the peer has everything that was sent on this link, or the link is gone. */
  delivered(handle: number): Promise<void> {
    return new Promise((resolve) => {
      this.delivering.push({ handle, resolve });
      this.settleDelivered();
    });
  }

  private settleDelivered(): void {
    for (const wait of [...this.delivering]) {
      const waits = this.waiting.some(({ handle }) => handle === wait.handle);
      if (waits || (this.held.get(wait.handle) ?? 0) > 0) continue;
      this.delivering.splice(this.delivering.indexOf(wait), 1);
      wait.resolve();
    }
  }

  /** The link is gone: what it had in the controller comes back. */
  linkGone(handle: number): void {
    this.credits += this.held.get(handle) ?? 0;
    this.held.delete(handle);
    const others = this.waiting.filter((fragment) => fragment.handle !== handle);
    this.waiting.splice(0, this.waiting.length, ...others);
    this.drain();
  }

  private drain(): void {
    while (this.credits > 0 && this.waiting.length > 0) {
      const { handle, packet, onSent } = this.waiting.shift()!;
      this.credits--;
      this.held.set(handle, (this.held.get(handle) ?? 0) + 1);
      this.sendPacket(packet);
      onSent?.();
    }
    this.settleDelivered();
  }
}
