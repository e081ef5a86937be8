/**
 * The other end of the camera's HCI UART: a controller that answers at once and always alike, and a central behind it.
 * It has no connection events and no clock, so that a run repeats; how a link really behaves is the simulator's affair.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { FROM_HOST, H4Framer } from "../../simulator/h4.ts";
import { REPETITIONS, TURN, VALUE, VALUE_LENGTH, WARM_UP } from "./script.ts";

const HANDLE = 0x0040;
/** ACL packets that the controller holds. */
const BUFFERS = 8;
const ACL_LENGTH = 251;

const OPCODE = {
  DISCONNECT: 0x0406,
  READ_VERSION: 0x1001,
  READ_COMMANDS: 0x1002,
  READ_BD_ADDR: 0x1009,
  LE_READ_BUFFER_SIZE: 0x2002,
  LE_READ_FEATURES: 0x2003,
  LE_ADVERTISING_ENABLE: 0x200a,
  LE_READ_MAXIMUM_DATA_LENGTH: 0x202f,
} as const;

const ATT = {
  READ_BY_TYPE_REQUEST: 0x08,
  READ_BY_TYPE_RESPONSE: 0x09,
  WRITE_REQUEST: 0x12,
  WRITE_RESPONSE: 0x13,
  NOTIFICATION: 0x1b,
  WRITE_COMMAND: 0x52,
} as const;

const CHARACTERISTIC = 0x2803;

const le16 = (value: number): number[] => [value & 0xff, value >> 8];

/** A UUID's 16 bytes as ATT carries them. */
const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex").reverse();

const completedPackets = (count: number): number[] => [0x04, 0x13, 5, 1, ...le16(HANDLE), ...le16(count)];

/** LE Connection Complete: 30 ms interval, latency 0, 720 ms supervision timeout, from a public address. */
const connectionComplete: readonly number[] = [
  ...[0x04, 0x3e, 19, 0x01, 0x00, ...le16(HANDLE), 1, 0],
  ...[1, 2, 3, 4, 5, 6, ...le16(24), ...le16(0), ...le16(72), 0],
];

const disconnectionComplete: readonly number[] = [0x04, 0x05, 4, 0x00, ...le16(HANDLE), 0x13];

/** What a small LE-only controller returns after the status. */
function returns(opcode: number): readonly number[] {
  switch (opcode) {
    case OPCODE.READ_VERSION: // 5.3
      return [12, 0, 0, 12, 0xff, 0xff, 0, 0];
    case OPCODE.READ_COMMANDS: {
      const commands = new Array<number>(64).fill(0xff);
      commands[24] = 0xbf; // No Write LE Host Support: no BR/EDR here.
      return commands;
    }
    case OPCODE.READ_BD_ADDR:
      return [0x01, 0x00, 0x00, 0xee, 0xff, 0x00];
    case OPCODE.LE_READ_BUFFER_SIZE:
      return [...le16(ACL_LENGTH), BUFFERS];
    case OPCODE.LE_READ_FEATURES: // Encryption and data length extension.
      return [0x21, 0, 0, 0, 0, 0, 0, 0];
    case OPCODE.LE_READ_MAXIMUM_DATA_LENGTH:
      return [...le16(251), ...le16(2120), ...le16(251), ...le16(2120)];
    default:
      return [];
  }
}

/** Everything happens in answer to a packet from the camera, in the order in which they come. */
export class Peer {
  private readonly socket: Socket;
  /** Settles the wait for the camera's next ATT PDU. */
  private onPdu: ((pdu: Uint8Array) => void) | undefined = undefined;
  private readonly pdus: Uint8Array[] = [];
  private onAdvertising: (() => void) | undefined = undefined;
  private turn = 0;
  private value = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    const framer = new H4Framer(FROM_HOST, (packet) => this.receive(packet));
    socket.on("data", (bytes: Uint8Array) => framer.push(bytes));
  }

  private receive(packet: Uint8Array): void {
    if (packet[0] === 0x02) {
      const pdu = packet.subarray(9);
      if (!this.onPdu) this.pdus.push(pdu);
      else {
        const onPdu = this.onPdu;
        this.onPdu = undefined;
        onPdu(pdu);
      }
      return;
    }
    const opcode = packet[1]! | (packet[2]! << 8);
    if (opcode === OPCODE.DISCONNECT) this.send([0x04, 0x0f, 4, 0, 1, ...le16(opcode)]);
    else {
      const result = returns(opcode);
      this.send([0x04, 0x0e, 4 + result.length, 1, ...le16(opcode), 0, ...result]);
    }
    if (opcode === OPCODE.LE_ADVERTISING_ENABLE && packet[4] === 1) this.onAdvertising?.();
  }

  private send(...packets: readonly (readonly number[])[]): void {
    this.socket.write(Uint8Array.from(packets.flat()));
  }

  /** An ACL packet with an ATT PDU. */
  private acl(pdu: readonly number[]): number[] {
    const frame = [...le16(pdu.length), ...le16(0x0004), ...pdu];
    return [0x02, ...le16(HANDLE | 0x2000), ...le16(frame.length), ...frame];
  }

  private next(): Promise<Uint8Array> {
    const waiting = this.pdus.shift();
    if (waiting) return Promise.resolve(waiting);
    return new Promise((resolve) => {
      this.onPdu = resolve;
    });
  }

  private async expect(opcode: number): Promise<Uint8Array> {
    const pdu = await this.next();
    if (pdu[0] !== opcode) {
      throw new Error(`the camera sent ${Buffer.from(pdu).toString("hex")}, not ATT opcode ${opcode}`);
    }
    return pdu;
  }

  /** Resolves when the camera advertises the next time. */
  advertising(): Promise<void> {
    return new Promise((resolve) => {
      this.onAdvertising = resolve;
    });
  }

  /** Connects, finds the two characteristics, subscribes. */
  async connect(): Promise<void> {
    this.send(connectionComplete);
    this.turn = await this.find(TURN);
    this.value = await this.find(VALUE);
    await this.subscribe(this.value + 1);
  }

  /** Connects and subscribes to everything that looks like a CCCD; disconnects after a while. */
  async visit(milliseconds: number): Promise<void> {
    this.send(connectionComplete);
    await sleep(milliseconds);
    this.send(disconnectionComplete);
  }

  /** The handle of a characteristic's value. */
  private async find(uuid: string): Promise<number> {
    const wanted = uuidBytes(uuid);
    for (let first = 1; ; ) {
      this.send(
        this.acl([ATT.READ_BY_TYPE_REQUEST, ...le16(first), ...le16(0xffff), ...le16(CHARACTERISTIC)]),
      );
      const pdu = await this.expect(ATT.READ_BY_TYPE_RESPONSE);
      this.send(completedPackets(1));
      const size = pdu[1]!;
      for (let at = 2; at + size <= pdu.length; at += size) {
        if (wanted.equals(pdu.subarray(at + 5, at + size))) return pdu[at + 3]! | (pdu[at + 4]! << 8);
        first = (pdu[at]! | (pdu[at + 1]! << 8)) + 1;
      }
    }
  }

  private async subscribe(handle: number): Promise<void> {
    this.send(this.acl([ATT.WRITE_REQUEST, ...le16(handle), ...le16(1)]));
    await this.expect(ATT.WRITE_RESPONSE);
    this.send(completedPackets(1));
  }

  private get turnCommand(): number[] {
    return this.acl([ATT.WRITE_COMMAND, ...le16(this.turn), 0]);
  }

  /** One notification a turn: there is always a credit for it. */
  async notifications(): Promise<void> {
    this.send(this.turnCommand);
    for (let count = 1; count <= WARM_UP + REPETITIONS; count++) {
      await this.expect(ATT.NOTIFICATION);
      if (count < WARM_UP + REPETITIONS) this.send(completedPackets(1), this.turnCommand);
      else this.send(completedPackets(1));
    }
  }

  /** As many as there are credits for; each one sent gives one back. */
  async notificationCycles(): Promise<void> {
    this.send(this.turnCommand);
    for (let count = 1; count <= WARM_UP + REPETITIONS; count++) {
      await this.expect(ATT.NOTIFICATION);
      this.send(completedPackets(1));
    }
  }

  /**
   * One write after the response to the one before. The credit for the response comes behind the next write: then
   * nothing stands before that in the receive queue.
   */
  async writes(): Promise<void> {
    const value = new Array<number>(VALUE_LENGTH).fill(0x5a);
    const request = this.acl([ATT.WRITE_REQUEST, ...le16(this.value), ...value]);
    this.send(request);
    for (let count = 1; count <= WARM_UP + REPETITIONS; count++) {
      await this.expect(ATT.WRITE_RESPONSE);
      if (count < WARM_UP + REPETITIONS) this.send(request, completedPackets(1));
      else this.send(completedPackets(1));
    }
  }

  /** Leaves the camera alone until it has collected its garbage, and then for as long as wake-ups are counted. */
  async idleness(settleMs: number, quietMs: number): Promise<void> {
    await sleep(settleMs);
    this.send(this.turnCommand);
    await sleep(quietMs);
    this.send(this.turnCommand);
  }
}
