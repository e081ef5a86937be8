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
import type { GattServer, GattWatcher } from "./server.ts";

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

  /** Who watches the reads of this attribute. */
  private watcher(attribute: Attribute): GattWatcher | undefined {
    const { watcher } = this.server;
    return watcher && this.server.isOfApplication(attribute) ? watcher : undefined;
  }

  /** Whether anybody is asked before a client reads this attribute. */
  asks(attribute: Attribute): boolean {
    return attribute.hooks?.onRead !== undefined || this.watcher(attribute) !== undefined;
  }

  /** A read from the start of a value, which the application may refuse or answer itself. */
  read(client: RemoteClient, attribute: Attribute, next: (result: ReadResult) => void): void {
    if (!attribute.readable || !this.asks(attribute)) return next(this.stored(client, attribute));
    const { hooks } = attribute;
    const watcher = this.watcher(attribute);
    this.server.ask(
      client,
      attribute,
      "read",
      () => watcher?.onRead(client.owner, attribute) || hooks?.onRead?.(client.owner),
      (answer) => {
        // A copy: the application may go on using its array while the client reads the rest.
        const result =
          answer instanceof Uint8Array
            ? answer.slice(0, MAX_VALUE_LENGTH)
            : answer || this.stored(client, attribute);
        client.snapshot =
          typeof result === "number" ? undefined : { handle: attribute.handle, value: result };
        next(result);
      },
    );
  }

  /** 3.4.4.3 */
  request(client: RemoteClient, view: DataView, start: number, length: number): void {
    if (length !== 2) return client.bearer.refuse(readRequest.opcode, 0, ATT_ERROR.INVALID_PDU);
    this.readFromStart(client, readRequest.opcode, readResponse.opcode, view.getUint16(start, true));
  }

  /**
   * 3.4.4.5: parts after the first come from the answer that the first came from. A client that has no such answer is no
   * exception to asking the application.
   */
  blob(client: RemoteClient, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    const opcode = readBlobRequest.opcode;
    if (length !== 4) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const handle = view.getUint16(start, true);
    const offset = view.getUint16(start + 2, true);
    if (offset === 0) return this.readFromStart(client, opcode, readBlobResponse.opcode, handle);
    const attribute = this.server.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    const answer = (value: ReadResult): void => {
      if (typeof value === "number") return bearer.refuse(opcode, handle, value);
      if (offset > value.length) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_OFFSET);
      const end = Math.min(value.length, offset + bearer.mtu - 1);
      bearer.respondWithValue(readBlobResponse.opcode, value, offset, end);
    };
    if (client.snapshot?.handle === handle) return answer(client.snapshot.value);
    this.read(client, attribute, answer);
  }

  private readFromStart(client: RemoteClient, opcode: number, response: number, handle: number): void {
    const { bearer } = client;
    const attribute = this.server.at(handle);
    if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
    this.read(client, attribute, (value) => {
      if (typeof value === "number") return bearer.refuse(opcode, handle, value);
      bearer.respondWithValue(response, value, 0, Math.min(value.length, bearer.mtu - 1));
    });
  }

  /** 3.4.4.7 and 3.4.4.11: two handles or more; the first that may not be read refuses all. */
  multiple(client: RemoteClient, opcode: number, view: DataView, start: number, length: number): void {
    const { bearer } = client;
    if (length < 4 || length % 2 !== 0) return bearer.refuse(opcode, 0, ATT_ERROR.INVALID_PDU);
    const handles: number[] = [];
    for (let at = 0; at < length; at += 2) handles.push(view.getUint16(start + at, true));
    const values =
      opcode === readMultipleRequest.opcode ? new PlainValues(bearer.mtu) : new VariableValues(bearer.mtu);
    this.collect(client, opcode, handles, 0, values);
  }

  /** Reads one value after the other from `from` on. A loop where answers come at once: a request may name hundreds. */
  private collect(
    client: RemoteClient,
    opcode: number,
    handles: readonly number[],
    from: number,
    values: PlainValues | VariableValues,
  ): void {
    const { bearer } = client;
    for (let index = from; index < handles.length; index++) {
      const handle = handles[index]!;
      const attribute = this.server.at(handle);
      if (!attribute) return bearer.refuse(opcode, handle, ATT_ERROR.INVALID_HANDLE);
      let inTime = true;
      let result: ReadResult | undefined;
      this.read(client, attribute, (value) => {
        if (inTime) {
          result = value;
        } else if (typeof value === "number") {
          bearer.refuse(opcode, handle, value);
        } else {
          values.add(value);
          this.collect(client, opcode, handles, index + 1, values);
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
}

/** Values one after the other; what does not fit is cut (3.4.4.8). Keeps no more than the answer takes. */
class PlainValues {
  readonly opcode: number = readMultipleResponse.opcode;
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
  override readonly opcode = readMultipleVariableResponse.opcode;
  private full = false;

  override add(value: Uint8Array): void {
    if (this.writer.length + 2 > this.room) this.full = true;
    if (this.full) return;
    this.writer.u16(value.length);
    this.writer.bytes(value);
  }
}
