/** HCI commands with the bytes that they are, by hand (Vol 4, Part E, 7). */
import type { AnyCommand } from "../../../../firmware/ble/hci/packet.ts";
import { concat, fromHex } from "../../../support/bytes.ts";
import * as commands from "../../../support/commands.ts";

/** Opcode as in the specification: group and command (Vol 4, Part E, 5.4.1). */
export function opcode(ogf: number, ocf: number): number {
  return (ogf << 10) | ocf;
}

/** Whole values for every parameter and return parameter, with the bytes that they are on the wire. */
export interface CommandVector {
  readonly command: AnyCommand;
  readonly opcode: number;
  /** Octet and bit in Supported Commands (Vol 4, Part E, 6.27). */
  readonly bit: readonly [number, number];
  readonly parameters?: [Record<string, unknown>, string];
  readonly returns?: [Record<string, unknown>, string];
}

const EIGHT = fromHex("0102030405060708");
const SIXTEEN_TEXT = "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f";
const SIXTEEN = fromHex(SIXTEEN_TEXT);
const DATA = fromHex("0201060303 1a18");

export const COMMAND_VECTORS: readonly CommandVector[] = [
  {
    command: commands.disconnect,
    opcode: opcode(0x01, 0x0006),
    bit: [0, 5],
    parameters: [{ connectionHandle: 0x0eff, reason: 0x13 }, "ff 0e 13"],
  },
  {
    command: commands.setEventMask,
    opcode: opcode(0x03, 0x0001),
    bit: [5, 6],
    parameters: [{ eventMask: EIGHT }, "01 02 03 04 05 06 07 08"],
  },
  { command: commands.reset, opcode: opcode(0x03, 0x0003), bit: [5, 7] },
  {
    command: commands.writeLeHostSupport,
    opcode: opcode(0x03, 0x006d),
    bit: [24, 6],
    parameters: [{ leSupportedHost: 1, unused: 0 }, "01 00"],
  },
  {
    command: commands.readLocalVersionInformation,
    opcode: opcode(0x04, 0x0001),
    bit: [14, 3],
    returns: [
      {
        hciVersion: 0x0c,
        hciSubversion: 0x1234,
        lmpVersion: 0x0b,
        companyIdentifier: 0x0131,
        lmpSubversion: 0x5678,
      },
      "0c 34 12 0b 31 01 78 56",
    ],
  },
  {
    command: commands.readBufferSize,
    opcode: opcode(0x04, 0x0005),
    bit: [14, 7],
    returns: [
      {
        aclDataPacketLength: 0x03fd,
        synchronousDataPacketLength: 0x40,
        totalNumAclDataPackets: 8,
        totalNumSynchronousDataPackets: 1,
      },
      "fd 03 40 08 00 01 00",
    ],
  },
  {
    command: commands.readBdAddr,
    opcode: opcode(0x04, 0x0009),
    bit: [15, 1],
    returns: [{ bdAddr: fromHex("00ffee000001") }, "01 00 00 ee ff 00"],
  },
  {
    command: commands.leSetEventMask,
    opcode: opcode(0x08, 0x0001),
    bit: [25, 0],
    parameters: [{ leEventMask: EIGHT }, "01 02 03 04 05 06 07 08"],
  },
  {
    command: commands.leReadBufferSize,
    opcode: opcode(0x08, 0x0002),
    bit: [25, 1],
    returns: [{ leAclDataPacketLength: 251, totalNumLeAclDataPackets: 4 }, "fb 00 04"],
  },
  {
    command: commands.leReadLocalSupportedFeatures,
    opcode: opcode(0x08, 0x0003),
    bit: [25, 2],
    returns: [{ leFeatures: EIGHT }, "01 02 03 04 05 06 07 08"],
  },
  {
    command: commands.leSetRandomAddress,
    opcode: opcode(0x08, 0x0005),
    bit: [25, 4],
    parameters: [{ randomAddress: fromHex("c0ffee000001") }, "01 00 00 ee ff c0"],
  },
  {
    command: commands.leSetAdvertisingParameters,
    opcode: opcode(0x08, 0x0006),
    bit: [25, 5],
    parameters: [
      {
        advertisingIntervalMin: 0x0190,
        advertisingIntervalMax: 0x0191,
        advertisingType: 2,
        ownAddressType: 1,
        peerAddressType: 0,
        peerAddress: fromHex("060504030201"),
        advertisingChannelMap: 7,
        advertisingFilterPolicy: 3,
      },
      "90 01 91 01 02 01 00 01 02 03 04 05 06 07 03",
    ],
  },
  {
    command: commands.leReadAdvertisingPhysicalChannelTxPower,
    opcode: opcode(0x08, 0x0007),
    bit: [25, 6],
    returns: [{ txPowerLevel: -20 }, "ec"],
  },
  {
    command: commands.leSetAdvertisingData,
    opcode: opcode(0x08, 0x0008),
    bit: [25, 7],
    parameters: [
      { advertisingDataLength: 7, advertisingData: concat(DATA, new Uint8Array(24)) },
      `07 02 01 06 03 03 1a 18${" 00".repeat(24)}`,
    ],
  },
  {
    command: commands.leSetScanResponseData,
    opcode: opcode(0x08, 0x0009),
    bit: [26, 0],
    parameters: [
      { scanResponseDataLength: 0, scanResponseData: new Uint8Array(31) },
      `00${" 00".repeat(31)}`,
    ],
  },
  {
    command: commands.leSetAdvertisingEnable,
    opcode: opcode(0x08, 0x000a),
    bit: [26, 1],
    parameters: [{ advertisingEnable: 1 }, "01"],
  },
  {
    command: commands.leLongTermKeyRequestReply,
    opcode: opcode(0x08, 0x001a),
    bit: [28, 1],
    parameters: [
      { connectionHandle: 0x0040, longTermKey: fromHex("000102030405060708090a0b0c0d0e0f") },
      "40 00 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f",
    ],
    returns: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leLongTermKeyRequestNegativeReply,
    opcode: opcode(0x08, 0x001b),
    bit: [28, 2],
    parameters: [{ connectionHandle: 0x0040 }, "40 00"],
    returns: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leReadSupportedStates,
    opcode: opcode(0x08, 0x001c),
    bit: [28, 3],
    returns: [{ leStates: EIGHT }, "01 02 03 04 05 06 07 08"],
  },
  {
    command: commands.leRemoteConnectionParameterRequestReply,
    opcode: opcode(0x08, 0x0020),
    bit: [33, 4],
    parameters: [
      {
        connectionHandle: 0x0040,
        intervalMin: 6,
        intervalMax: 0x0c80,
        maxLatency: 0x01f3,
        timeout: 0x0c80,
        minCeLength: 1,
        maxCeLength: 2,
      },
      "40 00 06 00 80 0c f3 01 80 0c 01 00 02 00",
    ],
    returns: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leWriteSuggestedDefaultDataLength,
    opcode: opcode(0x08, 0x0024),
    bit: [34, 0],
    parameters: [{ suggestedMaxTxOctets: 251, suggestedMaxTxTime: 2120 }, "fb 00 48 08"],
  },
  {
    command: commands.leReadMaximumDataLength,
    opcode: opcode(0x08, 0x002f),
    bit: [35, 3],
    returns: [
      {
        supportedMaxTxOctets: 251,
        supportedMaxTxTime: 2120,
        supportedMaxRxOctets: 27,
        supportedMaxRxTime: 328,
      },
      "fb 00 48 08 1b 00 48 01",
    ],
  },
  {
    command: commands.leAddDeviceToResolvingList,
    opcode: opcode(0x08, 0x0027),
    bit: [34, 3],
    parameters: [
      {
        peerIdentityAddressType: 1,
        peerIdentityAddress: fromHex("c0ffee000001"),
        peerIrk: SIXTEEN,
        localIrk: new Uint8Array(16).fill(0xaa),
      },
      `01 01 00 00 ee ff c0 ${SIXTEEN_TEXT}${" aa".repeat(16)}`,
    ],
  },
  { command: commands.leClearResolvingList, opcode: opcode(0x08, 0x0029), bit: [34, 5] },
  {
    command: commands.leReadResolvingListSize,
    opcode: opcode(0x08, 0x002a),
    bit: [34, 6],
    returns: [{ resolvingListSize: 5 }, "05"],
  },
  {
    command: commands.leSetAddressResolutionEnable,
    opcode: opcode(0x08, 0x002d),
    bit: [35, 1],
    parameters: [{ addressResolutionEnable: 1 }, "01"],
  },
  {
    command: commands.leSetResolvablePrivateAddressTimeout,
    opcode: opcode(0x08, 0x002e),
    bit: [35, 2],
    parameters: [{ rpaTimeout: 900 }, "84 03"],
  },
  {
    command: commands.leSetPrivacyMode,
    opcode: opcode(0x08, 0x004e),
    bit: [39, 2],
    parameters: [
      { peerIdentityAddressType: 0, peerIdentityAddress: fromHex("c0ffee000001"), privacyMode: 1 },
      "00 01 00 00 ee ff c0 01",
    ],
  },
  {
    command: commands.leRand,
    opcode: opcode(0x08, 0x0018),
    bit: [27, 7],
    returns: [{ randomLow: 0x04030201, randomHigh: 0xf8f7f6f5 }, "01 02 03 04 f5 f6 f7 f8"],
  },
  {
    command: commands.readRssi,
    opcode: opcode(0x05, 0x0005),
    bit: [15, 5],
    parameters: [{ connectionHandle: 0x0040 }, "40 00"],
    returns: [{ connectionHandle: 0x0040, rssi: -60 }, "40 00 c4"],
  },
  {
    command: commands.leSetScanParameters,
    opcode: opcode(0x08, 0x000b),
    bit: [26, 2],
    parameters: [
      {
        leScanType: 1,
        leScanInterval: 0x0010,
        leScanWindow: 0x4000,
        ownAddressType: 1,
        scanningFilterPolicy: 2,
      },
      "01 10 00 00 40 01 02",
    ],
  },
  {
    command: commands.leSetScanEnable,
    opcode: opcode(0x08, 0x000c),
    bit: [26, 3],
    parameters: [{ leScanEnable: 1, filterDuplicates: 0 }, "01 00"],
  },
  {
    command: commands.leCreateConnection,
    opcode: opcode(0x08, 0x000d),
    bit: [26, 4],
    parameters: [
      {
        leScanInterval: 0x0060,
        leScanWindow: 0x0030,
        initiatorFilterPolicy: 0,
        peerAddressType: 1,
        peerAddress: fromHex("c60504030201"),
        ownAddressType: 1,
        connectionIntervalMin: 24,
        connectionIntervalMax: 40,
        maxLatency: 0,
        supervisionTimeout: 0x0048,
        minCeLength: 1,
        maxCeLength: 2,
      },
      "60 00 30 00 00 01 01 02 03 04 05 c6 01 18 00 28 00 00 00 48 00 01 00 02 00",
    ],
  },
  { command: commands.leCreateConnectionCancel, opcode: opcode(0x08, 0x000e), bit: [26, 5] },
  {
    command: commands.leReadFilterAcceptListSize,
    opcode: opcode(0x08, 0x000f),
    bit: [26, 6],
    returns: [{ filterAcceptListSize: 8 }, "08"],
  },
  { command: commands.leClearFilterAcceptList, opcode: opcode(0x08, 0x0010), bit: [26, 7] },
  {
    command: commands.leAddDeviceToFilterAcceptList,
    opcode: opcode(0x08, 0x0011),
    bit: [27, 0],
    parameters: [{ addressType: 1, address: fromHex("c60504030201") }, "01 01 02 03 04 05 c6"],
  },
  {
    command: commands.leRemoveDeviceFromFilterAcceptList,
    opcode: opcode(0x08, 0x0012),
    bit: [27, 1],
    parameters: [{ addressType: 0, address: fromHex("00ffee000001") }, "00 01 00 00 ee ff 00"],
  },
  {
    command: commands.leConnectionUpdate,
    opcode: opcode(0x08, 0x0013),
    bit: [27, 2],
    parameters: [
      {
        connectionHandle: 0x0040,
        connectionIntervalMin: 6,
        connectionIntervalMax: 0x0c80,
        maxLatency: 4,
        supervisionTimeout: 500,
        minCeLength: 1,
        maxCeLength: 2,
      },
      "40 00 06 00 80 0c 04 00 f4 01 01 00 02 00",
    ],
  },
  {
    command: commands.leReadRemoteFeatures,
    opcode: opcode(0x08, 0x0016),
    bit: [27, 5],
    parameters: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leEncrypt,
    opcode: opcode(0x08, 0x0017),
    bit: [27, 6],
    parameters: [{ key: SIXTEEN, plaintextData: new Uint8Array(16) }, `${SIXTEEN_TEXT}${" 00".repeat(16)}`],
    returns: [{ encryptedData: SIXTEEN }, SIXTEEN_TEXT],
  },
  {
    command: commands.leEnableEncryption,
    opcode: opcode(0x08, 0x0019),
    bit: [28, 0],
    parameters: [
      { connectionHandle: 0x0040, randomNumber: EIGHT, encryptedDiversifier: 0xbeef, longTermKey: SIXTEEN },
      `40 00 01 02 03 04 05 06 07 08 ef be ${SIXTEEN_TEXT}`,
    ],
  },
  {
    command: commands.leRemoteConnectionParameterRequestNegativeReply,
    opcode: opcode(0x08, 0x0021),
    bit: [33, 5],
    parameters: [{ connectionHandle: 0x0040, reason: 0x3b }, "40 00 3b"],
    returns: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leSetDataLength,
    opcode: opcode(0x08, 0x0022),
    bit: [33, 6],
    parameters: [{ connectionHandle: 0x0040, txOctets: 251, txTime: 2120 }, "40 00 fb 00 48 08"],
    returns: [{ connectionHandle: 0x0040 }, "40 00"],
  },
  {
    command: commands.leReadPhy,
    opcode: opcode(0x08, 0x0030),
    bit: [35, 4],
    parameters: [{ connectionHandle: 0x0040 }, "40 00"],
    returns: [{ connectionHandle: 0x0040, txPhy: 1, rxPhy: 2 }, "40 00 01 02"],
  },
  {
    command: commands.leSetDefaultPhy,
    opcode: opcode(0x08, 0x0031),
    bit: [35, 5],
    parameters: [{ allPhys: 0, txPhys: 3, rxPhys: 1 }, "00 03 01"],
  },
  {
    command: commands.leSetPhy,
    opcode: opcode(0x08, 0x0032),
    bit: [35, 6],
    parameters: [
      { connectionHandle: 0x0040, allPhys: 0, txPhys: 2, rxPhys: 4, phyOptions: 1 },
      "40 00 00 02 04 01 00",
    ],
  },
];
