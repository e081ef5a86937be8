/** Bytes on the air that no central sends: the camera survives, answers as it must, and serves afterwards. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { SeededRandom } from "../../../simulator/random.ts";
import { environmentSensor } from "../applications.ts";
import type { CameraKind } from "../cameras.ts";
import { boundary, cid, type Frame, type RawCentral } from "../raw-central.ts";
import { useRig } from "../use-rig.ts";
import { assertReads, assertServes, readRequest } from "./health.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** ATT opcodes (Vol 3, Part F, 3.4.8). */
const att = { errorResponse: 0x01, readResponse: 0x0b, handleValueConfirmation: 0x1e } as const;

/** Bit 6 of an ATT opcode: a command, which is never answered (Vol 3, Part F, 3.3.1). */
const commandFlag = 0x40;

/**
 * Sends one ATT PDU, then a normal read; returns what the camera answered to the PDU, and asserts that the read is
 * answered too.
 */
async function answersBeforeRead(raw: RawCentral, pdu: Buffer, handle: number): Promise<Buffer[]> {
  raw.sendAtt(pdu);
  raw.sendAtt(readRequest(handle));
  const answers: Buffer[] = [];
  for (;;) {
    const answer = await raw.nextAtt(`the answer to a read after ${pdu.toString("hex")}`);
    if (answer[0] === att.readResponse && answer.length === 3) return answers;
    answers.push(answer);
  }
}

/** L2CAP that is wrong; each entry is the ACL packets that carry it. */
const brokenFrames: Readonly<Record<string, readonly { data: Buffer; flag?: number }[]>> = {
  "a start with a part of the header": [
    { data: hex("03") },
    { data: hex("03 00") },
    { data: hex("03 00 04") },
  ],
  "a frame without payload": [{ data: hex("00 00 04 00") }],
  "an incomplete frame": [{ data: hex("0a 00 04 00 0a 03") }],
  "a continuation of nothing": [{ data: hex("03 00 04 00 0a 03 00"), flag: boundary.continuation }],
  "a frame longer than it says": [{ data: hex("03 00 04 00 04 01 00 ff ff 00") }],
  "a continuation longer than the frame": [
    { data: hex("05 00 04 00 04") },
    { data: hex("01 00 ff ff 00 28 55 55"), flag: boundary.continuation },
  ],
  "an incomplete frame of 65,535 bytes": [{ data: hex("ff ff 04 00 52 01 00") }],
  "frames on channels that do not exist": [
    { data: hex("01 00 00 00 00") },
    { data: hex("01 00 01 00 00") },
    { data: hex("01 00 07 00 00") },
    { data: hex("01 00 40 00 00") },
    { data: hex("01 00 ff ff 00") },
  ],
};

export function hostileCentral(kind: CameraKind): void {
  if (!kind.survivesHostileCentral) return;

  describe("with a central that sends garbage", () => {
    const rig = useRig(kind, "environment-sensor");

    const connect = async (): Promise<{ raw: RawCentral; temperature: number }> => {
      const raw = await rig().raw();
      await raw.connect(environmentSensor.name);
      return { raw, temperature: await raw.valueHandle(environmentSensor.temperature) };
    };

    it("answers every ATT opcode without parameters as it must", async () => {
      const { raw, temperature } = await connect();
      for (let opcode = 0; opcode < 256; opcode++) {
        const answers = await answersBeforeRead(raw, Buffer.from([opcode]), temperature);
        const shown = `opcode 0x${opcode.toString(16)} got ${answers.map((answer) => answer.toString("hex"))}`;
        if ((opcode & commandFlag) !== 0) assert.equal(answers.length, 0, shown);
        assert.ok(answers.length <= 1, shown);
        const [answer] = answers;
        if (answer === undefined || answer[0] === att.handleValueConfirmation) continue;
        assert.equal(answer[0], att.errorResponse, shown);
        assert.equal(answer[1], opcode, shown);
      }
      await raw.disconnect();
    });

    it("answers an ATT PDU of no bytes, requests cut short and requests too long with nothing or an error", async () => {
      const { raw, temperature } = await connect();
      const requests = [
        "02 1700",
        "04 0100 ffff",
        "06 0100 ffff 0028 1a18",
        "08 0100 ffff 0328",
        "0a 0300",
        "0c 0300 0000",
      ];
      const more = [
        "0e 0300 0500",
        "10 0100 ffff 0028",
        "12 0300 00",
        "16 0300 0000 00",
        "18 00",
        "20 0300 0500",
      ];
      assert.deepEqual(await answersBeforeRead(raw, Buffer.alloc(0), temperature), []);
      for (const request of [...requests, ...more].map(hex)) {
        for (let length = 1; length < request.length; length++) {
          const answers = await answersBeforeRead(raw, request.subarray(0, length), temperature);
          assert.ok(
            answers.length <= 1,
            `${request.subarray(0, length).toString("hex")} got ${answers.length} answers`,
          );
        }
      }
      for (const request of [...requests, ...more].map(hex)) {
        const answers = await answersBeforeRead(
          raw,
          Buffer.concat([request, Buffer.alloc(15, 0xaa)]),
          temperature,
        );
        assert.ok(answers.length <= 1, request.toString("hex"));
      }
      await raw.disconnect();
    });

    it("survives 300 random ATT PDUs", async () => {
      const { raw, temperature } = await connect();
      const random = new SeededRandom(20261121);
      for (let count = 0; count < 300; count++) {
        const pdu = Buffer.from(random.bytes(random.below(23)));
        // A valid read would be taken for the one that follows.
        if (pdu[0] === 0x0a && pdu.length === 3) continue;
        await answersBeforeRead(raw, pdu, temperature);
      }
      await raw.disconnect();
      await assertServes(rig());
    });

    for (const [what, packets] of Object.entries(brokenFrames)) {
      it(`survives ${what}`, async () => {
        const { raw, temperature } = await connect();
        for (const { data, flag } of packets) raw.sendAcl(data, flag);
        const answers = await answersBeforeRead(raw, hex("04 0100 0100"), temperature);
        assert.ok(answers.length >= 1);
        raw.frames.drain();
        await assertReads(raw, temperature);
        await raw.disconnect();
      });
    }

    it("rejects unknown signaling, and survives incomplete signaling", async () => {
      const { raw, temperature } = await connect();
      const isReject = (frame: Frame) => frame.cid === cid.signaling && frame.payload[0] === 0x01;
      raw.sendFrame(cid.signaling, hex("ff 2a 0000"));
      const reject = await raw.frames.takeWhere(isReject, "a Command Reject");
      assert.equal(
        reject.payload.toString("hex"),
        "012a02000000",
        "command not understood (Vol 3, Part A, 4.1)",
      );
      for (const broken of [
        "ff",
        "ff 2b",
        "ff 2b ff",
        "ff 2b ff ff",
        "12 2c 0800 0600",
        "01 2d 0200 0000",
        "14 00 0a00",
      ]) {
        raw.sendFrame(cid.signaling, hex(broken));
      }
      await assertReads(raw, temperature);
      await raw.disconnect();
    });

    it("begins to pair, ends it at what is no pairing, and survives", async () => {
      const { raw, temperature } = await connect();
      raw.sendFrame(cid.smp, hex("01 03 00 01 10 07 07"));
      const response = await raw.frames.takeWhere((frame) => frame.cid === cid.smp, "Pairing Response");
      // NoInputNoOutput, Secure Connections with bonding, 16 bytes, keys and identities both ways (Vol 3, Part H, 3.5.2).
      assert.equal(response.payload.toString("hex"), "02030009100303");
      for (const broken of [
        "",
        "01",
        "01 03 00",
        "03",
        "0c 00",
        "ff",
        "04 00112233445566778899aabbccddeeff 00",
      ]) {
        raw.sendFrame(cid.smp, hex(broken));
      }
      const failed = await raw.frames.takeWhere((frame) => frame.cid === cid.smp, "Pairing Failed");
      assert.match(failed.payload.toString("hex"), /^05/, "Pairing Failed (Vol 3, Part H, 3.5.5)");
      await assertReads(raw, temperature);
      await raw.disconnect();
      await assertServes(rig());
    });
  });
}
