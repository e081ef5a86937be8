/** Numbers of GATT that both roles know (Vol 3, Part G, 3). */

/** Attribute types of declarations and descriptors (Assigned Numbers, 3.6 and 3.7). */
export const TYPE = {
  PRIMARY_SERVICE: 0x2800,
  SECONDARY_SERVICE: 0x2801,
  INCLUDE: 0x2802,
  CHARACTERISTIC: 0x2803,
  CHARACTERISTIC_EXTENDED_PROPERTIES: 0x2900,
  CHARACTERISTIC_USER_DESCRIPTION: 0x2901,
  CLIENT_CHARACTERISTIC_CONFIGURATION: 0x2902,
  CHARACTERISTIC_PRESENTATION_FORMAT: 0x2904,
} as const;

/** Characteristic properties (Vol 3, Part G, 3.3.1.1). */
export const PROPERTY = {
  BROADCAST: 0x01,
  READ: 0x02,
  WRITE_WITHOUT_RESPONSE: 0x04,
  WRITE: 0x08,
  NOTIFY: 0x10,
  INDICATE: 0x20,
  EXTENDED: 0x80,
} as const;

/** Bits of a client characteristic configuration (Vol 3, Part G, 3.3.3.3). */
export const CCCD = { NOTIFY: 0x0001, INDICATE: 0x0002 } as const;

/** Bytes of a client characteristic configuration. */
export const CCCD_LENGTH = 2;

/** Handle of Service Changed, which never moves (Vol 3, Part G, 7.1). */
export const SERVICE_CHANGED_VALUE = 8;

/** Longest attribute value (Vol 3, Part F, 3.2.9). */
export const MAX_VALUE_LENGTH = 512;
