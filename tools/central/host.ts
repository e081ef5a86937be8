/** The firmware's host as a central, in this process. */
import { randomBytes } from "node:crypto";
import type { Aioble } from "../../firmware/aioble/aioble.ts";
import { Host } from "../../firmware/ble/host.ts";
import { feature as central } from "../../firmware/features/central.ts";
import { feature as client } from "../../firmware/features/client.ts";
import type { Feature, Image } from "../../firmware/features/feature.ts";
import { createModules } from "../../firmware/features/modules.ts";
import { feature as scan } from "../../firmware/features/scan.ts";
import { feature as security } from "../../firmware/features/security.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { Clock, Platform, Records } from "../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../firmware/platform/timer-queue.ts";
import { simulatedCrypto } from "../../simulator/crypto.ts";
import { SocketLine } from "./socket-line.ts";

/** Cameras that a computer is bonded with at most. */
export const CAMERAS_MAX = 1000;

/** The host gives up a bond where it has no place for another: it never comes to that where nobody pairs beyond `CAMERAS_MAX`. */
const HOST_BONDS_MAX = 2 * CAMERAS_MAX;

/** `aioble` as a central has it. */
export type CentralAioble = Aioble &
  ReturnType<(typeof client)["aioble"]> &
  ReturnType<(typeof scan)["aioble"]> &
  ReturnType<(typeof security)["aioble"]>;

/** A host, and `aioble` on it. */
export interface CentralHost {
  readonly host: Host;
  readonly aioble: CentralAioble;
}

/** What a central on this computer is made of. */
export interface ComputerParts {
  readonly clock: Clock;
  /** Where its controller listens: `tcp:HOST:PORT` or `unix:PATH`. */
  readonly hci: string;
  /** What its address is derived from, 8 bytes. */
  readonly identity: Uint8Array;
  /** Gets what its stack warns of. */
  readonly onLine: (text: string) => void;
  /** Called when the controller has closed its socket. */
  readonly onGone: (() => void) | undefined;
}

/** This computer as the host's platform. */
export function computerPlatform({ clock, hci, identity, onLine, onGone }: ComputerParts): Platform {
  return {
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
}

/**
 * Makes a central, whose radio is off. It has places for more than `CAMERAS_MAX` bonds: whoever pairs looks whether there are
 * as many.
 * @param records keep its bonds, and who it is
 * @param beside features that it has beside those of a central
 */
export function createCentralHost(
  platform: Platform,
  records: Records,
  beside: readonly Feature[] = [],
): CentralHost {
  const features = [central, client, scan, security, ...beside];
  const image: Image = { manifest: "camera", features, missing: [] };
  const host = new Host(platform, records);
  const { aioble } = createModules(host, createSignals(platform), image);
  // The range of the setting is a camera's.
  host.configure({ maxBonds: HOST_BONDS_MAX });
  return { host, aioble: aioble as unknown as CentralAioble };
}
