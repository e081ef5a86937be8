/** Peripherals behind links of a played controller: an honest one, and such as send what they like. */
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, le16 } from "./bytes.ts";
import { aclFrame } from "./scripted-controller.ts";

const ATT = 0x0004;
const SIGNALING = 0x0005;
const SMP = 0x0006;

/** What both sides listen on. */
export const PSM = 0x80;
/** The value that the honest peer serves and notifies. */
export const VALUE = 0x2a19;
const VALUE_HANDLE = 3;

/** What a peer is handed. */
export interface PeerPort {
  readonly random: SeededRandom;
  deliver(packet: Uint8Array): void;
  end(handle: number, reason: number): void;
}

interface Attribute {
  readonly handle: number;
  readonly type: number;
  readonly value: readonly number[];
}

const DATABASE: readonly Attribute[] = [
  { handle: 1, type: 0x2800, value: le16(0x180f) },
  { handle: 2, type: 0x2803, value: [0x1a, ...le16(VALUE_HANDLE), ...le16(VALUE)] },
  { handle: VALUE_HANDLE, type: VALUE, value: new Array<number>(20).fill(0x2a) },
  { handle: 4, type: 0x2902, value: [0, 0] },
];
const LAST = 4;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

/** What a sound server answers; undefined for what needs no answer. */
function answer(pdu: Uint8Array): readonly number[] | undefined {
  const opcode = pdu[0]!;
  const found = DATABASE.filter(({ handle }) => handle >= u16(pdu, 1) && handle <= u16(pdu, 3));
  const typed = found.filter(({ type }) => type === u16(pdu, 5));
  const named = DATABASE.find(({ handle }) => handle === u16(pdu, 1));
  switch (opcode) {
    case 0x02:
      return [0x03, ...le16(185)];
    case 0x04:
      if (found.length > 0)
        return [0x05, 1, ...found.flatMap(({ handle, type }) => [...le16(handle), ...le16(type)])];
      break;
    case 0x06:
      if (typed.length > 0 && u16(pdu, 7) === 0x180f) return [0x07, ...le16(1), ...le16(LAST)];
      break;
    case 0x08:
      if (typed.length > 0) {
        const { handle, value } = typed[0]!;
        return [0x09, 2 + value.length, ...le16(handle), ...value];
      }
      break;
    case 0x10:
      if (typed.length > 0) return [0x11, 6, ...le16(1), ...le16(LAST), ...typed[0]!.value];
      break;
    case 0x0a:
      return named && [0x0b, ...named.value];
    case 0x0c:
      return [0x0d];
    case 0x12:
      return [0x13];
    case 0x16:
      return [0x17, ...pdu.subarray(1)];
    case 0x18:
      return [0x19];
    case 0x1e:
    case 0x52:
    case 0xd2:
      return undefined;
  }
  return [0x01, opcode, pdu[1] ?? 0, pdu[2] ?? 0, 0x0a];
}

/** Whether an answer is expected to a PDU with this opcode. */
const isRequest = (opcode: number): boolean => opcode % 2 === 0 && opcode < 0x1b;

/** Does and says what it likes. */
export class Peer {
  readonly isHonest: boolean = false;
  protected readonly port: PeerPort;
  /** This side's last end of a channel, and those of the camera that it knows. */
  private cids: number[] = [];

  constructor(port: PeerPort) {
    this.port = port;
  }

  begin(handle: number): void {
    this.cids = [];
    this.frame(handle, 0x003f, []);
  }

  protected frame(handle: number, channel: number, payload: readonly number[] | Uint8Array): void {
    this.port.deliver(aclFrame(handle, channel, payload));
  }

  protected signal(handle: number, code: number, identifier: number, ...words: readonly number[]): void {
    this.frame(handle, SIGNALING, [code, identifier, ...le16(words.length * 2), ...words.flatMap(le16)]);
  }

  receive(handle: number, channel: number, payload: Uint8Array): void {
    if (channel === ATT) this.receivePdu(handle, payload);
    else if (channel === SIGNALING) this.receiveSignal(handle, payload);
  }

  private receivePdu(handle: number, pdu: Uint8Array): void {
    const { random } = this.port;
    const opcode = pdu[0] ?? 0;
    if (!isRequest(opcode)) return;
    const sound = answer(pdu) ?? [opcode + 1];
    const choice = random.below(40);
    if (choice < 28) return this.frame(handle, ATT, sound);
    if (choice === 28) return;
    if (choice < 31) {
      this.frame(handle, ATT, sound);
      return this.frame(handle, ATT, sound);
    }
    if (choice < 33) return this.frame(handle, ATT, [0x01, opcode, ...random.bytes(2), random.below(256)]);
    if (choice < 35)
      return this.frame(handle, ATT, concat([random.below(256)], random.bytes(random.below(30))));
    if (choice < 37) return this.frame(handle, ATT, sound.slice(0, random.below(sound.length + 1)));
    // The right kind, with handles that run backwards, stand still, or loop; or far too much.
    const bent = Uint8Array.from([...sound, ...random.bytes(random.below(2) * random.below(200))]);
    for (let count = 1 + random.below(4); count > 0; count--)
      bent[1 + random.below(Math.max(1, bent.length - 1))] = random.below(256);
    this.frame(handle, ATT, bent);
  }

  private receiveSignal(handle: number, command: Uint8Array): void {
    const { random } = this.port;
    const [code, identifier] = command;
    const words = Array.from({ length: (command.length - 4) >> 1 }, (_, at) => u16(command, 4 + 2 * at));
    const few = (): number => [0, 1, 23, 64, 100, 247, 0xffff][random.below(7)]!;
    const own = (): number => (random.below(8) === 0 ? random.below(0x100) : 0x40 + random.below(0x40));
    if (random.below(8) === 0) return;
    const isSound = random.below(3) > 0;
    if (code === 0x17) {
      if (random.below(6) === 0) return this.signal(handle, 0x01, identifier!, 0);
      const asked = words.slice(4);
      this.cids.push(...asked);
      const cids = asked.map(() => (random.below(5) === 0 ? 0 : own()));
      const figures = isSound ? [200, 100, 20] : [few(), few(), few()];
      const result = isSound ? 0 : random.below(17);
      const count = random.below(10) === 0 ? random.below(7) : cids.length;
      this.signal(handle, 0x18, identifier!, ...figures, result, ...cids.slice(0, count));
    } else if (code === 0x14) {
      this.cids.push(words[1]!);
      const figures = isSound ? [200, 100, 20, 0] : [few(), few(), few(), random.below(14)];
      this.signal(handle, 0x15, identifier!, own(), ...figures);
    } else if (code === 0x06) {
      this.signal(handle, 0x07, identifier!, words[0]!, isSound ? words[1]! : own());
    } else if (code === 0x19) {
      this.signal(handle, 0x1a, identifier!, isSound ? 0 : random.below(6));
    }
  }

  /** What it does by itself. */
  act(handle: number): void {
    const { random } = this.port;
    for (let count = random.below(4); count > 0; count--) this.actOnce(handle);
    if (random.below(150) === 0) this.port.end(handle, [0x08, 0x13, 0x15, 0x3d][random.below(4)]!);
  }

  private actOnce(handle: number): void {
    const { random } = this.port;
    const cid = (): number => this.cids[random.below(this.cids.length + 1)] ?? 0x40 + random.below(10);
    const word = (): number => [0, 1, 23, 64, 200, 0xffff, random.below(0x10000)][random.below(7)]!;
    switch (random.below(12)) {
      case 0: // Values of handles that there are, and of others.
        return this.frame(
          handle,
          ATT,
          concat([0x1b, ...le16(random.below(8))], random.bytes(random.below(60))),
        );
      case 1:
        return this.frame(
          handle,
          ATT,
          concat([0x1d, ...le16(random.below(8))], random.bytes(random.below(20))),
        );
      case 2: // Several values in one, cut anywhere.
        return this.frame(handle, ATT, concat([0x23], random.bytes(random.below(40))));
      case 3: // A response that nobody has asked for.
        return this.frame(handle, ATT, concat([2 * random.below(16) + 1], random.bytes(random.below(30))));
      case 4: // Long writes to the camera's own server that are never executed.
        return this.frame(handle, ATT, concat([0x16, ...le16(3), 0, 0], random.bytes(18)));
      case 5:
        return this.frame(handle, ATT, concat([2 * random.below(16)], random.bytes(random.below(25))));
      case 6: // Frames of channels, with credits or without.
        return this.frame(handle, cid(), concat(le16(random.below(400)), random.bytes(random.below(120))));
      case 7:
        return this.frame(handle, cid(), random.bytes(random.below(120)));
      case 8:
        return this.signal(handle, 0x16, 1 + random.below(255), cid(), word());
      case 9: {
        const cids = Array.from({ length: random.below(6) }, () => 0x40 + random.below(70));
        return this.signal(handle, 0x17, 1 + random.below(255), PSM, word(), word(), word(), ...cids);
      }
      case 10: {
        const codes = [0x01, 0x06, 0x07, 0x12, 0x14, 0x15, 0x18, 0x19, 0x1a];
        const words = Array.from({ length: random.below(7) }, () => (random.below(2) === 0 ? cid() : word()));
        return this.signal(handle, codes[random.below(codes.length)]!, random.below(6), ...words);
      }
      default: {
        const channel = [SMP, SIGNALING, ATT, random.below(0x10000)][random.below(4)]!;
        return this.frame(handle, channel, random.bytes(random.below(40)));
      }
    }
  }
}

/** Serves its value and notifies of it, and sends back what comes on its channel. */
export class HonestPeer extends Peer {
  override readonly isHonest = true;
  private steps = 0;
  private count = 0;
  private isSubscribed = false;
  /** The camera's end of the channel. */
  private cid: number | undefined = undefined;
  private readonly own = 0x50;

  override begin(handle: number): void {
    super.begin(handle);
    this.isSubscribed = false;
    this.cid = undefined;
  }

  override act(handle: number): void {
    if (++this.steps % 10 !== 0 || !this.isSubscribed) return;
    this.frame(handle, ATT, [0x1b, ...le16(VALUE_HANDLE), this.count++ & 0xff]);
  }

  override receive(handle: number, channel: number, payload: Uint8Array): void {
    if (channel === ATT) {
      const response = answer(payload);
      if (response) this.frame(handle, ATT, response);
      if (payload[0] === 0x12 && u16(payload, 1) === VALUE_HANDLE + 1) this.isSubscribed = payload[3] === 1;
    } else if (channel === this.own && this.cid !== undefined) {
      this.frame(handle, this.cid, payload);
      this.signal(handle, 0x16, 1, this.own, 1);
    } else if (channel === SIGNALING && payload[0] === 0x17) {
      this.cid = u16(payload, 12);
      this.signal(handle, 0x18, payload[1]!, 200, 100, 20, 0, this.own);
    }
  }
}
