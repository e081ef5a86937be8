/** Commands as Vol 4, Part E describes them; bytes are written out where the layout is the point. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { hex } from "../../../firmware/ble/codec.ts";
import { leAdvertisingReport } from "../../../firmware/ble/hci/le-events.ts";
import { VirtualClock } from "../../../simulator/clock.ts";
import type { ControllerOptions } from "../../../simulator/controller/options.ts";
import { Air } from "../../../simulator/link.ts";
import * as commands from "../../support/commands.ts";
import { bytesOf, connectionTo, createPair, Probe } from "./probe.ts";

const SUCCESS = 0x00;
const DISALLOWED = 0x0c;
const INVALID = 0x12;
const UNKNOWN_CONNECTION = 0x02;

function createProbe(options?: Partial<ControllerOptions>): Probe {
  const clock = new VirtualClock();
  return new Probe(clock, new Air(clock.quiet), options);
}

const ADVERTISING = {
  advertisingIntervalMin: 0x00a0,
  advertisingIntervalMax: 0x00a0,
  advertisingType: 0,
  ownAddressType: 0,
  peerAddressType: 0,
  peerAddress: new Uint8Array(6),
  advertisingChannelMap: 7,
  advertisingFilterPolicy: 0,
};

describe("simulated controller: commands", () => {
  it("answers Reset by Command Complete", () => {
    assert.deepEqual(createProbe().send("01 03 0c 00"), ["040e0401030c00"]);
  });

  it("answers what it does not know by Command Status with Unknown HCI Command (4.4)", () => {
    assert.deepEqual(createProbe().send("01 25 20 00"), ["040f0401012520"]);
    const probe = createProbe({ unsupported: [commands.leSetPhy.opcode] });
    assert.deepEqual(probe.send("01 32 20 00"), ["040f0401013220"]);
  });

  it("refuses parameters of a wrong length", () => {
    assert.deepEqual(createProbe().send("01 0a 20 00"), ["040e04010a2012"]);
    assert.deepEqual(createProbe().send("01 0a 20 02 01 00"), ["040e04010a2012"]);
  });

  it("answers commands that start something by Command Status", () => {
    assert.deepEqual(createProbe().send("01 06 04 03 40 00 13"), ["040f0402010604"]);
  });

  it("lists what it has, by octet and bit (6.27)", () => {
    const { supportedCommands: all } = createProbe().command(commands.readLocalSupportedCommands, {});
    assert.equal(hex(all.slice(0, 6)), "2000800000c0");
    assert.equal(hex(all.slice(25, 29)), "f7ffff0f");
    assert.equal(hex(all.slice(33, 36)), "f00178");
    const lacking = createProbe({ unsupported: [commands.leSetAdvertisingEnable.opcode] });
    const { supportedCommands } = lacking.command(commands.readLocalSupportedCommands, {});
    assert.equal(supportedCommands[26], 0xfd);
  });

  it("reports its buffers, or that they are shared (7.8.2)", () => {
    const probe = createProbe({ aclPacketLength: 100, aclPackets: 3 });
    assert.deepEqual(probe.command(commands.leReadBufferSize, {}), {
      leAclDataPacketLength: 100,
      totalNumLeAclDataPackets: 3,
    });
    const shared = createProbe({ aclPacketLength: 310, aclPackets: 8, sharedBuffers: true });
    assert.equal(hex(bytesOf(shared.send("01 02 20 00")[0]!).slice(6)), "00000000");
    const sizes = shared.command(commands.readBufferSize, {});
    assert.equal(sizes.aclDataPacketLength, 310);
    assert.equal(sizes.totalNumAclDataPackets, 8);
  });

  it("reports address, version, features and states", () => {
    const probe = createProbe({
      publicAddress: bytesOf("c0 ff ee 00 00 01"),
      version: 8,
      features: [0, 5, 8],
    });
    assert.deepEqual(probe.send("01 09 10 00"), ["040e0a0109100001000" + "0eeffc0"]);
    assert.equal(probe.command(commands.readLocalVersionInformation, {}).hciVersion, 8);
    assert.equal(
      hex(probe.command(commands.leReadLocalSupportedFeatures, {}).leFeatures),
      "2101000000000000",
    );
    assert.equal(probe.command(commands.leReadSupportedStates, {}).leStates.length, 8);
  });

  it("encrypts a block as FIPS 197 and the link layer's sample data do (Vol 6, Part C, 1)", () => {
    const encrypt = (key: string, plaintext: string): string => {
      const wire = (digits: string): Uint8Array => bytesOf(digits).reverse();
      const values = { key: wire(key), plaintextData: wire(plaintext) };
      return hex(createProbe().command(commands.leEncrypt, values).encryptedData.reverse());
    };
    assert.equal(
      encrypt("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff"),
      "69c4e0d86a7b0430d8cdb78070b4c55a",
    );
    assert.equal(
      encrypt("4c68384139f574d836bcf34e9dfb01bf", "0213243546576879acbdcedfe0f10213"),
      "99ad1b5226a37e3e058e3b8e27c2c666",
    );
  });

  it("gives other random numbers each time, and the same ones for the same seed", () => {
    const draw = (): number[] => {
      const probe = createProbe();
      return Array.from({ length: 4 }, () => probe.command(commands.leRand, {}).randomLow);
    };
    assert.deepEqual(draw(), draw());
    assert.equal(new Set(draw()).size, 4);
  });

  describe("parameters", () => {
    const advertising: [string, Partial<typeof ADVERTISING>, number][] = [
      ["the shortest interval", { advertisingIntervalMin: 0x20 }, SUCCESS],
      ["an interval below 20 ms", { advertisingIntervalMin: 0x1f }, INVALID],
      ["an interval above 10.24 s", { advertisingIntervalMax: 0x4001 }, INVALID],
      ["a minimum above the maximum", { advertisingIntervalMin: 0xa1 }, INVALID],
      ["an unknown type", { advertisingType: 5 }, INVALID],
      ["no channel", { advertisingChannelMap: 0 }, INVALID],
      ["a channel that does not exist", { advertisingChannelMap: 8 }, INVALID],
      ["an unknown filter policy", { advertisingFilterPolicy: 4 }, INVALID],
      ["an address that would have to be resolved", { ownAddressType: 2 }, INVALID],
    ];
    for (const [name, values, status] of advertising) {
      it(`of advertising: ${name}`, () => {
        const probe = createProbe();
        assert.equal(
          probe.status(commands.leSetAdvertisingParameters, { ...ADVERTISING, ...values }),
          status,
        );
      });
    }

    it("of advertising that nobody can connect to: 100 ms before 5.0", () => {
      const fast = { ...ADVERTISING, advertisingType: 3, advertisingIntervalMin: 0x9f };
      assert.equal(createProbe({ version: 8 }).status(commands.leSetAdvertisingParameters, fast), INVALID);
      assert.equal(createProbe({ version: 9 }).status(commands.leSetAdvertisingParameters, fast), SUCCESS);
    });

    it("of scanning", () => {
      const scan = {
        leScanType: 0,
        leScanInterval: 4,
        leScanWindow: 4,
        ownAddressType: 0,
        scanningFilterPolicy: 0,
      };
      const status = (values: Partial<typeof scan>) =>
        createProbe().status(commands.leSetScanParameters, { ...scan, ...values });
      assert.equal(status({}), SUCCESS);
      assert.equal(status({ leScanWindow: 5 }), INVALID);
      assert.equal(status({ leScanInterval: 3, leScanWindow: 3 }), INVALID);
      assert.equal(status({ leScanType: 2 }), INVALID);
    });

    it("of a connection: range, and a supervision timeout that outlasts the latency", () => {
      const peer = new Uint8Array(6);
      const status = (values: object) =>
        createProbe().status(commands.leCreateConnection, { ...connectionTo(peer), ...values });
      assert.equal(status({}), SUCCESS);
      assert.equal(status({ connectionIntervalMin: 5 }), INVALID);
      assert.equal(status({ connectionIntervalMax: 0x0c81 }), INVALID);
      assert.equal(status({ maxLatency: 500 }), INVALID);
      assert.equal(status({ supervisionTimeout: 9 }), INVALID);
      // (1 + 9) * 30 ms * 2 = 600 ms: the timeout must be longer.
      assert.equal(status({ maxLatency: 9, supervisionTimeout: 60 }), INVALID);
      assert.equal(status({ maxLatency: 9, supervisionTimeout: 61 }), SUCCESS);
    });

    it("of data length", () => {
      const suggest = (suggestedMaxTxOctets: number, suggestedMaxTxTime: number) =>
        createProbe().status(commands.leWriteSuggestedDefaultDataLength, {
          suggestedMaxTxOctets,
          suggestedMaxTxTime,
        });
      assert.equal(suggest(0xfb, 0x0848), SUCCESS);
      assert.equal(suggest(0xfc, 0x0848), INVALID);
      assert.equal(suggest(0x1a, 0x0848), INVALID);
      assert.equal(suggest(0xfb, 0x0147), INVALID);
    });

    it("of advertising data: 31 bytes", () => {
      const set = (advertisingDataLength: number) =>
        createProbe().status(commands.leSetAdvertisingData, {
          advertisingDataLength,
          advertisingData: new Uint8Array(31),
        });
      assert.equal(set(31), SUCCESS);
      assert.equal(set(32), INVALID);
    });
  });

  describe("in the wrong state", () => {
    it("does not change advertising parameters or the random address in use", () => {
      const probe = createProbe();
      const randomAddress = bytesOf("c0 00 00 00 00 01");
      assert.equal(probe.status(commands.leSetRandomAddress, { randomAddress }), SUCCESS);
      probe.command(commands.leSetAdvertisingParameters, { ...ADVERTISING, ownAddressType: 1 });
      probe.command(commands.leSetAdvertisingEnable, { advertisingEnable: 1 });
      assert.equal(probe.status(commands.leSetAdvertisingParameters, ADVERTISING), DISALLOWED);
      assert.equal(probe.status(commands.leSetRandomAddress, { randomAddress }), DISALLOWED);
      assert.equal(probe.status(commands.leSetAdvertisingEnable, { advertisingEnable: 0 }), SUCCESS);
      assert.equal(probe.status(commands.leSetRandomAddress, { randomAddress }), SUCCESS);
    });

    it("does not advertise or scan under a random address that it was not given", () => {
      const probe = createProbe();
      probe.command(commands.leSetAdvertisingParameters, { ...ADVERTISING, ownAddressType: 1 });
      assert.equal(probe.status(commands.leSetAdvertisingEnable, { advertisingEnable: 1 }), INVALID);
    });

    it("creates one connection at a time, and cancels only what runs", () => {
      const probe = createProbe();
      const values = connectionTo(new Uint8Array(6));
      assert.equal(probe.status(commands.leCreateConnectionCancel, {}), DISALLOWED);
      assert.equal(probe.status(commands.leCreateConnection, values), SUCCESS);
      assert.equal(probe.status(commands.leCreateConnection, values), DISALLOWED);
    });

    it("does not change the accept list while it is used", () => {
      const probe = createProbe({ acceptListSize: 2 });
      const device = (last: number) => ({ addressType: 0, address: new Uint8Array([0, 0, 0, 0, 0, last]) });
      assert.equal(probe.command(commands.leReadFilterAcceptListSize, {}).filterAcceptListSize, 2);
      assert.equal(probe.status(commands.leAddDeviceToFilterAcceptList, device(1)), SUCCESS);
      assert.equal(probe.status(commands.leAddDeviceToFilterAcceptList, device(2)), SUCCESS);
      assert.equal(probe.status(commands.leAddDeviceToFilterAcceptList, device(3)), 0x07);
      probe.command(commands.leCreateConnection, connectionTo(new Uint8Array(6), { filterPolicy: 1 }));
      assert.equal(probe.status(commands.leClearFilterAcceptList, {}), DISALLOWED);
      assert.equal(probe.status(commands.leAddDeviceToFilterAcceptList, device(1)), DISALLOWED);
      assert.equal(probe.status(commands.leRemoveDeviceFromFilterAcceptList, device(1)), DISALLOWED);
    });

    it("knows no link that is not there", () => {
      const probe = createProbe();
      assert.equal(
        probe.status(commands.disconnect, { connectionHandle: 0x40, reason: 0x13 }),
        UNKNOWN_CONNECTION,
      );
      const [answer] = probe.send("01 15 20 02 40 00");
      assert.equal(
        answer,
        "040e0b01152002" + "4000" + "0000000000",
        "zeros, and the handle that was asked about",
      );
    });
  });

  describe("event masks", () => {
    it("hold LE events back until the host asks for them (7.3.1)", async () => {
      const clock = new VirtualClock();
      const { central: scanner, peripheral } = createPair(clock);
      peripheral.advertise();
      scanner.command(commands.reset, {});
      const enable = { leScanEnable: 1, filterDuplicates: 0 };
      scanner.command(commands.leSetScanEnable, enable);
      await clock.advance(1000);
      assert.equal(scanner.events(leAdvertisingReport).length, 0);
      scanner.command(commands.setEventMask, { eventMask: bytesOf("00 00 00 00 00 00 00 20") });
      await clock.advance(1000);
      assert.ok(
        scanner.events(leAdvertisingReport).length > 5,
        "the LE mask lets reports through by default",
      );
      scanner.command(commands.leSetEventMask, { leEventMask: bytesOf("1d 00 00 00 00 00 00 00") });
      const before = scanner.events(leAdvertisingReport).length;
      await clock.advance(1000);
      assert.equal(scanner.events(leAdvertisingReport).length, before);
    });
  });

  describe("what the host does wrong", () => {
    it("is noted: commands without a credit, packets of a wrong length", () => {
      const probe = createProbe();
      probe.controller.faults.silent = true;
      assert.deepEqual(probe.send("01 03 0c 00"), []);
      assert.deepEqual(probe.send("01 09 10 00"), []);
      assert.deepEqual(probe.controller.violations, ["command 0x1009 without a credit"]);
      probe.send("01 09 10 07");
      probe.send("07");
      assert.equal(probe.controller.violations.length, 3);
    });
  });
});
