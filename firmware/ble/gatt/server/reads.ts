/** Reading values (Vol 3, Part F, 3.4.4; Vol 3, Part G, 4.8). */

import { ATT_ERROR } from "../../att/errors.ts";
import { ATT_OPCODE } from "../../att/opcodes.ts";
import { copyBytes, viewOf, Writer } from "../../codec.ts";
import { mayRead, needsAuthorization } from "../access.ts";
import { MAX_VALUE_LENGTH } from "../types.ts";
import { whenGranted } from "./authorize.ts";
import type { ServerBearer } from "./bearer.ts";
import type { GattWatcher } from "./context.ts";
import type { Attribute } from "./database.ts";
import { ask } from "./questions.ts";

/** A value, or the ATT error code that refuses it. */
export type ReadResult = Uint8Array | number;

/** The stored value as this client sees it, or why it may not. Does not ask the application. */
export function storedValue({ security, session }: ServerBearer, attribute: Attribute): ReadResult {
  const refusal = mayRead(security, attribute);
  if (refusal !== 0) return refusal;
  if (!attribute.configures) return attribute.value;
  const configuration = session.configurations.get(attribute.configures.handle) ?? 0;
  return new Uint8Array([configuration & 0xff, configuration >> 8]);
}

/** Whether anybody is asked before a client reads this attribute. */
export function isAsked({ context }: ServerBearer, attribute: Attribute): boolean {
  return (
    attribute.handlers?.onRead != null ||
    context.watcherOf(attribute) !== undefined ||
    needsAuthorization(attribute, "read")
  );
}

/** What a watcher says to a read. One that fails to answer grants nothing, and changes nothing where nothing is to be granted. */
function watched(watcher: GattWatcher, peer: unknown, attribute: Attribute): number {
  const answer = watcher.onRead(peer, attribute);
  return answer ?? (needsAuthorization(attribute, "read") ? ATT_ERROR.UNLIKELY_ERROR : 0);
}

/** A read from the start of a value, which the application may refuse or answer itself. */
export function read(bearer: ServerBearer, attribute: Attribute, next: (result: ReadResult) => void): void {
  const stored = storedValue(bearer, attribute);
  if (typeof stored === "number" || !isAsked(bearer, attribute)) return next(stored);
  const { handlers, hooks } = attribute;
  const { peer } = bearer.session;
  const watcher = bearer.context.watcherOf(attribute);
  ask(
    bearer,
    attribute,
    "read",
    () =>
      whenGranted(
        bearer,
        attribute,
        "read",
        () =>
          (watcher && watched(watcher, peer, attribute)) ||
          (handlers?.onRead ? hooks!.onRead!(peer) : undefined),
      ),
    (answer) => {
      // A copy: the application may go on using its array while the client reads the rest.
      const result = answer instanceof Uint8Array ? answer.slice() : answer || storedValue(bearer, attribute);
      bearer.keepSnapshot(
        typeof result === "number" ? undefined : { handle: attribute.handle, value: result },
      );
      next(result);
    },
    MAX_VALUE_LENGTH,
  );
}

/** 3.4.4.3 */
export function readValue(bearer: ServerBearer, view: DataView, start: number, length: number): void {
  if (length !== 2) return bearer.refuse(ATT_OPCODE.READ_REQUEST, 0, ATT_ERROR.INVALID_PDU);
  readFromStart(bearer, ATT_OPCODE.READ_REQUEST, ATT_OPCODE.READ_RESPONSE, view.getUint16(start, true));
}

/**
 * 3.4.4.5: parts after the first come from the answer that the first came from. A client that has no such answer is no
 * exception to asking the application.
 */
export function readBlob(bearer: ServerBearer, view: DataView, start: number, length: number): void {
  const opcode = ATT_OPCODE.READ_BLOB_REQUEST;
  if (length !== 4) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  const handle = view.getUint16(start, true);
  const offset = view.getUint16(start + 2, true);
  if (offset === 0) return readFromStart(bearer, opcode, ATT_OPCODE.READ_BLOB_RESPONSE, handle);
  const { database } = bearer.context;
  const attribute = database.at(handle);
  if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
  const answer = (value: ReadResult): void => {
    if (typeof value === "number") return bearer.refuse(opcode, handle, value);
    if (offset > value.length) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_OFFSET);
    const end = Math.min(value.length, offset + bearer.bearer.mtu - 1);
    bearer.respondWithValue(ATT_OPCODE.READ_BLOB_RESPONSE, value, offset, end);
  };
  const { snapshot } = bearer;
  if (snapshot?.handle !== handle) return read(bearer, attribute, answer);
  // The link may offer less than when the first part was read.
  answer(mayRead(bearer.security, attribute) || snapshot.value);
}

function readFromStart(bearer: ServerBearer, opcode: number, response: number, handle: number): void {
  const { database } = bearer.context;
  const attribute = database.at(handle);
  if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
  read(bearer, attribute, (value) => {
    if (typeof value === "number") return bearer.refuse(opcode, handle, value);
    bearer.respondWithValue(response, value, 0, Math.min(value.length, bearer.bearer.mtu - 1));
  });
}

/** 3.4.4.7 and 3.4.4.11: two handles or more; the first that may not be read refuses all. */
export function readMultiple(
  bearer: ServerBearer,
  view: DataView,
  start: number,
  length: number,
  opcode: number,
): void {
  if (length < 4 || length % 2 !== 0) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  // Two bytes each: the application may be asked about any of them, and as an array they would take eight times as much.
  const handles = viewOf(copyBytes(view, start, length));
  const { mtu } = bearer.bearer;
  const values = opcode === ATT_OPCODE.READ_MULTIPLE_REQUEST ? new PlainValues(mtu) : new VariableValues(mtu);
  collect(bearer, opcode, handles, 0, values);
}

/** Reads one value after the other from `from` on. A loop where answers come at once: a request may name hundreds. */
function collect(
  bearer: ServerBearer,
  opcode: number,
  handles: DataView,
  from: number,
  values: PlainValues | VariableValues,
): void {
  for (let index = from; 2 * index < handles.byteLength; index++) {
    const handle = handles.getUint16(2 * index, true);
    const { database } = bearer.context;
    const attribute = database.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    let inTime = true;
    let result: ReadResult | undefined;
    read(bearer, attribute, (value) => {
      if (inTime) {
        result = value;
      } else if (typeof value === "number") {
        bearer.refuse(opcode, handle, value);
      } else {
        values.add(value);
        collect(bearer, opcode, handles, index + 1, values);
      }
    });
    inTime = false;
    if (result === undefined) return;
    if (typeof result === "number") return bearer.refuse(opcode, handle, result);
    values.add(result);
  }
  const { writer } = values;
  bearer.respondWithValue(values.opcode, writer.finish(), 0, Math.min(writer.length, values.room));
}

/** Values one after the other; what does not fit is cut (3.4.4.8). Keeps no more than the answer takes. */
class PlainValues {
  readonly opcode: number = ATT_OPCODE.READ_MULTIPLE_RESPONSE;
  readonly writer = new Writer(64);
  readonly room: number;

  constructor(mtu: number) {
    this.room = mtu - 1;
  }

  add(value: Uint8Array): void {
    if (this.writer.length < this.room) this.writer.bytes(value);
  }
}

/** Length and value of each; a cut never goes through a length (3.4.4.12). */
class VariableValues extends PlainValues {
  override readonly opcode = ATT_OPCODE.READ_MULTIPLE_VARIABLE_RESPONSE;
  private full = false;

  override add(value: Uint8Array): void {
    if (this.writer.length + 2 > this.room) this.full = true;
    if (this.full) return;
    this.writer.u16(value.length);
    this.writer.bytes(value);
  }
}
