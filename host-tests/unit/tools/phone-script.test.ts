/** Scripts of the virtual phone: what they say, and what is reported of their mistakes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "mocha";
import { hex } from "../../../firmware/ble/codec.ts";
import { PhoneError } from "../../../simulator/phone/errors.ts";
import { listExamples } from "../../../tools/build/application.ts";
import { UsageError } from "../../../tools/events.ts";
import { root } from "../../../tools/paths.ts";
import { Player, type Stage } from "../../../tools/phone/player.ts";
import { forms, parseScript, parseStep } from "../../../tools/phone/script.ts";
import { scenarioOf } from "../../../tools/scenario/run.ts";

const step = (line: string) => parseStep(line, "x:1") as unknown as Record<string, unknown>;

/** The error of one line. */
function mistake(line: string): string {
  try {
    parseStep(line, "phone.txt:7");
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return assert.fail(`"${line}" is a step`);
}

describe("a phone's script", () => {
  it("has a step a line, comments and empty lines", () => {
    const lines = parseScript('# first\n\nfind "a # b" # whom\n  wait 1 s\n', "phone.txt");
    assert.deepEqual(
      lines.map(({ place }) => place),
      ["phone.txt:3", "phone.txt:4"],
    );
    assert.deepEqual(lines[0]!.step, { do: "find", whom: { name: "a # b" }, withinMs: 30_000 });
  });

  it("takes times in s and ms", () => {
    for (const [text, ms] of [
      ["2 s", 2000],
      ["1.5s", 1500],
      ["500 ms", 500],
      ["0 s", 0],
    ] as const) {
      assert.deepEqual(step(`wait ${text}`), { do: "wait", ms });
    }
    assert.match(mistake("wait 5"), /^phone\.txt:7: s or ms is missing\. The step is: wait TIME\.$/);
    assert.match(mistake("wait soon"), /a time is a number of s or ms, at most a day, not soon/);
    assert.match(mistake("wait 2 h"), /not 2/);
    assert.match(mistake("wait 90000 s"), /at most a day/);
  });

  it("takes values as hexadecimal, as text, and with bytes left open where one is expected", () => {
    const written = (value: string) => hex(step(`write 2a00 ${value}`).value as Uint8Array);
    assert.equal(written("01fF"), "01ff");
    assert.equal(written("0x01ff"), "01ff");
    assert.equal(written('"ü \\"a\\""'), "c3bc20226122");
    assert.equal(written("empty"), "");
    assert.deepEqual(step("expect value 01..").pattern, [1, undefined]);
    assert.match(mistake("write 2a00 01.."), /no byte left open/);
    assert.match(
      mistake("write 2a00 1"),
      /a value is a text in quotes, pairs of hexadecimal digits, or "empty", not 1/,
    );
    assert.match(mistake("write 2a00"), /a value is missing/);
  });

  it("takes characteristics by UUID, the nth of several, and their descriptors", () => {
    const named = (text: string) => {
      const { uuid, nth, descriptor } = step(`read ${text}`).attribute as Record<string, unknown>;
      return [String(uuid), nth, descriptor === undefined ? "" : String(descriptor)];
    };
    const [sixteen] = named("2a6e");
    assert.deepEqual(named("0x2A6E[3]"), [sixteen, 3, ""]);
    assert.equal(named("2a6e/2901")[1], 1);
    assert.notEqual(named("2a6e/2901")[2], "");
    assert.match(mistake("read 2a6"), /invalid UUID "2a6"/);
    assert.match(mistake("read 2a6e[0]"), /no characteristic/);
  });

  it("pairs as its user does", () => {
    const plain = { do: "pair", legacy: false, passkey: undefined, after: undefined, isEqual: true };
    assert.deepEqual(step("pair"), plain);
    assert.deepEqual(step("pair legacy passkey 000042"), { ...plain, legacy: true, passkey: 42 });
    assert.deepEqual(step('pair passkey after "type "'), { ...plain, after: "type " });
    assert.deepEqual(step("pair unequal"), { ...plain, isEqual: false });
    assert.deepEqual(step("connect mtu 23 plain"), { do: "connect", mtu: 23, plain: true });
  });

  it("names the line and the step's form in its mistakes", () => {
    assert.match(
      mistake("wirte 2a00 01"),
      /^phone\.txt:7: "wirte" is no step\. Steps: phone, find, .*expect log/,
    );
    assert.match(mistake("expect"), /"expect" is no step/);
    assert.match(mistake("expect rain"), /"expect rain" is no step/);
    assert.match(mistake("disconnect now"), /"now" is one word too many\. The step is: disconnect\./);
    assert.match(mistake("connect mtu 22"), /the mtu is a number from 23 to 517, not 22/);
    assert.match(mistake("expect log hello"), /a text stands in quotes, not hello/);
    assert.match(mistake("find 00:11"), /no address/);
    assert.match(mistake("pair passkey 12345"), /a passkey is six digits, or after a text, not 12345/);
    assert.match(mistake("pair passkey 123456 unequal"), /"unequal" is one word too many/);
  });

  it("is documented: each step's form stands in docs/phone.md", () => {
    const page = readFileSync(join(root, "docs/phone.md"), "utf8").replaceAll("\\|", "|");
    for (const form of Object.values(forms)) {
      for (const part of form.includes("[") ? [form] : form.split(" | ")) {
        assert.ok(
          part.split(" | ").every((piece) => page.includes(piece)),
          `docs/phone.md has no ${part}`,
        );
      }
    }
  });

  it("is not connected where a link has ended and another did not come up", async () => {
    let attempts = 0;
    const link = { isConnected: true, mtu: 23, encryptWithBond: () => Promise.resolve(false) };
    const phone = {
      address: new Uint8Array(6),
      start: () => Promise.resolve(),
      find: () =>
        Promise.resolve({
          address: new Uint8Array(6),
          addressType: 0,
          connectable: true,
          advertising: new Uint8Array(0),
        }),
      connect: () => (attempts++ === 0 ? Promise.resolve(link) : Promise.reject(new PhoneError("no link"))),
    };
    const player = new Player({ addPhone: () => phone } as unknown as Stage, () => undefined);
    const play = (line: string): Promise<void> => player.playOne(parseStep(line, "x:1")!);
    await play("connect mtu 23");
    link.isConnected = false;
    await assert.rejects(play("connect"), /no link/);
    await assert.rejects(play("encrypt"), /this phone is not connected: connect first/);
  });

  it("stands beside every example that has no scenario, and is one", () => {
    const alone = listExamples().filter((example) => scenarioOf(example) === undefined);
    assert.deepEqual(alone, ["battery-sensor", "broadcast-feed", "environment-sensor", "mailbox"]);
    for (const example of alone) {
      const script = readFileSync(join(root, "examples", example, "phone.txt"), "utf8");
      assert.ok(parseScript(script, example).length > 1);
    }
  });
});
