/** Fragments of frames, whole and broken: the first byte of a packet is its flags, the rest its data. */
import { readFileSync } from "node:fs";
import { SIGNAL, SIGNALING_MTU } from "../../firmware/ble/l2cap/signaling.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, counting, le16, toHex } from "../support/bytes.ts";
import type { Target } from "./fuzzer.ts";
import { FuzzLink, LIMIT } from "./link.ts";

const CHANNELS = [0x0000, 0x0001, 0x0004, 0x0005, 0x0006, 0x0040, 0xffff];
const ECHO_CHANNEL = 0x003f;
const FIRST = 2;
const CONTINUING = 1;
const ANSWERS: readonly number[] = [SIGNAL.COMMAND_REJECT, SIGNAL.LE_CREDIT_CONNECTION_RESPONSE];

function checkAnswers(link: FuzzLink): number {
  const sent = link.take();
  for (const { channel, payload } of sent) {
    const text = toHex(payload);
    if (channel !== 0x0005 || payload.length > SIGNALING_MTU) throw new Error(`sent ${text} on ${channel}`);
    if (!ANSWERS.includes(payload[0]!) || payload[1] === 0) throw new Error(`an odd answer: ${text}`);
    if ((payload[2]! | (payload[3]! << 8)) !== payload.length - 4) throw new Error(`wrong length: ${text}`);
  }
  return sent.length;
}

function run(packets: readonly Uint8Array[]): void {
  const link = new FuzzLink();
  const reassembly = (link.l2cap as unknown as { reassembly: { buffer: Uint8Array | undefined } }).reassembly;
  const seen: string[] = [];
  link.l2cap.openFixed(ECHO_CHANNEL, LIMIT).receiver = {
    receive: (view, start, length) =>
      seen.push(toHex(new Uint8Array(view.buffer, view.byteOffset + start, length))),
  };
  for (const packet of packets) {
    link.fragment((packet[0] ?? 0) & 0x0f, packet.subarray(1));
    if (checkAnswers(link) > 1) throw new Error("more than one answer to a packet");
    if ((reassembly.buffer?.length ?? 0) > LIMIT + 4) throw new Error("keeps more than a frame");
  }
  // Whatever came before: a frame that starts anew arrives, whole and in pieces.
  seen.length = 0;
  const payload = counting(50);
  link.frame(ECHO_CHANNEL, payload);
  const frame = concat(le16(payload.length), le16(ECHO_CHANNEL), payload);
  link.fragment(FIRST, frame.subarray(0, 3));
  link.fragment(CONTINUING, frame.subarray(3, 20));
  link.fragment(CONTINUING, frame.subarray(20));
  if (seen.length !== 2 || seen.some((text) => text !== toHex(payload))) {
    throw new Error(`a good frame after it arrived as ${seen.join(" and ")}`);
  }
  link.frame(0x0005, Uint8Array.from([0x08, 0x77, 0, 0]));
  if (checkAnswers(link) !== 1) throw new Error("an Echo Request was not rejected");
}

function invent(random: SeededRandom): Uint8Array {
  const channel = CHANNELS[random.below(CHANNELS.length)]!;
  let payload = random.bytes(random.below(8) === 0 ? random.below(LIMIT + 20) : random.below(24));
  if (channel === 0x0005 && random.below(4) > 0) {
    payload = concat([random.below(0x1c), random.below(4)], le16(payload.length), payload);
  }
  const claimed = random.below(6) === 0 ? random.below(LIMIT + 40) : payload.length;
  const data = concat(le16(claimed), le16(channel), payload);
  const flags = [0, FIRST, FIRST, CONTINUING, CONTINUING, 3][random.below(6)]!;
  const from = flags === CONTINUING ? random.below(data.length) : 0;
  const to = random.below(3) === 0 ? from + random.below(data.length - from + 1) : data.length;
  return concat([flags], data.subarray(from, to));
}

export const l2cap: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/l2cap.json", import.meta.url), "utf8")),
  invent,
  run,
};
