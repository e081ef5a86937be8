/**
 * A central without a stack: connects through HCI, then sends whatever bytes it is given and shows what comes back.
 * For everything that a well-behaved central cannot be made to send.
 */
import { H4Transport, h4 } from "./h4.ts";
import { Mailbox } from "./wait.ts";

/** Fixed L2CAP channels (Vol 3, Part A, 2.1). */
export const cid = { att: 0x0004, signaling: 0x0005, smp: 0x0006 } as const;

/** Packet boundary flags of an ACL packet from a host (Vol 4, Part E, 5.4.2). */
export const boundary = { start: 0, continuation: 1 } as const;

/** A complete L2CAP frame from the camera. */
export interface Frame {
  readonly cid: number;
  readonly payload: Buffer;
}

/** What one advertising report said. */
interface Report {
  readonly addressType: number;
  readonly address: Buffer;
  readonly data: Buffer;
}

/** HCI commands that are needed here: opcodes of Vol 4, Part E, 7. */
const op = {
  disconnect: 0x0406,
  reset: 0x0c03,
  setEventMask: 0x0c01,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leSetRandomAddress: 0x2005,
  leSetScanParameters: 0x200b,
  leSetScanEnable: 0x200c,
  leCreateConnection: 0x200d,
} as const;

const event = {
  disconnectionComplete: 0x05,
  commandComplete: 0x0e,
  commandStatus: 0x0f,
  completed: 0x13,
  le: 0x3e,
};
const subevent = { connectionComplete: 0x01, advertisingReport: 0x02 };

export class RawCentral {
  /** Frames from the camera, in their order. */
  readonly frames = new Mailbox<Frame>();
  /** Reasons of disconnections. */
  readonly disconnections = new Mailbox<number>();
  private readonly transport: H4Transport;
  private readonly events = new Mailbox<{ code: number; parameters: Buffer }>();
  private readonly reports = new Mailbox<Report>();
  private handle = 0;
  private isConnected = false;
  private reassembly: Buffer = Buffer.alloc(0);
  private buffers = 0;
  private credits = 0;
  private fragmentSize = 27;
  private readonly unsent: Buffer[] = [];

  private constructor(transport: H4Transport) {
    this.transport = transport;
    transport.on("data", (packet: Buffer) => this.receive(packet));
    transport.on("close", () => {
      const reason = new Error("the raw central's controller is gone");
      for (const box of [this.frames, this.disconnections, this.events, this.reports]) box.close(reason);
    });
  }

  static async open(hci: string): Promise<RawCentral> {
    const central = new RawCentral(await H4Transport.open(hci));
    await central.command(op.reset);
    await central.command(op.setEventMask, "ffffffffffffff3f");
    await central.command(op.leSetEventMask, "1f00000000000000");
    await central.command(op.leSetRandomAddress, "0200000000c4");
    const sizes = await central.command(op.leReadBufferSize);
    central.fragmentSize = sizes.readUInt16LE(1);
    central.buffers = central.credits = sizes.readUInt8(3);
    return central;
  }

  /**
   * Finds the camera by its complete local name and connects.
   * @throws WaitError when it does not advertise.
   */
  async connect(name: string, timeoutMs?: number): Promise<void> {
    const wanted = Buffer.concat([Buffer.from([name.length + 1, 0x09]), Buffer.from(name)]);
    this.reports.drain();
    await this.command(op.leSetScanParameters, "01 1000 1000 01 00");
    await this.command(op.leSetScanEnable, "0100");
    let camera: Report;
    try {
      camera = await this.reports.takeWhere(
        ({ data }) => data.includes(wanted),
        `${name} on the air`,
        timeoutMs,
      );
    } finally {
      await this.command(op.leSetScanEnable, "0000");
    }
    this.events.drain();
    this.frames.drain();
    this.disconnections.drain();
    const peer = Buffer.concat([Buffer.from([camera.addressType]), camera.address]).toString("hex");
    await this.command(op.leCreateConnection, `1000 1000 00 ${peer} 01 1800 1800 0000 4800 0000 0000`);
    const { parameters } = await this.events.takeWhere(
      ({ code, parameters }) => code === event.le && parameters[0] === subevent.connectionComplete,
      `a connection to ${name}`,
      timeoutMs,
    );
    if (parameters[1] !== 0) throw new Error(`the connection failed with 0x${parameters[1]?.toString(16)}`);
  }

  /** Sends one ACL packet with exactly these bytes after its header. */
  sendAcl(data: Uint8Array, flag: number = boundary.start): void {
    const header = Buffer.alloc(5);
    header.writeUInt8(h4.acl, 0);
    header.writeUInt16LE(this.handle | (flag << 12), 1);
    header.writeUInt16LE(data.length, 3);
    this.unsent.push(Buffer.concat([header, data]));
    this.flush();
  }

  /** Sends a well-formed L2CAP frame, fragmented as the controller wants it. */
  sendFrame(channel: number, payload: Uint8Array): void {
    const frame = Buffer.alloc(4 + payload.length);
    frame.writeUInt16LE(payload.length, 0);
    frame.writeUInt16LE(channel, 2);
    frame.set(payload, 4);
    for (let at = 0; at < frame.length; at += this.fragmentSize) {
      this.sendAcl(
        frame.subarray(at, at + this.fragmentSize),
        at === 0 ? boundary.start : boundary.continuation,
      );
    }
  }

  /** Sends one ATT PDU. */
  sendAtt(pdu: Uint8Array): void {
    this.sendFrame(cid.att, pdu);
  }

  /** The next ATT PDU from the camera; notifications are passed over. */
  async nextAtt(what = "an ATT PDU", timeoutMs?: number): Promise<Buffer> {
    const isAnswer = (frame: Frame) => frame.cid === cid.att && frame.payload[0] !== 0x1b;
    return (await this.frames.takeWhere(isAnswer, what, timeoutMs)).payload;
  }

  /** Sends an ATT request; returns its answer, whatever it is. */
  async requestAtt(pdu: Uint8Array, timeoutMs?: number): Promise<Buffer> {
    this.sendAtt(pdu);
    return this.nextAtt(`an answer to ${Buffer.from(pdu).toString("hex")}`, timeoutMs);
  }

  /** The value handle of a characteristic with a 16-bit UUID, by Read By Type (Vol 3, Part F, 3.4.4.1). */
  async valueHandle(uuid16: string, timeoutMs?: number): Promise<number> {
    const wanted = Buffer.from(uuid16, "hex").readUInt16BE();
    for (let start = 1; ; ) {
      const request = Buffer.from("080000ffff0328", "hex");
      request.writeUInt16LE(start, 1);
      const answer = await this.requestAtt(request, timeoutMs);
      if (answer[0] !== 0x09)
        throw new Error(`the camera has no characteristic ${uuid16}: ${answer.toString("hex")}`);
      const length = answer.readUInt8(1);
      for (let at = 2; at + length <= answer.length; at += length) {
        if (length === 7 && answer.readUInt16LE(at + 5) === wanted) return answer.readUInt16LE(at + 3);
        start = answer.readUInt16LE(at) + 1;
      }
    }
  }

  /** Ends the connection and waits until it has ended. */
  async disconnect(): Promise<void> {
    if (!this.isConnected) return;
    const handle = Buffer.alloc(2);
    handle.writeUInt16LE(this.handle);
    await this.command(op.disconnect, `${handle.toString("hex")} 13`);
    await this.disconnections.take("the disconnection");
  }

  /** Vanishes: the controller goes off the air. */
  close(): void {
    this.transport.close();
  }

  /** Sends a command; returns the parameters that follow the opcode in its answer, the status first. */
  private async command(opcode: number, parametersHex = ""): Promise<Buffer> {
    const parameters = Buffer.from(parametersHex.replaceAll(" ", ""), "hex");
    const header = Buffer.from([h4.command, opcode & 0xff, opcode >> 8, parameters.length]);
    this.transport.write(Buffer.concat([header, parameters]));
    const name = `the answer to command 0x${opcode.toString(16)}`;
    const answer = await this.events.takeWhere(({ code, parameters: p }) => {
      if (code === event.commandComplete) return p.readUInt16LE(1) === opcode;
      return code === event.commandStatus && p.readUInt16LE(2) === opcode;
    }, name);
    const isStatus = answer.code === event.commandStatus;
    const result = isStatus ? answer.parameters.subarray(0, 1) : answer.parameters.subarray(3);
    if (result[0] !== 0)
      throw new Error(`command 0x${opcode.toString(16)} failed: 0x${result[0]?.toString(16)}`);
    return result;
  }

  private receive(packet: Buffer): void {
    if (packet[0] === h4.acl) {
      this.receiveAcl(packet);
      return;
    }
    const code = packet.readUInt8(1);
    const parameters = packet.subarray(3);
    if (code === event.le && parameters[0] === subevent.advertisingReport) {
      const length = parameters.readUInt8(10);
      this.reports.put({
        addressType: parameters.readUInt8(3),
        address: parameters.subarray(4, 10),
        data: parameters.subarray(11, 11 + length),
      });
    } else if (code === event.completed) {
      for (let index = 0; index < parameters.readUInt8(0); index++) {
        this.credits += parameters.readUInt16LE(3 + 4 * index);
      }
      this.flush();
    } else if (code === event.disconnectionComplete) {
      this.isConnected = false;
      // What the controller still held for the link is free again (Vol 4, Part E, 4.3).
      this.credits = this.buffers;
      this.unsent.length = 0;
      this.disconnections.put(parameters.readUInt8(3));
    } else {
      if (code === event.le && parameters[0] === subevent.connectionComplete && parameters[1] === 0) {
        this.handle = parameters.readUInt16LE(2);
        this.isConnected = true;
        this.reassembly = Buffer.alloc(0);
      }
      this.events.put({ code, parameters });
    }
  }

  private receiveAcl(packet: Buffer): void {
    const isContinuation = ((packet.readUInt16LE(1) >> 12) & 3) === boundary.continuation;
    const data = packet.subarray(5);
    this.reassembly = isContinuation ? Buffer.concat([this.reassembly, data]) : data;
    if (this.reassembly.length < 4) return;
    const length = this.reassembly.readUInt16LE(0);
    if (this.reassembly.length < 4 + length) return;
    this.frames.put({
      cid: this.reassembly.readUInt16LE(2),
      payload: this.reassembly.subarray(4, 4 + length),
    });
    this.reassembly = Buffer.alloc(0);
  }

  private flush(): void {
    while (this.credits > 0 && this.unsent.length > 0) {
      this.credits--;
      this.transport.write(this.unsent.shift() as Buffer);
    }
  }
}
