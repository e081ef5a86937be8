/** A whole host on a scripted controller, in virtual time. */

import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { Host } from "../../firmware/ble/host.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { LogLevel, Platform, Records } from "../../firmware/platform/platform.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { SimulatedFlash } from "../../simulator/flash.ts";
import { toHex } from "./bytes.ts";
import { createWholeModules, type WholeAioble } from "./modules.ts";
import {
  aclFrame,
  connectionComplete,
  disconnectionComplete,
  ScriptedController,
} from "./scripted-controller.ts";
import "./unhandled.ts";
import { VirtualClock } from "../../simulator/clock.ts";

export class MemoryRecords implements Records {
  readonly values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.values.get(key);
  }

  set(key: string, value: Uint8Array): void {
    this.values.set(key, value.slice());
  }

  delete(key: string): boolean {
    return this.values.delete(key);
  }

  keys(): string[] {
    return [...this.values.keys()];
  }
}

export interface Rig {
  readonly controller: ScriptedController;
  readonly clock: VirtualClock;
  readonly records: MemoryRecords;
  readonly host: Host;
  readonly aioble: WholeAioble;
  readonly log: [LogLevel, string][];
  /** Delivers what waits and runs promise jobs, without time passing. */
  settle(): Promise<void>;
  /** A central connects on this handle; settles. */
  connect(handle?: number): Promise<void>;
  /** The link ends; settles. */
  disconnect(handle?: number, reason?: number): Promise<void>;
  /** Sends a frame from the peer on a fixed channel and returns the payloads that go back on it, as text. */
  exchange(channel: number, payload: readonly number[] | Uint8Array, handle?: number): Promise<string[]>;
}

export const ATT = 0x0004;
export const SIGNALING = 0x0005;
export const SMP = 0x0006;

/** The handle that a rig's first central gets. */
export const HANDLE = 0x0040;

/**
 * @param peerBytes what peers may make the host keep; left out, what a development machine has
 * @param captureBytes what captured writes may beside that, where their queue is longer; likewise
 */
export function createRig(peerBytes?: number, captureBytes?: number): Rig {
  const controller = new ScriptedController();
  const settle = (): Promise<void> => controller.settle();
  const clock = new VirtualClock(settle);
  const records = new MemoryRecords();
  const log: [LogLevel, string][] = [];
  const platform: Platform = {
    clock,
    transport: controller,
    crypto: simulatedCrypto,
    random: (length) => Uint8Array.from({ length }, (_, at) => 0x11 * (at + 1)),
    uniqueId: () => new Uint8Array(8),
    flash: () => new SimulatedFlash(),
    ...(peerBytes === undefined ? {} : { peerBytes }),
    ...(captureBytes === undefined ? {} : { captureBytes }),
    log: (level, message) => log.push([level, message]),
  };
  const host = new Host(platform, records);
  // Its look at idle links would be among the timers that tests count. It has tests of its own.
  host.configure({ idleTimeoutMs: 0 });
  // So would its look at controllers that say nothing, likewise.
  host.hci.silenceMs = 0;
  // And its look at packets that are not completed.
  host.links.check.stallMs = 0;
  const { aioble } = createWholeModules(host, createSignals(platform));
  return {
    controller,
    clock,
    records,
    host,
    aioble,
    log,
    settle,
    async connect(handle = HANDLE) {
      // The second is a frame on a channel that nobody has opened: the peer is there.
      controller.deliver(connectionComplete(handle), aclFrame(handle, 0x003f, []));
      await settle();
    },
    async disconnect(handle = HANDLE, reason = 0x13) {
      controller.deliver(disconnectionComplete(handle, reason));
      await settle();
    },
    async exchange(channel, payload, handle = HANDLE) {
      controller.sent.length = 0;
      controller.deliver(aclFrame(handle, channel, payload));
      await settle();
      return takeFrames(controller, handle)
        .filter((frame) => frame.channel === channel)
        .map((frame) => toHex(frame.payload));
    },
  };
}

export interface SentFrame {
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** The L2CAP frames among what was written to the controller for this handle, joined from their fragments. */
export function takeFrames(controller: ScriptedController, handle: number): SentFrame[] {
  const frames: SentFrame[] = [];
  let open: number[] | undefined;
  for (const packet of controller.sent.splice(0)) {
    if (packet[0] !== 0x02) continue;
    const head = packet[1]! | (packet[2]! << 8);
    if ((head & 0x0fff) !== handle) continue;
    const continuing = (head & 0x3000) === 0x1000;
    if (!continuing && open) throw new Error("a new frame inside another");
    if (continuing && !open) throw new Error("a continuation of nothing");
    const bytes: number[] = [...(open ?? []), ...packet.subarray(5)];
    const length = bytes[0]! | (bytes[1]! << 8);
    if (bytes.length < length + 4) {
      open = bytes;
      continue;
    }
    if (bytes.length > length + 4) throw new Error("a frame longer than its header says");
    frames.push({ channel: bytes[2]! | (bytes[3]! << 8), payload: Uint8Array.from(bytes.slice(4)) });
    open = undefined;
  }
  if (open) throw new Error("a frame was cut short");
  return frames;
}

/** A rig with a central. */
export interface ConnectedRig extends Rig {
  /** The application's connection to it. */
  readonly connection: DeviceConnection;
}

/** A rig whose radio is on, with a central connected and nothing registered but what `prepare` registers. */
export async function createConnectedRig(
  prepare?: (rig: Rig) => void,
  handle = HANDLE,
  peerBytes?: number,
  captureBytes?: number,
): Promise<ConnectedRig> {
  const rig = createRig(peerBytes, captureBytes);
  rig.controller.autoComplete = true;
  prepare?.(rig);
  const started = rig.host.activate();
  await rig.settle();
  await started;
  // Without this, aioble ends a link that nobody waits for.
  const connected = rig.aioble.advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(handle);
  const connection = await connected;
  rig.controller.sent.length = 0;
  return { ...rig, connection };
}
