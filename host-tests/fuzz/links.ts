/**
 * A whole host with up to four links, against a controller whose every event comes from the input: links that come and
 * go, requests and fragments of several clients in any order, credits that come late or never were owed, news that no
 * controller sends. The first byte of a packet says what it is: what to do in its low digit, with which link in its high.
 */
import { readFileSync } from "node:fs";
import { PREPARED_BYTES_MAX, PREPARED_COUNT_MAX } from "../../firmware/ble/gatt/server/prepared-writes.ts";
import { QUEUE_LIMIT } from "../../firmware/ble/hci/acl.ts";
import { Host } from "../../firmware/ble/host.ts";
import { VirtualClock } from "../../simulator/clock.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { SimulatedFlash } from "../../simulator/flash.ts";
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, counting, le16, toHex } from "../support/bytes.ts";
import { ALL, CCCD, service, VALUE } from "../support/gatt.ts";
import { MemoryRecords } from "../support/rig.ts";
import {
  aclFrame,
  completedPackets,
  connectionComplete,
  disconnectionComplete,
  eventPacket,
  ScriptedController,
} from "../support/scripted-controller.ts";
import { att } from "./att.ts";
import type { Target } from "./fuzzer.ts";

/** What the low digit of a packet's first byte means. */
const DO = {
  ATT: 0,
  CONNECT: 1,
  DISCONNECT: 2,
  COMPLETED: 3,
  UPDATE: 4,
  REGISTER: 5,
  FRAGMENT: 6,
  EVENT: 7,
} as const;
const WAYS = 8;
/** Handles of the links that the high digit names. */
const HANDLES = [0x0040, 0x0041, 0x0ef0, 0x0001];
/** ACL packets that the controller holds, as ScriptedController says. */
const BUFFERS = 7;
/** Room in a link's queue for answers, beyond QUEUE_LIMIT. */
const ANSWER_RESERVE = 8;
const ATT = 0x0004;
const NOTIFICATION = 0x1b;
/** What the server says of itself. */
const UNASKED = [NOTIFICATION, 0x1d, 0x23];

const DATABASE = [
  service(
    {},
    { maxLength: 512, value: counting(300) },
    { append: true, maxLength: 40 },
    { properties: ALL, hooks: { onRead: async () => counting(90), onWrite: async () => 0 } },
  ),
  service({}),
];

/** What the peer on a link has seen. */
interface Peer {
  /** Opcodes of requests that are not answered yet. */
  readonly asked: number[];
  /** Handles that it has subscribed to at some time. */
  readonly subscribed: Set<number>;
  /** ACL packets that the controller holds for it. */
  held: number;
  /** A frame of which the rest is to come. */
  open: number[];
  /** It sent fragments, and nobody knows which requests they made. */
  isGarbled: boolean;
}

const newPeer = (): Peer => ({ asked: [], subscribed: new Set(), held: 0, open: [], isGarbled: false });

/** Takes nothing while it is closed, as that of a camera (firmware/native/hci.c). */
class Line extends ScriptedController {
  override write(...packet: Parameters<ScriptedController["write"]>): boolean {
    return this.opens > this.closes && super.write(...packet);
  }
}

class Scene {
  readonly controller = new Line();
  readonly clock = new VirtualClock(() => this.controller.settle());
  readonly host: Host;
  readonly peers = new Map<number, Peer>();
  /** Handles of links that have ended since the last look at what was written. */
  private readonly ended = new Set<number>();

  constructor() {
    this.host = new Host(
      {
        clock: this.clock,
        transport: this.controller,
        crypto: simulatedCrypto,
        random: (length) => new Uint8Array(length).fill(0x5a),
        uniqueId: () => new Uint8Array(8),
        flash: () => new SimulatedFlash(),
        log: () => {},
      },
      new MemoryRecords(),
    );
    // Its look at controllers that say nothing would be among the timers that stay.
    this.host.hci.silenceMs = 0;
  }

  /** Looks at everything that the host wrote. */
  hear(): void {
    for (const packet of this.controller.sent.splice(0)) {
      if (packet[0] !== 0x02) continue;
      const head = packet[1]! | (packet[2]! << 8);
      const peer = this.peers.get(head & 0x0fff);
      // While time passes, a link may end after it was sent something.
      if (!peer && this.ended.has(head & 0x0fff)) continue;
      if (!peer) throw new Error(`a packet for handle ${head & 0x0fff}, which has no link: ${toHex(packet)}`);
      peer.held++;
      this.hearFragment(peer, (head & 0x3000) === 0x1000, packet.subarray(5));
    }
    this.ended.clear();
    const held = [...this.peers.values()].reduce((sum, peer) => sum + peer.held, 0);
    if (held > BUFFERS) throw new Error(`${held} packets in a controller that holds ${BUFFERS}`);
  }

  private hearFragment(peer: Peer, isContinuing: boolean, bytes: Uint8Array): void {
    if (isContinuing !== peer.open.length > 0) throw new Error("fragments of frames are mixed");
    const frame = [...peer.open, ...bytes];
    const length = 4 + (frame[0]! | (frame[1]! << 8));
    if (frame.length > length) throw new Error(`a frame of ${length} bytes with ${frame.length}`);
    peer.open = frame.length < length ? frame : [];
    if (frame.length === length && (frame[2]! | (frame[3]! << 8)) === ATT) this.hearPdu(peer, frame.slice(4));
  }

  private hearPdu(peer: Peer, pdu: readonly number[]): void {
    const [opcode] = pdu;
    if (UNASKED.includes(opcode!)) {
      const handle = pdu[1]! | (pdu[2]! << 8);
      if (!peer.subscribed.has(handle))
        throw new Error(`a client is sent a value of ${handle}, which it did not ask for`);
      return;
    }
    const answered = opcode === 0x01 ? pdu[1]! : opcode! - 1;
    if (peer.isGarbled) return;
    const at = peer.asked.indexOf(answered);
    if (at < 0) throw new Error(`an answer to what was not asked: ${toHex(Uint8Array.from(pdu))}`);
    // Requests before it were dropped: they came while the application thought about another.
    peer.asked.splice(0, at + 1);
  }

  /** Follows links that came or went otherwise than by CONNECT and DISCONNECT: by other events, or with the controller. */
  follow(): void {
    for (const handle of this.peers.keys()) {
      if (this.host.connections.has(handle)) continue;
      this.peers.delete(handle);
      this.ended.add(handle);
    }
    for (const handle of this.host.connections.keys()) {
      if (!this.peers.has(handle)) this.peers.set(handle, newPeer());
    }
  }

  /** What must hold at any time. */
  check(): void {
    for (const [handle, connection] of this.host.connections) {
      const { link, server } = connection;
      const peer = this.peers.get(handle)!;
      for (const subscribed of server.session.configurations.keys()) peer.subscribed.add(subscribed);
      if (link.queued > QUEUE_LIMIT + ANSWER_RESERVE) throw new Error(`${link.queued} PDUs are queued`);
      const { parts } = server.preparedWrites as unknown as { parts: { bytes: Uint8Array }[] };
      const bytes = parts.reduce((sum, part) => sum + part.bytes.length, 0);
      if (parts.length > PREPARED_COUNT_MAX || bytes > PREPARED_BYTES_MAX)
        throw new Error("prepared too much");
    }
    if (this.host.gatt.clientCount !== this.host.connections.size) throw new Error("a client without a link");
  }
}

const isRequest = (opcode: number): boolean =>
  (opcode & 0x40) === 0 && opcode !== 0x1e && ((opcode & 1) === 0 || opcode > 0x23 || opcode === 0x1d);

/** Plays one packet of the input. */
async function play(scene: Scene, packet: Uint8Array, random: SeededRandom): Promise<void> {
  const { controller, host, peers } = scene;
  const handle = HANDLES[(packet[0]! >> 4) % HANDLES.length]!;
  const rest = packet.subarray(1);
  const peer = peers.get(handle);
  switch ((packet[0]! & 0x0f) % WAYS) {
    case DO.ATT:
      if (peer && rest.length > 0 && isRequest(rest[0]!)) peer.asked.push(rest[0]!);
      controller.deliver(aclFrame(handle, ATT, rest));
      break;
    case DO.CONNECT:
      peers.set(handle, newPeer());
      controller.deliver(connectionComplete(handle));
      break;
    case DO.DISCONNECT:
      controller.deliver(disconnectionComplete(handle, rest[0] ?? 0x13));
      break;
    case DO.COMPLETED: {
      const count = (rest[0] ?? 1) & 0x0f;
      if (peer) peer.held = Math.max(0, peer.held - count);
      controller.deliver(completedPackets([handle, count]));
      break;
    }
    case DO.UPDATE: {
      const attribute = host.gatt.at(rest[0] ?? 0);
      if (attribute) host.gatt.updates.notifySubscribers(attribute);
      break;
    }
    case DO.REGISTER:
      host.gatt.register((rest[0] ?? 0) & 1 ? DATABASE : [service({})]);
      break;
    case DO.FRAGMENT:
      if (peer) peer.isGarbled = true;
      controller.deliver(
        concat(
          [0x02],
          le16(handle | (((rest[0] ?? 0) & 0x0f) << 12)),
          le16(Math.max(0, rest.length - 1)),
          rest.subarray(1),
        ),
      );
      break;
    default:
      controller.deliver(eventPacket(rest[0] ?? 0, rest.subarray(1, 256)));
  }
  await controller.settle();
  if (random.below(8) > 0) return;
  scene.follow();
  scene.check();
  scene.hear();
  await scene.clock.advance(random.below(40_000));
}

/** The peers' controllers take what they hold, so that the queues move. */
async function complete(scene: Scene): Promise<void> {
  for (const [handle, peer] of scene.peers) {
    if (peer.held === 0) continue;
    scene.controller.deliver(completedPackets([handle, peer.held]));
    peer.held = 0;
  }
  await scene.controller.settle();
}

async function run(packets: readonly Uint8Array[], random: SeededRandom): Promise<void> {
  const scene = new Scene();
  const { controller, host, clock } = scene;
  host.gatt.register(DATABASE);
  const started = host.activate();
  await controller.settle();
  await started;
  controller.sent.length = 0;
  if (random.below(3) > 0) {
    for (const handle of HANDLES) controller.deliver(connectionComplete(handle));
    await controller.settle();
    scene.follow();
  }
  const look = (): void => {
    scene.check();
    scene.hear();
    scene.follow();
  };
  // In quarters: how often the controller is through with everything before the next packet.
  const promptness = random.below(5);
  for (const packet of packets) {
    if (packet.length === 0) continue;
    await play(scene, packet, random);
    scene.follow();
    look();
    if (random.below(4) < promptness) {
      await complete(scene);
      look();
    }
  }
  // Whatever came before: the end of the links leaves nothing behind.
  for (const handle of [...host.connections.keys()]) controller.deliver(disconnectionComplete(handle));
  await controller.settle();
  await clock.advance(120_000);
  controller.sent.length = 0;
  for (const handle of [...host.connections.keys()]) controller.deliver(disconnectionComplete(handle));
  await controller.settle();
  if (host.connections.size > 0 || host.gatt.clientCount > 0) throw new Error("a link stays");
  if (clock.pending > 0) throw new Error(`${clock.pending} timers stay`);
}

const EVENTS = [0x05, 0x0e, 0x0f, 0x10, 0x13, 0x1a, 0x3e, 0x3e, 0x3e];

function invent(random: SeededRandom): Uint8Array {
  const way = [DO.ATT, DO.ATT, DO.ATT, DO.CONNECT, DO.COMPLETED, DO.UPDATE, random.below(WAYS)][
    random.below(7)
  ]!;
  const first = way | (random.below(HANDLES.length) << 4);
  switch (way) {
    case DO.ATT:
      if (random.below(3) > 0) return concat([first], att.invent(random));
      return Uint8Array.from([first, 0x12, CCCD, 0, random.below(4), 0]);
    case DO.UPDATE:
      return Uint8Array.from([first, random.below(3) > 0 ? VALUE : 14 + random.below(24)]);
    case DO.FRAGMENT:
      return concat([first, random.below(4)], random.bytes(random.below(30)));
    case DO.EVENT:
      return concat(
        [first, EVENTS[random.below(EVENTS.length)]!],
        [random.below(14)],
        random.bytes(random.below(24)),
      );
    default:
      return Uint8Array.from([first, random.below(8)]);
  }
}

export const links: Target = {
  corpus: JSON.parse(readFileSync(new URL("./corpus/links.json", import.meta.url), "utf8")),
  invent,
  run,
};
