/** What the application of the benchmark, its peer and the probes agree on. */

export const SERVICE = "6f627363-7572-6100-0000-000000000000";
/** The peer writes it, without response, to let the application take its next step. */
export const TURN = "6f627363-7572-6100-0000-000000000001";
/** What is notified and written. */
export const VALUE = "6f627363-7572-6100-0000-000000000002";
/** Each write to it is captured. */
export const CAPTURED = "6f627363-7572-6100-0000-000000000003";

/** Bytes in a notification and in a write: what fits the default ATT_MTU. */
export const VALUE_LENGTH = 20;
/** Operations before a figure's first one. */
export const WARM_UP = 100;
/** Operations that a figure is the mean of. */
export const REPETITIONS = 1000;
/** The same of `stopStart`, which takes as long as a hundred others and varies less. */
export const RESTARTS_WARM_UP = 5;
export const RESTARTS = 50;

/** The channel that is measured: SDUs of 1 KB in frames of one packet each. */
export const CHANNEL_PSM = 0x80;
export const SDU_LENGTH = 1024;
export const CHANNEL_MPS = 247;
export const CHANNEL_CREDITS = 20;
/** SDUs of each direction. */
export const CHANNEL_WARM_UP = 20;
export const CHANNEL_REPETITIONS = 600;

/** The database that is discovered: services, and characteristics of each, which have a CCCD. */
export const SERVICES = 8;
export const PER_SERVICE = 5;
export const DISCOVERY_MTU = 247;
/** A service that there is not: who looks for it is through. */
export const LAST_SERVICE = 0xffff;
/** Discoveries of it. */
export const DISCOVERY_WARM_UP = 5;
export const DISCOVERY_REPETITIONS = 20;

/** Different advertisers that a scan hears, each once; some more come before them, and as many again after them. */
export const ADVERTISERS = 1000;
export const ADVERTISERS_WARM_UP = 40;

/** Bonds against which a private address is held, and how often. */
export const BONDS = 8;
export const RESOLUTIONS_WARM_UP = 20;
export const RESOLUTIONS = 200;

/** Services, characteristics and subscriptions that a figure of the heap is the mean of. */
export const FIT_COUNT = 16;
/** The first of the characteristics that they are measured with; the others follow. */
export const FIT_UUID = 0xa000;

/** What the pairings show, in their order. */
export const PAIRING_FIGURES = ["pairSecureConnections", "pairPasskey"] as const;
/** Of each; every time with another device. */
export const PAIRINGS = 3;
type PairingFigure = (typeof PAIRING_FIGURES)[number];
/** What the central shows and the camera types. */
export const PASSKEY = 135_790;
/** Links that are encrypted with the bond which the last pairing left, one after the other. */
export const RECONNECTIONS_WARM_UP = 4;
export const RECONNECTIONS = 40;

/** Bytes of a bundle in each request of an upload: 57,344 in all, of a file that is never whole. */
export const UPLOAD_DATA = 896;
export const UPLOAD_WARM_UP = 4;
export const UPLOAD_REQUESTS = 64;
export const UPLOAD_KB = (UPLOAD_DATA * UPLOAD_REQUESTS) / 1024;
export const UPLOAD_MTU = 247;

/** What is counted in windows by the probes (native/probes.c, where each figure's windows are described). */
export type Counted =
  | "notification"
  | "notificationTo3"
  | "notificationCycle"
  | "write"
  | "capturedWrite"
  | "writeCycle"
  | "stopStart"
  | PairingFigure
  | "reconnectEncrypted"
  | "channelReceivePerKB"
  | "channelSendPerKB"
  | "discovery8x40"
  | "scanReport"
  | "resolveAddress"
  | "uploadPerKB";

/** One way through the stack, between two packets or between a packet and a call: without collections of garbage. */
export const PATHS: ReadonlySet<Counted> = new Set<Counted>([
  "notification",
  "notificationTo3",
  "write",
  "capturedWrite",
  "resolveAddress",
]);

/** The global object that the probes give to the application. */
export interface Measure {
  /** Starts a figure: forgets what was counted, and collects garbage. */
  begin(figure: Counted): void;
  /**
   * Opens a window. One of "write" and "capturedWrite" opens by itself when data is received, one of "scanReport" with an
   * advertising report.
   */
  open(): void;
  /** Closes the window, unless it was closed by what the camera sent. */
  close(): void;
  /** Reports the figure on the console. */
  end(): void;
  /** From here to the next packet received wake-ups are counted. */
  idle(): void;
  /** Collects garbage and reports what of the heap is in use, under this name. */
  heap(name: string): void;
  /** Reports the memory and ends the program. */
  finish(): never;
}
