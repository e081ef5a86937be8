/** What the phone makes of bytes, apart from any camera. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import { parseAdvertisingData } from "../../../simulator/phone/advertising-data.ts";
import { decodeValue, identify, textOf } from "../../../simulator/phone/assigned-numbers.ts";
import { PhoneAtt } from "../../../simulator/phone/att.ts";
import { discoverDatabase } from "../../../simulator/phone/discovery.ts";
import { PhoneError } from "../../../simulator/phone/errors.ts";
import { bytesOf } from "./probe.ts";

/** A bearer whose server answers by this function. */
function createAtt(clock: VirtualClock, answer: (request: Uint8Array) => string | undefined): PhoneAtt {
  const att = new PhoneAtt(clock, (pdu) => {
    const response = answer(pdu);
    if (response !== undefined) clock.setTimer(() => att.receive(bytesOf(response)), 1);
  });
  return att;
}

describe("virtual phone", () => {
  it("decodes advertising data", () => {
    const decoded = (digits: string): (string | null)[] =>
      parseAdvertisingData(bytesOf(digits)).map(({ name, decoded: text }) => `${name}: ${text}`);
    assert.deepEqual(decoded("02 01 06 03 03 1a 18 05 09 63 c3 a4 6d 03 19 40 05 05 ff ff ff 01 02"), [
      "Flags: LE general discoverable, BR/EDR not supported",
      "Complete list of 16 bit service UUIDs: 181A Environmental Sensing",
      "Complete local name: cäm",
      "Appearance: 0x0540",
      "Manufacturer specific data: 0xffff (for tests and internal use): 0102",
    ]);
    assert.deepEqual(decoded("11 07 9e ca dc 24 0e e5 a9 e0 93 f3 a3 b5 01 00 40 6e"), [
      "Complete list of 128 bit service UUIDs: 6E400001-B5A3-F393-E0A9-E50E24DCCA9E",
    ]);
  });

  it("survives advertising data that lies about its lengths", () => {
    for (const digits of ["ff", "ff 09 61", "01", "02 01", "00 00 00", "01 09 01 09", "03 03 1a"]) {
      assert.ok(Array.isArray(parseAdvertisingData(bytesOf(digits))));
    }
  });

  it("shows values for a person, and nothing for what it does not know", () => {
    assert.equal(decodeValue(new UUID(0x2a6e), bytesOf("0c fe")), "-5.00 °C");
    assert.equal(decodeValue(new UUID(0x2a6f), bytesOf("10 27")), "100.00 %");
    assert.equal(decodeValue(new UUID(0x2a6e), bytesOf("0c")), null);
    assert.equal(decodeValue(new UUID(0x1234), bytesOf("0c")), null);
    assert.deepEqual(identify(new UUID(0x00ab)), { uuid: "00AB", name: null });
    assert.equal(textOf(bytesOf("ff fe")), "\ufffd");
  });

  it("gives up on a server that does not answer, after 30 s", async () => {
    const clock = new VirtualClock();
    const att = createAtt(clock, () => undefined);
    await clock.run(() => assert.rejects(att.requestRaw(bytesOf("0a 01 00")), /waited in vain/));
    assert.equal(clock.now(), 30_000);
  });

  it("refuses answers to something else, and lists of odd length", async () => {
    for (const [answer, message] of [
      ["0b 01", /was answered with opcode 0xb/],
      ["11 06 01 00 05 00 00", /odd length/],
      ["11 00", /odd length/],
    ] as const) {
      const clock = new VirtualClock();
      const att = createAtt(clock, () => answer);
      await clock.run(() => assert.rejects(discoverDatabase(att), message));
    }
  });

  it("does not follow a server round in circles", async () => {
    const clock = new VirtualClock();
    // Every answer is one service that ends before it was asked for.
    const att = createAtt(clock, () => "11 06 02 00 01 00 00 18");
    await clock.run(() => assert.rejects(discoverDatabase(att), PhoneError));
  });

  it("confirms indications, unless it is set not to, and refuses requests", async () => {
    const clock = new VirtualClock();
    const sent: string[] = [];
    const att = new PhoneAtt(clock, (pdu) => sent.push(Buffer.from(pdu).toString("hex")));
    att.receive(bytesOf("1d 03 00 07"));
    att.confirms = false;
    att.receive(bytesOf("1d 03 00 08"));
    att.receive(bytesOf("0a 01 00"));
    att.receive(bytesOf("02 00 02"));
    assert.deepEqual(sent, ["1e", "010a000006", "030502"]);
    assert.deepEqual(
      att.values.map(({ kind, value }) => [kind, value[0]]),
      [
        ["indication", 7],
        ["indication", 8],
      ],
    );
    assert.equal(att.mtu, 512);
  });
});
