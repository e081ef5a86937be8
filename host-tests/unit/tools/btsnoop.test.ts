/** btsnoop files: byte for byte, and a whole session as tshark reads it and as our own trace shows it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { createAioble } from "../../../firmware/aioble/aioble.ts";
import { Host } from "../../../firmware/ble/host.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { createSignals } from "../../../firmware/platform/globals.ts";
import { createWorld } from "../../../simulator/world.ts";
import { btsnoopHeader, btsnoopRecord } from "../../../tools/trace/btsnoop.ts";
import { type Direction, tapTransport } from "../../../tools/trace/hci-tap.ts";
import { describePacket } from "../../../tools/trace/packet-text.ts";
import { concat, fromHex, toHex } from "../../support/bytes.ts";
import { MemoryRecords } from "../../support/cameras.ts";

/** 1 January 2024, 00:00:00 UTC. */
const NEW_YEAR_2024_MS = 1_704_067_200_000;

describe("btsnoop: the file", () => {
  it("begins with its name, version 1 and data link 1002 (H4)", () => {
    assert.equal(toHex(btsnoopHeader()), "62 74 73 6e 6f 6f 70 00 00 00 00 01 00 00 03 ea");
  });

  it("has a record of 24 bytes before each packet: twice its length, direction and kind, time since the year 0", () => {
    for (const [direction, packet, flags] of [
      ["sent", "01 03 0c 00", "02"],
      ["received", "04 10 01 07", "03"],
      ["sent", "02 40 00 00 00", "00"],
      ["received", "02 40 20 00 00", "01"],
    ] as const) {
      const bytes = fromHex(packet);
      const length = `00 00 00 0${bytes.length}`;
      assert.equal(
        toHex(btsnoopRecord(direction, bytes, 0.001)),
        `${length} ${length} 00 00 00 ${flags} 00 00 00 00 00 dc dd b3 0f 2f 80 01 ${packet}`,
      );
    }
  });
});

describe("btsnoop: a whole session", () => {
  const packets: [direction: Direction, packet: Uint8Array][] = [];
  let folder = "";
  let file = "";

  /** What tshark reads in each packet, by the name of the field; fields that a packet lacks are empty. */
  let rows: Readonly<Record<string, string>>[] = [];

  const dissect = (...fields: readonly string[]): Record<string, string>[] => {
    const args = ["-r", file, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
    const text = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const lines = text.split("\n").slice(0, -1);
    return lines.map((line) => {
      const values = line.split("\t");
      return Object.fromEntries(fields.map((field, at) => [field, values[at]!]));
    });
  };
  const column = (field: string, among = rows): string[] => among.map((row) => row[field]!);
  /** The values of `field` in the packets whose `opcode` is this one. */
  const where = (opcode: string, value: string, field: string): string[] =>
    column(
      field,
      rows.filter((row) => row[opcode] === value),
    );

  before(async function () {
    this.timeout(600_000);
    folder = mkdtempSync(join(tmpdir(), "obscura-btsnoop-"));
    file = join(folder, "session.btsnoop");
    const world = createWorld(1);
    const { platform } = world.addCamera();
    const parts = [btsnoopHeader()];
    const transport = tapTransport(platform.transport, (direction, packet) => {
      packets.push([direction, packet]);
      parts.push(btsnoopRecord(direction, packet, NEW_YEAR_2024_MS + world.clock.now()));
    });
    const host = new Host({ ...platform, transport }, new MemoryRecords());
    const { advertise, Characteristic, registerServices, Service } = createAioble(
      host,
      createSignals(platform),
    );
    const service = new Service(new UUID(0x181a));
    const value = new Characteristic(service, new UUID(0x2a6e), { read: true, notify: true, write: true });
    registerServices(service);
    const { phone } = world.addPhone();
    await world.run(async () => {
      const advertised = advertise({ intervalUs: 100_000, name: "tapped", services: [service.uuid] });
      const link = await phone.connect(await phone.find({ name: "tapped" }));
      const connection = await advertised;
      await link.exchangeMtu(100);
      const found = (await link.discover()).characteristic(0x2a6e);
      await link.subscribe(found);
      await link.write(found, new Uint8Array([0x34, 0x12]));
      value.write(new Uint8Array([0x9a, 0x09]), { sendUpdate: true });
      await link.nextValue();
      await connection.disconnect();
    });
    writeFileSync(file, concat(...parts));
    rows = dissect(
      ...["frame.time_epoch", "hci_h4.direction", "_ws.malformed", "bthci_cmd.opcode", "bthci_cmd.reason"],
      ...["btcommon.eir_ad.entry.device_name", "btatt.opcode", "btatt.client_rx_mtu", "btatt.temperature"],
    );
  });

  after(() => rmSync(folder, { recursive: true }));

  it("is read by tshark without a malformed packet, every packet at its time and in its direction", () => {
    assert.deepEqual(new Set(column("_ws.malformed")), new Set([""]));
    assert.equal(rows.length, packets.length);
    assert.match(rows[0]!["frame.time_epoch"]!, /^1704067200\.0/);
    assert.deepEqual(
      column("hci_h4.direction"),
      packets.map(([direction]) => (direction === "sent" ? "0x00" : "0x01")),
    );
  });

  it("holds what happened: the name, the MTU, the write, the notification, the end of the link", () => {
    assert.deepEqual(where("bthci_cmd.opcode", "0x2008", "btcommon.eir_ad.entry.device_name"), ["tapped"]);
    assert.deepEqual(where("btatt.opcode", "0x02", "btatt.client_rx_mtu"), ["100"]);
    assert.ok(where("btatt.opcode", "0x12", "btatt.temperature").includes("4660"));
    assert.deepEqual(where("btatt.opcode", "0x1b", "btatt.temperature"), ["2458"]);
    assert.deepEqual(where("bthci_cmd.opcode", "0x0406", "bthci_cmd.reason"), ["0x13"]);
  });

  it("is shown by the trace in the same packets, and nothing in it is unknown or malformed", () => {
    const lines = packets.map(([direction, packet]) => describePacket(direction, packet));
    assert.deepEqual(
      lines.filter((line) => /malformed|event Event|command Command|att PDU/.test(line)),
      [],
    );
    for (const line of [
      "> command Reset",
      "< event Command Complete, LE Set Advertising Enable",
      "< acl 0x0040 att Exchange MTU Request { clientRxMtu: 0x0064 }",
      "> acl 0x0040 att Write Response",
      "> command Disconnect { connectionHandle: 0x0040, reason: 0x13 }",
      "< event Disconnection Complete { status: 0x00, connectionHandle: 0x0040, reason: 0x16 }",
    ]) {
      assert.ok(lines.includes(line), `${line}\n${lines.join("\n")}`);
    }
    const named = column("bthci_cmd.opcode")
      .filter((opcode) => opcode !== "")
      .map(Number);
    const opcodes = packets
      .filter(([, packet]) => packet[0] === 1)
      .map(([, packet]) => packet[1]! | (packet[2]! << 8));
    assert.deepEqual(named, opcodes);
  });
});
