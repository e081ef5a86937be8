/**
 * Peripherals that own every byte and every order, around a camera that is their central: three of them on links, any number
 * on the air, and an honest one of each kind. The controller between them is a sound one.
 */
import type { SeededRandom } from "../../simulator/random.ts";
import { concat, le16 } from "./bytes.ts";
import { HonestPeer, Peer, type PeerPort } from "./peripheral-peers.ts";
import {
  commandComplete,
  commandStatus,
  disconnectionComplete,
  lePacket,
  type ScriptedController,
} from "./scripted-controller.ts";

/** Peers on links that are hostile. */
const HOSTILE = 3;
const HONEST = 0;
/** How often anything happens, in milliseconds. */
export const STEP_MS = 100;
const CREATE_CONNECTION = 0x200d;
const CREATE_CONNECTION_CANCEL = 0x200e;
const DISCONNECT = 0x0406;
const UNKNOWN_CONNECTION = 0x02;
/** That of the honest peer, as the controller sends it; in those of the others the first byte is 1 to `HOSTILE`. */
export const ADDRESS: readonly number[] = [0, 0x01, 0x02, 0x03, 0x04, 0xc5];
/** Name of the honest beacon. */
export const BEACON = "beacon";

const report = (eventType: number, address: readonly number[], data: Uint8Array): Uint8Array =>
  lePacket(0x02, concat([1, eventType, 1, ...address, data.length], data, [0xc4]));

export class HostileAir {
  private readonly controller: ScriptedController;
  private readonly random: SeededRandom;
  /** By the first byte of their address. */
  private readonly peers = new Map<number, Peer>();
  private readonly links = new Map<number, Peer>();
  /** The peer that the controller looks for. */
  private wanted: number | undefined = undefined;
  private handle = 0x3f;
  /** Incomplete frames of the host, by handle. */
  private readonly open = new Map<number, Uint8Array>();

  /** @param controller the camera's, whose answers about links are those of this air from now on. */
  constructor(controller: ScriptedController, random: SeededRandom) {
    this.controller = controller;
    this.random = random;
    for (let index = 0; index <= HOSTILE; index++) {
      const port: PeerPort = {
        random: this.random,
        deliver: (packet) => this.controller.deliver(packet),
        end: (handle, reason) => this.end(handle, reason),
      };
      this.peers.set(index, index === HONEST ? new HonestPeer(port) : new Peer(port));
    }
    this.controller.autoComplete = true;
    this.always(CREATE_CONNECTION, (parameters) => {
      this.wanted = parameters[6];
      return [commandStatus(CREATE_CONNECTION)];
    });
    this.always(CREATE_CONNECTION_CANCEL, () => {
      if (this.wanted === undefined) return [commandComplete(CREATE_CONNECTION_CANCEL, [0x0c])];
      this.wanted = undefined;
      return [commandComplete(CREATE_CONNECTION_CANCEL), this.complete(UNKNOWN_CONNECTION, 0, 0)];
    });
    this.always(DISCONNECT, (parameters) => {
      const handle = parameters[0]! | (parameters[1]! << 8);
      if (!this.links.delete(handle)) return [commandStatus(DISCONNECT, UNKNOWN_CONNECTION)];
      this.open.delete(handle);
      return [commandStatus(DISCONNECT), disconnectionComplete(handle, 0x16)];
    });
  }

  /** What happens in `STEP_MS`; it reaches the camera when the controller delivers. */
  step(): void {
    this.advertise();
    this.connect();
    for (const [handle, peer] of [...this.links]) peer.act(handle);
  }

  private always(opcode: number, answer: (parameters: Uint8Array) => readonly Uint8Array[]): void {
    this.controller.script(opcode, (parameters) => {
      this.always(opcode, answer);
      return answer(parameters);
    });
  }

  /** LE Connection Complete as a central. */
  private complete(status: number, handle: number, peer: number): Uint8Array {
    const address = [peer, ...ADDRESS.slice(1)];
    return lePacket(0x01, [
      ...[status, ...le16(handle), 0, 1],
      ...address,
      ...[...le16(24), 0, 0, ...le16(72), 0],
    ]);
  }

  /** The peer that is looked for may be there, or only seem so. */
  private connect(): void {
    const { controller, random, wanted } = this;
    if (wanted === undefined) return;
    const peer = this.peers.get(wanted);
    if (!peer || (!peer.isHonest && random.below(4) === 0)) return;
    this.wanted = undefined;
    do this.handle = this.handle < 0x0eff ? this.handle + 1 : 0x40;
    while (this.links.has(this.handle));
    const { handle } = this;
    controller.deliver(this.complete(0, handle, wanted));
    if (!peer.isHonest && random.below(6) === 0) {
      // It never was: nothing is heard of it.
      controller.deliver(disconnectionComplete(handle, 0x3e));
      return;
    }
    this.links.set(handle, peer);
    peer.begin(handle);
  }

  private end(handle: number, reason: number): void {
    if (!this.links.delete(handle)) return;
    this.open.delete(handle);
    this.controller.deliver(disconnectionComplete(handle, reason));
  }

  /** What the camera has sent reaches its peers. */
  hear(): void {
    for (const packet of this.controller.sent.splice(0)) {
      if (packet[0] !== 0x02) continue;
      const head = packet[1]! | (packet[2]! << 8);
      const handle = head & 0x0fff;
      const before = (head & 0x3000) === 0x1000 ? this.open.get(handle) : undefined;
      const bytes = concat(before ?? [], packet.subarray(5));
      const length = bytes.length < 4 ? 0 : bytes[0]! | (bytes[1]! << 8);
      if (bytes.length < length + 4) {
        this.open.set(handle, bytes);
        continue;
      }
      this.open.delete(handle);
      this.links.get(handle)?.receive(handle, bytes[2]! | (bytes[3]! << 8), bytes.subarray(4));
    }
  }

  /** An honest beacon among many that send whatever fits a packet. */
  private advertise(): void {
    const { controller, random } = this;
    const name = Uint8Array.from(BEACON, (letter) => letter.charCodeAt(0));
    controller.deliver(report(3, [0xbe, 2, 3, 4, 5, 0xc5], concat([2, 1, 4, name.length + 1, 9], name)));
    for (let count = random.below(6); count > 0; count--) {
      const address = [...random.bytes(5), 0xc0 | random.below(64)];
      const data = random.bytes(random.below(32));
      // An AD structure that announces what it does not have, or a type that is parsed.
      if (data.length > 2 && random.below(2) === 0) {
        data[0] = random.below(34);
        data[1] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0a, 0x16, 0x20, 0x21, 0x24, 0xff][random.below(15)]!;
      }
      controller.deliver(report(random.below(5), address, data));
      if (random.below(3) === 0) controller.deliver(report(4, address, random.bytes(random.below(32))));
    }
  }
}
