/** Numbers of options: an unset variable and what only looks like a number is none. */
import assert from "node:assert/strict";
import { Command } from "commander";
import { describe, it } from "mocha";
import type { CommandLine } from "../../../tools/cli/command-line.ts";
import { addDeploy } from "../../../tools/cli/commands/deploy.ts";
import { addEnergy } from "../../../tools/cli/commands/energy.ts";
import { addLogs } from "../../../tools/cli/commands/logs.ts";
import { addSign } from "../../../tools/cli/commands/sign.ts";
import { decimalNumber, wholeNumber } from "../../../tools/cli/numbers.ts";

const NONE = [
  "",
  " ",
  " 5",
  "5 ",
  "x",
  "-1",
  "+1",
  "0x10",
  "1e3",
  "1_000",
  "NaN",
  "Infinity",
  "007",
  "1,5",
  ".5",
  "5.",
];

/** Parses an option of a command, whose action is not reached. */
function parse(add: (cli: CommandLine) => void, name: string, option: string, value: string): unknown {
  const program = new Command();
  add({
    abort: AbortSignal.abort(),
    command: (verb, description) => program.command(verb).description(description),
    foreignCommand: () => assert.fail("not asked for"),
    rendererFor: () => () => undefined,
    end: () => undefined,
  });
  const command = program.commands.find((each) => each.name() === name)!.exitOverride();
  command.parseOptions([option, value]);
  return command.opts()[option.slice(2)];
}

describe("tools/cli/numbers", () => {
  it("are whole numbers or decimal fractions, in decimal digits", () => {
    for (const text of [...NONE, "1.5"]) assert.equal(wholeNumber(text), undefined, text);
    for (const text of NONE) assert.equal(decimalNumber(text), undefined, text);
    assert.deepEqual(["0", "10", "4294967296"].map(wholeNumber), [0, 10, 4_294_967_296]);
    assert.deepEqual(["0", "10", "0.25", "300"].map(decimalNumber), [0, 10, 0.25, 300]);
  });

  it("--counter, --trial and --days take no others, and say what they were given", () => {
    const cases = [
      [addSign, "sign", "--counter", ["1.5", "4294967296"], ["0", "4294967295"]],
      [addDeploy, "deploy", "--counter", ["1.5", "4294967296"], ["3"]],
      [addDeploy, "deploy", "--trial", ["301"], ["0", "2.5", "300"]],
      [addEnergy, "energy", "--days", ["0"], ["0.5", "7"]],
    ] as const;
    for (const [add, name, option, outside, inside] of cases) {
      for (const text of [...NONE, ...outside])
        assert.throws(
          () => parse(add, name, option, text),
          (error: Error) =>
            error.name === "UsageError" && error.message.startsWith(`${option} is "${text}"; `),
          `${name} ${option} ${text}`,
        );
      for (const text of inside) assert.equal(parse(add, name, option, text), Number(text));
    }
  });

  it("--camera is not left out by an empty variable: any camera would be updated", () => {
    for (const [add, name] of [
      [addDeploy, "deploy"],
      [addLogs, "logs"],
    ] as const) {
      assert.throws(() => parse(add, name, "--camera", ""), {
        name: "UsageError",
        message: /--camera is empty/,
      });
      assert.equal(parse(add, name, "--camera", "door"), "door");
    }
  });
});
