/** A host whose peer plays credit-based channels by its frames (Vol 3, Part A, 4.22 to 4.28 and 10.1). */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { L2CAPOptions } from "../../firmware/aioble/l2cap.ts";
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import { ok } from "./assert.ts";
import { concat, le16, toHex } from "./bytes.ts";
import { createConnectedRig, HANDLE, type Rig, SIGNALING, takeFrames } from "./rig.ts";
import { aclFrame } from "./scripted-controller.ts";

export const PSM = 0x80;
/** The peer's end of the first channel, and this host's. */
export const PEER = 0x0050;
export const OWN = 0x0040;

export const DISCONNECT = 0x06;
export const PLAIN = 0x14;
export const CREDITS = 0x16;
export const ENHANCED = 0x17;
export const RECONFIGURE = 0x19;

export interface Scene {
  readonly rig: Rig;
  readonly connection: DeviceConnection;
  /** Sends a signalling command of 16-bit fields; the commands that go back, as text. */
  signal(code: number, identifier: number, ...words: readonly number[]): Promise<string[]>;
  /** Sends a frame to a channel of this host; the signalling commands that go back, as text. */
  frame(payload: Uint8Array | readonly number[], cid?: number): Promise<string[]>;
  /** What was sent on a channel of the peer since the last look. */
  sent(cid?: number): string[];
  /** Warnings about channels. */
  warnings(): string[];
}

export async function createScene(peerBytes?: number): Promise<Scene> {
  const rig = await createConnectedRig(undefined, HANDLE, peerBytes);
  const sent = (cid = PEER): string[] =>
    takeFrames(rig.controller, HANDLE)
      .filter(({ channel }) => channel === cid)
      .map(({ payload }) => toHex(payload));
  return {
    rig,
    connection: rig.connection,
    sent,
    signal: (code, identifier, ...words) =>
      rig.exchange(SIGNALING, concat([code, identifier], le16(words.length * 2), ...words.map(le16))),
    async frame(payload, cid = OWN) {
      rig.controller.sent.length = 0;
      rig.controller.deliver(aclFrame(HANDLE, cid, payload));
      await rig.settle();
      return sent(SIGNALING);
    },
    warnings: () =>
      rig.log.flatMap(([level, message]) =>
        level === "warning" && message.startsWith("l2cap: ") ? [message] : [],
      ),
  };
}

export interface OpenScene extends Scene {
  readonly channel: L2CAPChannel;
}

/** What the peer takes. */
export interface PeerOptions {
  readonly mtu?: number;
  readonly mps?: number;
  readonly credits?: number;
}

/** The peer has opened a plain channel. */
export async function createOpen(
  options: L2CAPOptions = { mtu: 100, mps: 50 },
  { mtu = 100, mps = 50, credits = 10 }: PeerOptions = {},
  peerBytes?: number,
): Promise<OpenScene> {
  const scene = await createScene(peerBytes);
  const accepted = scene.connection.l2capAccept(PSM, options);
  const [answer] = await scene.signal(PLAIN, 1, PSM, PEER, mtu, mps, credits);
  ok(answer?.startsWith("15 01 0a 00 40 00"), answer);
  return { ...scene, channel: await accepted };
}

/** An SDU, its length first. */
export const sdu = (bytes: Uint8Array): Uint8Array => concat(le16(bytes.length), bytes);
