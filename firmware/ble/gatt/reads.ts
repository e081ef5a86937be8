/** Reading values (Vol 3, Part F, 3.4.4; Vol 3, Part G, 4.8). */

import { ATT_ERROR } from "../att/errors.ts";
import {
  readBlobRequest,
  readBlobResponse,
  readMultipleRequest,
  readMultipleResponse,
  readMultipleVariableResponse,
  readRequest,
  readResponse,
} from "../att/pdus.ts";
import { Writer } from "../codec.ts";
import { type Attribute, MAX_VALUE_LENGTH } from "./database.ts";
import type { RemoteClient } from "./remote-client.ts";
import type { GattServer } from "./server.ts";

/** A value, or the ATT error code that refuses it. */
export type ReadResult = Uint8Array | number;

export class Reads {
  private readonly server: GattServer;

  constructor(server: GattServer) {
    this.server = server;
  }

  /** The stored value as this client sees it, or why it may not. Does not ask the application. */
  stored(client: RemoteClient, attribute: Attribute): ReadResult {
    if (!attribute.readable) return ATT_ERROR.READ_NOT_PERMITTED;
    if (!attribute.configures) return attribute.value;
    const configuration = client.configurations.get(attribute.configures.handle) ?? 0;
    return new Uint8Array([configuration & 0xff, configuration >> 8]);
  }

  /** A read from the start of a value, which the application may refuse or answer itself. */
  read(client: RemoteClient, attribute: Attribute, next: (result: ReadResult) => void): void {
    const hooks = attribute.hooks;
    if (!hooks?.onRead || !attribute.readable) return next(this.stored(client, attribute));
    this.server.ask(
      client,
      attribute,
      () => hooks.onRead!(client.owner),
      (answer) => {
        if (answer instanceof Uint8Array) next(answer.subarray(0, MAX_VALUE_LENGTH));
        else next(answer || this.stored(client, attribute));
      },
    );
  }

  /** 3.4.4.3 */
  request(client: RemoteClient, view: DataView, start: number, length: number): void {
    if (length !== 2) return client.bearer.refuse(readRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    this.readFromStart(client, readRequest.opcode, readResponse.opcode, view.getUint16(start, true));
  }

  /** 3.4.4.5: parts after the first come from the answer that the first came from. */
  blob(client: RemoteClient, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    const opcode = readBlobRequest.opcode;
    if (length !== 4) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const handle = view.getUint16(start, true);
    const offset = view.getUint16(start + 2, true);
    if (offset === 0) return this.readFromStart(client, opcode, readBlobResponse.opcode, handle);
    const attribute = this.server.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    const value = client.snapshot?.handle === handle ? client.snapshot.value : this.stored(client, attribute);
    if (typeof value === "number") return bearer.refuse(opcode, handle, value);
    if (offset > value.length) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_OFFSET);
    const end = Math.min(value.length, offset + bearer.mtu - 1);
    bearer.respondWithValue(readBlobResponse.opcode, value, offset, end);
  }

  private readFromStart(client: RemoteClient, opcode: number, response: number, handle: number): void {
    const { bearer } = client;
    const attribute = this.server.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    this.read(client, attribute, (value) => {
      if (typeof value === "number") {
        client.snapshot = undefined;
        return bearer.refuse(opcode, value === ATT_ERROR.UNLIKELY_ERROR ? 0 : handle, value);
      }
      const end = Math.min(value.length, bearer.mtu - 1);
      client.snapshot = attribute.hooks?.onRead && end < value.length ? { handle, value } : undefined;
      bearer.respondWithValue(response, value, 0, end);
    });
  }

  /** 3.4.4.7 and 3.4.4.11: two handles or more; the first that may not be read refuses all. */
  multiple(client: RemoteClient, opcode: number, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    if (length < 4 || length % 2 !== 0) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const handles: number[] = [];
    for (let at = 0; at < length; at += 2) handles.push(view.getUint16(start + at, true));
    const plain = opcode === readMultipleRequest.opcode;
    const writer = new Writer(64);
    const step = (index: number): void => {
      const handle = handles[index];
      if (handle === undefined) {
        const response = plain ? readMultipleResponse : readMultipleVariableResponse;
        bearer.respondWithValue(response.opcode, writer.finish(), 0, Math.min(writer.length, bearer.mtu - 1));
        return;
      }
      const attribute = this.server.at(handle);
      if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
      this.read(client, attribute, (value) => {
        if (typeof value === "number") {
          return bearer.refuse(opcode, value === ATT_ERROR.UNLIKELY_ERROR ? 0 : handle, value);
        }
        if (!plain) writer.u16(value.length);
        writer.bytes(value);
        step(index + 1);
      });
    };
    step(0);
  }
}
