/** Writing values (Vol 3, Part F, 3.4.5 and 3.4.6; Vol 3, Part G, 4.9). */

import { ATT_ERROR } from "../../att/errors.ts";
import { ATT_OPCODE } from "../../att/opcodes.ts";
import { prepareWriteResponse } from "../../att/pdus.ts";
import { copyBytes } from "../../codec.ts";
import { mayCommand, maySubscribe, mayWrite, needsAuthorization } from "../access.ts";
import { CCCD, CCCD_LENGTH } from "../types.ts";
import { executeRefusal, type Question } from "./answers.ts";
import { whenGranted } from "./authorize.ts";
import type { ServerBearer } from "./bearer.ts";
import type { Attribute } from "./database.ts";
import { withdrawAll } from "./indications.ts";
import type { AssembledWrite } from "./prepared-writes.ts";
import { ask } from "./questions.ts";
import { fits, store } from "./values.ts";

/** Flags of Execute Write Request (3.4.6.3). */
const CANCEL = 0x00;
const WRITE_ALL = 0x01;

/** Responses without parameters. */
const WRITE_RESPONSE = new Uint8Array([ATT_OPCODE.WRITE_RESPONSE]);
const EXECUTE_WRITE_RESPONSE = new Uint8Array([ATT_OPCODE.EXECUTE_WRITE_RESPONSE]);

/** 3.4.5.1 */
export function writeByRequest(
  bearer: ServerBearer,
  view: DataView,
  start: number,
  length: number,
  opcode: number,
): void {
  if (length < 2) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  const handle = view.getUint16(start, true);
  const { database } = bearer.context;
  const attribute = database.at(handle);
  if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
  const refusal = mayWrite(bearer.security, attribute);
  if (refusal !== 0) return bearer.refuse(opcode, handle, refusal);
  if (attribute.configures) return writeConfiguration(bearer, attribute, view, start + 2, length - 2);
  const { append } = attribute;
  // Who is not granted to write does not learn how long the value may be.
  const isGranted = attribute.requirements === undefined || !needsAuthorization(attribute, "write");
  const isTooLong = append ? !fits(attribute, length - 2) : length - 2 > attribute.maxLength;
  if (isTooLong && isGranted) {
    return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
  }
  // The application gets copies, and nobody else changes a packet.
  const value = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start + 2, length - 2);
  if (!isGranted || attribute.handlers?.onWrite) return askForRequest(bearer, attribute, value);
  if (append) store(attribute, value);
  else attribute.value = value;
  bearer.respondWith(WRITE_RESPONSE);
  written(bearer, attribute, value);
}

function askForRequest(bearer: ServerBearer, attribute: Attribute, value: Uint8Array): void {
  accept(bearer, attribute, value, "write", (error) => {
    // Others may have written meanwhile.
    const refusal = error || (store(attribute, value) ? 0 : ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
    if (refusal) return bearer.refuse(ATT_OPCODE.WRITE_REQUEST, attribute.handle, refusal);
    bearer.respondWith(WRITE_RESPONSE);
    written(bearer, attribute, value);
  });
}

/** 3.4.5.3: never answered, whatever is wrong with it. */
export function writeByCommand(bearer: ServerBearer, view: DataView, start: number, length: number): void {
  const { context } = bearer;
  const attribute = length < 2 ? undefined : context.database.at(view.getUint16(start, true));
  if (!attribute || mayCommand(bearer.security, attribute) !== 0 || !fits(attribute, length - 2))
    return dropCommand(bearer);
  const value = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start + 2, length - 2);
  if (isAskedOfWrites(attribute)) return askForCommand(bearer, attribute, value);
  store(attribute, value);
  written(bearer, attribute, value);
}

function askForCommand(bearer: ServerBearer, attribute: Attribute, value: Uint8Array): void {
  accept(bearer, attribute, value, "command", (error) => {
    if (error || !store(attribute, value)) dropCommand(bearer);
    else written(bearer, attribute, value);
  });
}

/** A command that has no effect. */
export function dropCommand({ context }: ServerBearer): void {
  context.droppedCommands++;
}

/** Asks the application; `next` gets 0 or the ATT error code that refuses. */
function accept(
  bearer: ServerBearer,
  attribute: Attribute,
  value: Uint8Array,
  kind: Question,
  next: (error: number) => void,
): void {
  if (!isAskedOfWrites(attribute)) return next(0);
  const { handlers, hooks } = attribute;
  ask(
    bearer,
    attribute,
    kind,
    () =>
      whenGranted(bearer, attribute, "write", () => {
        if (!fits(attribute, value.length)) return ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH;
        return handlers?.onWrite ? hooks!.onWrite!(bearer.session.peer, value) : undefined;
      }),
    (answer) => next(answer ?? 0),
    value.length,
  );
}

/** Whether the application is asked before a client's write is stored. */
function isAskedOfWrites(attribute: Attribute): boolean {
  return attribute.handlers?.onWrite != null || needsAuthorization(attribute, "write");
}

function written({ context, session }: ServerBearer, attribute: Attribute, value: Uint8Array): void {
  const { hooks } = attribute;
  try {
    if (hooks?.onWritten) hooks.onWritten(session.peer, value);
  } catch (error) {
    context.blame(attribute, error);
  }
  if (context.watcher) context.watcherOf(attribute)?.onWritten(session.peer, attribute);
}

/** A write to a CCCD; one that is shorter leaves the bytes behind it (3.4.5.1). */
function writeConfiguration(
  bearer: ServerBearer,
  cccd: Attribute,
  view: DataView,
  start: number,
  length: number,
): void {
  const opcode = ATT_OPCODE.WRITE_REQUEST;
  if (length > CCCD_LENGTH) {
    return bearer.refuse(opcode, cccd.handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
  }
  const { context, session } = bearer;
  const before = session.configurations.get(cccd.configures!.handle) ?? 0;
  let configuration = before;
  if (length === CCCD_LENGTH) configuration = view.getUint16(start, true);
  else if (length === 1) configuration = (before & 0xff00) | view.getUint8(start);
  const refusal = configurationRefusal(bearer, cccd, configuration);
  if (refusal) return bearer.refuse(opcode, cccd.handle, refusal);
  const value = cccd.configures!;
  const take = (): void => {
    // A bonded client does not write it again on its next link: it is on flash before it is answered.
    if (context.keeper?.keepSubscription(session, value.handle, configuration) === false) {
      return bearer.refuse(opcode, cccd.handle, ATT_ERROR.INSUFFICIENT_RESOURCES);
    }
    // The response goes out before anything that the configuration enables.
    bearer.respondWith(WRITE_RESPONSE);
    configure(bearer, value, configuration);
  };
  if (configuration === 0 || !needsAuthorization(value, "subscribe")) return take();
  const grant = () => whenGranted(bearer, value, "subscribe", () => 0);
  ask(
    bearer,
    value,
    "write",
    grant,
    (error) => (error ? bearer.refuse(opcode, cccd.handle, error) : take()),
    CCCD_LENGTH,
  );
}

/** Why this configuration is refused, or 0. Turning off needs no permission. */
function configurationRefusal(
  { bearer, security }: ServerBearer,
  cccd: Attribute,
  configuration: number,
): number {
  // Nothing may be sent on this bearer any more.
  if (bearer.timedOut) return ATT_ERROR.INSUFFICIENT_RESOURCES;
  if ((configuration & ~cccd.allowedConfiguration) !== 0) return ATT_ERROR.CCCD_IMPROPERLY_CONFIGURED;
  return configuration === 0 ? 0 : maySubscribe(security, cccd.configures!);
}

/** Takes over what the client wrote into the CCCD of `value`. */
function configure(bearer: ServerBearer, value: Attribute, configuration: number): void {
  const { session } = bearer;
  const before = session.configurations.get(value.handle) ?? 0;
  session.configure(value.handle, configuration);
  if ((configuration & CCCD.INDICATE) === 0) withdrawAll(bearer, value);
  if (configuration !== before) bearer.context.reportSubscription(session.peer, value, configuration);
}

/** 3.4.6.1: what is wrong with offset or length shows when it is executed. */
export function prepareWrite(bearer: ServerBearer, view: DataView, start: number, length: number): void {
  const opcode = ATT_OPCODE.PREPARE_WRITE_REQUEST;
  if (length < 4) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  const attributeHandle = view.getUint16(start, true);
  const valueOffset = view.getUint16(start + 2, true);
  const { database } = bearer.context;
  const attribute = database.at(attributeHandle);
  if (!attribute) return bearer.refuse(opcode, attributeHandle, ATT_ERROR.INVALID_HANDLE);
  // Two bytes that belong to the client: there is nothing to write in parts.
  const refusal = attribute.configures ? ATT_ERROR.WRITE_NOT_PERMITTED : mayWrite(bearer.security, attribute);
  if (refusal) return bearer.refuse(opcode, attributeHandle, refusal);
  const partAttributeValue = copyBytes(view, start + 4, length - 4);
  const add = (denial: number): void => {
    const error = denial || bearer.preparedWrites.add(attribute, valueOffset, partAttributeValue);
    if (error) return bearer.refuse(opcode, attributeHandle, error);
    bearer.respond(prepareWriteResponse, { attributeHandle, valueOffset, partAttributeValue });
  };
  // Granted with the first part, and once more when they are executed.
  if (!needsAuthorization(attribute, "write") || bearer.preparedWrites.has(attribute)) return add(0);
  const grant = () => whenGranted(bearer, attribute, "write", () => 0);
  ask(bearer, attribute, "write", grant, add, partAttributeValue.length);
}

/** 3.4.6.3: all or nothing. */
export function executeWrites(bearer: ServerBearer, view: DataView, start: number, length: number): void {
  const opcode = ATT_OPCODE.EXECUTE_WRITE_REQUEST;
  const flags = length === 1 ? view.getUint8(start) : -1;
  if (flags !== CANCEL && flags !== WRITE_ALL) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
  if (flags === CANCEL) {
    bearer.preparedWrites.clear();
    return bearer.respondWith(EXECUTE_WRITE_RESPONSE);
  }
  const writes = bearer.preparedWrites.take();
  if ("error" in writes) return bearer.refuse(opcode, writes.handle, writes.error);
  for (const { attribute } of writes) {
    // The link may offer less than when they were prepared.
    const refusal = mayWrite(bearer.security, attribute);
    if (refusal) return bearer.refuse(opcode, attribute.handle, executeRefusal(refusal));
  }
  executeAll(bearer, writes, 0);
}

/** Asks for each value in turn, and stores them when none was refused. */
function executeAll(bearer: ServerBearer, writes: readonly AssembledWrite[], index: number): void {
  const opcode = ATT_OPCODE.EXECUTE_WRITE_REQUEST;
  const write = writes[index];
  if (write) {
    const { attribute, value } = write;
    return accept(bearer, attribute, value, "write", (error) => {
      if (error) bearer.refuse(opcode, attribute.handle, executeRefusal(error));
      else executeAll(bearer, writes, index + 1);
    });
  }
  // Others may have written while the application was asked: all is checked before the first is stored.
  const tooLong = writes.find(({ attribute, value }) => !fits(attribute, value.length));
  if (tooLong) {
    const { handle } = tooLong.attribute;
    return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
  }
  for (const { attribute, value } of writes) store(attribute, value);
  bearer.respondWith(EXECUTE_WRITE_RESPONSE);
  for (const { attribute, value } of writes) written(bearer, attribute, value);
}
