/** The numbers of MicroPython's `bluetooth`: what its documentation has an application define is here to import. */

/** What clients may do with a characteristic, for `gattsRegisterServices`. */
export const FLAG_BROADCAST = 0x0001;
export const FLAG_READ = 0x0002;
export const FLAG_WRITE_NO_RESPONSE = 0x0004;
export const FLAG_WRITE = 0x0008;
export const FLAG_NOTIFY = 0x0010;
export const FLAG_INDICATE = 0x0020;
/** Signed and auxiliary writes are refused with `not-supported`. */
export const FLAG_AUTHENTICATED_SIGNED_WRITE = 0x0040;
export const FLAG_AUX_WRITE = 0x0100;
/** What the link must be, and what the handler of `irq` must grant: see `gattsRegisterServices`. */
export const FLAG_READ_ENCRYPTED = 0x0200;
export const FLAG_READ_AUTHENTICATED = 0x0400;
export const FLAG_READ_AUTHORIZED = 0x0800;
export const FLAG_WRITE_ENCRYPTED = 0x1000;
export const FLAG_WRITE_AUTHENTICATED = 0x2000;
export const FLAG_WRITE_AUTHORIZED = 0x4000;

/** Events of a handler set by `irq`; those of a feature happen in images that have it. */
export const IRQ_CENTRAL_CONNECT = 1;
export const IRQ_CENTRAL_DISCONNECT = 2;
export const IRQ_GATTS_WRITE = 3;
export const IRQ_GATTS_READ_REQUEST = 4;
export const IRQ_SCAN_RESULT = 5;
export const IRQ_SCAN_DONE = 6;
export const IRQ_PERIPHERAL_CONNECT = 7;
export const IRQ_PERIPHERAL_DISCONNECT = 8;
export const IRQ_GATTC_SERVICE_RESULT = 9;
export const IRQ_GATTC_SERVICE_DONE = 10;
export const IRQ_GATTC_CHARACTERISTIC_RESULT = 11;
export const IRQ_GATTC_CHARACTERISTIC_DONE = 12;
export const IRQ_GATTC_DESCRIPTOR_RESULT = 13;
export const IRQ_GATTC_DESCRIPTOR_DONE = 14;
export const IRQ_GATTC_READ_RESULT = 15;
export const IRQ_GATTC_READ_DONE = 16;
export const IRQ_GATTC_WRITE_DONE = 17;
export const IRQ_GATTC_NOTIFY = 18;
export const IRQ_GATTC_INDICATE = 19;
export const IRQ_GATTS_INDICATE_DONE = 20;
export const IRQ_MTU_EXCHANGED = 21;
export const IRQ_L2CAP_ACCEPT = 22;
export const IRQ_L2CAP_CONNECT = 23;
export const IRQ_L2CAP_DISCONNECT = 24;
export const IRQ_L2CAP_RECV = 25;
export const IRQ_L2CAP_SEND_READY = 26;
export const IRQ_CONNECTION_UPDATE = 27;
export const IRQ_ENCRYPTION_UPDATE = 28;
export const IRQ_GET_SECRET = 29;
export const IRQ_SET_SECRET = 30;
export const IRQ_PASSKEY_ACTION = 31;

/** What `IRQ_PASSKEY_ACTION` asks for. */
export const PASSKEY_ACTION_NONE = 0;
export const PASSKEY_ACTION_INPUT = 2;
export const PASSKEY_ACTION_DISPLAY = 3;
export const PASSKEY_ACTION_NUMERIC_COMPARISON = 4;
