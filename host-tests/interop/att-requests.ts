/** ATT requests by their bytes, for a central without a stack (Vol 3, Part F, 3.4). */
import assert from "node:assert/strict";
import type { RawCentral } from "./raw-central.ts";

/** Opcodes of requests, commands and what comes unasked (3.4.8); a request's response has the next one. */
export const ATT = {
  EXCHANGE_MTU: 0x02,
  FIND_INFORMATION: 0x04,
  FIND_BY_TYPE_VALUE: 0x06,
  READ_BY_TYPE: 0x08,
  READ: 0x0a,
  READ_BLOB: 0x0c,
  READ_MULTIPLE: 0x0e,
  READ_BY_GROUP_TYPE: 0x10,
  WRITE: 0x12,
  PREPARE: 0x16,
  EXECUTE: 0x18,
  NOTIFICATION: 0x1b,
  INDICATION: 0x1d,
  CONFIRMATION: 0x1e,
  READ_MULTIPLE_VARIABLE: 0x20,
  MULTIPLE_NOTIFICATIONS: 0x23,
  WRITE_COMMAND: 0x52,
} as const;

/** Error codes (3.4.1.1). */
export const ATT_ERROR = {
  INVALID_HANDLE: 0x01,
  READ_NOT_PERMITTED: 0x02,
  WRITE_NOT_PERMITTED: 0x03,
  NOT_SUPPORTED: 0x06,
  INVALID_OFFSET: 0x07,
  NOT_FOUND: 0x0a,
  WRONG_LENGTH: 0x0d,
} as const;

/** Two bytes, little-endian. */
export const u16 = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);

/** A PDU; numbers are two bytes. */
export const pdu = (opcode: number, ...parts: (Buffer | number)[]): Buffer =>
  Buffer.concat([
    Buffer.from([opcode]),
    ...parts.map((part) => (typeof part === "number" ? u16(part) : part)),
  ]);

/** A text's bytes in hexadecimal digits. */
export const hex = (text: string): string => Buffer.from(text).toString("hex");

/** A UUID of 128 bits as it travels. */
export const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex").reverse();

/** One request; asserts which response comes, and returns it without its opcode. */
export async function ask(raw: RawCentral, opcode: number, ...parts: (Buffer | number)[]): Promise<Buffer> {
  const answer = await raw.requestAtt(pdu(opcode, ...parts));
  assert.equal(answer[0], opcode + 1, `0x${opcode.toString(16)} is answered with ${answer.toString("hex")}`);
  return answer.subarray(1);
}

/** One request that must be refused with this error. */
export async function refused(
  error: number,
  raw: RawCentral,
  opcode: number,
  ...parts: (Buffer | number)[]
): Promise<void> {
  const answer = await raw.requestAtt(pdu(opcode, ...parts));
  assert.deepEqual([answer[0], answer[1], answer[4]], [1, opcode, error], answer.toString("hex"));
}

/** What comes without being asked for. */
export async function nextUpdate(raw: RawCentral, opcode: number): Promise<string> {
  const { payload } = await raw.frames.takeWhere(
    (frame) => frame.payload[0] === opcode,
    `0x${opcode.toString(16)} of the camera`,
  );
  return payload.subarray(1).toString("hex");
}

/** Every entry that a request over a range of handles finds: their first handle, and the rest of each. */
export async function walk(raw: RawCentral, opcode: number, type: number): Promise<Map<number, Buffer>> {
  const found = new Map<number, Buffer>();
  for (let start = 1; ; ) {
    const answer = await raw.requestAtt(pdu(opcode, start, 0xffff, type));
    if (answer[0] === 1) {
      assert.equal(answer[4], ATT_ERROR.NOT_FOUND);
      return found;
    }
    const length = answer.readUInt8(1);
    for (let at = 2; at < answer.length; at += length) {
      const handle = answer.readUInt16LE(at);
      found.set(handle, answer.subarray(at + 2, at + length));
      start = handle + 1;
    }
  }
}

/** What a central finds. */
export interface Database {
  /** How many primary services there are. */
  readonly services: number;
  /** UUIDs of the included services that have 16 bits. */
  readonly included: readonly number[];
  /** The handle of the value or descriptor with this UUID of 128 bits. */
  handleOf(uuid: string): number;
}

/** Discovers by every procedure that there is: all, and the descriptors of the service with this UUID of 128 bits. */
export async function discover(raw: RawCentral, service: string): Promise<Database> {
  const services = await walk(raw, ATT.READ_BY_GROUP_TYPE, 0x2800);
  const range = await ask(raw, ATT.FIND_BY_TYPE_VALUE, 1, 0xffff, 0x2800, bytesOf(service));
  const [start, end] = [range.readUInt16LE(0), range.readUInt16LE(2)];
  const included = [...(await walk(raw, ATT.READ_BY_TYPE, 0x2802)).values()];
  const handles = new Map<string, number>();
  for (const value of (await walk(raw, ATT.READ_BY_TYPE, 0x2803)).values()) {
    handles.set(value.subarray(3).toString("hex"), value.readUInt16LE(1));
  }
  for (let handle = start; handle <= end; ) {
    const answer = await ask(raw, ATT.FIND_INFORMATION, handle, end);
    const length = answer[0] === 1 ? 4 : 18;
    for (let at = 1; at < answer.length; at += length) {
      handle = answer.readUInt16LE(at) + 1;
      handles.set(answer.subarray(at + 2, at + length).toString("hex"), handle - 1);
    }
  }
  return {
    services: services.size,
    included: included.map((value) => value.readUInt16LE(4)),
    handleOf: (uuid) =>
      handles.get(bytesOf(uuid).toString("hex")) ?? assert.fail(`the camera has no ${uuid}`),
  };
}
