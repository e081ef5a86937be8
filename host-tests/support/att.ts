/**
 * What the specification lets a server answer: Table 3.44 and the sections of the requests (Vol 3, Part F). Section numbers
 * are of that part.
 */

const SECURITY = [0x05, 0x08, 0x0c, 0x0f];

/** A request as the specification describes it. */
export interface RequestRule {
  readonly name: string;
  readonly section: string;
  readonly opcode: number;
  /** Whether a PDU of that many bytes, the opcode included, is well-formed. */
  readonly hasLength: (length: number) => boolean;
  /** Error codes besides those that concern any request and those of applications. */
  readonly errors: readonly number[];
}

const exactly =
  (...lengths: number[]) =>
  (length: number): boolean =>
    lengths.includes(length);
const atLeast = (least: number) => (length: number) => length >= least;
/** Two handles or more. */
const handles = (length: number): boolean => length >= 5 && length % 2 === 1;

/** Every request; its response has the next opcode. */
export const REQUESTS: readonly RequestRule[] = [
  { name: "Exchange MTU", section: "3.4.2.1", opcode: 0x02, hasLength: exactly(3), errors: [0x06] },
  { name: "Find Information", section: "3.4.3.1", opcode: 0x04, hasLength: exactly(5), errors: [0x01, 0x0a] },
  {
    name: "Find By Type Value",
    section: "3.4.3.3",
    opcode: 0x06,
    hasLength: atLeast(7),
    errors: [0x01, 0x06, 0x0a],
  },
  {
    name: "Read By Type",
    section: "3.4.4.1",
    opcode: 0x08,
    hasLength: exactly(7, 21),
    errors: [0x01, 0x02, 0x06, 0x0a, 0x12, ...SECURITY],
  },
  {
    name: "Read",
    section: "3.4.4.3",
    opcode: 0x0a,
    hasLength: exactly(3),
    errors: [0x01, 0x02, 0x12, ...SECURITY],
  },
  {
    name: "Read Blob",
    section: "3.4.4.5",
    opcode: 0x0c,
    hasLength: exactly(5),
    errors: [0x01, 0x02, 0x06, 0x07, 0x0b, 0x12, ...SECURITY],
  },
  {
    name: "Read Multiple",
    section: "3.4.4.7",
    opcode: 0x0e,
    hasLength: handles,
    errors: [0x01, 0x02, 0x06, 0x12, ...SECURITY],
  },
  {
    name: "Read By Group Type",
    section: "3.4.4.9",
    opcode: 0x10,
    hasLength: exactly(7, 21),
    errors: [0x01, 0x02, 0x06, 0x0a, 0x10, ...SECURITY],
  },
  {
    name: "Write",
    section: "3.4.5.1",
    opcode: 0x12,
    hasLength: atLeast(3),
    errors: [0x01, 0x03, 0x06, 0x0d, 0x12, 0x13, ...SECURITY],
  },
  {
    name: "Prepare Write",
    section: "3.4.6.1",
    opcode: 0x16,
    hasLength: atLeast(5),
    errors: [0x01, 0x03, 0x06, 0x09, 0x12, ...SECURITY],
  },
  {
    name: "Execute Write",
    section: "3.4.6.3",
    opcode: 0x18,
    hasLength: exactly(2),
    errors: [0x07, 0x0d, 0x12, 0x13],
  },
  {
    name: "Read Multiple Variable",
    section: "3.4.4.11",
    opcode: 0x20,
    hasLength: handles,
    errors: [0x01, 0x02, 0x06, 0x12, ...SECURITY],
  },
];

/** Invalid PDU, Unlikely Error and Insufficient Resources concern any request (3.3). */
const GENERAL = [0x04, 0x0e, 0x11];

/** Requests whose error is never the application's (3.4.3.1, 3.4.3.3; the MTU is none of its business). */
const NOT_THE_APPLICATION = [0x02, 0x04, 0x06];

/** Whether this request may be answered with this error code; an unknown request only with Request Not Supported. */
export function isAllowedError(request: number, error: number): boolean {
  const rule = REQUESTS.find(({ opcode }) => opcode === request);
  if (!rule) return error === 0x06;
  const isOfApplication = (error >= 0x80 && error <= 0x9f) || error >= 0xe0;
  return (
    rule.errors.includes(error) ||
    GENERAL.includes(error) ||
    (isOfApplication && !NOT_THE_APPLICATION.includes(request))
  );
}
