/** Values as applications give and get them. */
import { utf8Encode } from "../../utf8.ts";
import { MAX_VALUE_LENGTH } from "../types.ts";
import type { Attribute } from "./database.ts";

/** Room for a client's value by default: what fits one write at the default MTU. */
export const DEFAULT_CAPACITY = 20;

/** A value: bytes, or text that is sent as UTF-8. */
export type Value = Uint8Array | string;

/** @throws TypeError for anything but bytes or text. */
export function bytesOf(value: Value): Uint8Array {
  if (typeof value === "string") return utf8Encode(value);
  // `instanceof` alone would do, and takes the engine as long as sending half a notification.
  if (value?.constructor !== Uint8Array && !(value instanceof Uint8Array))
    throw new TypeError("a value is a Uint8Array or a string");
  return value;
}

/** A new array with these bytes: what the application does with its own afterwards must not change a value. */
export function ownBytes(value: Value): Uint8Array {
  return typeof value === "string" ? utf8Encode(value) : new Uint8Array(bytesOf(value));
}

/** As `ownBytes`. @throws RangeError for more than 512 bytes. */
export function checkedValue(value: Value): Uint8Array {
  // Bytes are what comes most often, and a call less is a twentieth of notifying a subscriber.
  const isBytes = value?.constructor === Uint8Array;
  // A text has at least as many bytes as characters: one that is far too long is not encoded first.
  if (!isBytes && typeof value === "string" && value.length > MAX_VALUE_LENGTH) throw tooLong(value.length);
  const bytes = isBytes ? new Uint8Array(value) : ownBytes(value);
  if (bytes.length > MAX_VALUE_LENGTH) throw tooLong(bytes.length);
  return bytes;
}

function tooLong(length: number): RangeError {
  return new RangeError(`the value has ${length} bytes; an attribute holds at most 512`);
}

/**
 * Takes over a value of ours. Clients may write as much as we did, but where they append the room stays as it is: a value
 * of ours that fills it leaves them none.
 */
export function setValue(attribute: Attribute, value: Uint8Array): void {
  attribute.value = value;
  if (value.length > attribute.maxLength && !attribute.append) attribute.maxLength = value.length;
}

/** Whether there is room for so many bytes of a client: all of it, or where clients append what is left. */
export function fits(attribute: Attribute, length: number): boolean {
  const { append, maxLength } = attribute;
  return length <= (append ? Math.min(maxLength, MAX_VALUE_LENGTH) - attribute.value.length : maxLength);
}

/** The one way in which a client's value is stored. False, and nothing has changed, when there is no room for it. */
export function store(attribute: Attribute, value: Uint8Array): boolean {
  if (!attribute.append) {
    if (value.length > attribute.maxLength) return false;
    attribute.value = value;
    return true;
  }
  if (!fits(attribute, value.length)) return false;
  const joined = new Uint8Array(attribute.value.length + value.length);
  joined.set(attribute.value);
  joined.set(value, attribute.value.length);
  attribute.value = joined;
  return true;
}
