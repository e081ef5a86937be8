/** Commands about links (Vol 4, Part E, 7.1, 7.5 and 7.8). */

import type { Fields, Values } from "../../firmware/ble/codec.ts";
import {
  leReadMaximumDataLength,
  leWriteSuggestedDefaultDataLength,
} from "../../firmware/ble/hci/commands/le-controller.ts";
import {
  leConnectionUpdate,
  leReadPhy,
  leReadRemoteFeatures,
  leRemoteConnectionParameterRequestNegativeReply,
  leRemoteConnectionParameterRequestReply,
  leSetDataLength,
  leSetDefaultPhy,
  leSetPhy,
} from "../../firmware/ble/hci/commands/le-link.ts";
import {
  leEnableEncryption,
  leLongTermKeyRequestNegativeReply,
  leLongTermKeyRequestReply,
} from "../../firmware/ble/hci/commands/le-security.ts";
import { disconnect } from "../../firmware/ble/hci/commands/link-control.ts";
import { readRssi } from "../../firmware/ble/hci/commands/status-parameters.ts";
import type { Command } from "../../firmware/ble/hci/packet.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import type { CommandTable, Outcome } from "./command-table.ts";
import type { Controller } from "./controller.ts";
import { timingValid } from "./initiator.ts";
import type { LinkEnd } from "./link-end.ts";
import {
  leReadChannelMap,
  leReadSuggestedDefaultDataLength,
  readRemoteVersionInformation,
  readTransmitPowerLevel,
} from "./more-commands.ts";
import { LE_FEATURE } from "./options.ts";
import { type Phys, ROLE } from "./pdu.ts";
import { dataTimeUs } from "./procedures.ts";

/** Reasons that a host may give for a disconnection (7.1.6). */
const DISCONNECT_REASONS = [0x05, 0x13, 0x14, 0x15, 0x1a, 0x29, 0x3b];
const MAX_OCTETS = 0xfb;
const ALL_CHANNELS = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x1f]);

/** Range of payload octets and of their time in microseconds (7.8.33). */
function lengthValid(octets: number, timeUs: number): boolean {
  return octets >= 0x001b && octets <= MAX_OCTETS && timeUs >= 0x0148 && timeUs <= 0x4290;
}

function physOf(allPhys: number, txPhys: number, rxPhys: number): Phys {
  return { txPhys: allPhys & 1 ? 0b11 : txPhys, rxPhys: allPhys & 2 ? 0b11 : rxPhys };
}

export function registerLinkCommands(table: CommandTable, controller: Controller): void {
  const { options } = controller;
  const longest = { octets: options.maxDataOctets, timeUs: dataTimeUs(options.maxDataOctets) };

  /** A command about one link: refused when there is no such link. */
  function onLink<P extends Fields, R extends Fields>(
    command: Command<P, R>,
    run: (end: LinkEnd, values: Values<P>) => Outcome<R>,
  ): void {
    table.on(command, (values) => {
      const end = controller.links.get((values as unknown as { connectionHandle: number }).connectionHandle);
      return end ? run(end, values) : HCI_STATUS.UNKNOWN_CONNECTION;
    });
  }
  const started = (work: () => void): number => {
    controller.later(work);
    return HCI_STATUS.SUCCESS;
  };

  onLink(disconnect, (end, { reason }) => {
    if (!DISCONNECT_REASONS.includes(reason)) return HCI_STATUS.INVALID_PARAMETERS;
    return started(() => end.terminate(reason));
  });
  onLink(readRemoteVersionInformation, (end) => started(() => end.procedures.readVersion()));
  onLink(readTransmitPowerLevel, (end) => ({ connectionHandle: end.handle, txPowerLevel: 0 }));
  onLink(readRssi, (end) => ({ connectionHandle: end.handle, rssi: controller.air.rssi }));
  onLink(leReadChannelMap, (end) => ({ connectionHandle: end.handle, channelMap: ALL_CHANNELS }));
  onLink(leReadRemoteFeatures, (end) => started(() => end.procedures.readFeatures()));

  onLink(leConnectionUpdate, (end, values) => {
    if (!timingValid(values)) return HCI_STATUS.INVALID_PARAMETERS;
    const { connectionIntervalMin, connectionIntervalMax, maxLatency, supervisionTimeout } = values;
    if (end.role === ROLE.PERIPHERAL && !controller.has(LE_FEATURE.CONNECTION_PARAMETERS_REQUEST)) {
      return HCI_STATUS.COMMAND_DISALLOWED;
    }
    const timing = { interval: connectionIntervalMax, latency: maxLatency, timeout: supervisionTimeout };
    return started(() => end.procedures.update(timing, connectionIntervalMin));
  });
  onLink(leRemoteConnectionParameterRequestReply, (end, values) => {
    const { intervalMin, intervalMax, maxLatency, timeout } = values;
    const valid = timingValid({
      connectionIntervalMin: intervalMin,
      connectionIntervalMax: intervalMax,
      maxLatency,
      supervisionTimeout: timeout,
    });
    if (!valid) return HCI_STATUS.INVALID_PARAMETERS;
    const taken = end.procedures.answerUpdate({ interval: intervalMax, latency: maxLatency, timeout });
    return taken ? { connectionHandle: end.handle } : HCI_STATUS.COMMAND_DISALLOWED;
  });
  onLink(leRemoteConnectionParameterRequestNegativeReply, (end, { reason }) =>
    end.procedures.answerUpdate(reason) ? { connectionHandle: end.handle } : HCI_STATUS.COMMAND_DISALLOWED,
  );

  if (controller.has(LE_FEATURE.ENCRYPTION)) {
    onLink(leEnableEncryption, (end, { randomNumber, encryptedDiversifier, longTermKey }) => {
      if (end.role !== ROLE.CENTRAL) return HCI_STATUS.COMMAND_DISALLOWED;
      return started(() => end.procedures.encryption.enable(randomNumber, encryptedDiversifier, longTermKey));
    });
    onLink(leLongTermKeyRequestReply, (end, { longTermKey }) => answerKey(end, longTermKey));
    onLink(leLongTermKeyRequestNegativeReply, (end) => answerKey(end, undefined));
  }

  if (controller.has(LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION)) {
    onLink(leSetDataLength, (end, { txOctets, txTime }) => {
      if (!lengthValid(txOctets, txTime)) return HCI_STATUS.INVALID_PARAMETERS;
      return end.procedures.setLength(txOctets)
        ? { connectionHandle: end.handle }
        : HCI_STATUS.UNSUPPORTED_FEATURE;
    });
    table.on(leReadSuggestedDefaultDataLength, () => ({
      suggestedMaxTxOctets: controller.suggestedTxOctets,
      suggestedMaxTxTime: controller.suggestedTxTimeUs,
    }));
    table.on(leWriteSuggestedDefaultDataLength, ({ suggestedMaxTxOctets, suggestedMaxTxTime }) => {
      if (!lengthValid(suggestedMaxTxOctets, suggestedMaxTxTime)) return HCI_STATUS.INVALID_PARAMETERS;
      controller.suggestedTxOctets = Math.min(suggestedMaxTxOctets, options.maxDataOctets);
      controller.suggestedTxTimeUs = suggestedMaxTxTime;
      return HCI_STATUS.SUCCESS;
    });
    table.on(leReadMaximumDataLength, () => ({
      supportedMaxTxOctets: longest.octets,
      supportedMaxTxTime: longest.timeUs,
      supportedMaxRxOctets: longest.octets,
      supportedMaxRxTime: longest.timeUs,
    }));
  }

  if (controller.has(LE_FEATURE.PHY_2M)) {
    onLink(leReadPhy, (end) => {
      const { centralToPeripheral: down, peripheralToCentral: up } = end.events;
      const central = end.role === ROLE.CENTRAL;
      return { connectionHandle: end.handle, txPhy: central ? down : up, rxPhy: central ? up : down };
    });
    table.on(leSetDefaultPhy, ({ allPhys, txPhys, rxPhys }) => {
      const wanted = physOf(allPhys, txPhys, rxPhys);
      return wanted.txPhys & 3 && wanted.rxPhys & 3 ? HCI_STATUS.SUCCESS : HCI_STATUS.UNSUPPORTED_FEATURE;
    });
    onLink(leSetPhy, (end, { allPhys, txPhys, rxPhys }) => {
      const wanted = physOf(allPhys, txPhys, rxPhys);
      if (wanted.txPhys === 0 || wanted.rxPhys === 0) return HCI_STATUS.INVALID_PARAMETERS;
      if ((wanted.txPhys & 3) === 0 || (wanted.rxPhys & 3) === 0) return HCI_STATUS.UNSUPPORTED_FEATURE;
      return started(() => end.procedures.setPhy(wanted.txPhys, wanted.rxPhys));
    });
  }
}

function answerKey(end: LinkEnd, key: Uint8Array | undefined): number | { connectionHandle: number } {
  const answered = end.role === ROLE.PERIPHERAL && end.procedures.encryption.answer(key);
  return answered ? { connectionHandle: end.handle } : HCI_STATUS.COMMAND_DISALLOWED;
}
