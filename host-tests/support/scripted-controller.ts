/**
 * A transport with a controller behind it whose every answer the test decides. It knows no rules: what is not
 * scripted is answered as a small LE-only controller would, in no time, and ACL packets stay in it until `complete`.
 */
import type { HciReceiver, HciTransport } from "../../firmware/platform/platform.ts";
import { settle as flushJobs } from "../../simulator/settle.ts";
import { concat, le16, shiftedView, toHex } from "./bytes.ts";

/** What to do about one command: event packets to deliver (H4 indicator first), or none to stay silent. */
export type Answer = (parameters: Uint8Array) => readonly Uint8Array[];

export const SILENCE: Answer = () => [];

/** An event packet. */
export function eventPacket(code: number, parameters: readonly number[] | Uint8Array): Uint8Array {
  return concat([0x04, code, parameters.length], parameters);
}

/** An LE Meta event packet. */
export function lePacket(subevent: number, parameters: readonly number[] | Uint8Array): Uint8Array {
  return eventPacket(0x3e, concat([subevent], parameters));
}

export function commandComplete(
  opcode: number,
  returns: readonly number[] | Uint8Array = [0],
  credits = 1,
): Uint8Array {
  return eventPacket(0x0e, concat([credits], le16(opcode), returns));
}

export function commandStatus(opcode: number, status = 0, credits = 1): Uint8Array {
  return eventPacket(0x0f, concat([status, credits], le16(opcode)));
}

export function completedPackets(
  ...entries: readonly (readonly [handle: number, count: number])[]
): Uint8Array {
  return eventPacket(0x13, [entries.length, ...entries.flatMap(([h, n]) => [...le16(h), ...le16(n)])]);
}

/** LE Connection Complete as a peripheral: 30 ms interval, latency 0, 720 ms supervision timeout. */
export function connectionComplete(
  handle: number,
  peer: readonly number[] = [1, 2, 3, 4, 5, 0xc6],
  supervisionMs = 720,
): Uint8Array {
  const parameters = [...le16(24), 0, 0, ...le16(supervisionMs / 10)];
  return lePacket(0x01, [0, ...le16(handle), 1, 1, ...peer, ...parameters, 0]);
}

export function disconnectionComplete(handle: number, reason = 0x13, status = 0): Uint8Array {
  return eventPacket(0x05, [status, ...le16(handle), reason]);
}

/** An ACL packet from the controller: a whole L2CAP frame on `channel`. */
export function aclFrame(
  handle: number,
  channel: number,
  payload: readonly number[] | Uint8Array,
): Uint8Array {
  const frame = concat(le16(payload.length), le16(channel), payload);
  return concat([0x02], le16(handle | 0x2000), le16(frame.length), frame);
}

/** Commands with Command Status. */
const STARTERS = [0x0406, 0x200d, 0x2016];

/** What a small LE-only controller returns after the status. */
function defaultReturns(opcode: number, parameters: Uint8Array): number[] {
  switch (opcode) {
    case 0x1001: // version 5.3 of a company under test
      return [12, 0, 0, 12, 0xff, 0xff, 0, 0];
    case 0x1002: {
      const commands = new Array<number>(64).fill(0xff);
      commands[24] = 0xbf; // no Write LE Host Support: no BR/EDR here
      // No Read RSSI: the look at packets that stay out would be among the timers that tests count. It has
      // tests of its own.
      commands[15] = 0xdf;
      return commands;
    }
    case 0x1009:
      return [0x01, 0x00, 0x00, 0xee, 0xff, 0x00];
    case 0x2002:
      // One link has four of them: three are kept for those that may come.
      return [...le16(251), 7];
    case 0x2003:
      return [0x20, 0, 0, 0, 0, 0, 0, 0];
    case 0x202f:
      return [...le16(251), ...le16(2120), ...le16(251), ...le16(2120)];
    case 0x201b:
      return [...parameters.subarray(0, 2)];
    default:
      return [];
  }
}

export class ScriptedController implements HciTransport {
  /** Every packet that was written since it was cleared. */
  readonly sent: Uint8Array[] = [];
  /** How often the line was opened and closed. */
  opens = 0;
  closes = 0;
  /** Packets that the line takes before `write` returns false. */
  room = Number.POSITIVE_INFINITY;
  /** Whether ACL packets are reported as completed at once. */
  autoComplete = false;
  /** Whether answers without return parameters are handed over as two numbers, as a camera's line does. */
  inNumbers = false;
  private receiver: HciReceiver | undefined;
  private readonly scripts = new Map<number, Answer[]>();
  private readonly inbox: (() => void)[] = [];

  open(receiver: HciReceiver): void {
    this.opens++;
    this.receiver = receiver;
    this.inbox.length = 0;
  }

  close(): void {
    this.closes++;
    this.receiver = undefined;
  }

  write(
    header: Uint8Array,
    headerLength: number,
    payload?: Uint8Array,
    start = 0,
    end = payload ? payload.length : 0,
  ): boolean {
    if (!this.receiver) throw new Error("write on a closed line");
    if (headerLength > header.length || start > end || end > (payload?.length ?? 0)) {
      throw new Error(`write of ${headerLength} of ${header.length}, ${start}..${end} of ${payload?.length}`);
    }
    if (this.room <= 0) return false;
    this.room--;
    const packet = this.gather(header, headerLength, payload ?? new Uint8Array(0), start, end);
    this.sent.push(packet);
    if (packet[0] === 0x01) this.answer(packet);
    else if (this.autoComplete) this.deliver(completedPackets([(packet[1]! | (packet[2]! << 8)) & 0xfff, 1]));
    return true;
  }

  gather(
    header: Uint8Array,
    headerLength: number,
    payload: Uint8Array,
    start: number,
    end: number,
    into?: Uint8Array,
  ): Uint8Array {
    const packet = concat(header.subarray(0, headerLength), payload.subarray(start, end));
    if (into === undefined || into.length < packet.length) return packet;
    into.set(packet);
    return into;
  }

  /** Answers the next commands with this opcode in turn; afterwards the default applies again. */
  script(opcode: number, ...answers: readonly Answer[]): void {
    this.scripts.set(opcode, [...(this.scripts.get(opcode) ?? []), ...answers]);
  }

  /** Answers no command with this opcode any more. */
  mute(opcode: number): void {
    this.scripts.set(opcode, new Array<Answer>(1000).fill(SILENCE));
  }

  private answer(packet: Uint8Array): void {
    const opcode = packet[1]! | (packet[2]! << 8);
    const parameters = packet.subarray(4);
    const scripted = this.scripts.get(opcode)?.shift();
    if (scripted) for (const event of scripted(parameters)) this.deliver(event);
    else if (STARTERS.includes(opcode)) this.deliver(commandStatus(opcode));
    else this.deliver(commandComplete(opcode, [0, ...defaultReturns(opcode, parameters)]));
  }

  /** Hands a packet to the host from the event loop: during `settle`, in the order of the calls. */
  deliver(...packets: readonly Uint8Array[]): void {
    for (const packet of packets) this.inbox.push(() => this.hand(packet));
  }

  private hand(packet: Uint8Array): void {
    const { receiver } = this;
    const isPlain = packet.length === 7 && packet[1] === 0x0e && packet[6] === 0;
    if (this.inNumbers && isPlain) receiver?.onSucceeded?.(packet[4]! | (packet[5]! << 8), packet[3]!);
    else receiver?.onPacket(shiftedView(packet));
  }

  /** Hands several packets to the host with no promise job between them. */
  deliverTogether(...packets: readonly Uint8Array[]): void {
    this.inbox.push(() => {
      for (const packet of packets) this.receiver?.onPacket(shiftedView(packet));
    });
  }

  /** Room for so many packets again. */
  writable(room = Number.POSITIVE_INFINITY): void {
    this.room = room;
    this.inbox.push(() => this.receiver?.onWritable());
  }

  /** The line breaks. */
  fail(reason: string): void {
    this.inbox.push(() => this.receiver?.onFailure(reason));
  }

  /** Delivers and lets promise jobs run until nothing happens any more. */
  async settle(): Promise<void> {
    await flushJobs();
    for (let next = this.inbox.shift(); next; next = this.inbox.shift()) {
      next();
      await flushJobs();
    }
  }

  /** Takes what was written so far, as hexadecimal text. */
  take(): string[] {
    return this.sent.splice(0).map(toHex);
  }

  /** Opcodes of the commands among what was written so far, and forgets them. */
  takeOpcodes(): number[] {
    return this.sent
      .splice(0)
      .filter((packet) => packet[0] === 0x01)
      .map((packet) => packet[1]! | (packet[2]! << 8));
  }
}
