/** Writing values (Vol 3, Part G, 4.9). */
import { encodePdu, type Operation } from "../../att/client-role.ts";
import { ProtocolError } from "../../att/errors.ts";
import {
  executeWriteRequest,
  executeWriteResponse,
  prepareWriteRequest,
  prepareWriteResponse,
  writeCommand,
  writeRequest,
  writeResponse,
} from "../../att/pdus.ts";
import { sameBytes, viewOf } from "../../codec.ts";
import type { Mtu } from "./reads.ts";

/** Bytes of a Write Request, a Write Command, and a Prepare Write Request beside the value. */
export const WRITE_OVERHEAD = 3;
const PREPARE_OVERHEAD = 5;

/** Execute Write flags (Vol 3, Part F, 3.4.6.3). */
const EXECUTE = { CANCEL: 0x00, WRITE: 0x01 } as const;

/** A value and where it goes. */
export interface ValueWrite {
  readonly handle: number;
  readonly value: Uint8Array;
}

/** A whole Write Command (4.9.1). */
export function writeCommandPdu({ handle, value }: ValueWrite): Uint8Array {
  return encodePdu(writeCommand, { attributeHandle: handle, attributeValue: value });
}

/** Writes a value and waits for the answer: with one request (4.9.3), or in parts when it is longer than that (4.9.4). */
export async function writeValue(operation: Operation, bearer: Mtu, write: ValueWrite): Promise<void> {
  const { handle, value } = write;
  if (value.length > bearer.mtu - WRITE_OVERHEAD) return writeReliably(operation, bearer, [write]);
  await operation.request(writeRequest, { attributeHandle: handle, attributeValue: value }, writeResponse);
}

/**
 * Writes several values, all or none of them: the peer keeps them, repeats them, and takes them together (4.9.5).
 * @throws ProtocolError when it repeats something else. What it kept is cleared then, as after every other failure.
 */
export async function writeReliably(
  operation: Operation,
  bearer: Mtu,
  writes: readonly ValueWrite[],
): Promise<void> {
  try {
    for (const write of writes) await prepare(operation, bearer, write);
    await execute(operation, EXECUTE.WRITE);
  } catch (error) {
    // Else the parts that the peer has kept would be written with the next ones.
    await execute(operation, EXECUTE.CANCEL).catch(() => {});
    throw error;
  }
}

async function prepare(operation: Operation, bearer: Mtu, { handle, value }: ValueWrite): Promise<void> {
  let at = 0;
  do {
    const part = value.slice(at, at + bearer.mtu - PREPARE_OVERHEAD);
    const values = { attributeHandle: handle, valueOffset: at, partAttributeValue: part };
    const echo = await operation.request(prepareWriteRequest, values, prepareWriteResponse);
    if (!repeats(echo, handle, at, part)) throw new ProtocolError("it repeats another part than was sent");
    at += part.length;
  } while (at < value.length);
}

/** Whether a Prepare Write Response repeats its request (Vol 3, Part F, 3.4.6.2). */
function repeats(body: Uint8Array, handle: number, offset: number, part: Uint8Array): boolean {
  if (body.length !== 4 + part.length) return false;
  const view = viewOf(body);
  if (view.getUint16(0, true) !== handle || view.getUint16(2, true) !== offset) return false;
  return sameBytes(body.subarray(4), part);
}

async function execute(operation: Operation, flags: number): Promise<void> {
  await operation.request(executeWriteRequest, { flags }, executeWriteResponse, flags === EXECUTE.CANCEL);
}
