/** What an application may answer when a client reads or writes. */
import { ATT_ERROR } from "../../att/errors.ts";
import { MAX_VALUE_LENGTH } from "../types.ts";

/** What the application is asked about; a command goes on without an answer. */
export type Question = "read" | "write" | "command";

/** Errors that a request may be answered with whoever decides, besides those below (Vol 3, Part F, Table 3.44). */
const REFUSALS: readonly number[] = [
  ATT_ERROR.INSUFFICIENT_AUTHENTICATION,
  ATT_ERROR.INSUFFICIENT_AUTHORIZATION,
  ATT_ERROR.ENCRYPTION_KEY_SIZE_TOO_SHORT,
  ATT_ERROR.UNLIKELY_ERROR,
  ATT_ERROR.INSUFFICIENT_ENCRYPTION,
  ATT_ERROR.INSUFFICIENT_RESOURCES,
];
const READ_REFUSALS: readonly number[] = [ATT_ERROR.READ_NOT_PERMITTED];
const WRITE_REFUSALS: readonly number[] = [
  ATT_ERROR.WRITE_NOT_PERMITTED,
  ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH,
  ATT_ERROR.VALUE_NOT_ALLOWED,
];

/** Errors of the above that an Execute Write Request, which names no attribute, is not answered with. */
const OF_THE_ATTRIBUTE: readonly number[] = [
  ATT_ERROR.WRITE_NOT_PERMITTED,
  ATT_ERROR.INSUFFICIENT_AUTHENTICATION,
  ATT_ERROR.INSUFFICIENT_AUTHORIZATION,
  ATT_ERROR.ENCRYPTION_KEY_SIZE_TOO_SHORT,
  ATT_ERROR.INSUFFICIENT_ENCRYPTION,
];

/** The refusal of a prepared write, as an Execute Write Request may carry it (Vol 3, Part F, Table 3.44). */
export function executeRefusal(error: number): number {
  return OF_THE_ATTRIBUTE.includes(error) ? ATT_ERROR.WRITE_REQUEST_REJECTED : error;
}

/**
 * Whether an application may answer this: 0 or nothing; to a read as many bytes as a value has (Vol 3, Part F, 3.2.9); an error of the specification that fits the
 * request, of the application (0x80 to 0x9F), or common to profiles (0xE0 to 0xFF; Vol 3, Part F, Table 3.4).
 */
export function isAnswer(question: Question, answer: unknown): boolean {
  if (answer === undefined || answer === null || answer === 0) return true;
  const isRead = question === "read";
  if (typeof answer !== "number")
    return isRead && answer instanceof Uint8Array && answer.length <= MAX_VALUE_LENGTH;
  return (
    (answer === (answer & 0xff) && (answer >= 0xe0 || (answer & 0xe0) === 0x80)) ||
    REFUSALS.includes(answer) ||
    (isRead ? READ_REFUSALS : WRITE_REFUSALS).includes(answer)
  );
}
