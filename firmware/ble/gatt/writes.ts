/** Writing values (Vol 3, Part F, 3.4.5 and 3.4.6; Vol 3, Part G, 4.9). */

import { ATT_ERROR } from "../att/errors.ts";
import {
  executeWriteRequest,
  executeWriteResponse,
  prepareWriteRequest,
  prepareWriteResponse,
  writeRequest,
  writeResponse,
} from "../att/pdus.ts";
import { copyBytes } from "../codec.ts";
import { executeRefusal, type Question } from "./answers.ts";
import { type Attribute, CCCD } from "./database.ts";
import type { AssembledWrite } from "./prepared-writes.ts";
import type { RemoteClient } from "./remote-client.ts";
import type { GattServer } from "./server.ts";

/** Flags of Execute Write Request (3.4.6.3). */
const CANCEL = 0x00;
const WRITE_ALL = 0x01;

/** Responses without parameters. */
const WRITE_RESPONSE = new Uint8Array([writeResponse.opcode]);
const EXECUTE_WRITE_RESPONSE = new Uint8Array([executeWriteResponse.opcode]);

export class Writes {
  droppedCommands = 0;
  private readonly server: GattServer;

  constructor(server: GattServer) {
    this.server = server;
  }

  /** A command that has no effect. */
  drop(): void {
    this.droppedCommands++;
  }

  /** 3.4.5.1 */
  request(client: RemoteClient, view: DataView, start: number, length: number): void {
    const bearer = client.bearer;
    const opcode = writeRequest.opcode;
    if (length < 2) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const handle = view.getUint16(start, true);
    const attribute = this.server.database.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    if (!attribute.writable) return bearer.refuse(opcode, handle, ATT_ERROR.WRITE_NOT_PERMITTED);
    if (attribute.configures) return this.configure(client, attribute, view, start + 2, length - 2);
    if (length - 2 > (attribute.append ? roomBehind(attribute) : attribute.maxLength)) {
      return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
    }
    // The application gets copies, and nobody else changes a packet.
    const value = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start + 2, length - 2);
    if (attribute.hooks?.onWrite) return this.askForRequest(client, attribute, value);
    if (attribute.append) append(attribute, value);
    else attribute.value = value;
    bearer.respondWith(WRITE_RESPONSE);
    this.written(client, attribute, value);
  }

  private askForRequest(client: RemoteClient, attribute: Attribute, value: Uint8Array): void {
    const { bearer } = client;
    this.accept(client, attribute, value, (error) => {
      if (error) return bearer.refuse(writeRequest.opcode, attribute.handle, error);
      store(attribute, value);
      bearer.respondWith(WRITE_RESPONSE);
      this.written(client, attribute, value);
    });
  }

  /** 3.4.5.3: never answered, whatever is wrong with it. */
  command(client: RemoteClient, view: DataView, start: number, length: number): void {
    const attribute = length < 2 ? undefined : this.server.database.at(view.getUint16(start, true));
    if (!attribute?.writableWithoutResponse) return this.drop();
    if (length - 2 > (attribute.append ? roomBehind(attribute) : attribute.maxLength)) return this.drop();
    const value = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + start + 2, length - 2);
    if (attribute.hooks?.onWrite) return this.askForCommand(client, attribute, value);
    if (attribute.append) append(attribute, value);
    else attribute.value = value;
    this.written(client, attribute, value);
  }

  private askForCommand(client: RemoteClient, attribute: Attribute, value: Uint8Array): void {
    const next = (error: number): void => {
      if (error) return this.drop();
      store(attribute, value);
      this.written(client, attribute, value);
    };
    this.accept(client, attribute, value, next, "command");
  }

  /** Asks the application; `next` gets 0 or the ATT error code that refuses. */
  private accept(
    client: RemoteClient,
    attribute: Attribute,
    value: Uint8Array,
    next: (error: number) => void,
    kind: Question = "write",
  ): void {
    const hooks = attribute.hooks;
    if (!hooks?.onWrite) return next(0);
    this.server.ask(
      client,
      attribute,
      kind,
      () => hooks.onWrite!(client.owner, value),
      (answer) => next(answer ?? 0),
    );
  }

  private written(client: RemoteClient, attribute: Attribute, value: Uint8Array): void {
    const server = this.server;
    const hooks = attribute.hooks;
    try {
      if (hooks?.onWritten) hooks.onWritten(client.owner, value);
    } catch (error) {
      server.blame(attribute, error);
    }
    const watcher = server.watcher;
    if (watcher && server.isOfApplication(attribute)) watcher.onWritten(client.owner, attribute);
  }

  /** A write to a CCCD (Vol 3, Part G, 3.3.3.3). The response goes out before anything that it enables. */
  private configure(
    client: RemoteClient,
    cccd: Attribute,
    view: DataView,
    start: number,
    length: number,
  ): void {
    const { bearer } = client;
    const opcode = writeRequest.opcode;
    if (length !== 2) return bearer.refuse(opcode, cccd.handle, ATT_ERROR.INVALID_ATTRIBUTE_VALUE_LENGTH);
    const configuration = view.getUint16(start, true);
    if ((configuration & ~cccd.allowedConfiguration) !== 0) {
      return bearer.refuse(opcode, cccd.handle, ATT_ERROR.CCCD_IMPROPERLY_CONFIGURED);
    }
    const target = cccd.configures!;
    const before = client.configurations.get(target.handle) ?? 0;
    if (configuration === 0) client.configurations.delete(target.handle);
    else client.configurations.set(target.handle, configuration);
    bearer.respondWith(WRITE_RESPONSE);
    if ((configuration & CCCD.INDICATE) === 0) this.server.updates.withdrawAll(client, target);
    if (configuration !== before) this.server.tellSubscription(client.owner, target, configuration);
  }

  /** 3.4.6.1: what is wrong with offset or length shows when it is executed. */
  prepare(client: RemoteClient, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    const opcode = prepareWriteRequest.opcode;
    if (length < 4) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const attributeHandle = view.getUint16(start, true);
    const valueOffset = view.getUint16(start + 2, true);
    const attribute = this.server.at(attributeHandle);
    if (!attribute) return bearer.refuse(opcode, attributeHandle, ATT_ERROR.INVALID_HANDLE);
    if (!attribute.writable) return bearer.refuse(opcode, attributeHandle, ATT_ERROR.WRITE_NOT_PERMITTED);
    // Two bytes that belong to the client: there is nothing to write in parts.
    if (attribute.configures) return bearer.refuse(opcode, attributeHandle, ATT_ERROR.WRITE_NOT_PERMITTED);
    const partAttributeValue = copyBytes(view, start + 4, length - 4);
    const error = client.preparedWrites.add(attribute, valueOffset, partAttributeValue);
    if (error) return bearer.refuse(opcode, attributeHandle, error);
    bearer.respond(prepareWriteResponse, { attributeHandle, valueOffset, partAttributeValue });
  }

  /** 3.4.6.3: all or nothing. */
  execute(client: RemoteClient, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    const opcode = executeWriteRequest.opcode;
    const flags = length === 1 ? view.getUint8(start) : -1;
    if (flags !== CANCEL && flags !== WRITE_ALL) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    if (flags === CANCEL) {
      client.preparedWrites.clear();
      return bearer.respondWith(EXECUTE_WRITE_RESPONSE);
    }
    const writes = client.preparedWrites.take();
    if ("error" in writes) return bearer.refuse(opcode, writes.handle, writes.error);
    this.executeAll(client, writes, 0);
  }

  /** Asks for each value in turn, and stores them when none was refused. */
  private executeAll(client: RemoteClient, writes: readonly AssembledWrite[], index: number): void {
    const { bearer } = client;
    const write = writes[index];
    if (write) {
      const { attribute, value } = write;
      return this.accept(client, attribute, value, (error) => {
        if (error) bearer.refuse(executeWriteRequest.opcode, attribute.handle, executeRefusal(error));
        else this.executeAll(client, writes, index + 1);
      });
    }
    for (const { attribute, value } of writes) store(attribute, value);
    bearer.respondWith(EXECUTE_WRITE_RESPONSE);
    for (const { attribute, value } of writes) this.written(client, attribute, value);
  }
}

/** Bytes that fit behind the value of an attribute that collects what clients write. */
function roomBehind({ maxLength, value }: Attribute): number {
  return maxLength - value.length;
}

function store(attribute: Attribute, value: Uint8Array): void {
  if (attribute.append) append(attribute, value);
  else attribute.value = value;
}

function append(attribute: Attribute, value: Uint8Array): void {
  const joined = new Uint8Array(attribute.value.length + value.length);
  joined.set(attribute.value);
  joined.set(value, attribute.value.length);
  attribute.value = joined;
}
