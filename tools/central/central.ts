/** Our own stack as a central, in this process: what `deploy` and `logs` connect to cameras with. */
import { randomBytes } from "node:crypto";
import type { Aioble } from "../../firmware/aioble/aioble.ts";
import { Host } from "../../firmware/ble/host.ts";
import { IRK_KEY } from "../../firmware/ble/smp/own-irk.ts";
import { feature as central } from "../../firmware/features/central.ts";
import { feature as client } from "../../firmware/features/client.ts";
import type { Image } from "../../firmware/features/feature.ts";
import { createModules } from "../../firmware/features/modules.ts";
import { feature as scan } from "../../firmware/features/scan.ts";
import { feature as security } from "../../firmware/features/security.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { Platform } from "../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { lock } from "../lock.mjs";
import { createRealClock } from "../radio/real-clock.ts";
import { FileRecords } from "./file-records.ts";
import { SocketLine } from "./socket-line.ts";

const image = {
  manifest: "camera",
  features: [central, client, scan, security],
  missing: [],
} satisfies Image;

/** `aioble` as a central has it. */
export type CentralAioble = Aioble &
  ReturnType<(typeof client)["aioble"]> &
  ReturnType<(typeof scan)["aioble"]> &
  ReturnType<(typeof security)["aioble"]>;

/** A central that runs. */
export interface Central {
  readonly aioble: CentralAioble;
  /**
   * Runs what may make or delete a bond, while no other process with the same file of bonds does, and with the bonds that others
   * have made by then: a bond takes a place of its own only where all are known.
   * @param signal ends the wait for the other process, with its reason
   */
  alone<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** @throws ToolError when a bond that this device leaves by pairing could not be kept; there may be one already. */
  checkRoom(device: InstanceType<CentralAioble["Device"]>): void;
  /** Ends all links, and lets nothing keep the process alive. */
  stop(): Promise<void>;
}

/**
 * Starts a central.
 * @param hci where its controller listens: `tcp:HOST:PORT` or `unix:PATH`
 * @param bonds file that keeps its bonds, and who this computer is, from run to run
 * @param onLine gets what its stack warns of
 * @param onGone called when the controller has closed its socket
 * @throws ToolError for a file that holds no bonds, and where the key that cameras know this computer by cannot be kept
 */
export function startCentral(
  hci: string,
  bonds: string,
  onLine: (text: string) => void,
  onGone?: () => void,
): Central {
  const clock = createRealClock();
  const records = new FileRecords(bonds);
  const identity = records.identity();
  const platform: Platform = {
    clock: createTimerQueue(clock),
    transport: new SocketLine(hci, onGone),
    random: (length) => new Uint8Array(randomBytes(length)),
    crypto: simulatedCrypto,
    uniqueId: () => identity.slice(),
    flash: (area) => {
      throw new TypeError(`a central on this computer has no flash area ${area}`);
    },
    log: (level, message) => {
      if (level === "warning" || level === "error") onLine(`${level}: ${message}`);
    },
  };
  const host = new Host(platform, records);
  const aioble = createModules(host, createSignals(platform), image).aioble as unknown as CentralAioble;
  const kept = host.bonds!;
  // Drawn before there is a bond, and by one process: a camera knows this computer by one key. One that is not kept would have it
  // taken for another device with this one's address the next time.
  records.exclusively(() => {
    const irk = kept.ownIrk();
    if (!records.get(IRK_KEY)) kept.setOwnIrk(irk);
  });
  return {
    aioble,
    async alone(work, signal) {
      const giveBack = await lock(`${bonds}.pairing`, { signal });
      try {
        // What a link is encrypted with is not to change under it.
        if (host.connections.size === 0 && records.refresh()) kept.reload();
        return await work();
      } finally {
        giveBack();
      }
    },
    checkRoom(device) {
      if (!aioble.security.bonds.get(device)) records.checkRoom();
    },
    async stop() {
      await host.deactivate();
      clock.stop();
    },
  };
}
