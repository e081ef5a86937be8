/** What the application of the benchmark, its peer and the probes agree on. */

export const SERVICE = "6f627363-7572-6100-0000-000000000000";
/** The peer writes it, without response, to let the application take its next step. */
export const TURN = "6f627363-7572-6100-0000-000000000001";
/** What is notified and written. */
export const VALUE = "6f627363-7572-6100-0000-000000000002";

/** Bytes in a notification and in a write: what fits the default ATT_MTU. */
export const VALUE_LENGTH = 20;
/** Operations before a figure's first one. */
export const WARM_UP = 100;
/** Operations that a figure is the mean of. */
export const REPETITIONS = 1000;

/** The global object that the probes (native/probes.c) give to the application. A figure's instructions are counted in windows. */
export interface Measure {
  /** Starts a figure: forgets what was counted. */
  begin(figure: "notification" | "notificationCycle" | "write"): void;
  /** Opens a window. One of "write" opens by itself when bytes are read. */
  open(): void;
  /** Closes the window. One of "notification" closes by itself when an ACL packet is queued. */
  close(): void;
  /** Reports the figure on the console. */
  end(): void;
  /** From here to the next byte received wake-ups are counted. */
  idle(): void;
  /** Reports the memory and ends the program. */
  finish(): never;
}
