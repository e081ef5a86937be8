/** One session that uses everything a camera serves, and what tshark makes of its trace. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  CLOSED,
  COMMAND,
  CONTROL,
  LEFT,
  LONG,
  NAME,
  NOTE,
  REFUSAL,
  RIGHT,
  SECONDARY,
  SERVICE,
  SHORT,
  SURE,
} from "../applications/everything/names.ts";
import { assertDecodes } from "../btsnoop.ts";
import type { CameraKind } from "../cameras.ts";
import type { RawCentral } from "../rawCentral.ts";
import { useRig } from "../useRig.ts";

const MTU = 100;

/** ATT opcodes (Vol 3, Part F, 3.4.8) that the session must hold, in either direction. */
const OPCODES: Readonly<Record<number, string>> = {
  1: "Error Response",
  2: "Exchange MTU Request",
  3: "Exchange MTU Response",
  4: "Find Information Request",
  5: "Find Information Response",
  6: "Find By Type Value Request",
  7: "Find By Type Value Response",
  8: "Read By Type Request",
  9: "Read By Type Response",
  10: "Read Request",
  11: "Read Response",
  12: "Read Blob Request",
  13: "Read Blob Response",
  14: "Read Multiple Request",
  15: "Read Multiple Response",
  16: "Read By Group Type Request",
  17: "Read By Group Type Response",
  18: "Write Request",
  19: "Write Response",
  22: "Prepare Write Request",
  23: "Prepare Write Response",
  24: "Execute Write Request",
  25: "Execute Write Response",
  27: "Handle Value Notification",
  29: "Handle Value Indication",
  30: "Handle Value Confirmation",
  32: "Read Multiple Variable Request",
  33: "Read Multiple Variable Response",
  35: "Multiple Handle Value Notification",
  82: "Write Command",
};

/** HCI commands (Vol 4, Part E, 7) that the session must hold. */
const COMMANDS: Readonly<Record<number, string>> = {
  3075: "Reset",
  1030: "Disconnect",
  8198: "LE Set Advertising Parameters",
  8200: "LE Set Advertising Data",
  8201: "LE Set Scan Response Data",
  8202: "LE Set Advertising Enable",
};

const ERROR = {
  INVALID_HANDLE: 0x01,
  READ_NOT_PERMITTED: 0x02,
  WRITE_NOT_PERMITTED: 0x03,
  NOT_SUPPORTED: 0x06,
  INVALID_OFFSET: 0x07,
  NOT_FOUND: 0x0a,
  WRONG_LENGTH: 0x0d,
} as const;

const u16 = (value: number): Buffer => Buffer.from([value & 0xff, value >> 8]);
const pdu = (opcode: number, ...parts: (Buffer | number)[]): Buffer =>
  Buffer.concat([
    Buffer.from([opcode]),
    ...parts.map((part) => (typeof part === "number" ? u16(part) : part)),
  ]);
const hex = (text: string): string => Buffer.from(text).toString("hex");
const hexOf = (value: number): string => u16(value).toString("hex");
const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex").reverse();

/** One request; asserts which response comes, and returns it without its opcode. */
async function ask(raw: RawCentral, opcode: number, ...parts: (Buffer | number)[]): Promise<Buffer> {
  const answer = await raw.requestAtt(pdu(opcode, ...parts));
  assert.equal(answer[0], opcode + 1, `${OPCODES[opcode]} is answered with ${answer.toString("hex")}`);
  return answer.subarray(1);
}

/** One request that must be refused with this error. */
async function refused(
  error: number,
  raw: RawCentral,
  opcode: number,
  ...parts: (Buffer | number)[]
): Promise<void> {
  const answer = await raw.requestAtt(pdu(opcode, ...parts));
  assert.deepEqual([answer[0], answer[1], answer[4]], [1, opcode, error], answer.toString("hex"));
}

/** What comes without being asked for. */
async function told(raw: RawCentral, opcode: number): Promise<string> {
  const { payload } = await raw.frames.takeWhere(
    (frame) => frame.payload[0] === opcode,
    `${OPCODES[opcode]}`,
  );
  return payload.subarray(1).toString("hex");
}

/** Every entry that a request over a range of handles finds: their first handle, and the rest of each. */
async function walk(raw: RawCentral, opcode: number, type: number): Promise<Map<number, Buffer>> {
  const found = new Map<number, Buffer>();
  for (let start = 1; ; ) {
    const answer = await raw.requestAtt(pdu(opcode, start, 0xffff, type));
    if (answer[0] === 1) {
      assert.equal(answer[4], ERROR.NOT_FOUND);
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

/** Discovers everything; returns the handle of what has a UUID of 128 bits. */
async function discover(raw: RawCentral): Promise<(uuid: string) => number> {
  assert.equal((await walk(raw, 0x10, 0x2800)).size, 4, "the two of every server, and two of ours");
  const range = await ask(raw, 0x06, 1, 0xffff, 0x2800, bytesOf(SERVICE));
  const [start, end] = [range.readUInt16LE(0), range.readUInt16LE(2)];
  const included = [...(await walk(raw, 0x08, 0x2802)).values()];
  assert.deepEqual(
    included.map((value) => value.readUInt16LE(4)),
    [SECONDARY],
  );
  const handles = new Map<string, number>();
  for (const value of (await walk(raw, 0x08, 0x2803)).values()) {
    handles.set(value.subarray(3).toString("hex"), value.readUInt16LE(1));
  }
  for (let handle = start; handle <= end; ) {
    const answer = await ask(raw, 0x04, handle, end);
    const length = answer[0] === 1 ? 4 : 18;
    for (let at = 1; at < answer.length; at += length) {
      handle = answer.readUInt16LE(at) + 1;
      handles.set(answer.subarray(at + 2, at + length).toString("hex"), handle - 1);
    }
  }
  return (uuid) => handles.get(bytesOf(uuid).toString("hex")) ?? assert.fail(`the camera has no ${uuid}`);
}

async function read(raw: RawCentral, handleOf: (uuid: string) => number): Promise<void> {
  const [long, short, left] = [LONG, SHORT, LEFT].map(handleOf) as [number, number, number];
  const value = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff));
  const parts = [await ask(raw, 0x0a, long)];
  for (let at = MTU - 1; at < value.length; at += MTU - 1) parts.push(await ask(raw, 0x0c, long, at));
  assert.deepEqual(Buffer.concat(parts), value);
  assert.equal((await ask(raw, 0x08, 1, 0xffff, bytesOf(SHORT))).subarray(3).toString(), "short");
  assert.equal((await ask(raw, 0x0e, short, left)).toString(), "shortleft");
  const variable = await ask(raw, 0x20, short, left);
  assert.equal(variable.toString("hex"), `0500${hex("short")}0400${hex("left")}`);
  for (const uuid of [0x2a00, 0x2a01, 0x2b2a, 0x2b29]) await ask(raw, 0x08, 1, 0xffff, uuid);
}

async function write(raw: RawCentral, handleOf: (uuid: string) => number): Promise<void> {
  const [long, short, note] = [LONG, SHORT, NOTE].map(handleOf) as [number, number, number];
  const isValue = async (handle: number, text: string) =>
    assert.equal((await ask(raw, 0x0a, handle)).toString(), text);
  await ask(raw, 0x12, short, Buffer.from("requested"));
  await isValue(short, "requested");
  raw.sendAtt(pdu(0x52, short, Buffer.from("commanded")));
  await isValue(short, "commanded");
  await ask(raw, 0x12, note, Buffer.from("a note"));
  await isValue(note, "a note");

  const text = "long ".repeat(40);
  const prepare = async (handle: number, offset: number, part: string) => {
    const echo = await ask(raw, 0x16, handle, offset, Buffer.from(part));
    assert.deepEqual(echo, Buffer.concat([u16(handle), u16(offset), Buffer.from(part)]));
  };
  const execute = (flags: number) => ask(raw, 0x18, Buffer.from([flags]));
  for (let at = 0; at < text.length; at += MTU - 5) await prepare(long, at, text.slice(at, at + MTU - 5));
  await execute(1);
  assert.equal((await ask(raw, 0x0c, long, text.length - 5)).toString(), "long ");
  // Reliably: two values at once.
  await prepare(short, 0, "together");
  await prepare(long, 0, "with this");
  await execute(1);
  await isValue(short, "together");
  await prepare(short, 0, "never");
  await execute(0);
  await isValue(short, "together");
}

async function listen(raw: RawCentral, handleOf: (uuid: string) => number): Promise<void> {
  const [left, right, sure, control] = [LEFT, RIGHT, SURE, CONTROL].map(handleOf) as [
    number,
    number,
    number,
    number,
  ];
  const obey = (command: number) => ask(raw, 0x12, control, Buffer.from([command]));
  const features = await ask(raw, 0x08, 1, 0xffff, 0x2b29);
  // Multiple Handle Value Notifications are understood (Vol 3, Part G, 7.2).
  await ask(raw, 0x12, features.readUInt16LE(1), Buffer.from([0x04]));
  // The configuration stands right after the value.
  for (const [handle, bits] of [
    [left, 1],
    [right, 1],
    [sure, 2],
  ] as const) {
    await ask(raw, 0x12, handle + 1, bits);
  }
  await obey(COMMAND.NOTIFY);
  assert.equal(await told(raw, 0x1b), `${hexOf(left)}${hex("notified")}`);
  await obey(COMMAND.NOTIFY_MULTIPLE);
  const tuple = (handle: number, text: string) => `${hexOf(handle)}${hexOf(text.length)}${hex(text)}`;
  assert.equal(await told(raw, 0x23), tuple(left, "left") + tuple(right, "right"));
  await obey(COMMAND.INDICATE);
  assert.equal(await told(raw, 0x1d), `${hexOf(sure)}${hex("indicated")}`);
  raw.sendAtt(pdu(0x1e));
}

async function err(raw: RawCentral, handleOf: (uuid: string) => number): Promise<void> {
  const [short, left, closed, control] = [SHORT, LEFT, CLOSED, CONTROL].map(handleOf) as [
    number,
    number,
    number,
    number,
  ];
  await refused(ERROR.INVALID_HANDLE, raw, 0x0a, 0xfff0);
  await refused(ERROR.READ_NOT_PERMITTED, raw, 0x0a, control);
  await refused(ERROR.WRITE_NOT_PERMITTED, raw, 0x12, left, Buffer.from("x"));
  await refused(ERROR.INVALID_OFFSET, raw, 0x0c, short, 300);
  await refused(ERROR.NOT_FOUND, raw, 0x08, 1, 0xffff, 0x2a99);
  await refused(ERROR.WRONG_LENGTH, raw, 0x12, short, Buffer.alloc(41));
  await refused(REFUSAL, raw, 0x0a, closed);
  await refused(REFUSAL + 1, raw, 0x12, closed, Buffer.from("x"));
  await refused(ERROR.NOT_SUPPORTED, raw, 0x36);
}

export function everything(kind: CameraKind): void {
  if (!kind.runsOurApplications) return;

  describe("a session that uses everything", () => {
    const rig = useRig(kind, "everything");

    it("is served, from discovery to the radio's end", async () => {
      const raw = await rig().raw();
      await raw.connect(NAME);
      await ask(raw, 0x02, MTU);
      const handleOf = await discover(raw);
      await read(raw, handleOf);
      await write(raw, handleOf);
      await listen(raw, handleOf);
      await err(raw, handleOf);
      await raw.disconnect();

      await raw.connect(NAME);
      await ask(raw, 0x12, handleOf(CONTROL), Buffer.from([COMMAND.STOP]));
      assert.equal(await raw.disconnections.take("the end of the radio"), 0x15, "power off");
      // It is there again, cold.
      await raw.connect(NAME);
      await raw.disconnect();
    });

    it("leaves a trace with everything in it, which tshark decodes without an error", async () => {
      const { protocols, opcodes, commands } = await assertDecodes(rig().snoopPath);
      assert.ok((protocols.bthci_cmd ?? 0) > 20 && (protocols.bthci_evt ?? 0) > 20);
      const missing = Object.keys(OPCODES).filter((opcode) => !opcodes.has(Number(opcode)));
      assert.deepEqual(
        missing.map((opcode) => OPCODES[Number(opcode)]),
        [],
      );
      for (const [command, what] of Object.entries(COMMANDS)) assert.ok(commands.has(Number(command)), what);
    });
  });
}
