/** `obscura phone` near a camera that runs, as a person uses it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { obscura, type Session } from "./run.ts";

const TEXT = "4f627363-7572-6100-8000-000000000001";
const ANSWER = "4f627363-7572-6100-8000-000000000003";
const ARCHIVE = "4f627363-7572-6100-8000-000000000004";
const INTERVAL = "7a100001-52c4-4f0e-9c61-2d1f4b8e6a01";
const PICTURES = "7a100002-52c4-4f0e-9c61-2d1f4b8e6a01";

/** Types these lines into a session. */
const type = ({ child }: Session, ...lines: string[]): void =>
  void child.stdin!.write(lines.map((line) => `${line}\n`).join(""));

describe("obscura phone", function () {
  this.timeout(600_000);
  let folder = "";

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-prompt-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Does something near a camera, with the address of a controller there. */
  async function near(
    application: string,
    work: (hci: string, camera: Session) => Promise<void>,
  ): Promise<void> {
    const camera = obscura("run", application, "--no-phone");
    try {
      const [, hci] = await camera.saw(/finds a controller at (tcp:\S+)\./);
      await work(hci!, camera);
    } finally {
      camera.child.kill("SIGINT");
      await camera.ended;
    }
  }

  it("does the steps that are typed", () =>
    near("mailbox", async (hci, camera) => {
      const phone = obscura("phone", "--radio", hci);
      type(
        phone,
        'find "obscura-mail"',
        "connect",
        "raed",
        `write ${TEXT} "by hand"`,
        `read ${TEXT}`,
        `read ${ARCHIVE}`,
        `write ${ANSWER} 00`,
        "expect refusal 0x03",
        "help",
        "exit",
      );
      assert.equal(await phone.ended, 1, phone.output());
      assert.match(phone.output(), /phone {6}found the camera\n/);
      assert.match(phone.output(), /warning: phone: "raed" is no step\./);
      assert.match(phone.output(), /phone {6}read 4F627363-.*-000000000001: 62792068616e64\n/);
      assert.match(phone.output(), /phone {6}read 4F627363-.*-000000000004: 0001.*2a2b\n/);
      assert.match(phone.output(), /refused, write not permitted \(0x03\)/);
      assert.match(phone.output(), /\n {2}expect disconnection \[within TIME\]\n/);
      await camera.saw(/text from .*: 7 bytes/);
      await camera.saw(/info: disconnected/);
    }));

  it("ends with 1, where nobody types, when a refusal is not expected by the line behind it", () =>
    near("protected-settings", async (hci) => {
      const write = `write ${INTERVAL} 01`;
      const refused = /\nobscura: the camera refused to write .*\(0x05\)\n$/;
      for (const [steps, status, sentence] of [
        [[write], 1, refused],
        [[write, "disconnect"], 1, refused],
        [["pair", "pair legacy", "exit"], 1, /\nobscura: the camera ended the pairing: .* \(0x03\)\n$/],
        [[write, "# So.", "expect refusal 0x05", "pair", "expect refusal 0x05"], 0, /\(0x05\)\n$/],
      ] as const) {
        const phone = obscura("phone", "--radio", hci);
        type(phone, "connect", ...steps);
        phone.child.stdin!.end();
        assert.equal(await phone.ended, status, phone.output());
        assert.match(phone.output(), sentence);
      }
    }));

  it("pairs, and is known in the next run by the file of its bonds", () =>
    near("protected-settings", async (hci) => {
      const bonds = join(folder, "bonds.json");
      const first = obscura("phone", "--radio", hci, "--bonds", bonds);
      type(
        first,
        'find "obscura-settings"',
        "connect",
        `write ${INTERVAL} 01`,
        "expect refusal 0x05",
        "pair",
        "pair legacy",
        "expect refusal 0x03",
        `write ${INTERVAL} 01`,
        `subscribe ${PICTURES}`,
        "notifications 1",
        "disconnect",
        "exit",
      );
      assert.equal(await first.ended, 0, first.output());
      assert.match(first.output(), /phone {6}paired/);
      assert.match(
        first.output(),
        /failed: the camera ended the pairing: Authentication Requirements \(0x03\)/,
      );
      assert.doesNotMatch(first.output(), /smp:/);
      assert.match(first.output(), /phone {6}notification 1:/);
      const second = obscura("phone", "--radio", hci, "--bonds", bonds);
      type(second, "find", "connect", `read ${PICTURES}`, "exit");
      assert.equal(await second.ended, 0, second.output());
      assert.match(second.output(), /phone {6}encrypted/);
      const stranger = obscura("phone", "--radio", hci);
      type(stranger, "find", "connect", `read ${PICTURES}`, "expect refusal 0x05", "exit");
      assert.equal(await stranger.ended, 0, stranger.output());
    }));

  it("ends at once, in whichever step, when its controller goes away", () =>
    near("mailbox", async (hci, camera) => {
      const steps = ['find "nobody" within 3600 s', "wait 3600 s", "connect"];
      const phones = steps.map((step) => ({ step, phone: obscura("phone", "--radio", hci) }));
      for (const { phone } of phones) {
        type(phone, "find");
        await phone.saw(/found the camera/);
      }
      for (const { step, phone } of phones) type(phone, step, "notifications 1 within 3600 s");
      await phones.at(-1)!.phone.saw(/connected to/);
      camera.child.kill("SIGINT");
      for (const { phone } of phones) {
        assert.equal(await phone.ended, 1, phone.output());
        assert.match(phone.output(), /\nobscura: The controller at tcp:\S+ has gone\n$/);
        assert.doesNotMatch(phone.output(), /\n {4}at /);
      }
    }));

  it("ends at once on Ctrl-C, and leaves the camera", () =>
    near("mailbox", async (hci, camera) => {
      const phone = obscura("phone", "--radio", hci);
      type(phone, "connect", "expect disconnection within 3600 s", "read 2a00");
      await camera.saw(/info: connected/);
      await phone.saw(/ATT_MTU|mtu/i);
      phone.child.kill("SIGINT");
      assert.equal(await phone.ended, 130, phone.output());
      assert.doesNotMatch(phone.output(), /\n {4}at /);
      await camera.saw(/info: disconnected/);
    }));

  it("says what is wrong with the file of its bonds", () =>
    near("mailbox", async (hci) => {
      const file = join(folder, "no-bonds.json");
      writeFileSync(file, "[");
      for (const [bonds, sentence] of [
        [
          file,
          /^obscura: \S+ holds no bonds that can be read \(.*\)\. If it held bonds, move it away, and pair with the cameras anew\.\n$/,
        ],
        [join("/proc", "bonds.json"), /^obscura: This computer cannot keep what cameras know it by: .*\n$/],
      ] as const) {
        const phone = obscura("phone", "--radio", hci, "--bonds", bonds);
        assert.equal(await phone.ended, 1, phone.output());
        assert.match(phone.output(), sentence);
      }
    }));

  it("says when there is no controller for the prompt", async () => {
    const phone = obscura("phone", "--radio", "tcp:127.0.0.1:1");
    assert.equal(await phone.ended, 1);
    assert.match(
      phone.output(),
      /^obscura: No controller listens at tcp:127\.0\.0\.1:1 \(connection refused\)/,
    );
  });

  for (const [args, sentence] of [
    [[], /^obscura: required option '-r, --radio <controller>' not specified/],
    [["--radio", "tcp:127.0.0.1:1", "--bonds", ""], /^obscura: --bonds is empty: give a file/],
    [
      ["--radio", "tcp:127.0.0.1:1", "--bonds", tmpdir()],
      /^obscura: The file of bonds cannot be read: \S+ is a folder\.\n$/,
    ],
    [["--radio", "sim"], /^obscura: --radio sim is for run: give the address that run --no-phone prints/],
  ] as const)
    it(`says what the options of the prompt take: phone ${args.join(" ")}`, async () => {
      const phone = obscura("phone", ...args);
      assert.equal(await phone.ended, 2);
      assert.match(phone.output(), sentence);
    });
});
