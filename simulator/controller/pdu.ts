/** Packets of a link layer connection (Vol 6, Part B, 2.4). */

/** Roles as HCI numbers them (Vol 4, Part E, 7.7.65.1). */
export const ROLE = { CENTRAL: 0x00, PERIPHERAL: 0x01 } as const;

/** PHYs as HCI numbers them (Vol 4, Part E, 7.7.65.12). */
export const PHY = { LE_1M: 1, LE_2M: 2 } as const;

/** The shortest maximum of a data packet's payload (4.5.10). */
export const MIN_DATA_OCTETS = 27;

/** A part of an L2CAP frame (2.4.1). */
export interface DataPdu {
  readonly kind: "data";
  /** LLID: starts a frame, or continues one. */
  readonly first: boolean;
  readonly bytes: Uint8Array;
  /** The last of an ACL packet from the host: its acknowledgement completes that packet. */
  readonly completes: boolean;
  delivered: boolean;
}

/** Connection parameters on the air: units of 1.25 ms, events, 10 ms. */
export interface Timing {
  readonly interval: number;
  readonly latency: number;
  readonly timeout: number;
}

/** Payload length and time that a device sends and takes at most. */
export interface Lengths {
  readonly maxTxOctets: number;
  readonly maxRxOctets: number;
}

/** PHYs that a device likes to send and to hear, as bits: 1M, 2M. */
export interface Phys {
  readonly txPhys: number;
  readonly rxPhys: number;
}

/** The control PDUs (2.4.2), by the names that the specification gives them. */
export type Control =
  | { readonly name: "LL_TERMINATE_IND"; readonly reason: number }
  | { readonly name: "LL_CONNECTION_UPDATE_IND"; readonly timing: Timing; readonly instant: number }
  | ({ readonly name: "LL_CONNECTION_PARAM_REQ"; readonly intervalMax: number } & Timing)
  | ({ readonly name: "LL_CONNECTION_PARAM_RSP"; readonly intervalMax: number } & Timing)
  | {
      readonly name: "LL_FEATURE_REQ" | "LL_PERIPHERAL_FEATURE_REQ" | "LL_FEATURE_RSP";
      readonly features: number[];
    }
  | {
      readonly name: "LL_VERSION_IND";
      readonly version: number;
      readonly companyIdentifier: number;
      readonly subversion: number;
    }
  | ({ readonly name: "LL_LENGTH_REQ" | "LL_LENGTH_RSP" } & Lengths)
  | ({ readonly name: "LL_PHY_REQ" } & Phys)
  | ({ readonly name: "LL_PHY_RSP" } & Phys)
  | {
      readonly name: "LL_PHY_UPDATE_IND";
      /** Central to peripheral, and back; 0 for no change. */
      readonly centralToPeripheral: number;
      readonly peripheralToCentral: number;
      readonly instant: number;
    }
  | {
      readonly name: "LL_ENC_REQ";
      readonly randomNumber: Uint8Array;
      readonly encryptedDiversifier: number;
    }
  | {
      readonly name: "LL_ENC_RSP" | "LL_START_ENC_REQ" | "LL_PAUSE_ENC_REQ" | "LL_PAUSE_ENC_RSP";
    }
  | {
      readonly name: "LL_START_ENC_RSP";
      /** Stands for the encryption: what was encrypted with another key fails its integrity check. */
      readonly key: Uint8Array;
    }
  | { readonly name: "LL_REJECT_EXT_IND"; readonly rejected: string; readonly error: number }
  | { readonly name: "LL_UNKNOWN_RSP"; readonly unknown: string };

export interface ControlPdu {
  readonly kind: "control";
  readonly control: Control;
  delivered: boolean;
}

export type LinkPdu = DataPdu | ControlPdu;

/** Octets of a control PDU's payload that matter for time on air; the longest (LL_CONNECTION_PARAM_REQ) has 24. */
export const CONTROL_OCTETS = 24;
