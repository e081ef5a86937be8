/** What the camera's side of the multitests and the clients agree on. */

/** Under which a client chooses which scenario comes next. */
export const SELECTOR_NAME = "obscura-multi";
export const SELECTOR_SERVICE = "4F627363-7572-6100-8001-000000000000";
/** Takes the name of a scenario. */
export const SELECT = "4F627363-7572-6100-8001-000000000001";

/** Under which the camera advertises in a scenario. */
export const NAME = "MPY";
export const SERVICE = "A5A5A5A5-FFFF-9999-1111-5A5A5A5A5A5A";
export const CHAR = "00000000-1111-2222-3333-444444444444";
export const CHAR2 = "00000000-1111-2222-3333-555555555555";
export const CHAR3 = "00000000-1111-2222-3333-666666666666";
export const RX = "00000003-1111-2222-3333-444444444444";
export const TX = "00000004-1111-2222-3333-444444444444";
export const STATE = "A5A5A5A5-EEEE-9999-1111-5A5A5A5A5A5A";
/** Where the original lets the two sides wait for each other: the client writes it to let the camera go on. */
export const SYNC = "00000000-1111-2222-3333-777777777777";

/** Advertising interval of the originals, in microseconds. */
export const INTERVAL_US = 20_000;
/** Longest wait of the originals. */
export const TIMEOUT_MS = 5000;

/** The channel of ble_l2cap and perf_l2cap, and what each side sends over it. */
export const PSM = 22;
export const SDU_LENGTH = 512;
export const SDU_COUNT = 10;
/** What ble_gattc_discover_services finds after the two services that are always there. */
export const DISCOVERED = [0x180d, SERVICE] as const;
/** The management service, which the firmware itself offers behind the application's (docs/over-the-air.md). */
export const MANAGEMENT_SERVICE = "8D53DC1D-1DB7-4CD3-868B-8A527460AA84";
/** In ble_gap_device_name. */
export const DEVICE_NAME = "GAP_NAME0";

/** Those that the central's side plays with another camera, in this order. */
export const BETWEEN_CAMERAS = [
  "aioble ble_characteristic",
  "aioble ble_write_order",
  "aioble ble_write_capture",
  "aioble ble_buffered_characteristic",
  "aioble ble_notify",
  "aioble ble_descriptor",
  "aioble ble_shutdown",
  "aioble ble_reregister",
  "aioble perf_l2cap",
  "bluetooth ble_gap_advertise",
  "bluetooth ble_gap_connect",
  "bluetooth ble_gap_device_name",
  "bluetooth ble_gattc_discover_services",
  "bluetooth ble_characteristic",
  "bluetooth ble_descriptor",
  "bluetooth ble_gatt_data_transfer",
  "bluetooth ble_mtu",
  "bluetooth ble_subscribe",
  "bluetooth ble_irq_calls",
  "bluetooth ble_l2cap",
  "bluetooth ble_gap_pair",
  // It leaves a bond: behind all others.
  "aioble ble_bond",
] as const;
/** Its last line. */
export const ALL_DONE = "all done";
