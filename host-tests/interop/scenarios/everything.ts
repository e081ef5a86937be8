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
import {
  ATT,
  ATT_ERROR,
  ask,
  bytesOf,
  type Database,
  discover,
  hex,
  nextUpdate,
  pdu,
  refused,
  u16,
} from "../att-requests.ts";
import { assertDecodes } from "../btsnoop.ts";
import type { CameraKind } from "../cameras.ts";
import type { RawCentral } from "../raw-central.ts";
import { useRig } from "../use-rig.ts";
import { cutShort } from "./cut-short.ts";

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
const COMMANDS: Readonly<Record<string, string>> = {
  "0x0c03": "Reset",
  "0x0406": "Disconnect",
  "0x2006": "LE Set Advertising Parameters",
  "0x2008": "LE Set Advertising Data",
  "0x2009": "LE Set Scan Response Data",
  "0x200a": "LE Set Advertising Enable",
};

type HandleOf = Database["handleOf"];

async function read(raw: RawCentral, handleOf: HandleOf): Promise<void> {
  const [long, short, left] = [LONG, SHORT, LEFT].map(handleOf) as [number, number, number];
  const value = Buffer.from(Array.from({ length: 300 }, (_, index) => index & 0xff));
  const parts = [await ask(raw, ATT.READ, long)];
  for (let at = MTU - 1; at < value.length; at += MTU - 1)
    parts.push(await ask(raw, ATT.READ_BLOB, long, at));
  assert.deepEqual(Buffer.concat(parts), value);
  assert.equal((await ask(raw, ATT.READ_BY_TYPE, 1, 0xffff, bytesOf(SHORT))).subarray(3).toString(), "short");
  assert.equal((await ask(raw, ATT.READ_MULTIPLE, short, left)).toString(), "shortleft");
  const variable = await ask(raw, ATT.READ_MULTIPLE_VARIABLE, short, left);
  assert.equal(variable.toString("hex"), `0500${hex("short")}0400${hex("left")}`);
  for (const uuid of [0x2a00, 0x2a01, 0x2b2a, 0x2b29]) await ask(raw, ATT.READ_BY_TYPE, 1, 0xffff, uuid);
}

async function write(raw: RawCentral, handleOf: HandleOf): Promise<void> {
  const [long, short, note] = [LONG, SHORT, NOTE].map(handleOf) as [number, number, number];
  const isValue = async (handle: number, text: string) =>
    assert.equal((await ask(raw, ATT.READ, handle)).toString(), text);
  await ask(raw, ATT.WRITE, short, Buffer.from("requested"));
  await isValue(short, "requested");
  raw.sendAtt(pdu(ATT.WRITE_COMMAND, short, Buffer.from("commanded")));
  await isValue(short, "commanded");
  await ask(raw, ATT.WRITE, note, Buffer.from("a note"));
  await isValue(note, "a note");

  const text = "long ".repeat(40);
  const prepare = async (handle: number, offset: number, part: string) => {
    const echo = await ask(raw, ATT.PREPARE, handle, offset, Buffer.from(part));
    assert.deepEqual(echo, Buffer.concat([u16(handle), u16(offset), Buffer.from(part)]));
  };
  const execute = (flags: number) => ask(raw, ATT.EXECUTE, Buffer.from([flags]));
  for (let at = 0; at < text.length; at += MTU - 5) await prepare(long, at, text.slice(at, at + MTU - 5));
  await execute(1);
  assert.equal((await ask(raw, ATT.READ_BLOB, long, text.length - 5)).toString(), "long ");
  // Reliably: two values at once.
  await prepare(short, 0, "together");
  await prepare(long, 0, "with this");
  await execute(1);
  await isValue(short, "together");
  await prepare(short, 0, "never");
  await execute(0);
  await isValue(short, "together");
}

async function listen(raw: RawCentral, handleOf: HandleOf): Promise<void> {
  const [left, right, sure, control] = [LEFT, RIGHT, SURE, CONTROL].map(handleOf) as [
    number,
    number,
    number,
    number,
  ];
  const obey = (command: number) => ask(raw, ATT.WRITE, control, Buffer.from([command]));
  const features = await ask(raw, ATT.READ_BY_TYPE, 1, 0xffff, 0x2b29);
  // Multiple Handle Value Notifications are understood (Vol 3, Part G, 7.2).
  await ask(raw, ATT.WRITE, features.readUInt16LE(1), Buffer.from([0x04]));
  // The configuration stands right after the value.
  for (const [handle, bits] of [
    [left, 1],
    [right, 1],
    [sure, 2],
  ] as const) {
    await ask(raw, ATT.WRITE, handle + 1, bits);
  }
  await obey(COMMAND.NOTIFY);
  assert.equal(await nextUpdate(raw, ATT.NOTIFICATION), `${u16(left).toString("hex")}${hex("notified")}`);
  await obey(COMMAND.NOTIFY_MULTIPLE);
  const tuple = (handle: number, text: string) =>
    `${u16(handle).toString("hex")}${u16(text.length).toString("hex")}${hex(text)}`;
  assert.equal(
    await nextUpdate(raw, ATT.MULTIPLE_NOTIFICATIONS),
    tuple(left, "left") + tuple(right, "right"),
  );
  await obey(COMMAND.INDICATE);
  assert.equal(await nextUpdate(raw, ATT.INDICATION), `${u16(sure).toString("hex")}${hex("indicated")}`);
  raw.sendAtt(pdu(ATT.CONFIRMATION));
}

async function err(raw: RawCentral, handleOf: HandleOf): Promise<void> {
  const [short, left, closed, control] = [SHORT, LEFT, CLOSED, CONTROL].map(handleOf) as [
    number,
    number,
    number,
    number,
  ];
  await refused(ATT_ERROR.INVALID_HANDLE, raw, ATT.READ, 0xfff0);
  await refused(ATT_ERROR.READ_NOT_PERMITTED, raw, ATT.READ, control);
  await refused(ATT_ERROR.WRITE_NOT_PERMITTED, raw, ATT.WRITE, left, Buffer.from("x"));
  await refused(ATT_ERROR.INVALID_OFFSET, raw, ATT.READ_BLOB, short, 300);
  await refused(ATT_ERROR.NOT_FOUND, raw, ATT.READ_BY_TYPE, 1, 0xffff, 0x2a99);
  await refused(ATT_ERROR.WRONG_LENGTH, raw, ATT.WRITE, short, Buffer.alloc(41));
  await refused(REFUSAL, raw, ATT.READ, closed);
  await refused(REFUSAL + 1, raw, ATT.WRITE, closed, Buffer.from("x"));
  await refused(ATT_ERROR.NOT_SUPPORTED, raw, 0x36);
}

export function everything(kind: CameraKind): void {
  if (!kind.runsOurApplications) return;

  describe("everything that a camera serves", () => {
    const rig = useRig(kind, "everything");

    it("is served in one session, from discovery to the radio's end", async () => {
      const raw = await rig().raw();
      await raw.connect(NAME);
      await ask(raw, ATT.EXCHANGE_MTU, MTU);
      const { services, included, handleOf } = await discover(raw, SERVICE);
      assert.equal(services, 5, "the two of every server, two of ours, and the management service");
      assert.deepEqual(included, [SECONDARY]);
      await read(raw, handleOf);
      await write(raw, handleOf);
      await listen(raw, handleOf);
      await err(raw, handleOf);
      await raw.disconnect();

      await raw.connect(NAME);
      await ask(raw, ATT.WRITE, handleOf(CONTROL), Buffer.from([COMMAND.STOP]));
      assert.equal(await raw.disconnections.take("the end of the radio"), 0x15, "power off");
      // It is there again, cold.
      await raw.connect(NAME);
      await raw.disconnect();
    });

    it("takes a reliable write of ble-host, two values at once, one of them long", async () => {
      const central = await rig().bleHost();
      await central.connect(await central.find(NAME));
      await central.discover();
      const [long, short] = [Buffer.from("reliable ".repeat(20)), Buffer.from("and short")];
      await central.writeReliably([
        [LONG, long],
        [SHORT, short],
      ]);
      assert.equal((await central.read(SHORT)).toString(), short.toString());
      assert.equal((await central.read(LONG)).toString(), long.toString());
      await central.disconnect();
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

    cutShort(rig);
  });
}
