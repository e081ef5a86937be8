/** What `deploy` and `logs` connect to cameras with: our own stack as a central, with bonds that last and that processes share. */
import { IRK_KEY } from "../../firmware/ble/smp/own-irk.ts";
import { ToolError } from "../events.ts";
import { createRealClock } from "../radio/real-clock.ts";
import { FileRecords } from "./file-records.ts";
import {
  CAMERAS_MAX,
  type CentralAioble,
  type CentralHost,
  computerPlatform,
  createCentralHost,
} from "./host.ts";

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
  /** Asked before pairing. @throws ToolError when this computer has as many bonds as it keeps. */
  checkCount(): void;
  /** Ends all links, and lets nothing keep the process alive. */
  stop(): Promise<void>;
}

/** What its user may want to know of meanwhile. */
export interface CentralEvents {
  /** The controller has closed its socket. */
  readonly onGone?: () => void;
  /** It has waited some seconds for another process that pairs: a sentence that names it. */
  readonly onWait?: (sentence: string) => void;
}

/**
 * Starts a central.
 * @param hci where its controller listens: `tcp:HOST:PORT` or `unix:PATH`
 * @param bonds file that keeps its bonds, and who this computer is, from run to run
 * @param onLine gets what its stack warns of
 * @throws ToolError for a file that holds no bonds, and where the key that cameras know this computer by cannot be kept
 */
export function startCentral(
  hci: string,
  bonds: string,
  onLine: (text: string) => void,
  { onGone, onWait }: CentralEvents = {},
): Central {
  const clock = createRealClock();
  const records = new FileRecords(bonds);
  const identity = records.identity();
  const central = centralOf(
    createCentralHost(computerPlatform({ clock, hci, identity, onLine, onGone }), records),
    records,
    onWait,
  );
  return {
    ...central,
    async stop() {
      await central.stop();
      clock.stop();
    },
  };
}

/**
 * The central of a host.
 * @param records the host's
 * @param onWait see CentralEvents
 * @throws ToolError where the key that cameras know this computer by cannot be kept
 */
export function centralOf(
  { aioble, host }: CentralHost,
  records: FileRecords,
  onWait?: CentralEvents["onWait"],
): Central {
  const kept = host.bonds!;
  // Pairing is what the command wants, and no device.
  aioble.config({ autoPair: "encrypt", pairing: "bonded" });
  // Drawn before there is a bond, and by one process: a camera knows this computer by one key. One that is not kept would have it
  // taken for another device with this one's address the next time.
  records.exclusively(() => {
    const irk = kept.ownIrk();
    if (!records.get(IRK_KEY)) kept.setOwnIrk(irk);
  });
  return {
    aioble,
    async alone(work, signal) {
      const giveBack = await records.lockPairing(signal, onWait);
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
    checkCount() {
      if (kept.size >= CAMERAS_MAX)
        throw new ToolError(
          `This computer is bonded with ${kept.size} cameras, and keeps no more bonds: move ${records.file} away, and pair anew with those that are in use.`,
        );
    },
    stop: () => host.deactivate(),
  };
}
