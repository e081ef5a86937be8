/** Fragments to the management server: whatever comes, frames are bounded, answers well formed, and an honest client is served. */
import { readFileSync } from "node:fs";
import { decodeFirst, encode } from "cborg";
import { Allowance } from "../../firmware/ble/allowance.ts";
import { Commands } from "../../firmware/update/commands.ts";
import { GROUP } from "../../firmware/update/errors.ts";
import { HEADER_LENGTH, readHeader } from "../../firmware/update/frames.ts";
import { ImageGroup } from "../../firmware/update/image-group.ts";
import { osGroup } from "../../firmware/update/os-group.ts";
import {
  FRAGMENT_TIMEOUT_MS,
  FRAME_MAX,
  FRAMES_MAX,
  ManagementSession,
} from "../../firmware/update/session.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, toHex } from "../support/bytes.ts";
import { bundleOf, hashOf, MemorySlots } from "../support/memory-slots.ts";
import type { Target } from "./fuzzer.ts";

const RUNNING = bundleOf([1, 0, 0], 100);
const NEW = bundleOf([2, 0, 0], 300);
const FRAGMENT = 64;

interface Scene {
  readonly clock: VirtualClock;
  readonly store: MemorySlots;
  readonly session: ManagementSession;
  readonly sent: Uint8Array[];
  readonly faults: unknown[];
  held: number;
}

function setUp(): Scene {
  const clock = new VirtualClock();
  const store = new MemorySlots(RUNNING);
  const faults: unknown[] = [];
  const log = (): void => {};
  const image = new ImageGroup({
    store,
    clock,
    changes: new Allowance(clock, 1000, 1),
    log,
    random: () => new Uint8Array(32),
  });
  const os = osGroup({
    info: () => ({ name: "camera", version: "1.0.0" }),
    ...{ clock, startedAtMs: -1e6, busy: () => undefined, reset: () => store.reset(), log },
  });
  const commands = new Commands({ [GROUP.OS]: os, [GROUP.IMAGE]: image.commands }, (error) =>
    faults.push(error),
  );
  const sent: Uint8Array[] = [];
  const scene: Scene = {
    ...{ clock, store, sent, faults, held: 0 },
    session: new ManagementSession({
      ...{ clock, commands, refusal: () => undefined, fragmentLength: () => FRAGMENT },
      onDropped: () => undefined,
      reserve: (bytes) => {
        scene.held += bytes;
        return true;
      },
      release: (bytes) => {
        scene.held -= bytes;
      },
      send: (fragment) => {
        if (fragment.length > FRAGMENT) throw new Error("a fragment above what fits");
        sent.push(fragment.slice());
        return "sent";
      },
      whenDelivered: (callback) => void Promise.resolve().then(callback),
    }),
  };
  return scene;
}

async function settled(): Promise<void> {
  for (let jobs = 0; jobs < 120; jobs++) await Promise.resolve();
}

/** What was sent, as whole answers; each is a map that another library reads. */
function takeAnswers({
  sent,
}: Scene): { readonly sequence: number; readonly map: Record<string, unknown> }[] {
  const all = concat(...sent.splice(0));
  const answers = [];
  for (let at = 0; at < all.length; ) {
    const frame = all.subarray(at);
    if (frame.length < HEADER_LENGTH) throw new Error(`an answer that is no frame: ${toHex(frame)}`);
    const { operation, length, sequence } = readHeader(frame);
    if ((operation !== 1 && operation !== 3) || frame.length < HEADER_LENGTH + length)
      throw new Error(`an answer that is none: ${toHex(frame)}`);
    const [map, rest] = decodeFirst(frame.subarray(HEADER_LENGTH, HEADER_LENGTH + length));
    if (rest.length > 0 || typeof map !== "object") throw new Error(`no map: ${toHex(frame)}`);
    answers.push({ sequence, map: map as Record<string, unknown> });
    at += HEADER_LENGTH + length;
  }
  return answers;
}

async function run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> {
  const scene = setUp();
  const { clock, faults, session, store } = scene;
  for (const packet of packets) {
    session.receive(packet);
    if (random.below(3) > 0) await settled();
    if (scene.held > FRAMES_MAX * FRAME_MAX) throw new Error(`${scene.held} bytes are kept`);
    // An incomplete frame has one, and a reset that is to come; the slots in memory only count it.
    if (clock.pending > 2) throw new Error(`${clock.pending} timers`);
    if (random.below(8) === 0) await clock.advance(FRAGMENT_TIMEOUT_MS);
  }
  await settled();
  await clock.advance(FRAGMENT_TIMEOUT_MS + 1);
  await settled();
  takeAnswers(scene);
  if (scene.held !== 0) throw new Error(`${scene.held} bytes stay`);
  if (faults.length > 0) throw faults[0];
  if (store.overlaps.length > 0) throw new Error("two operations at a time");
  const [running] = store.list();
  if (!running?.active || `${running.hash}` !== `${hashOf(RUNNING)}`)
    throw new Error("what runs has changed");
  session.receive(frameOf(2, 0, 0, { d: "honest" }, 0x77));
  await settled();
  const [answer, ...others] = takeAnswers(scene);
  if (others.length > 0 || answer?.sequence !== 0x77 || answer.map.r !== "honest")
    throw new Error("an honest client is not served");
  session.receive(frameOf(2, 0, 0, { d: "cut" }, 0x78).subarray(0, 11));
  session.end();
  await clock.advance(1000);
  if (scene.held !== 0 || clock.pending > 0) throw new Error("something outlives the link");
}

function frameOf(operation: number, group: number, command: number, map: object, sequence = 0): Uint8Array {
  const payload = encode(map);
  const { length } = payload;
  return concat([0x08 | operation, 0, length >> 8, length & 0xff, 0, group, sequence, command], payload);
}

function invent(random: SeededRandom): Uint8Array {
  const sequence = random.below(256);
  switch (random.below(8)) {
    case 0: {
      const data = NEW.subarray(0, 32 + random.below(200));
      const sha = random.below(4) === 0 ? random.bytes(random.below(40)) : hashOf(NEW);
      return frameOf(
        2,
        1,
        1,
        { off: 0, len: random.below(6) === 0 ? random.below(9000) : 300, sha, data },
        sequence,
      );
    }
    case 1: {
      const off = random.below(320);
      return frameOf(2, 1, 1, { off, data: NEW.subarray(off, off + random.below(120)) }, sequence);
    }
    case 2:
      return frameOf(
        2,
        1,
        0,
        { hash: random.below(2) ? hashOf(NEW) : random.bytes(32), confirm: true },
        sequence,
      );
    case 3:
      return frameOf(random.below(4), random.below(3), random.below(10), {}, sequence);
    case 4:
      return frameOf(2, 0, 0, { d: "x".repeat(random.below(300)) }, sequence);
    case 5:
      return frameOf(2, 1, 5, random.below(2) ? {} : { slot: random.below(3) }, sequence);
    case 6:
      return concat(
        [random.below(256), 0, random.below(8), random.below(256)],
        random.bytes(random.below(40)),
      );
    default:
      return random.bytes(random.below(64));
  }
}

export const management: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/management.json", import.meta.url), "utf8")),
  invent,
  run,
};
