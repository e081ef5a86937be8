/** What the application of the soak, its centrals and the tool agree on. */

/** The camera's name on the air. */
export const NAME = "obscura-soak";

export const SERVICE = "6f627363-7572-6100-0001-000000000000";
/**
 * Written, with or without response: each write makes the camera notify the subscribers of one stream, whose number is
 * the first byte. The rest is padding.
 */
export const ORDER = "6f627363-7572-6100-0001-000000000001";
/**
 * The streams: notifications of a number, 32 bits, little-endian, that is one more each time. Whoever subscribes gets
 * all from some number on, until the end.
 */
export const STREAMS = [
  "6f627363-7572-6100-0001-000000000002",
  "6f627363-7572-6100-0001-000000000003",
] as const;

/** Between two notifications that nobody ordered, of both streams, while somebody is connected. */
export const TICK_MS = 25;

/** How long nobody must have been connected before the camera reports. */
export const ALONE_MS = 100;

/** What fills the console before the heap is looked at, so that the lines that the firmware keeps are always the same. */
export const FILLER = "(the console's last lines)";

/** The global function that firmware.ts gives to the application: collects garbage, returns what is left in bytes. */
export type Memory = () => { readonly slots: number; readonly chunks: number };

/** What the camera says when the last central has gone. */
export interface CameraReport {
  /** Connections since the start. */
  readonly connections: number;
  /** Orders since the start. */
  readonly orders: number;
  /** Bytes of the JavaScript heap in use, without garbage. */
  readonly slots: number;
  readonly chunks: number;
}

/** As a line of the console. */
export const reportLine = (report: CameraReport): string => `alone ${JSON.stringify(report)}`;

/** The report in a line of the console, undefined when it is another. */
export function reportIn(line: string): CameraReport | undefined {
  const found = /\balone (\{.*\})$/.exec(line)?.[1];
  return found === undefined ? undefined : (JSON.parse(found) as CameraReport);
}
