/** What the specification lets a server answer (Vol 3, Part F, Table 3.44). */

const SECURITY = [0x05, 0x08, 0x0c, 0x0f];

/** Error codes besides those of applications, by request. */
const ERRORS: Readonly<Record<number, readonly number[]>> = {
  2: [0x06],
  4: [0x01, 0x0a],
  6: [0x01, 0x06, 0x0a],
  8: [0x01, 0x02, 0x06, 0x0a, 0x12, ...SECURITY],
  10: [0x01, 0x02, 0x12, ...SECURITY],
  12: [0x01, 0x02, 0x06, 0x07, 0x0b, 0x12, ...SECURITY],
  14: [0x01, 0x02, 0x06, 0x12, ...SECURITY],
  16: [0x01, 0x02, 0x06, 0x0a, 0x10, ...SECURITY],
  18: [0x01, 0x03, 0x06, 0x0d, 0x12, 0x13, ...SECURITY],
  22: [0x01, 0x03, 0x06, 0x09, 0x12, ...SECURITY],
  24: [0x07, 0x0d, 0x12, 0x13],
  32: [0x01, 0x02, 0x06, 0x12, ...SECURITY],
};

/** Invalid PDU, Unlikely Error and Insufficient Resources concern any request (3.3). */
const GENERAL = [0x04, 0x0e, 0x11];

/** Requests whose error is never the application's (3.4.3.1, 3.4.3.3; the MTU is none of its business). */
const NOT_THE_APPLICATION = [2, 4, 6];

/** Whether this request may be answered with this error code; an unknown request only with Request Not Supported. */
export function isAllowedError(request: number, error: number): boolean {
  const errors = ERRORS[request];
  if (!errors) return error === 0x06;
  const isOfApplication = (error >= 0x80 && error <= 0x9f) || error >= 0xe0;
  return (
    errors.includes(error) ||
    GENERAL.includes(error) ||
    (isOfApplication && !NOT_THE_APPLICATION.includes(request))
  );
}
