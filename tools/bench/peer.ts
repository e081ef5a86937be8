/** The central behind the controller: plays the other part in the script of application.ts, in lock-step with it. */
import { setTimeout as sleep } from "node:timers/promises";
import { decode, encode } from "cborg";
import { ChannelPeer, PEER_CID, SIGNALING } from "./channel-peer.ts";
import {
  aclPacket,
  advertisingReport,
  type BenchController,
  BUFFERS,
  completedPackets,
  connectionComplete,
  disconnectionComplete,
  le16,
  REPORT,
} from "./controller.ts";
import { serveDiscovery } from "./database.ts";
import { encrypt, pair } from "./pairing-peer.ts";
import {
  ADVERTISERS,
  ADVERTISERS_WARM_UP,
  CAPTURED,
  CHANNEL_MPS,
  CHANNEL_PSM,
  DISCOVERY_REPETITIONS,
  DISCOVERY_WARM_UP,
  FIT_COUNT,
  PAIRING_FIGURES,
  PAIRINGS,
  RECONNECTIONS,
  RECONNECTIONS_WARM_UP,
  REPETITIONS,
  RESTARTS,
  RESTARTS_WARM_UP,
  SDU_LENGTH,
  TURN,
  UPLOAD_DATA,
  UPLOAD_MTU,
  UPLOAD_REQUESTS,
  UPLOAD_WARM_UP,
  VALUE,
  VALUE_LENGTH,
  WARM_UP,
} from "./script.ts";

/** The links, in the order in which they come up. */
const HANDLES = [0x0040, 0x0041, 0x0042] as const;
const [FIRST] = HANDLES;
/** Packets of a link alone in the controller: the camera keeps a buffer for each of the three that may yet come. */
const ALONE = BUFFERS - 3;

const ATT = {
  EXCHANGE_MTU_REQUEST: 0x02,
  EXCHANGE_MTU_RESPONSE: 0x03,
  READ_BY_TYPE_REQUEST: 0x08,
  READ_BY_TYPE_RESPONSE: 0x09,
  WRITE_REQUEST: 0x12,
  WRITE_RESPONSE: 0x13,
  NOTIFICATION: 0x1b,
  WRITE_COMMAND: 0x52,
} as const;

/** An SDU's five packets and one with credits fit into the half that the camera does not keep for links that may come. */
const CHANNEL_BUFFERS = 16;

/** The clocks of camera and peer may differ by a little. */
const SETTLE_MS = 1500;
/** How long a link is up that only encrypts, before and after it does. */
const RECONNECTION_MS = 100;

const CHARACTERISTIC = 0x2803;

/** The characteristic of the management service. */
const MANAGEMENT = "da2e7828-fbce-4e01-ae9e-261174997c48";
/** Bytes of the file that is uploaded in part. */
const UPLOAD_FILE_BYTES = 200_000;

/** A UUID's 16 bytes as ATT carries them. */
const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex").reverse();

export class Peer {
  private readonly controller: BenchController;
  /** Handles of the values. */
  private turn = 0;
  private value = 0;
  private captured = 0;

  constructor(controller: BenchController) {
    this.controller = controller;
  }

  private async expect(opcode: number): Promise<Uint8Array> {
    const { pdu } = await this.controller.next();
    if (pdu[0] !== opcode) {
      throw new Error(`the camera sent ${Buffer.from(pdu).toString("hex")}, not ATT opcode ${opcode}`);
    }
    return pdu;
  }

  /** Resolves when the camera advertises the next time. */
  advertising(): Promise<void> {
    return this.controller.advertising();
  }

  /** Connects, finds the characteristics, subscribes. */
  async connect(): Promise<void> {
    this.controller.send(connectionComplete(FIRST));
    this.turn = await this.find(TURN);
    this.value = await this.find(VALUE);
    this.captured = await this.find(CAPTURED);
    await this.subscribe(FIRST);
  }

  /** The camera advertises on; each time another central connects and subscribes. */
  async connectOthers(): Promise<void> {
    for (const handle of HANDLES.slice(1)) {
      const advertising = this.advertising();
      this.takeTurn();
      await advertising;
      this.controller.send(connectionComplete(handle));
      await this.subscribe(handle);
    }
  }

  /** Two clients; the second one subscribes to what shows the cost of a subscription. */
  async fits(): Promise<void> {
    const [first, second] = HANDLES;
    await this.advertising();
    this.controller.send(connectionComplete(first));
    this.turn = await this.find(TURN);
    const advertising = this.advertising();
    this.takeTurn();
    await advertising;
    this.controller.send(connectionComplete(second));
    // Heard of, or it would not be a connection yet.
    this.controller.send(aclPacket(second, [ATT.WRITE_COMMAND, ...le16(0xffff), 0]));
    this.takeTurn();
    // Handles of the values follow each other: declaration, value, configuration.
    const value = this.turn + 3;
    for (let index = 0; index < FIT_COUNT; index++) {
      const configuration = value + 3 * index + 1;
      this.controller.send(aclPacket(second, [ATT.WRITE_REQUEST, ...le16(configuration), ...le16(1)]));
      await this.expect(ATT.WRITE_RESPONSE);
      this.controller.send(completedPackets(1, second));
    }
    this.takeTurn();
  }

  /** Connects; disconnects after a while. */
  async connectFor(milliseconds: number): Promise<void> {
    this.controller.send(connectionComplete(FIRST));
    await sleep(milliseconds);
    this.controller.send(disconnectionComplete(FIRST));
  }

  /**
   * Opens a channel, sends as the camera gives credits, then asks for SDU after SDU, and closes the channel. Returns how many
   * seconds each direction took.
   */
  async channel(): Promise<{ readonly receiving: number; readonly sending: number }> {
    const { controller } = this;
    controller.buffers = CHANNEL_BUFFERS;
    await this.advertising();
    controller.send(connectionComplete(FIRST));
    const request = [CHANNEL_PSM, PEER_CID, SDU_LENGTH, CHANNEL_MPS, 0xffff].flatMap(le16);
    controller.send(aclPacket(FIRST, [0x14, 1, ...le16(request.length), ...request], SIGNALING));
    const { pdu } = await controller.next();
    controller.send(completedPackets(1, FIRST));
    if (pdu[0] !== 0x15 || pdu[12] !== 0) throw new Error("the camera refused the channel");
    const channel = new ChannelPeer(controller, FIRST, pdu[4]! | (pdu[5]! << 8));
    const receiving = await channel.fill();
    const sending = await channel.drain();
    channel.close();
    return { receiving, sending };
  }

  /** Connects, and is discovered until the camera is through. Returns how many requests one discovery took. */
  async discovered(): Promise<number> {
    await this.advertising();
    this.controller.send(connectionComplete(FIRST));
    const requests = await serveDiscovery(this.controller, FIRST);
    return requests / (DISCOVERY_WARM_UP + DISCOVERY_REPETITIONS);
  }

  /**
   * Connects, for the application notifies it of each result that it has taken. Then many advertise, one after the other:
   * first without scan responses, then others with them.
   */
  async advertisers(): Promise<void> {
    const { controller } = this;
    const scanning = controller.scanning();
    await this.advertising();
    controller.send(connectionComplete(FIRST));
    // Heard of, or it would not be a connection yet.
    controller.send(aclPacket(FIRST, [ATT.WRITE_COMMAND, ...le16(0xffff), 0]));
    await scanning;
    const first = ADVERTISERS_WARM_UP + ADVERTISERS;
    for (let advertiser = 0; advertiser < first + ADVERTISERS; advertiser++) {
      await this.reported(REPORT.ADV_IND, advertiser);
      if (advertiser >= first) await this.reported(REPORT.SCAN_RSP, advertiser);
    }
  }

  private async reported(eventType: number, advertiser: number): Promise<void> {
    this.controller.send(advertisingReport(eventType, advertiser));
    await this.expect(ATT.NOTIFICATION);
    this.controller.send(completedPackets(1, FIRST));
  }

  /** Pairs by each of the figures' methods, on a link for each; then the last one comes back. */
  async pairings(): Promise<void> {
    const { controller } = this;
    let handle: number = FIRST;
    const connect = async (): Promise<void> => {
      await this.advertising();
      controller.send(connectionComplete(handle));
      // Heard of, or it would not be a connection yet.
      controller.send(aclPacket(handle, [ATT.WRITE_COMMAND, ...le16(0xffff), 0]));
    };
    for (let count = 0; count < PAIRING_FIGURES.length * PAIRINGS; count++) {
      handle = FIRST + count;
      await connect();
      await pair(controller, handle, Uint8Array.of(6, 5, 4, 3, 2, handle & 0xff));
      // Until the bond is on flash.
      await sleep(SETTLE_MS);
      controller.send(disconnectionComplete(handle));
    }
    for (let count = 0; count < RECONNECTIONS_WARM_UP + RECONNECTIONS; count++) {
      await connect();
      await sleep(RECONNECTION_MS);
      await encrypt(controller, handle);
      await sleep(RECONNECTION_MS);
      controller.send(disconnectionComplete(handle));
    }
  }

  /** Uploads a part of a bundle, one request after the other; returns how many seconds those took that are measured. */
  async upload(): Promise<number> {
    await this.advertising();
    const { controller } = this;
    controller.send(connectionComplete(FIRST));
    controller.send(aclPacket(FIRST, [ATT.EXCHANGE_MTU_REQUEST, ...le16(UPLOAD_MTU)]));
    await this.expect(ATT.EXCHANGE_MTU_RESPONSE);
    controller.send(completedPackets(1, FIRST));
    this.turn = await this.find(TURN);
    this.value = await this.find(MANAGEMENT);
    await this.subscribe(FIRST);
    let start = 0;
    for (let count = 0; count < UPLOAD_WARM_UP + UPLOAD_REQUESTS; count++) {
      if (count === UPLOAD_WARM_UP) {
        this.takeTurn();
        start = performance.now();
      }
      for (const fragment of uploadRequest(count)) {
        controller.send(aclPacket(FIRST, [ATT.WRITE_COMMAND, ...le16(this.value), ...fragment]));
      }
      const answer = decode((await this.expect(ATT.NOTIFICATION)).subarray(3 + 8)) as { off?: number };
      controller.send(completedPackets(1, FIRST));
      if (answer.off !== (count + 1) * UPLOAD_DATA)
        throw new Error(`the camera refuses an upload: ${JSON.stringify(answer)}`);
    }
    const seconds = (performance.now() - start) / 1000;
    this.takeTurn();
    controller.send(disconnectionComplete(FIRST));
    return seconds;
  }

  /** The handle of a characteristic's value. */
  private async find(uuid: string): Promise<number> {
    const wanted = uuidBytes(uuid);
    for (let first = 1; ; ) {
      const request = [ATT.READ_BY_TYPE_REQUEST, ...le16(first), ...le16(0xffff), ...le16(CHARACTERISTIC)];
      this.controller.send(aclPacket(FIRST, request));
      const pdu = await this.expect(ATT.READ_BY_TYPE_RESPONSE);
      this.controller.send(completedPackets(1, FIRST));
      const size = pdu[1]!;
      for (let at = 2; at + size <= pdu.length; at += size) {
        if (wanted.equals(pdu.subarray(at + 5, at + size))) return pdu[at + 3]! | (pdu[at + 4]! << 8);
        first = (pdu[at]! | (pdu[at + 1]! << 8)) + 1;
      }
    }
  }

  private async subscribe(handle: number): Promise<void> {
    this.controller.send(aclPacket(handle, [ATT.WRITE_REQUEST, ...le16(this.value + 1), ...le16(1)]));
    await this.expect(ATT.WRITE_RESPONSE);
    this.controller.send(completedPackets(1, handle));
  }

  /** Lets the application take its next step, after other packets. */
  private takeTurn(...packets: readonly (readonly number[])[]): void {
    this.controller.send(...packets, aclPacket(FIRST, [ATT.WRITE_COMMAND, ...le16(this.turn), 0]));
  }

  /** One notification of each link a turn: there is always a credit for it. */
  async notifications(...handles: number[]): Promise<void> {
    for (let count = 0; count < WARM_UP + REPETITIONS; count++) {
      this.takeTurn();
      for (let each = 0; each < handles.length; each++) await this.expect(ATT.NOTIFICATION);
      this.controller.send(completedPackets(1, ...handles));
    }
  }

  notificationsToOne(): Promise<void> {
    return this.notifications(FIRST);
  }

  notificationsToAll(): Promise<void> {
    return this.notifications(...HANDLES);
  }

  /**
   * The camera sends as many as there are credits for. Each credit comes back when the camera has none left, so that
   * each notification of the thousand waits for one.
   */
  async notificationCycles(): Promise<void> {
    this.takeTurn();
    for (let count = 1; count <= WARM_UP + REPETITIONS; count++) {
      await this.expect(ATT.NOTIFICATION);
      if (count >= ALONE) this.controller.send(completedPackets(1, FIRST));
    }
    this.controller.send(completedPackets(ALONE - 1, FIRST));
  }

  /** The same with each credit given back at once. Returns how many seconds the last thousand took. */
  async notificationsAtOnce(): Promise<number> {
    let start = 0;
    this.takeTurn();
    for (let count = 1; count <= WARM_UP + REPETITIONS; count++) {
      await this.expect(ATT.NOTIFICATION);
      this.controller.send(completedPackets(1, FIRST));
      if (count === WARM_UP) start = performance.now();
    }
    return (performance.now() - start) / 1000;
  }

  /** One write after the response to the one before. */
  private async writesTo(handle: number, repetitions = WARM_UP + REPETITIONS): Promise<void> {
    const value = new Array<number>(VALUE_LENGTH).fill(0x5a);
    const request = aclPacket(FIRST, [ATT.WRITE_REQUEST, ...le16(handle), ...value]);
    for (let count = 0; count < repetitions; count++) {
      this.controller.send(request);
      await this.expect(ATT.WRITE_RESPONSE);
      this.controller.send(completedPackets(1, FIRST));
    }
  }

  writes(): Promise<void> {
    return this.writesTo(this.value);
  }

  capturedWrites(): Promise<void> {
    return this.writesTo(this.captured);
  }

  /** One more than cycles: a cycle is from one write to the next. */
  writeCycles(): Promise<void> {
    return this.writesTo(this.captured, WARM_UP + REPETITIONS + 1);
  }

  /** Leaves the camera alone until it has collected its garbage: a second, by firmware/native/loop.c. */
  async settle(): Promise<void> {
    await sleep(SETTLE_MS);
  }

  /** Leaves the camera alone for as long as wake-ups are counted. */
  async idleness(quietMs: number): Promise<void> {
    await this.settle();
    this.takeTurn();
    await sleep(quietMs);
    this.takeTurn();
  }

  /** Each time when the camera is back on the air, somebody looks in. */
  async restarts(): Promise<void> {
    let advertising = this.advertising();
    this.takeTurn();
    for (let count = 0; count < RESTARTS_WARM_UP + RESTARTS; count++) {
      await advertising;
      advertising = this.advertising();
      this.controller.send(connectionComplete(FIRST), disconnectionComplete(FIRST));
    }
  }
}

/** The fragments of the request that uploads part `index` of a bundle of which nothing but the beginning looks like one. */
function uploadRequest(index: number): number[][] {
  const data = new Uint8Array(UPLOAD_DATA).fill(0x5a);
  if (index === 0) data.set([0x3d, 0xb8, 0xf3, 0x96]);
  const first = index === 0 ? { len: UPLOAD_FILE_BYTES, sha: new Uint8Array(32).fill(1) } : {};
  const payload = encode({ ...first, off: index * UPLOAD_DATA, data });
  const header = [0x0a, 0, payload.length >> 8, payload.length & 0xff, 0, 1, index & 0xff, 1];
  const frame = [...header, ...payload];
  const fragments: number[][] = [];
  const room = UPLOAD_MTU - 3;
  for (let at = 0; at < frame.length; at += room) fragments.push(frame.slice(at, at + room));
  return fragments;
}
