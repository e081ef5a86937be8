import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { decode, encode } from "../../../../firmware/ble/codec.ts";
import type { AnyCommand } from "../../../../firmware/ble/hci/packet.ts";
import { supports } from "../../../../firmware/ble/hci/startup.ts";
import { COMMANDS } from "../../../../tools/trace/packet-tables.ts";
import { fromHex, shiftedView, toHex } from "../../../support/bytes.ts";
import * as commands from "../../../support/commands.ts";
import { COMMAND_VECTORS, opcode } from "./command-vectors.ts";

describe("HCI commands against bytes by hand (Vol 4, Part E, 7)", () => {
  for (const vector of COMMAND_VECTORS) {
    const { command } = vector;
    it(`${command.name}: opcode 0x${vector.opcode.toString(16)}, parameters, return parameters`, () => {
      assert.equal(command.opcode, vector.opcode);
      assert.deepEqual([command.octet, command.bit], vector.bit);
      for (const [fields, [values, wire]] of [
        [command.parameters, vector.parameters ?? [{}, ""]],
        [command.returns, vector.returns ?? [{}, ""]],
      ] as const) {
        assert.equal(toHex(encode(fields, values)), wire);
        const bytes = fromHex(wire);
        assert.deepEqual(decode(fields, shiftedView(bytes), 0, bytes.length, true), values);
        for (let length = 0; length < bytes.length; length++) {
          assert.equal(decode(fields, shiftedView(bytes), 0, length), undefined, `cut to ${length}`);
        }
      }
    });
  }

  it("Read Local Supported Commands returns 64 bytes", () => {
    const fields = commands.readLocalSupportedCommands.returns;
    assert.equal(commands.readLocalSupportedCommands.opcode, opcode(0x04, 0x0002));
    assert.equal(decode(fields, shiftedView(new Uint8Array(63)), 0, 63), undefined);
    assert.equal(decode(fields, shiftedView(new Uint8Array(64)), 0, 64)?.supportedCommands.length, 64);
  });

  it("covers every command of the table, each opcode once", () => {
    const covered = new Set<AnyCommand>(COMMAND_VECTORS.map((vector) => vector.command));
    covered.add(commands.readLocalSupportedCommands);
    assert.deepEqual(
      COMMANDS.filter((command) => !covered.has(command)).map((command) => command.name),
      [],
    );
    const opcodes = COMMANDS.map((command) => command.opcode);
    assert.equal(new Set(opcodes).size, opcodes.length);
  });

  it("Command Status alone answers what takes the air's time: the result is an event", () => {
    assert.deepEqual(
      COMMANDS.filter((command) => command.statusOnly).map((command) => command.name),
      [
        "Disconnect",
        "LE Create Connection",
        "LE Connection Update",
        "LE Read Remote Features",
        "LE Set PHY",
        "LE Enable Encryption",
      ],
    );
  });

  it("finds a command's bit, and none beyond the end of a short table", () => {
    const table = new Uint8Array(64);
    table[26] = 0x02;
    assert.equal(supports(table, commands.leSetAdvertisingEnable), true);
    assert.equal(supports(table, commands.leSetScanResponseData), false);
    assert.equal(supports(new Uint8Array(3), commands.leSetAdvertisingEnable), false);
  });
});
