/** Scenarios: several cameras in one air, as a person has them played. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { buildRoot } from "../../tools/paths.ts";
import { obscura } from "./run.ts";

/** Counts its starts on a console that says which version it is. */
const CAMERA = (version: string): string => `
import { advertise, config } from "aioble";
console.log("version ${version} of", config("mac")[1].length, "bytes");
await advertise({ intervalUs: 100_000, name: "acted" });
console.log("somebody came");
`;

const SCENARIO = (body: string): string => `
export const cameras = { one: { versions: ["second.ts"] }, other: { application: "second.ts" } };
export default async function play(stage) {
  ${body}
}
`;

describe("obscura run with a scenario", function () {
  this.timeout(600_000);
  const folder = join(buildRoot, "test-scenario");

  before(() => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "main.ts"), CAMERA("1"));
    writeFileSync(join(folder, "second.ts"), CAMERA("2"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function play(scenario: string): Promise<{ status: number | null; output: string }> {
    writeFileSync(join(folder, "scenario.ts"), scenario);
    const session = obscura("run", folder);
    return { status: await session.ended, output: session.output() };
  }

  for (const [example, ...lines] of [
    ["heart-rate-reader", /found strap/, /the strap is gone/, /beats a minute, beats \d+ ms apart/],
    ["thermometer-reader", /36\.57 °C/, /the reader has it/, /36\.85 °C/],
    ["beacon-reader", /7\/42 is here/, /7\/42 is gone/, /7\/42 is here/],
    ["contact-switch-reader", /front door is closed/, /front door is open/, /front door is closed/],
  ] as const) {
    it(`shows ${example} against a peer that is the other side`, async () => {
      const session = obscura("run", example);
      assert.equal(await session.ended, 0, session.output());
      let at = 0;
      for (const line of lines) {
        const found = line.exec(session.output().slice(at));
        assert.ok(found, `${line} in ${session.output()}`);
        at += found.index + 1;
      }
      assert.match(session.output(), /\nEverything happened as the scenario says\.\n$/);
    });
  }

  for (const board of ["host", "mps2-an500"]) {
    it(`shows update-tour on ${board}: a version that stays, and one that goes back`, async () => {
      const session = obscura("run", "update-tour", "--board", board);
      assert.equal(await session.ended, 0, session.output());
      let at = 0;
      for (const line of [
        /version 1 runs\n/,
        /Upload: \d+ of \d+, \d+\.\d KB\/s, \d+ s left\n/,
        /✓ Upload: \d+ bytes/,
        /version 2 runs, on trial\n/,
        /✓ Confirmation: version 2\.0\.0 stays/,
        /health check: the sensor reads/,
        /at examples\/update-tour\/version-3\.ts:\d+:\d+/,
        /✗ Trial: The camera has gone back, and runs version 2\.0\.0 again\./,
        /version 2 runs\n/,
      ]) {
        const found = line.exec(session.output().slice(at));
        assert.ok(found, `${line} in ${session.output()}`);
        at += found.index + 1;
      }
      // A reset by the management is no failure of the application, which catches nothing.
      const failures = session.output().match(/The application failed|restarted after a fault/g);
      assert.deepEqual(failures, ["The application failed", "restarted after a fault"], "version 3's only");
    });

    it(`shows camera-to-camera on two cameras on ${board}: a picture, its hash, and a receipt`, async () => {
      const session = obscura("run", "camera-to-camera", "--board", board);
      assert.equal(await session.ended, 0, session.output());
      const [, received] =
        /a picture of 65536 bytes: whole, hash ([0-9a-f]{8})\n/.exec(session.output()) ?? [];
      const [, sent] = /65536 bytes with hash ([0-9a-f]{8}) have arrived/.exec(session.output()) ?? [];
      assert.ok(sent !== undefined && sent === received, session.output());
    });
  }

  for (const board of ["host", "mps2-an500"]) {
    it(`shows protected-settings on ${board}: a phone is refused, pairs, and is known after a restart`, async () => {
      const session = obscura("run", "protected-settings", "--board", board);
      assert.equal(await session.ended, 0, session.output());
      const said = session
        .output()
        .split("\n")
        .filter((line) => line.startsWith("phone "));
      const at = (text: string): number => said.findIndex((line) => line.includes(text));
      const [refused, paired, restarted, encrypted] = [
        "insufficient authentication (0x05)",
        "paired",
        "the camera advertises again",
        "encrypted with the key of the bond",
      ].map(at);
      assert.ok(refused! >= 0 && refused! < paired! && paired! < restarted! && restarted! < encrypted!);
      const after = said.slice(encrypted);
      assert.ok(
        after.some((line) => line.includes("notification")),
        session.output(),
      );
      assert.ok(
        !after.some((line) => line.includes("subscribed") || line.includes("paired")),
        session.output(),
      );
    });
  }

  it("plays restarts, versions and phones; a camera keeps its address", async () => {
    const { status, output } = await play(
      SCENARIO(`
        const one = await stage.camera("one");
        await one.says("version 1 of 6");
        await stage.phone('find "acted"\\nconnect\\ndisconnect');
        await one.says("somebody came");
        await one.restart();
        await one.says("version 1");
        await stage.phone("find again");
        await one.restart("second.ts");
        await one.says("version 2");
        await stage.phone("find again\\nconnect");
        stage.say("The other one comes.");
        const other = await stage.camera("other");
        await other.says("version 2");
      `),
    );
    assert.equal(status, 0, output);
    const addresses = [...output.matchAll(/found the camera|advertises again at (\S+)/g)].map(
      ([, own]) => own,
    );
    assert.equal(addresses.length, 3, output);
    assert.equal(addresses[1], addresses[2]);
    assert.match(output, /\nThe other one comes\.\n/);
    assert.equal(output.match(/Bundle of the firmware/g)?.length, 1);
  });

  for (const [what, body, sentence] of [
    [
      "a line that does not come",
      'await (await stage.camera("one")).says("never", 500);',
      /did not go as written: one did not say "never" within 0\.5 s\n$/,
    ],
    ["a step of a phone", 'await stage.phone("find \\"none\\" within 200 ms");', /phone\(1\):1: /],
    [
      "a camera that is not declared",
      'await stage.camera("third");',
      /there is no camera "third" in cameras\n$/,
    ],
    [
      "a version that is not declared",
      'await (await stage.camera("other")).restart("main.ts");',
      /main\.ts is no version of other: name it in cameras\n$/,
    ],
    ["an error of its own", 'throw new Error("mine");', /did not go as written: mine\n$/],
  ] as const) {
    it(`fails by ${what}, and says so`, async () => {
      const { status, output } = await play(SCENARIO(body));
      assert.equal(status, 1, output);
      assert.match(output, sentence);
    });
  }

  it("fails by a camera that fails", async () => {
    writeFileSync(join(folder, "main.ts"), 'throw new Error("cannot see");');
    const { status, output } = await play(SCENARIO('await stage.camera("one"); await stage.wait(60_000);'));
    writeFileSync(join(folder, "main.ts"), CAMERA("1"));
    assert.equal(status, 1, output);
    assert.match(output, /obscura: one: The application failed: Error: cannot see.*\n$/);
  });

  it("says what is no scenario, and what cannot be had with one", async () => {
    const { status, output } = await play("export const cameras = {};");
    assert.equal(status, 2, output);
    assert.match(
      output,
      /scenario\.ts does not export cameras, and a function as its default: docs\/phone\.md/,
    );
    const recorded = obscura("run", folder, "--btsnoop", join(folder, "x.btsnoop"));
    assert.equal(await recorded.ended, 2);
    assert.match(recorded.output(), /--btsnoop and --keep-going are for one camera: add --no-phone\./);
  });
});
