/** What a scanner reads: reports of controllers, and AD structures of anybody. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { someService, someStructure, structuresOf } from "../../../../firmware/ble/gap/ad-structures.ts";
import {
  type AdvertisingReport,
  readDirectedReports,
  readReports,
} from "../../../../firmware/ble/gap/advertising-report.ts";
import { UUID } from "../../../../firmware/ble/uuid.ts";
import { SeededRandom } from "../../../../simulator/random.ts";
import { fromHex, toHex } from "../../../support/bytes.ts";

function read(count: number, bytes: Uint8Array): { sound: boolean; reports: AdvertisingReport[] } {
  const reports: AdvertisingReport[] = [];
  const sound = readReports(count, bytes, (report) => reports.push(report));
  return { sound, reports };
}

const ONE = fromHex("00 01 010000eeffc0 03 020106 c5");

describe("LE Advertising Report (Vol 4, Part E, 7.7.65.2)", () => {
  it("has type, address in printed order, data and strength", () => {
    const { sound, reports } = read(1, ONE);
    assert.ok(sound);
    assert.equal(reports.length, 1);
    const [report] = reports;
    assert.equal(report!.eventType, 0);
    assert.equal(report!.addressType, 1);
    assert.equal(toHex(report!.address), toHex(fromHex("c0ffee000001")));
    assert.equal(toHex(report!.data), toHex(fromHex("020106")));
    assert.equal(report!.rssi, -59);
  });

  it("may hold several reports", () => {
    const two = new Uint8Array([...ONE, ...ONE]);
    assert.equal(read(2, two).reports.length, 2);
  });

  it("127 means that the strength is not known", () => {
    const bytes = ONE.slice();
    bytes[bytes.length - 1] = 127;
    assert.equal(read(1, bytes).reports[0]!.rssi, undefined);
  });

  it("is dropped from where it is cut short on, and what came before counts", () => {
    for (let length = 0; length < ONE.length; length++) {
      const { sound, reports } = read(2, new Uint8Array([...ONE, ...ONE.subarray(0, length)]));
      assert.equal(sound, false);
      assert.equal(reports.length, 1);
    }
  });

  it("is dropped when it announces more than 31 bytes of data, or an unknown kind of packet", () => {
    const long = new Uint8Array(9 + 32 + 1);
    long[8] = 32;
    assert.deepEqual(read(1, long), { sound: false, reports: [] });
    const odd = ONE.slice();
    odd[0] = 5;
    assert.deepEqual(read(1, odd), { sound: false, reports: [] });
  });

  it("never throws, whatever it holds", () => {
    const random = new SeededRandom(1);
    for (let turn = 0; turn < 2000; turn++) {
      const { reports } = read(random.u32() & 0xff, random.bytes(random.u32() % 60));
      for (const { data } of reports) assert.ok(data.length <= 31);
    }
  });
});

describe("AD structures (CSS, Part A)", () => {
  it("of a type are found in their order", () => {
    const data = fromHex("02 ff 01 02 01 06 03 ff 02 03");
    assert.deepEqual(
      structuresOf(data, 0xff).map(toHex),
      ["01", "02 03"].map((text) => toHex(fromHex(text))),
    );
  });

  it("of length 0 are stepped over, one that reaches beyond the end is left out", () => {
    const types: number[] = [];
    someStructure(fromHex("00 00 02 01 06 00 05 ff 01"), (type) => {
      types.push(type);
      return false;
    });
    assert.deepEqual(types, [0x01]);
  });

  it("list services of three widths, complete or not; half a UUID at the end is left out", () => {
    const data = fromHex("04 02 0d18 0f  03 03 0f18  05 04 78563412");
    const found: string[] = [];
    someService(data, (uuid) => {
      found.push(uuid.toString());
      return false;
    });
    assert.deepEqual(
      found,
      [0x180d, 0x180f, 0x12345678].map((value) => new UUID(value).toString()),
    );
  });

  it("are read without an exception, whatever they hold", () => {
    const random = new SeededRandom(2);
    for (let turn = 0; turn < 5000; turn++) {
      const data = random.bytes(random.u32() % 32);
      someStructure(data, (_type, start, end) => {
        assert.ok(start <= end && end <= data.length);
        return false;
      });
      someService(data, () => false);
    }
  });
});

describe("LE Directed Advertising Report (Vol 4, Part E, 7.7.65.11)", () => {
  const DIRECTED = fromHex("01 01 010000eeffc0 01 aa0002000141 c5");

  function readDirected(count: number, bytes: Uint8Array): { sound: boolean; reports: AdvertisingReport[] } {
    const reports: AdvertisingReport[] = [];
    const sound = readDirectedReports(count, bytes, (report) => reports.push(report));
    return { sound, reports };
  }

  it("has both addresses in printed order and the strength, and no data", () => {
    const { sound, reports } = readDirected(2, new Uint8Array([...DIRECTED, ...DIRECTED]));
    assert.ok(sound);
    assert.equal(reports.length, 2);
    const { address, addressType, data, directAddress, eventType, rssi } = reports[1]!;
    assert.deepEqual([eventType, addressType, data.length, rssi], [1, 1, 0, -59]);
    assert.equal(toHex(address), toHex(fromHex("c0ffee000001")));
    assert.equal(toHex(directAddress!), toHex(fromHex("4101000200aa")));
  });

  it("is dropped when it is cut short", () => {
    for (let length = 0; length < DIRECTED.length; length++)
      assert.deepEqual(readDirected(1, DIRECTED.subarray(0, length)), { sound: false, reports: [] });
  });

  it("ends at what is no directed advertising, and at an address that is not random", () => {
    for (const at of [0, 8]) {
      const odd = DIRECTED.slice();
      odd[at] = 0;
      const { sound, reports } = readDirected(2, new Uint8Array([...DIRECTED, ...odd]));
      assert.equal(sound, false);
      assert.equal(reports.length, 1);
    }
  });
});
