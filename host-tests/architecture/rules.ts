/** The dependency rule (host-tests/architecture.test.ts): modules, what each may import, and the exceptions. */

/** Modules of the firmware, the most particular path first; a path that ends in "/" is a folder. */
export const MODULES: readonly (readonly [path: string, module: string])[] = [
  ["ble/allowance.ts", "codec"],
  ["ble/peer-log.ts", "codec"],
  ["ble/budget.ts", "codec"],
  ["ble/codec.ts", "codec"],
  ["ble/operation-gate.ts", "codec"],
  ["ble/option-keys.ts", "codec"],
  ["ble/uuid.ts", "codec"],
  ["ble/utf8.ts", "codec"],
  ["ble/text.ts", "codec"],
  ["ble/code-names.ts", "codec"],
  ["ble/errors.ts", "codec"],
  ["ble/security.ts", "codec"],
  ["ble/setting.ts", "codec"],
  ["ble/host.ts", "host"],
  ["ble/channels.ts", "host"],
  ["ble/early-start.ts", "host"],
  ["ble/radio.ts", "host"],
  ["ble/links.ts", "host"],
  ["ble/new-links.ts", "host"],
  ["ble/central-links.ts", "host"],
  ["ble/radio-users.ts", "host"],
  ["ble/identities.ts", "host"],
  ["ble/idle-links.ts", "host"],
  ["ble/link-check.ts", "host"],
  ["ble/config.ts", "host"],
  ["ble/counters.ts", "host"],
  ["ble/encryption.ts", "host"],
  ["ble/bonded-links.ts", "host"],
  ["ble/observer.ts", "host"],
  ["controllers/", "controllers"],
  ["ble/hci/", "hci"],
  ["ble/l2cap/", "l2cap"],
  ["ble/att/", "att"],
  ["ble/gatt/", "gatt"],
  ["ble/smp/", "smp"],
  ["ble/gap/", "gap"],
  ["aioble/", "aioble"],
  ["bluetooth/", "bluetooth"],
  ["camera/", "camera"],
  ["power/", "power"],
  ["update/", "update"],
  ["features/", "features"],
  ["storage/", "storage"],
  ["platform/platform.ts", "interface of the platform"],
  ["platform/xs/", "platform/xs"],
  ["platform/", "platform"],
  ["main.ts", "main"],
];

/** Beside itself, a module may import these modules. */
export const MAY: Readonly<Record<string, readonly string[]>> = {
  codec: [],
  hci: ["codec", "interface of the platform"],
  controllers: ["codec", "interface of the platform", "hci"],
  l2cap: ["codec", "interface of the platform", "hci"],
  att: ["codec", "interface of the platform", "l2cap"],
  smp: ["codec", "interface of the platform", "l2cap"],
  gatt: ["codec", "interface of the platform", "att", "l2cap"],
  gap: ["codec", "interface of the platform", "hci"],
  host: ["codec", "interface of the platform", "hci", "l2cap", "att", "smp", "gatt", "gap"],
  aioble: ["codec", "interface of the platform", "host"],
  bluetooth: ["codec", "host", "interface of the platform"],
  camera: [],
  power: ["codec", "interface of the platform", "storage"],
  update: ["codec", "host", "interface of the platform", "storage"],
  features: [
    "power",
    "update",
    "codec",
    "controllers",
    "host",
    "gap",
    "smp",
    "aioble",
    "bluetooth",
    "interface of the platform",
    "platform/xs",
  ],
  storage: ["interface of the platform"],
  "interface of the platform": [],
  platform: ["interface of the platform"],
  "platform/xs": ["platform", "interface of the platform"],
  main: [
    "aioble",
    "bluetooth",
    "camera",
    "codec",
    "features",
    "host",
    "interface of the platform",
    "platform",
    "platform/xs",
    "storage",
  ],
};

/** What applications import beside their own files. */
export const PUBLIC_MODULES = ["aioble", "bluetooth", "camera", "power", "update"];

/** The stack from below: an import to the right goes upward. */
export const UPWARD = ["codec", "hci", "l2cap", "att", "gatt", "host", "aioble", "main"];

/** Single imports beyond the rule, each with its reason. "type" allows types only. */
export const EXCEPTIONS: readonly (readonly [
  from: RegExp,
  to: RegExp,
  what: "type" | "value",
  reason: string,
])[] = [
  // The public modules see the host, and below it these constants, checks and kinds of object.
  [/^(aioble|bluetooth)\//, /^ble\/gap\/connection\.ts$/, "type", "the host's link behind a connection"],
  [/^aioble\/device\.ts$/, /^ble\/gap\/address\.ts$/, "value", "kinds of address"],
  [
    /^aioble\/(peripheral|advertising)\.ts$/,
    /^ble\/gap\/advertising-(data|set)\.ts$/,
    "value",
    "checks of options",
  ],
  [
    /^aioble\/central\.ts$/,
    /^ble\/gap\/(attempt|parameter-range|scan-parameters)\.ts$/,
    "value",
    "checks of options, and an attempt",
  ],
  [
    /^aioble\/link-control\.ts$/,
    /^ble\/gap\/(link-control|parameter-range|parameter-updates)\.ts$/,
    "value",
    "checks of options, and what the host does for a link",
  ],
  [/^aioble\/index\.ts$/, /^ble\/gap\/parameter-range\.ts$/, "type", "what a policy is asked"],
  [
    /^aioble\/scan(-result)?\.ts$/,
    /^ble\/gap\/(ad-structures|advertising-(data|report)|scan-parameters|scanner)\.ts$/,
    "value",
    "checks of options, and what was heard",
  ],
  [
    /^bluetooth\/advertising\.ts$/,
    /^ble\/gap\/advertising-set\.ts$/,
    "type",
    "the set that it advertises with",
  ],
  [
    /^bluetooth\/(central|irq)\.ts$/,
    /^ble\/gap\/(advertising-report|attempt|scanner)\.ts$/,
    "type",
    "what is heard and looked for",
  ],
  [/^bluetooth\/central\.ts$/, /^ble\/gap\/parameter-range\.ts$/, "value", "checks of options"],
  [
    /^bluetooth\/client\.ts$/,
    /^ble\/(att\/client-role|gatt\/client\/client)\.ts$/,
    "type",
    "the operations of a client",
  ],
  [
    /^(aioble\/(server|server-attribute|registered-services|index|client(-characteristic|-value)?)|bluetooth\/(advertising|ble|index|irq|services))\.ts$/,
    /^ble\/gatt\/(types|server\/(database|values))\.ts$/,
    "value",
    "properties, limits and values of characteristics",
  ],
  [
    /^(aioble\/(protection|server-attribute)|bluetooth\/(irq|services))\.ts$/,
    /^ble\/gatt\/access\.ts$/,
    "type",
    "what a value demands of who uses it",
  ],
  [/^bluetooth\/irq\.ts$/, /^ble\/gatt\/server\/context\.ts$/, "type", "what a watcher is notified of"],
  [
    /^aioble\/device-connection\.ts$/,
    /^ble\/gatt\/server\/updates\.ts$/,
    "type",
    "what became of a notification",
  ],
  [/^aioble\//, /^ble\/hci\/status\.ts$/, "value", "controller error codes"],
  [/^aioble\/errors\.ts$/, /^ble\/att\/errors\.ts$/, "value", "errors of a peer's server"],
  [
    /^aioble\/client(-characteristic|-service|-value)?\.ts$/,
    /^ble\/gatt\/client\/(discovery|reads|writes)\.ts$/,
    "value",
    "procedures of the GATT client",
  ],
  [
    /^aioble\/client(-characteristic|-service|-value)?\.ts$/,
    /^ble\/(att\/client-role|gatt\/client\/(client|inbox|remote))\.ts$/,
    "type",
    "what a client knows of its peer, and an operation",
  ],
  [/^features\/client\.ts$/, /^ble\/gatt\/client\/(cache|clients)\.ts$/, "value", "the clients that it adds"],
  [
    /^ble\/(early-start|host|radio)\.ts$/,
    /^controllers\/driver\.ts$/,
    "type",
    "who switches the controller on and off",
  ],
  [
    /^aioble\/(index|security|pairing-agent)\.ts$/,
    /^ble\/smp\/(failure|method|port|state|toolbox)\.ts$/,
    "value",
    "what a user is asked, and what a pairing demands",
  ],
  [
    /^aioble\/(bonds|security)\.ts$/,
    /^ble\/smp\/(bonds|bond-export|kept-bond|keys)\.ts$/,
    "value",
    "bonds as they are looked at, and their copy as text",
  ],
  [/^bluetooth\/pairing\.ts$/, /^ble\/smp\/port\.ts$/, "type", "what a user is asked"],
  [
    /^ble\/smp\/bond-export\.ts$/,
    /^storage\/crc32\.ts$/,
    "value",
    "the checksum of a copy, as records have it",
  ],
  [/^ble\/gap\/connection\.ts$/, /^ble\/smp\/keys\.ts$/, "type", "the bond whose key encrypts a link"],
  [
    /^ble\/gap\/parameter-updates\.ts$/,
    /^ble\/l2cap\/parameter-update\.ts$/,
    "value",
    "how a peripheral asks where the link layer cannot, which only this needs",
  ],
  [
    /^update\//,
    /^ble\/(gap\/connection|gatt\/access|gatt\/server\/(database|server))\.ts$/,
    "type",
    "the links, and the server that the management service is offered on",
  ],
  [
    /^update\/window\.ts$/,
    /^ble\/gap\/(advertiser|advertising-(data|set))\.ts$/,
    "value",
    "the advertisement of its own",
  ],
  [/^update\//, /^ble\/gatt\/types\.ts$/, "value", "properties of its characteristic"],
  // A link as the host keeps it holds one object of each layer.
  [
    /^ble\/gap\/connection\.ts$/,
    /^ble\/(att\/bearer|gatt\/(client\/client|server\/bearer)|l2cap\/l2cap)\.ts$/,
    "type",
    "what a link is made of",
  ],
];

/** Packet tables import the codec and how packets are declared, nothing else. */
export const PACKET_FILE = /^ble\/(hci\/(packet|commands\/[^/]+|events|le-events)|(att|smp)\/pdus)\.ts$/;
export const PACKET_FILE_MAY = [
  "ble/att/opcodes.ts",
  "ble/codec.ts",
  "ble/hci/event-codes.ts",
  "ble/hci/packet.ts",
];

/** What the simulator may share with the stack: packet tables and the platform's interface, no logic. */
export const SIMULATOR_MAY =
  /^firmware\/(platform\/platform|ble\/(codec|uuid|utf8|hci\/(packet|commands\/[^/]+|events|le-events|status)|att\/(pdus|errors)|smp\/pdus))\.ts$/;
