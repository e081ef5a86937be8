/** Brings a controller up and learns what it can do (Vol 4, Part E, 4.1; Vol 6, Part D, 2). */
import { HciError } from "../errors.ts";
import { reset, setEventMask, writeLeHostSupport } from "./commands/baseband.ts";
import {
  readBdAddr,
  readBufferSize,
  readLocalSupportedCommands,
  readLocalVersionInformation,
} from "./commands/informational.ts";
import {
  leSetAdvertisingData,
  leSetAdvertisingEnable,
  leSetAdvertisingParameters,
  leSetScanResponseData,
} from "./commands/le-advertising.ts";
import {
  leReadBufferSize,
  leReadLocalSupportedFeatures,
  leReadMaximumDataLength,
  leSetEventMask,
  leSetRandomAddress,
  leWriteSuggestedDefaultDataLength,
} from "./commands/le-controller.ts";
import { disconnect } from "./commands/link-control.ts";
import type { Hci } from "./hci.ts";
import type { AnyCommand } from "./packet.ts";

/** Commands without which no peripheral works. */
const REQUIRED: readonly AnyCommand[] = [
  disconnect,
  setEventMask,
  leSetEventMask,
  leReadBufferSize,
  leSetRandomAddress,
  leSetAdvertisingParameters,
  leSetAdvertisingData,
  leSetScanResponseData,
  leSetAdvertisingEnable,
];

/** What a controller said of itself. */
export interface Controller {
  readonly hciVersion: number;
  readonly supportedCommands: Uint8Array;
  readonly leFeatures: Uint8Array;
  readonly publicAddress: Uint8Array;
  /** Bytes of data in one ACL packet to the controller. */
  readonly aclPacketLength: number;
  /** ACL packets that the controller holds. */
  readonly aclPackets: number;
}

/** Whether the controller listed the command as supported. */
export function supports(supportedCommands: Uint8Array, command: AnyCommand): boolean {
  return (((supportedCommands[command.octet] ?? 0) >> command.bit) & 1) === 1;
}

/** How much to ask of the controller. */
export interface StartOptions {
  /** Leave out everything that is not needed: for a controller that fell silent the first time. */
  readonly minimal: boolean;
}

/**
 * Resets the controller, reads its figures, and sets the event masks.
 * @throws HciError `controller-unsuitable` when it lacks a command that a peripheral needs; else as `Hci.sendSetup`.
 */
export async function startController(hci: Hci, options: StartOptions): Promise<Controller> {
  await hci.sendSetup(reset, {});
  const { supportedCommands } = await hci.sendSetup(readLocalSupportedCommands, {});
  const missing = REQUIRED.filter((command) => !supports(supportedCommands, command));
  if (missing.length > 0) {
    const names = missing.map((command) => command.name).join(", ");
    throw new HciError("controller-unsuitable", `This Bluetooth controller does not support ${names}.`);
  }
  const { hciVersion } = await hci.sendSetup(readLocalVersionInformation, {});
  const { leFeatures } = await hci.sendSetup(leReadLocalSupportedFeatures, {});
  const { eventMask, leEventMask } = hci.eventMasks(leFeatures);
  await hci.sendSetup(setEventMask, { eventMask });
  await hci.sendSetup(leSetEventMask, { leEventMask });
  const { bdAddr } = await hci.sendSetup(readBdAddr, {});
  const buffers = await readBuffers(hci);
  if (!options.minimal) await tune(hci, supportedCommands);
  return { hciVersion, supportedCommands, leFeatures, publicAddress: bdAddr, ...buffers };
}

/** Improvements, each of which a controller may refuse: some list commands that they do not have. */
async function tune(hci: Hci, supportedCommands: Uint8Array): Promise<void> {
  // Only controllers with BR/EDR have it.
  if (supports(supportedCommands, writeLeHostSupport)) {
    await unlessRefused(hci.sendSetup(writeLeHostSupport, { leSupportedHost: 1, unused: 0 }));
  }
  if (supports(supportedCommands, leReadMaximumDataLength)) await unlessRefused(lengthenData(hci));
}

async function lengthenData(hci: Hci): Promise<void> {
  const { supportedMaxTxOctets, supportedMaxTxTime } = await hci.sendSetup(leReadMaximumDataLength, {});
  await hci.sendSetup(leWriteSuggestedDefaultDataLength, {
    suggestedMaxTxOctets: supportedMaxTxOctets,
    suggestedMaxTxTime: supportedMaxTxTime,
  });
}

async function unlessRefused(improvement: Promise<unknown>): Promise<void> {
  try {
    await improvement;
  } catch (error) {
    if (!(error instanceof HciError) || error.code !== "controller-refused") throw error;
  }
}

/** A controller that shares its buffers with BR/EDR answers 0 to the LE command (Vol 4, Part E, 7.8.2). */
async function readBuffers(hci: Hci): Promise<{ aclPacketLength: number; aclPackets: number }> {
  const le = await hci.sendSetup(leReadBufferSize, {});
  if (le.leAclDataPacketLength > 0 && le.totalNumLeAclDataPackets > 0) {
    return { aclPacketLength: le.leAclDataPacketLength, aclPackets: le.totalNumLeAclDataPackets };
  }
  const shared = await hci.sendSetup(readBufferSize, {});
  if (shared.aclDataPacketLength < 27 || shared.totalNumAclDataPackets < 1) {
    throw new HciError("controller-unsuitable", "This Bluetooth controller reports no room for ACL data.");
  }
  return { aclPacketLength: shared.aclDataPacketLength, aclPackets: shared.totalNumAclDataPackets };
}
