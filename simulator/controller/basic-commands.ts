/** Commands about the controller itself (Vol 4, Part E, 7.3, 7.4 and some of 7.8). */

import { reset, setEventMask } from "../../firmware/ble/hci/commands/baseband.ts";
import {
  readBdAddr,
  readBufferSize,
  readLocalSupportedCommands,
  readLocalVersionInformation,
} from "../../firmware/ble/hci/commands/informational.ts";
import {
  leReadBufferSize,
  leReadLocalSupportedFeatures,
  leReadSupportedStates,
  leSetEventMask,
  leSetRandomAddress,
} from "../../firmware/ble/hci/commands/le-controller.ts";
import { leEncrypt, leRand } from "../../firmware/ble/hci/commands/le-security.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { CommandTable } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { encryptBlock } from "./encryption.ts";
import {
  leSetHostChannelClassification,
  readLocalSupportedFeatures,
  setEventMaskPage2,
} from "./more-commands.ts";
import { featureBytes } from "./procedures.ts";

/** LMP features of a device without BR/EDR (Vol 2, Part C, 3.2): bits 37 and 38. */
const LMP_FEATURES = new Uint8Array([0, 0, 0, 0, 0x60, 0, 0, 0]);

export function registerBasicCommands(table: CommandTable, controller: Controller): void {
  const { options } = controller;
  const figures = { length: options.aclPacketLength, packets: options.aclPackets };
  table.on(reset, () => {
    if (!controller.faults.resetKeepsState) controller.reset();
    return HCI_STATUS.SUCCESS;
  });
  table.on(setEventMask, ({ eventMask }) => {
    controller.eventMask = eventMask;
    return HCI_STATUS.SUCCESS;
  });
  table.on(setEventMaskPage2, () => HCI_STATUS.SUCCESS);
  table.on(leSetEventMask, ({ leEventMask }) => {
    controller.leEventMask = leEventMask;
    return HCI_STATUS.SUCCESS;
  });
  table.on(readLocalVersionInformation, () => ({
    hciVersion: options.version,
    hciSubversion: options.subversion,
    lmpVersion: options.version,
    companyIdentifier: options.companyIdentifier,
    lmpSubversion: options.subversion,
  }));
  table.on(readLocalSupportedCommands, () => ({
    supportedCommands: controller.supportedCommands(),
  }));
  table.on(readLocalSupportedFeatures, () => ({ lmpFeatures: LMP_FEATURES }));
  table.on(readBdAddr, () => ({ bdAddr: controller.publicAddress }));
  table.on(leReadBufferSize, () => ({
    leAclDataPacketLength: options.sharedBuffers ? 0 : figures.length,
    totalNumLeAclDataPackets: options.sharedBuffers ? 0 : figures.packets,
  }));
  if (options.sharedBuffers) {
    table.on(readBufferSize, () => ({
      aclDataPacketLength: figures.length,
      synchronousDataPacketLength: 0,
      totalNumAclDataPackets: figures.packets,
      totalNumSynchronousDataPackets: 0,
    }));
  }
  table.on(leReadLocalSupportedFeatures, () => ({ leFeatures: featureBytes(options.features) }));
  table.on(leReadSupportedStates, () => ({ leStates: options.leStates }));
  table.on(leSetRandomAddress, ({ randomAddress }) => {
    if (controller.randomAddressInUse) return HCI_STATUS.COMMAND_DISALLOWED;
    controller.randomAddress = randomAddress;
    return HCI_STATUS.SUCCESS;
  });
  table.on(leSetHostChannelClassification, () => HCI_STATUS.SUCCESS);
  table.on(leRand, () => ({
    randomLow: controller.air.random.u32(),
    randomHigh: controller.air.random.u32(),
  }));
  table.on(leEncrypt, ({ key, plaintextData }) => ({ encryptedData: encryptBlock(key, plaintextData) }));
}
