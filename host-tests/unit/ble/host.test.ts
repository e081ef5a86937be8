import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { BleError } from "../../../firmware/ble/errors.ts";
import { HciError } from "../../../firmware/ble/errors.ts";
import { COMMAND_TIMEOUT_MS } from "../../../firmware/ble/hci/command-queue.ts";
import { concat, fromHex, le16 } from "../../support/bytes.ts";
import { createConnectedRig, createRig, HANDLE, SIGNALING, SMP } from "../../support/rig.ts";
import { commandComplete, eventPacket, lePacket, SILENCE } from "../../support/scripted-controller.ts";

const RESET = 0x0c03;
const READ_COMMANDS = 0x1002;
const MASKED_ALL = new Array<number>(64).fill(0xff);

function supportedBut(...missing: readonly (readonly [octet: number, bit: number])[]): number[] {
  const table = [...MASKED_ALL];
  for (const [octet, bit] of missing) table[octet] = table[octet]! & ~(1 << bit);
  return table;
}

describe("Host: starting the controller (Vol 6, Part D, 2)", () => {
  it("sends these commands in this order, byte for byte", async () => {
    const { host, controller, settle, records } = createRig();
    const started = host.activate();
    await settle();
    await started;
    assert.deepEqual(controller.take(), [
      "01 03 0c 00",
      "01 02 10 00",
      "01 01 10 00",
      "01 03 20 00",
      "01 01 0c 08 90 80 00 02 00 80 00 20",
      "01 01 20 08 5f 00 00 00 00 00 00 00",
      "01 09 10 00",
      "01 02 20 00",
      "01 2f 20 00",
      "01 24 20 04 fb 00 48 08",
      "01 05 20 06 71 af e5 21 ad d7",
    ]);
    assert.equal(host.active, true);
    assert.equal(host.controller?.aclPacketLength, 251);
    assert.equal(host.controller?.aclPackets, 7);
    assert.deepEqual(records.get("address"), fromHex("d7ad21e5af71"));
  });

  it("takes the address from the records, and that of the unique identifier when that is none", async () => {
    for (const [stored, wire] of [
      ["c0ffee000001", "01 05 20 06 01 00 00 ee ff c0"],
      ["00ffee000001", "01 05 20 06 71 af e5 21 ad d7"],
      ["c0ffee", "01 05 20 06 71 af e5 21 ad d7"],
    ] as const) {
      const { host, controller, settle, records } = createRig();
      records.set("address", fromHex(stored));
      const started = host.activate();
      await settle();
      await started;
      assert.equal(controller.take().at(-1), wire);
    }
  });

  it("callers share one start, and later ones find it done", async () => {
    const { host, controller, settle } = createRig();
    const both = Promise.all([host.activate(), host.activate()]);
    await settle();
    await both;
    await host.activate();
    assert.equal(controller.takeOpcodes().filter((opcode) => opcode === RESET).length, 1);
    assert.equal(controller.opens, 1);
  });

  it("switches LE on in a controller with BR/EDR, and shares its buffers (Vol 4, Part E, 7.8.2)", async () => {
    const { host, controller, settle } = createRig();
    controller.script(READ_COMMANDS, () => [commandComplete(READ_COMMANDS, [0, ...MASKED_ALL])]);
    controller.script(0x2002, () => [commandComplete(0x2002, [0, 0, 0, 0])]);
    controller.script(0x1005, () => [commandComplete(0x1005, [0, ...le16(1021), 64, ...le16(8), 1, 0])]);
    const started = host.activate();
    await settle();
    await started;
    assert.ok(controller.take().includes("01 6d 0c 02 01 00"));
    assert.deepEqual([host.controller?.aclPacketLength, host.controller?.aclPackets], [1021, 8]);
  });

  it("does without what a controller refuses of the improvements, one by one", async () => {
    const { host, controller, settle } = createRig();
    controller.script(READ_COMMANDS, () => [commandComplete(READ_COMMANDS, [0, ...MASKED_ALL])]);
    controller.script(0x0c6d, () => [commandComplete(0x0c6d, [0x01])]);
    controller.script(0x2024, () => [commandComplete(0x2024, [0x12])]);
    const started = host.activate();
    await settle();
    await started;
    const opcodes = controller.takeOpcodes();
    assert.ok(opcodes.includes(0x0c6d) && opcodes.includes(0x202f) && opcodes.includes(0x2024));
  });

  it("asks nothing that the controller did not list", async () => {
    const { host, controller, settle } = createRig();
    controller.script(READ_COMMANDS, () => [
      commandComplete(READ_COMMANDS, [0, ...supportedBut([24, 6], [35, 3])]),
    ]);
    const started = host.activate();
    await settle();
    await started;
    const opcodes = controller.takeOpcodes();
    assert.ok(!opcodes.includes(0x0c6d) && !opcodes.includes(0x202f) && !opcodes.includes(0x2024));
  });

  it("names the commands that an unsuitable controller lacks, and does not try again", async () => {
    const { host, controller, clock } = createRig();
    controller.script(READ_COMMANDS, () => [
      commandComplete(READ_COMMANDS, [0, ...supportedBut([25, 4], [26, 1])]),
    ]);
    const started = host.activate();
    started.catch(() => {});
    await clock.advance(60_000);
    await assert.rejects(started, (error: HciError) => {
      assert.equal(error.code, "controller-unsuitable");
      assert.match(error.message, /LE Set Random Address, LE Set Advertising Enable\.$/);
      return true;
    });
    assert.equal(controller.opens, 1);
    assert.equal(host.active, false);
  });

  it("refuses a controller without room for ACL data", async () => {
    const { host, controller, settle } = createRig();
    controller.script(0x2002, () => [commandComplete(0x2002, [0, 0, 0, 0])]);
    controller.script(0x1005, () => [commandComplete(0x1005, [0, ...le16(1021), 64, 0, 0, 1, 0])]);
    const refused = assert.rejects(host.activate(), { code: "controller-unsuitable" });
    await settle();
    await refused;
  });

  it("a controller that never answers: three attempts with pauses, then HciError", async () => {
    const { host, controller, clock } = createRig();
    controller.mute(RESET);
    const refused = assert.rejects(host.activate(), { name: "HciError", code: "controller-timeout" });
    await clock.advance(COMMAND_TIMEOUT_MS * 3 + 250 + 2000 - 1);
    assert.equal(controller.opens, 3);
    await clock.advance(1);
    await refused;
    assert.equal(controller.closes, 3);
    assert.equal(host.active, false);
    assert.equal(clock.pending, 0);
  });

  it("and one that comes back later is started by the next call", async () => {
    const { host, controller, clock, settle } = createRig();
    controller.script(RESET, SILENCE, SILENCE, SILENCE);
    const refused = assert.rejects(host.activate(), HciError);
    await clock.advance(60_000);
    await refused;
    const again = host.activate();
    await settle();
    await again;
    assert.equal(host.active, true);
  });

  it("answers at the second attempt, which asks for less", async () => {
    const { host, controller, clock } = createRig();
    controller.script(RESET, SILENCE);
    const started = host.activate();
    await clock.advance(COMMAND_TIMEOUT_MS + 250);
    await started;
    assert.equal(controller.opens, 2);
    assert.ok(!controller.takeOpcodes().includes(0x202f));
  });

  it("survives a failure in the middle of the start: line, hardware, silence, nonsense", async () => {
    for (const answer of [
      () => [eventPacket(0x10, [1])],
      SILENCE,
      () => [commandComplete(READ_COMMANDS, [0, 1, 2])],
      () => [commandComplete(READ_COMMANDS, [0x1f])],
    ]) {
      const { host, controller, clock } = createRig();
      controller.script(READ_COMMANDS, answer);
      const started = host.activate();
      await clock.advance(COMMAND_TIMEOUT_MS + 250);
      await started;
      assert.equal(controller.opens, 2);
    }
  });
});

describe("Host: a controller that is lost", () => {
  for (const [name, lose] of [
    ["the line breaks", (rig: ReturnType<typeof createRig>) => rig.controller.fail("framing lost")],
    ["hardware error", (rig: ReturnType<typeof createRig>) => rig.controller.deliver(eventPacket(0x10, [7]))],
  ] as const) {
    it(`${name}: links end with hardware failure (0x03), and it starts again`, async () => {
      const rig = await createConnectedRig();
      const ended: number[] = [];
      const order: string[] = [];
      rig.host.observe({
        onDisconnected: (connection, reason) => {
          ended.push(reason);
          order.push(`ended, connected: ${connection.isConnected}`);
        },
      });
      lose(rig);
      await rig.settle();
      assert.deepEqual(ended, [0x03]);
      assert.deepEqual(order, ["ended, connected: false"]);
      assert.equal(rig.host.connections.size, 0);
      assert.equal(rig.host.active, true);
      assert.equal(rig.controller.opens, 2);
      const opcodes = rig.controller.takeOpcodes();
      assert.equal(opcodes[0], RESET);
      assert.ok(!opcodes.includes(0x200a), "it did not advertise before");
    });
  }

  it("lost while advertising: advertising goes on after the restart", async () => {
    const rig = createRig();
    const advertising = rig.aioble.advertise({ intervalUs: 100_000, name: "a" });
    await rig.settle();
    rig.controller.sent.length = 0;
    rig.controller.fail("unplugged");
    await rig.settle();
    const sent = rig.controller.take();
    assert.equal(sent.at(-1), "01 0a 20 01 01");
    assert.ok(sent.includes(`01 08 20 20 06 02 01 06 02 09 61${" 00".repeat(25)}`));
    await rig.connect();
    assert.equal((await advertising).isConnected(), true);
  });

  it("lost for good: three attempts, then the observers are notified and advertise() fails", async () => {
    const rig = createRig();
    const lost: BleError[] = [];
    rig.host.observe({ onRadioLost: (error) => lost.push(error) });
    const advertising = rig.aioble.advertise({ intervalUs: 100_000 });
    const failed = assert.rejects(advertising, HciError);
    await rig.settle();
    rig.controller.mute(RESET);
    rig.controller.fail("unplugged");
    await rig.clock.advance(60_000);
    await failed;
    assert.equal(lost.length, 1);
    assert.equal(rig.controller.opens, 4);
    assert.equal(rig.host.active, false);
    assert.equal(rig.clock.pending, 0);
  });

  it("lost again while it starts again: one restart, not two at once", async () => {
    const rig = await createConnectedRig();
    rig.controller.sent.length = 0;
    rig.controller.script(READ_COMMANDS, () => [eventPacket(0x10, [1])]);
    rig.controller.fail("unplugged");
    await rig.clock.advance(1000);
    assert.equal(rig.host.active, true);
    assert.equal(rig.controller.opens, 3);
    assert.deepEqual(rig.controller.takeOpcodes().filter((opcode) => opcode === RESET).length, 2);
  });

  it("a silent controller is found out by the next command", async () => {
    const rig = await createConnectedRig();
    const connection = rig.host.connections.get(HANDLE)!;
    rig.controller.script(0x0406, SILENCE);
    const disconnecting = rig.host.disconnect(connection);
    await rig.clock.advance(COMMAND_TIMEOUT_MS);
    await disconnecting;
    assert.equal(connection.disconnectReason, 0x03);
    assert.equal(rig.host.active, true);
  });
});

describe("Host: links", () => {
  it("asks the controller to end a link; one that is gone is no error, a refusal is", async () => {
    const rig = await createConnectedRig();
    const connection = rig.host.connections.get(HANDLE)!;
    await Promise.all([rig.host.disconnect(connection), rig.settle()]);
    assert.deepEqual(rig.controller.take(), ["01 06 04 03 40 00 13"]);
    rig.controller.script(0x0406, () => [eventPacket(0x0f, [0x02, 1, 0x06, 0x04])]);
    await Promise.all([rig.host.disconnect(connection), rig.settle()]);
    rig.controller.script(0x0406, () => [eventPacket(0x0f, [0x0c, 1, 0x06, 0x04])]);
    await Promise.all([assert.rejects(rig.host.disconnect(connection), { status: 0x0c }), rig.settle()]);
    await rig.disconnect(HANDLE, 0x16);
    rig.controller.sent.length = 0;
    await rig.host.disconnect(connection);
    assert.deepEqual(rig.controller.take(), []);
  });

  it("ignores failed connections, other roles, failed disconnections and unknown handles", async () => {
    const rig = await createConnectedRig();
    const connected: number[] = [];
    rig.host.observe({ onConnected: (connection) => connected.push(connection.handle) });
    const body = (status: number, handle: number, role: number) => [
      status,
      ...le16(handle),
      role,
      1,
      1,
      2,
      3,
      4,
      5,
      0xc6,
      ...le16(24),
      0,
      0,
      ...le16(72),
      0,
    ];
    rig.controller.deliver(
      lePacket(0x01, body(0x3e, 0x41, 1)),
      lePacket(0x01, body(0, 0x41, 0)),
      eventPacket(0x05, [0x0c, ...le16(HANDLE), 0x13]),
      eventPacket(0x05, [0, ...le16(0x99), 0x13]),
      lePacket(0x03, [0, ...le16(0x99), 6, 0, 0, 0, 100, 0]),
      lePacket(0x03, [0x1f, ...le16(HANDLE), 6, 0, 0, 0, 100, 0]),
    );
    await rig.settle();
    assert.deepEqual(connected, []);
    assert.equal(rig.host.connections.get(HANDLE)?.isConnected, true);
    assert.equal(rig.host.connections.get(HANDLE)?.parameters.intervalUs, 30_000);
  });

  it("keeps the parameters that the link layer reports (7.7.65.3)", async () => {
    const rig = await createConnectedRig();
    rig.controller.deliver(lePacket(0x03, [0, ...le16(HANDLE), 6, 0, 4, 0, ...le16(500)]));
    await rig.settle();
    assert.deepEqual(rig.host.connections.get(HANDLE)?.parameters, {
      intervalUs: 7500,
      latency: 4,
      supervisionTimeoutMs: 5000,
    });
  });

  it("a handle used again without a Disconnection Complete ends the old link first", async () => {
    const rig = await createConnectedRig();
    const old = rig.host.connections.get(HANDLE)!;
    const order: string[] = [];
    rig.host.observe({
      onConnected: (connection) => order.push(`up ${connection === old}`),
      onDisconnected: (connection, reason) => order.push(`down ${connection === old} ${reason}`),
    });
    await rig.connect(HANDLE);
    assert.deepEqual(order, ["down true 31", "up false"]);
    assert.equal(old.isConnected, false);
  });

  it("answers a Long Term Key Request with the negative reply: there are no keys", async () => {
    const rig = await createConnectedRig();
    rig.controller.deliver(lePacket(0x05, [...le16(HANDLE), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    await rig.settle();
    assert.deepEqual(rig.controller.take(), ["01 1b 20 02 40 00"]);
    rig.controller.script(0x201b, () => [commandComplete(0x201b, [0x02])]);
    rig.controller.deliver(lePacket(0x05, [...le16(HANDLE), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    await rig.settle();
    assert.ok(rig.log.some(([level, text]) => level === "warning" && text.includes("Negative Reply")));
  });

  it("without the feature security: Pairing Failed 0x05 to every command but itself (Vol 3, Part H, 3.3)", async () => {
    const rig = await createConnectedRig(({ host }) => {
      host.encryption = undefined;
    });
    for (let code = 0; code <= 0xff; code++) {
      for (const length of [0, 1, 6, 16, 64]) {
        const replies = await rig.exchange(SMP, concat([code], new Uint8Array(length)));
        assert.deepEqual(
          replies,
          code >= 0x01 && code <= 0x0e && code !== 0x05 ? ["05 05"] : [],
          `code ${code}`,
        );
      }
    }
    assert.deepEqual(await rig.exchange(SMP, []), []);
  });

  it("drops frames for channels that are not open, and answers signalling on its own channel", async () => {
    const rig = await createConnectedRig();
    for (const channel of [0x0000, 0x0001, 0x0007, 0x0040, 0xffff]) {
      assert.deepEqual(await rig.exchange(channel, [1, 2, 3]), []);
    }
    assert.deepEqual(await rig.exchange(SIGNALING, [0x0a, 7, 2, 0, 2, 0]), ["01 07 02 00 00 00"]);
  });

  it("drops ACL data for a handle without a link", async () => {
    const rig = await createConnectedRig();
    assert.deepEqual(await rig.exchange(0x0004, [0x0a, 3, 0], 0x99), []);
  });
});
