/**
 * The other end of the camera's HCI UART: a controller that answers at once and always alike. It has no connection
 * events and no clock, so that a run repeats; how a link really behaves is the simulator's affair.
 */
import type { Socket } from "node:net";
import { FROM_HOST, H4Framer } from "../../simulator/h4.ts";

/** ACL packets that the controller holds, unless a script says otherwise. */
export const BUFFERS = 8;
const ACL_LENGTH = 251;

const OPCODE = {
  DISCONNECT: 0x0406,
  LE_SET_RANDOM_ADDRESS: 0x2005,
  LE_KEY_REQUEST_REPLY: 0x201a,
  READ_VERSION: 0x1001,
  READ_COMMANDS: 0x1002,
  READ_BD_ADDR: 0x1009,
  LE_READ_BUFFER_SIZE: 0x2002,
  LE_READ_FEATURES: 0x2003,
  LE_ADVERTISING_ENABLE: 0x200a,
  LE_SCAN_ENABLE: 0x200c,
  LE_READ_MAXIMUM_DATA_LENGTH: 0x202f,
} as const;

/** The two bytes of a number, little-endian. */
export const le16 = (value: number): number[] => [value & 0xff, value >> 8];

/** What a small LE-only controller returns after the status. */
function returns(opcode: number, buffers: number): readonly number[] {
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
      return [...le16(ACL_LENGTH), buffers];
    case OPCODE.LE_READ_FEATURES: // Encryption and data length extension.
      return [0x21, 0, 0, 0, 0, 0, 0, 0];
    case OPCODE.LE_READ_MAXIMUM_DATA_LENGTH:
      return [...le16(251), ...le16(2120), ...le16(251), ...le16(2120)];
    default:
      return [];
  }
}

/** A PDU of the camera, and the link and channel that it is for. */
export interface SentPdu {
  readonly handle: number;
  readonly channel: number;
  readonly pdu: Uint8Array;
}

/** Everything happens in answer to a packet from the camera, in the order in which they come. */
export class BenchController {
  /** The camera's, six bytes in printed order. */
  randomAddress = new Uint8Array(6);
  /** The camera has given its link layer the key that was asked for. */
  onKeyReply: (() => void) | undefined = undefined;
  /** ACL packets that it holds; to be set before the camera asks. */
  buffers = BUFFERS;
  private socket: Socket | undefined = undefined;
  /** Settles the wait for the camera's next PDU. */
  private onPdu: ((sent: SentPdu) => void) | undefined = undefined;
  private readonly pdus: SentPdu[] = [];
  private onAdvertising: (() => void) | undefined = undefined;
  private onScanning: (() => void) | undefined = undefined;

  /** The camera has opened its line, or opened it again. */
  attach(socket: Socket): void {
    this.socket = socket;
    const framer = new H4Framer(FROM_HOST, (packet) => this.receive(packet));
    socket.on("data", (bytes: Uint8Array) => framer.push(bytes));
  }

  private receive(packet: Uint8Array): void {
    if (packet[0] === 0x02) {
      const handle = (packet[1]! | (packet[2]! << 8)) & 0x0fff;
      const sent = { handle, channel: packet[7]! | (packet[8]! << 8), pdu: packet.subarray(9) };
      const onPdu = this.onPdu;
      this.onPdu = undefined;
      if (onPdu) onPdu(sent);
      else this.pdus.push(sent);
      return;
    }
    const opcode = packet[1]! | (packet[2]! << 8);
    if (opcode === OPCODE.DISCONNECT) this.send([0x04, 0x0f, 4, 0, 1, ...le16(opcode)]);
    else {
      const isOfLink = opcode === OPCODE.LE_KEY_REQUEST_REPLY;
      const result = isOfLink ? [...packet.subarray(4, 6)] : returns(opcode, this.buffers);
      this.send([0x04, 0x0e, 4 + result.length, 1, ...le16(opcode), 0, ...result]);
    }
    if (opcode === OPCODE.LE_SET_RANDOM_ADDRESS) this.randomAddress = packet.slice(4, 10).reverse();
    if (opcode === OPCODE.LE_KEY_REQUEST_REPLY) this.onKeyReply?.();
    if (opcode === OPCODE.LE_ADVERTISING_ENABLE && packet[4] === 1) this.onAdvertising?.();
    if (opcode === OPCODE.LE_SCAN_ENABLE && packet[4] === 1) this.onScanning?.();
  }

  /** Sends H4 packets to the camera. */
  send(...packets: readonly (readonly number[])[]): void {
    this.socket?.write(Uint8Array.from(packets.flat()));
  }

  /** The camera's next PDU, in their order. */
  next(): Promise<SentPdu> {
    const waiting = this.pdus.shift();
    if (waiting) return Promise.resolve(waiting);
    return new Promise((resolve) => {
      this.onPdu = resolve;
    });
  }

  /** Resolves when the camera advertises the next time. */
  advertising(): Promise<void> {
    return new Promise((resolve) => {
      this.onAdvertising = resolve;
    });
  }

  /** Resolves when the camera scans the next time. */
  scanning(): Promise<void> {
    return new Promise((resolve) => {
      this.onScanning = resolve;
    });
  }
}

/** An ACL packet with a PDU, of ATT unless another channel is named. */
export function aclPacket(handle: number, pdu: readonly number[], channel = 0x0004): number[] {
  const frame = [...le16(pdu.length), ...le16(channel), ...pdu];
  return [0x02, ...le16(handle | 0x2000), ...le16(frame.length), ...frame];
}

/** Number Of Completed Packets: `count` on each of the links. */
export const completedPackets = (count: number, ...handles: number[]): number[] => [
  ...[0x04, 0x13, 1 + 4 * handles.length, handles.length],
  ...handles.flatMap((handle) => [...le16(handle), ...le16(count)]),
];

/** LE Connection Complete: 30 ms interval, latency 0, 720 ms supervision timeout, from a public address. */
export const connectionComplete = (handle: number): number[] => [
  ...[0x04, 0x3e, 19, 0x01, 0x00, ...le16(handle), 1, 0],
  ...[handle & 0xff, 2, 3, 4, 5, 6, ...le16(24), ...le16(0), ...le16(72), 0],
];

export const disconnectionComplete = (handle: number): number[] => [
  0x04,
  0x05,
  4,
  0x00,
  ...le16(handle),
  0x13,
];

/** Event_Type of an LE Advertising Report. */
export const REPORT = { ADV_IND: 0, SCAN_RSP: 4 } as const;

/** LE Advertising Report of a full packet from a static random address that belongs to this number. */
export function advertisingReport(eventType: number, advertiser: number): number[] {
  const address = [...le16(advertiser), 3, 4, 5, 0xc6];
  // One AD structure, Manufacturer Specific Data, of as much as a packet holds.
  const data = [30, 0xff, 0xff, 0xff, ...new Array<number>(27).fill(advertiser & 0xff)];
  const report = [eventType, 1, ...address, data.length, ...data, 0xc4];
  return [0x04, 0x3e, 2 + report.length, 0x02, 1, ...report];
}
