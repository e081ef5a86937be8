/** A link that a test plays: the central's side in raw bytes. */

import { Mailbox } from "../interop/wait.ts";
import { bytes, u16 } from "./bytes.ts";
import type { Controller } from "./controller.ts";
import { h4 } from "./h4.ts";

/** Fixed L2CAP channels (Vol 3, Part A, 2.1). */
export const cid = { att: 0x0004, signaling: 0x0005, smp: 0x0006 } as const;

/** ATT opcodes (Vol 3, Part F, 3.4.8). */
export const att = {
  error: 0x01,
  mtuRequest: 0x02,
  mtuResponse: 0x03,
  readByTypeRequest: 0x08,
  readByTypeResponse: 0x09,
  read: 0x0a,
  readResponse: 0x0b,
  readMultiple: 0x0e,
  write: 0x12,
  writeResponse: 0x13,
  prepareWrite: 0x16,
  prepareWriteResponse: 0x17,
  executeWrite: 0x18,
  executeWriteResponse: 0x19,
  notification: 0x1b,
  indication: 0x1d,
  confirmation: 0x1e,
  multipleNotification: 0x23,
  writeCommand: 0x52,
} as const;

/** How a central connects. */
export interface ConnectOptions {
  /** 0x0000 to 0x0EFF, by default one that is free. */
  readonly handle?: number;
  /** Reserved bits, and whatever else the event's handle is to hold beside it. */
  readonly reserved?: number;
  /** Last byte of the central's address, which is static random. By default the handle's. */
  readonly peer?: number;
  /** Whether it takes data; see `Link.inRange`. True by default. */
  readonly inRange?: boolean;
}

const LE_CONNECTION_COMPLETE = 0x01;

/** LE Connection Complete of a link in the peripheral role (Vol 4, Part E, 7.7.65.1), 30 ms, 4 s. */
export function connectionComplete(handle: number, { reserved = 0, peer }: ConnectOptions = {}): Buffer {
  const address = Buffer.from([(peer ?? handle) & 0xff, 0, 0, 0, 0, 0xc7]);
  const head = Buffer.from([h4.event, 0x3e, 19, LE_CONNECTION_COMPLETE, 0]);
  const tail = bytes("1800 0000 9001 00");
  return Buffer.concat([head, u16(handle | reserved), Buffer.from([1, 1]), address, tail]);
}

/** Disconnection Complete (Vol 4, Part E, 7.7.5). */
export const disconnectionComplete = (handle: number, reason: number): Buffer =>
  Buffer.concat([Buffer.from([h4.event, 0x05, 4, 0]), u16(handle), Buffer.from([reason])]);

/** A complete L2CAP frame from the camera. */
export interface Frame {
  readonly cid: number;
  readonly payload: Buffer;
}

const isUpdate = (opcode: number | undefined): boolean =>
  opcode === att.notification || opcode === att.indication || opcode === att.multipleNotification;

export class Link {
  readonly handle: number;
  /** ATT PDUs from the camera but notifications and indications. */
  readonly answers = new Mailbox<Buffer>();
  /** Notifications and indications, whole PDUs. */
  readonly updates = new Mailbox<Buffer>();
  /** Frames of all other channels. */
  readonly frames = new Mailbox<Frame>();
  /** Settles when the link is gone, whoever ended it, with the reason that the camera was given; 0 by a Reset. */
  readonly gone: Promise<number>;
  /** Whether indications are confirmed at once. */
  confirms = true;
  isOpen = true;
  /** Notifications and indications so far. */
  updateCount = 0;

  private readonly controller: Controller;
  private readonly packetLength: number;
  private readonly unsent: { data: Buffer; isContinuation: boolean }[] = [];
  private reassembly: Buffer = Buffer.alloc(0);
  private takes: boolean;
  private reason = 0;
  private leave: (reason: number) => void = () => undefined;

  constructor(controller: Controller, handle: number, packetLength: number, options: ConnectOptions) {
    this.controller = controller;
    this.handle = handle;
    this.packetLength = packetLength;
    this.takes = options.inRange ?? true;
    this.gone = new Promise((resolve) => {
      this.leave = resolve;
    });
  }

  /** Packets that the controller holds because the central does not take them. */
  get heldPackets(): number {
    return this.unsent.length;
  }

  /**
   * Whether the central takes what is sent. One that is out of range takes nothing, so that the controller's buffers
   * stay full; when it comes back it takes everything.
   */
  set inRange(value: boolean) {
    this.takes = value;
    if (!value || this.unsent.length === 0) return;
    const packets = this.unsent.splice(0);
    this.controller.completed(this.handle, packets.length);
    for (const { data, isContinuation } of packets) this.deliver(data, isContinuation);
  }

  /**
   * One ACL packet with exactly these bytes after its header. `flags`: packet boundary and broadcast (5.4.2). Of a link that
   * is gone a controller has none.
   */
  acl(what: string | Uint8Array, flags = 2): void {
    if (!this.isOpen) return;
    const data = bytes(what);
    const header = Buffer.concat([Buffer.from([h4.acl]), u16(this.handle | (flags << 12)), u16(data.length)]);
    this.controller.send(Buffer.concat([header, data]));
  }

  /** A well-formed L2CAP frame, in as many packets as it takes. */
  frame(channel: number, what: string | Uint8Array): void {
    const payload = bytes(what);
    const whole = Buffer.concat([u16(payload.length), u16(channel), payload]);
    for (let at = 0; at < whole.length; at += this.packetLength) {
      this.acl(whole.subarray(at, at + this.packetLength), at === 0 ? 2 : 1);
    }
  }

  /** Sends one ATT PDU. */
  att(pdu: string | Uint8Array): void {
    this.frame(cid.att, pdu);
  }

  /** Sends an ATT request; returns what comes back, whatever it is. */
  async request(pdu: string | Uint8Array): Promise<Buffer> {
    this.att(pdu);
    return this.answers.take(
      `an answer to ${bytes(pdu).subarray(0, 16).toString("hex")} on link ${this.handle}`,
    );
  }

  /** Exchanges the ATT_MTU; returns the camera's. */
  async exchangeMtu(mtu: number): Promise<number> {
    const answer = await this.request(Buffer.concat([Buffer.from([att.mtuRequest]), u16(mtu)]));
    if (answer[0] !== att.mtuResponse) throw new Error(`Exchange MTU was answered ${answer.toString("hex")}`);
    return answer.readUInt16LE(1);
  }

  read(handle: number): Promise<Buffer> {
    return this.request(Buffer.concat([Buffer.from([att.read]), u16(handle)]));
  }

  write(handle: number, value: string | Uint8Array): Promise<Buffer> {
    return this.request(writePdu(att.write, handle, value));
  }

  writeCommand(handle: number, value: string | Uint8Array): void {
    this.att(writePdu(att.writeCommand, handle, value));
  }

  /** Prepare Write Request. */
  prepare(handle: number, offset: number, part: string | Uint8Array): Promise<Buffer> {
    const head = Buffer.concat([Buffer.from([att.prepareWrite]), u16(handle), u16(offset)]);
    return this.request(Buffer.concat([head, bytes(part)]));
  }

  /** Writes a Client Characteristic Configuration; fails when it is not taken. */
  async subscribe(cccd: number, bits = 1): Promise<void> {
    const answer = await this.write(cccd, u16(bits));
    if (answer[0] !== att.writeResponse)
      throw new Error(`subscribing was answered ${answer.toString("hex")}`);
  }

  /** The value handles of all characteristics with these 16 bits as UUID, by Read By Type (Vol 3, Part F, 3.4.4.1). */
  async valueHandles(): Promise<{ uuid: string; handle: number; properties: number }[]> {
    const found: { uuid: string; handle: number; properties: number }[] = [];
    for (let start = 1; ; ) {
      const answer = await this.request(Buffer.concat([bytes("08"), u16(start), bytes("ffff 0328")]));
      if (answer[0] !== att.readByTypeResponse) return found;
      const length = answer.readUInt8(1);
      for (let at = 2; at + length <= answer.length; at += length) {
        found.push({
          uuid: Buffer.from(answer.subarray(at + 5, at + length))
            .reverse()
            .toString("hex"),
          handle: answer.readUInt16LE(at + 3),
          properties: answer.readUInt8(at + 2),
        });
        start = answer.readUInt16LE(at) + 1;
      }
    }
  }

  /** The value handle of one characteristic, by its UUID in hexadecimal digits. */
  async valueHandle(uuid: string): Promise<number> {
    const all = await this.valueHandles();
    const one = all.find((candidate) => candidate.uuid === uuid.toLowerCase());
    if (one === undefined)
      throw new Error(`no characteristic ${uuid} among ${all.map((other) => other.uuid)}`);
    return one.handle;
  }

  /** Ends the link; the camera gets the reason. 0x08 is the supervision timeout, 0x13 the peer's own wish. */
  end(reason = 0x08): void {
    this.reason = reason;
    this.controller.ended(this, reason);
  }

  /** Ends the link, and the camera is sent nothing. */
  vanish(): void {
    this.controller.forget(this);
  }

  /** For the controller: the link is gone. */
  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const reason = new Error(`link ${this.handle} is gone`);
    for (const box of [this.answers, this.updates, this.frames]) box.close(reason);
    this.leave(this.reason);
  }

  /** For the controller: one packet's data. */
  receive(data: Buffer, isContinuation: boolean): void {
    if (!this.takes) {
      this.unsent.push({ data: Buffer.from(data), isContinuation });
      return;
    }
    this.controller.completed(this.handle, 1);
    this.deliver(data, isContinuation);
  }

  private deliver(data: Buffer, isContinuation: boolean): void {
    this.reassembly = isContinuation ? Buffer.concat([this.reassembly, data]) : Buffer.from(data);
    if (this.reassembly.length < 4) return;
    const length = this.reassembly.readUInt16LE(0);
    if (this.reassembly.length < 4 + length) return;
    const frame = { cid: this.reassembly.readUInt16LE(2), payload: this.reassembly.subarray(4, 4 + length) };
    this.reassembly = Buffer.alloc(0);
    if (frame.cid !== cid.att) this.frames.put(frame);
    else if (!isUpdate(frame.payload[0])) this.answers.put(frame.payload);
    else this.update(frame.payload);
  }

  private update(pdu: Buffer): void {
    this.updateCount++;
    this.updates.put(pdu);
    if (pdu[0] === att.indication && this.confirms) this.att(Buffer.from([att.confirmation]));
  }
}

function writePdu(opcode: number, handle: number, value: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([opcode]), u16(handle), bytes(value)]);
}
