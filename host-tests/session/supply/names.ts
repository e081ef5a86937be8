/** What the application of supply.test.ts and its phone agree on. */
export const NAME = "obscura-supply";
/** UUIDs of 16 bits. */
export const SERVICE = 0xff00;
/** Read and notify: a number of 32 bits that is one more each time. */
export const VALUE = 0xff01;
/** Written: one of ORDERS. */
export const ORDER = 0xff02;
export const ORDERS = {
  /** The camera reports its heap. */
  REPORT: 1,
  /** It calls stop(), and advertises again. */
  STOP: 2,
} as const;
/** Between two notifications. */
export const TICK_MS = 20;
