/**
 * Credit-based channels: the first byte of a packet says what it is; 0 a signalling command, else a frame for the channel that
 * has that identifier. The host accepts all channels, opens some, reads at times, and sends back what it read.
 */
import { readFileSync } from "node:fs";
import { Budget } from "../../firmware/ble/budget.ts";
import { copyInto } from "../../firmware/ble/codec.ts";
import { Acl } from "../../firmware/ble/hci/acl.ts";
import { CHANNELS_PER_REQUEST } from "../../firmware/ble/l2cap/channel-attempt.ts";
import { MPS_MAX, parametersOf, reconfiguredOf } from "../../firmware/ble/l2cap/channel-parameters.ts";
import type { CreditChannel } from "../../firmware/ble/l2cap/credit-channel.ts";
import { L2cap } from "../../firmware/ble/l2cap/l2cap.ts";
import { LeftBehind } from "../../firmware/ble/l2cap/left-behind.ts";
import { CHANNELS_MAX, LinkChannels } from "../../firmware/ble/l2cap/link-channels.ts";
import { SIGNAL } from "../../firmware/ble/l2cap/signaling.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, le16, shiftedView, toHex } from "../support/bytes.ts";
import type { Target } from "./fuzzer.ts";

const HANDLE = 0x0040;
const SIGNALING = 0x0005;
const PSM = 0x80;
/** Bytes that peers may keep. */
const SIZE = 60_000;
const NOTHING = new Uint8Array(0);

/** Codes of answers, with those of a peer's requests that they answer. */
const QUESTIONS: Readonly<Record<number, number>> = {
  [SIGNAL.DISCONNECTION_RESPONSE]: SIGNAL.DISCONNECTION_REQUEST,
  [SIGNAL.LE_CREDIT_CONNECTION_RESPONSE]: SIGNAL.LE_CREDIT_CONNECTION_REQUEST,
  [SIGNAL.CREDIT_CONNECTION_RESPONSE]: SIGNAL.CREDIT_CONNECTION_REQUEST,
  [SIGNAL.CREDIT_RECONFIGURE_RESPONSE]: SIGNAL.CREDIT_RECONFIGURE_REQUEST,
};
/** What this side may send by itself. */
const OWN: readonly number[] = [
  SIGNAL.DISCONNECTION_REQUEST,
  SIGNAL.FLOW_CONTROL_CREDIT,
  SIGNAL.LE_CREDIT_CONNECTION_REQUEST,
  SIGNAL.CREDIT_CONNECTION_REQUEST,
  SIGNAL.CREDIT_RECONFIGURE_REQUEST,
];

class Scene {
  readonly clock = new VirtualClock();
  readonly budget = new Budget(SIZE, { log: () => {} });
  readonly acl: Acl;
  readonly l2cap: L2cap;
  readonly channels: LinkChannels;
  readonly open = new Set<CreditChannel>();
  /** Packets in the controller. */
  held = 0;
  /** Codes of the peer's commands, and how many of them have not been answered: an answer may wait for the controller. */
  private readonly asked = new Set<number>();
  private unanswered = 0;

  constructor() {
    const gather = (
      header: Uint8Array,
      length: number,
      payload: Uint8Array = NOTHING,
      start = 0,
      end = payload.length,
    ): Uint8Array => concat(header.subarray(0, length), payload.subarray(start, end));
    const write = (...packet: Parameters<typeof gather>): boolean => {
      this.hear(gather(...packet));
      return true;
    };
    const { budget } = this;
    this.acl = new Acl({ transport: { open() {}, close() {}, write, gather }, budget, log: () => {} });
    this.acl.start(600, 4);
    const link = this.acl.open(HANDLE);
    const port = { clock: this.clock, log: () => {} };
    this.l2cap = new L2cap(this.acl, link, MPS_MAX, port);
    const left = new LeftBehind(SIZE / 4);
    const counters = { refused: 0, violations: 0, unreadBytes: 0 };
    this.channels = new LinkChannels({
      ...port,
      copyBytes: copyInto,
      ...{ acl: this.acl, link, l2cap: this.l2cap, counters, left, gate: undefined },
      onRequest: (request) => {
        if (request.spsm !== PSM) return request.refuse();
        for (const channel of request.accept(5, parametersOf({ mtu: 200, mps: 70 }))) this.add(channel);
      },
      onSize: () => {},
    });
  }

  add(channel: CreditChannel): void {
    this.open.add(channel);
    channel.owner = {
      onReceived: () => {},
      onIdle: () => {},
      onClosed: () => void this.open.delete(channel),
    };
  }

  /** Asks for channels; `isGivenUp`: nobody waits for them any more. */
  ask(count: number, isGivenUp: boolean): void {
    const handlers = {
      onOpened: (opened: readonly CreditChannel[]) => {
        for (const channel of opened) this.add(channel);
      },
      onRefused() {},
      onFailed() {},
    };
    const attempt = this.channels.connect(PSM, parametersOf({ mtu: 100, mps: 64 }), handlers, count);
    if (isGivenUp && typeof attempt !== "string") attempt.cancel();
  }

  /** Has a channel take `more` bytes in an SDU, in frames of `mps`. */
  change(channel: CreditChannel, more: number, mps: number): void {
    const wanted = { mtu: Math.min(channel.parameters.mtu + more, 1000), mps };
    channel.requestReconfiguration(reconfiguredOf(channel.parameters, wanted), {
      onChanged() {},
      onRefused() {},
      onFailed() {},
    });
  }

  private hear(packet: Uint8Array): void {
    this.held++;
    if (this.held > 4) throw new Error("more packets than the controller holds");
    const cid = packet[7]! | (packet[8]! << 8);
    const payload = packet.subarray(9);
    if (cid === SIGNALING) return this.hearSignal(payload);
    const channel = [...this.open].find(({ peerCid }) => peerCid === cid);
    if (!channel) throw new Error(`a frame for 0x${cid.toString(16)}, which is not open`);
    if (payload.length > channel.peerMps) throw new Error("a frame above the peer's MPS");
  }

  private hearSignal(payload: Uint8Array): void {
    const [code, identifier] = payload;
    if (payload.length > 23 || identifier === 0 || (payload[2]! | (payload[3]! << 8)) !== payload.length - 4)
      throw new Error(`a malformed command: ${toHex(payload)}`);
    if (OWN.includes(code!)) return;
    const isAnswer = code === SIGNAL.COMMAND_REJECT || this.asked.has(QUESTIONS[code!] ?? -1);
    if (!isAnswer) throw new Error(`an odd answer: ${toHex(payload)}`);
    if (--this.unanswered < 0) throw new Error("more answers than commands");
  }

  receive(cid: number, payload: Uint8Array): void {
    if (cid === SIGNALING) {
      this.asked.add(payload[0] ?? 0);
      this.unanswered++;
    }
    const frame = concat(le16(payload.length), le16(cid), payload);
    this.acl.receive(shiftedView(concat([0x02], le16(HANDLE | 0x2000), le16(frame.length), frame)));
  }

  complete(): void {
    const done = this.held;
    this.held = 0;
    this.acl.completed(shiftedView(Uint8Array.of(0x04, 0x13, 5, 1, ...le16(HANDLE), ...le16(done))));
  }

  check(): void {
    if (this.open.size > CHANNELS_MAX) throw new Error(`${this.open.size} channels`);
    if (this.budget.held > SIZE) throw new Error(`keeps ${this.budget.held} bytes`);
    for (const channel of this.open) {
      const reserved = channel.reserved.reduce((sum, bytes) => sum + bytes, 0);
      if (channel.unread > reserved) throw new Error(`${channel.unread} bytes are unread`);
    }
  }
}

async function run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> {
  const scene = new Scene();
  const { acl, budget, channels, clock, l2cap } = scene;
  for (const packet of packets) {
    if (packet.length === 0) continue;
    scene.receive(packet[0] === 0 ? SIGNALING : packet[0]!, packet.subarray(1));
    scene.check();
    if (random.below(3) > 0) scene.complete();
    const some = [...scene.open][0];
    switch (random.below(9)) {
      case 0:
        scene.ask(1 + random.below(CHANNELS_PER_REQUEST), random.below(4) === 0);
        break;
      case 1:
        some?.close();
        break;
      case 2:
        if (some?.readable !== undefined) some.readInto(new Uint8Array(1 + random.below(100)));
        break;
      case 3:
        if (some?.readable !== undefined) {
          const bytes = some.read();
          if (bytes.length > 0 && some.isOpen) some.send(bytes, some.peerMtu, () => {});
        }
        break;
      case 4:
        if (some?.isOpen && some.isEnhanced) scene.change(some, random.below(200), 64 + random.below(10));
        break;
      case 5:
        await clock.advance(random.below(20_000));
        break;
      default:
    }
    scene.check();
  }
  // Whatever came before: nothing stays of a link that has ended.
  acl.close(acl.open(HANDLE + 1));
  const link = (channels as unknown as { link: Parameters<Acl["close"]>[0] }).link;
  acl.close(link);
  l2cap.close();
  channels.end();
  if (scene.open.size > 0) throw new Error("a channel outlives its link");
  await clock.advance(31_000);
  if (budget.held > 0) throw new Error(`${budget.held} bytes stay`);
  if (clock.pending > 0) throw new Error(`${clock.pending} timers stay`);
}

const CODES = [0x01, 0x06, 0x07, 0x14, 0x14, 0x15, 0x16, 0x16, 0x17, 0x17, 0x18, 0x19, 0x1a];

/** An identifier of a channel, one of few most of the time. */
function inventCid(random: SeededRandom): number {
  return random.below(8) === 0 ? random.below(0x10000) : 0x40 + random.below(6);
}

function inventCommand(random: SeededRandom): Uint8Array {
  const code = CODES[random.below(CODES.length)]!;
  const few = (): number => [0, 1, 5, 23, 64, 70, 200, 0xffff][random.below(8)]!;
  const cid = (): number => inventCid(random);
  const cids = (): number[] => Array.from({ length: random.below(6) }, cid);
  const words: Readonly<Record<number, () => number[]>> = {
    [SIGNAL.DISCONNECTION_REQUEST]: () => [cid(), cid()],
    [SIGNAL.DISCONNECTION_RESPONSE]: () => [cid(), cid()],
    [SIGNAL.LE_CREDIT_CONNECTION_REQUEST]: () => [PSM, cid(), few(), few(), few()],
    [SIGNAL.LE_CREDIT_CONNECTION_RESPONSE]: () => [cid(), few(), few(), few(), random.below(14)],
    [SIGNAL.FLOW_CONTROL_CREDIT]: () => [cid(), few()],
    [SIGNAL.CREDIT_CONNECTION_REQUEST]: () => [PSM, few(), few(), few(), ...cids()],
    [SIGNAL.CREDIT_CONNECTION_RESPONSE]: () => [few(), few(), few(), random.below(16), ...cids()],
    [SIGNAL.CREDIT_RECONFIGURE_REQUEST]: () => [few(), few(), ...cids()],
  };
  const data = (words[code] ?? (() => [random.below(3)]))().flatMap(le16);
  return concat([0, code, 1 + random.below(4)], le16(data.length), data);
}

function invent(random: SeededRandom): Uint8Array {
  if (random.below(2) === 0) return inventCommand(random);
  const length = random.below(90);
  const announced = random.below(3) === 0 ? random.below(220) : length;
  return concat([0x40 + random.below(6)], le16(announced), random.bytes(length));
}

export const channels: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/channels.json", import.meta.url), "utf8")),
  invent,
  run,
};
