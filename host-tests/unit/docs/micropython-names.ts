/**
 * The public names of MicroPython's `aioble` (its documentation and micropython-lib) and `bluetooth` (its documentation):
 * functions, classes, methods, attributes, keyword arguments, constants and events.
 */

const aioble = [
  "aioble.ADDR_PUBLIC",
  "aioble.ADDR_RANDOM",
  "aioble.BufferedCharacteristic",
  "aioble.Characteristic",
  "aioble.Descriptor",
  "aioble.Device",
  "aioble.DeviceConnection",
  "aioble.DeviceDisconnectedError",
  "aioble.GattError",
  "aioble.L2CAPConnectionError",
  "aioble.L2CAPDisconnectedError",
  "aioble.Service",
  "aioble.advertise",
  "aioble.config",
  "aioble.log_error",
  "aioble.log_info",
  "aioble.log_warn",
  "aioble.register_services",
  "aioble.scan",
  "aioble.security",
  "aioble.stop",
  "ClientCharacteristic",
  "ClientDescriptor",
  "ClientDiscover",
  "ClientService",
  "L2CAPChannel",
  "ScanResult",
  "TimeoutError",
  "_status",
  "core.ble",
  "core.ensure_active",
  "core.log_level",
  "core.register_irq_handler",
  "load_secrets",
];

const advertising = [
  ...[
    "adv_data",
    "appearance",
    "br_edr",
    "connectable",
    "interval_us",
    "limited_disc",
    "manufacturer",
    "name",
  ],
  ...["resp_data", "services", "timeout_ms"],
];

const devices = [
  ...["device.addr", "device.addr_hex", "device.addr_type", "device.connect", "scan_duration_ms"],
  ...["min_conn_interval_us", "max_conn_interval_us"],
  ...[
    "authenticated",
    "bonded",
    "device",
    "device_task",
    "disconnect",
    "disconnected",
    "encrypted",
    "exchange_mtu",
  ],
  ...[
    "is_connected",
    "key_size",
    "l2cap_accept",
    "l2cap_connect",
    "mtu",
    "pair",
    "service",
    "services",
    "timeout",
  ],
].map((name) => (name.includes(".") || name.includes("_") ? name : `connection.${name}`));

const server = [
  ...[
    "append",
    "capture",
    "characteristics",
    "descriptors",
    "flags",
    "indicate",
    "initial",
    "max_len",
    "notify",
  ],
  ...["on_read", "read", "send_update", "uuid", "write", "write_no_response", "written"],
];

const client = [
  ...["active", "cancel", "duration_ms", "window_us", "rssi", "characteristic", "descriptor", "properties"],
  ...["indicated", "notified", "response", "subscribe"],
];

const channels = ["available", "chunk_size", "flush", "our_mtu", "peer_mtu", "recvinto", "send"];

const bluetooth = [
  ...[
    "active",
    "config",
    "irq",
    "gap_advertise",
    "gap_connect",
    "gap_disconnect",
    "gap_pair",
    "gap_passkey",
    "gap_scan",
  ],
  ...[
    "gatts_indicate",
    "gatts_notify",
    "gatts_read",
    "gatts_register_services",
    "gatts_set_buffer",
    "gatts_write",
  ],
  ...["gattc_discover_characteristics", "gattc_discover_descriptors", "gattc_discover_services"],
  ...["gattc_exchange_mtu", "gattc_read", "gattc_write", "hci_cmd"],
  ...["l2cap_connect", "l2cap_disconnect", "l2cap_listen", "l2cap_recvinto", "l2cap_send"],
].map((name) => `BLE.${name}`);

const constants = [
  "bluetooth.BLE",
  "bluetooth.UUID",
  ...["INDICATE", "NOTIFY", "READ", "WRITE", "WRITE_NO_RESPONSE"].map((flag) => `bluetooth.FLAG_${flag}`),
];

const configuration = ["addr_mode", "bond", "gap_name", "io", "le_secure", "mac", "mitm", "mtu", "rxbuf"];

const events = [
  ...[
    "CENTRAL_CONNECT",
    "CENTRAL_DISCONNECT",
    "GATTS_WRITE",
    "GATTS_READ_REQUEST",
    "SCAN_RESULT",
    "SCAN_DONE",
  ],
  ...["PERIPHERAL_CONNECT", "PERIPHERAL_DISCONNECT", "GATTC_SERVICE_RESULT", "GATTC_SERVICE_DONE"],
  ...[
    "GATTC_CHARACTERISTIC_RESULT",
    "GATTC_CHARACTERISTIC_DONE",
    "GATTC_DESCRIPTOR_RESULT",
    "GATTC_DESCRIPTOR_DONE",
  ],
  ...["GATTC_READ_RESULT", "GATTC_READ_DONE", "GATTC_WRITE_DONE", "GATTC_NOTIFY", "GATTC_INDICATE"],
  ...[
    "GATTS_INDICATE_DONE",
    "MTU_EXCHANGED",
    "L2CAP_ACCEPT",
    "L2CAP_CONNECT",
    "L2CAP_DISCONNECT",
    "L2CAP_RECV",
  ],
  ...[
    "L2CAP_SEND_READY",
    "CONNECTION_UPDATE",
    "ENCRYPTION_UPDATE",
    "GET_SECRET",
    "SET_SECRET",
    "PASSKEY_ACTION",
  ],
].map((event) => `_IRQ_${event}`);

export const micropythonNames: readonly string[] = [
  ...aioble,
  ...advertising,
  ...devices,
  ...server,
  ...client,
  ...channels,
  ...bluetooth,
  ...constants,
  ...configuration,
  ...events,
];
