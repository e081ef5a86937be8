/** What kind of controller is simulated, and which faults it has. */
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";

/** Bits of the LE features (Vol 6, Part B, 4.6). */
export const LE_FEATURE = {
  ENCRYPTION: 0,
  CONNECTION_PARAMETERS_REQUEST: 1,
  EXTENDED_REJECT: 2,
  PERIPHERAL_FEATURES_EXCHANGE: 3,
  DATA_PACKET_LENGTH_EXTENSION: 5,
  LL_PRIVACY: 6,
  EXTENDED_SCANNING_FILTER_POLICIES: 7,
  PHY_2M: 8,
  PHY_CODED: 11,
} as const;

/** The make of a controller; fixed for its life. */
export interface ControllerOptions {
  /** Six bytes in printed order. */
  readonly publicAddress: Uint8Array;
  /** HCI_Version and LL version (Assigned Numbers, 2.1): 6 is 4.0, 9 is 5.0. */
  readonly version: number;
  readonly companyIdentifier: number;
  readonly subversion: number;
  /** Feature bits that are set. */
  readonly features: readonly number[];
  /** Opcodes that this controller lacks, of those that the simulator knows. */
  readonly unsupported: readonly number[];
  /** Bytes of data in one ACL packet, 27 to 251. */
  readonly aclPacketLength: number;
  readonly aclPackets: number;
  /** LE Read Buffer Size answers zeros: the buffers are those of Read Buffer Size (Vol 4, Part E, 7.8.2). */
  readonly sharedBuffers: boolean;
  /** Longest payload of a link layer data packet, 27 to 251 octets. */
  readonly maxDataOctets: number;
  readonly maxConnections: number;
  /** How it refuses what would need one more: 0x09 or 0x0D (Vol 1, Part F, 2.9 and 2.13). */
  readonly limitStatus: number;
  /**
   * Whether it refuses LE Create Connection to a device to which it has a link (Vol 6, Part B, 4.5). One that does not lets a phone of
   * a test stand for several.
   */
  readonly oneLinkEach: boolean;
  /** Whether it takes LE Set Advertising Enable while it has a link; else Command Disallowed, whatever `leStates` says. */
  readonly advertisesWhileConnected: boolean;
  /** The states and combinations that it says it supports (Vol 4, Part E, 7.8.27). */
  readonly leStates: Uint8Array;
  readonly acceptListSize: number;
  /** Of a controller with the feature LL_PRIVACY. */
  readonly resolvingListSize: number;
  /** Packets that this controller sends in one connection event at most. */
  readonly packetsPerEvent: number;
  /** Num_HCI_Command_Packets of its answers. */
  readonly commandPackets: number;
}

export const DEFAULT_OPTIONS: ControllerOptions = {
  publicAddress: new Uint8Array([0x00, 0x1b, 0xdc, 0x00, 0x00, 0x01]),
  version: 9,
  companyIdentifier: 0xffff,
  subversion: 0x0001,
  features: [
    LE_FEATURE.ENCRYPTION,
    LE_FEATURE.CONNECTION_PARAMETERS_REQUEST,
    LE_FEATURE.EXTENDED_REJECT,
    LE_FEATURE.PERIPHERAL_FEATURES_EXCHANGE,
    LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION,
    LE_FEATURE.PHY_2M,
  ],
  unsupported: [],
  aclPacketLength: 251,
  aclPackets: 8,
  sharedBuffers: false,
  maxDataOctets: 251,
  maxConnections: 8,
  limitStatus: HCI_STATUS.CONNECTION_LIMIT_EXCEEDED,
  oneLinkEach: false,
  advertisesWhileConnected: true,
  leStates: new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0x00, 0x00]),
  acceptListSize: 8,
  resolvingListSize: 8,
  packetsPerEvent: 64,
  commandPackets: 1,
};

/** What a controller may do wrong. A test sets them on `controller.faults` whenever it likes; all are off at first. */
export interface Faults {
  /** Answers no command; or none of these opcodes. ACL data and events go on. */
  silent: boolean | readonly number[];
  /** Answers come this much later, in milliseconds; or those to these opcodes. */
  answerDelayMs: number | ReadonlyMap<number, number>;
  /** Refuses a command with this status, though it is supported. */
  refuse: ReadonlyMap<number, number>;
  /** Lists commands that it answers with Unknown HCI Command. */
  claims: readonly number[];
  /** Unknown HCI Command comes by Command Complete instead of Command Status. */
  unknownByComplete: boolean;
  /** Answers grant no command; the credit follows so many milliseconds later, by an answer to opcode 0. */
  creditDelayMs: number | undefined;
  /** LE Connection Complete comes this much later than the link, in milliseconds; nothing else does. */
  connectionDelayMs: number;
  /** Return parameters are cut to so many bytes. */
  truncateAnswers: number | undefined;
  /** Every event with one of these codes is sent twice; LE Meta events as 0x3E00 plus the subevent code. */
  duplicate: readonly number[];
  /** Every event with one of these codes is lost on the line. */
  lose: readonly number[];
  /** Added to every count of completed packets. */
  completedExtra: number;
  /** Never reports that packets were completed. */
  withholdCompleted: boolean;
  /** Completed packets are reported for this handle instead. */
  completedHandle: number | undefined;
  /** Reset forgets nothing. */
  resetKeepsState: boolean;
  /** Refuses the data length extension that its features promise. */
  refuseDataLength: boolean;
  /** Link layer control PDUs that it does not answer. */
  deafTo: readonly string[];
}

export function noFaults(): Faults {
  return {
    silent: false,
    answerDelayMs: 0,
    refuse: new Map(),
    claims: [],
    unknownByComplete: false,
    creditDelayMs: undefined,
    connectionDelayMs: 0,
    truncateAnswers: undefined,
    duplicate: [],
    lose: [],
    completedExtra: 0,
    withholdCompleted: false,
    completedHandle: undefined,
    resetKeepsState: false,
    refuseDataLength: false,
    deafTo: [],
  };
}
