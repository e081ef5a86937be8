/** What the applications of the hostile soak, its peers and the tool agree on. UUIDs of 16 bits. */

export const SERVICE = 0xff00;
/** Read and notify: a number of 32 bits, little-endian, that is one more each time; padded to VALUE_LENGTH bytes. */
export const VALUE = 0xff01;
/** Read and write, up to 512 bytes; the camera asks the application, which answers in another turn. */
export const UPLOAD = 0xff02;
/** Write, captured: 1 wants an indication of what follows it, from SURE. */
export const ORDER = 0xff03;
export const SURE = 0xff04;
/** Write without response; the application never answers what it is asked about it. */
export const ABYSS = 0xff05;

export const VALUE_LENGTH = 100;
/** Between two values, while somebody is connected. */
export const TICK_MS = 20;
/** How long nobody must have been connected before the camera reports. */
export const ALONE_MS = 200;

/** What a camera says when it is alone. */
export interface Report {
  /** Connections since the start. */
  readonly connections: number;
  /** Milliseconds since the start, by the camera's own clock. */
  readonly now: number;
  /** Bytes of the JavaScript heap in use, without garbage. */
  readonly slots: number;
  readonly chunks: number;
}

/** The report in a line of the console, undefined when it is another. */
export function reportIn(line: string): Report | undefined {
  const found = /\balone (\{.*\})$/.exec(line)?.[1];
  return found === undefined ? undefined : (JSON.parse(found) as Report);
}
