/** What commands read of a person's files: regular ones of a bounded size, and one sentence for all others. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { readPackage } from "../../../tools/build/application-package.ts";
import { readJson } from "../../../tools/build/json.ts";
import { FileRecords } from "../../../tools/central/file-records.ts";
import { perform } from "../../../tools/cli/perform.ts";
import { loadProfile } from "../../../tools/energy/command.ts";
import type { Operation } from "../../../tools/events.ts";
import { initialise } from "../../../tools/init/init.ts";
import { readInput, readInputIfThere } from "../../../tools/input-file.ts";
import { readPatch } from "../../../tools/patch/patch.ts";
import { root } from "../../../tools/paths.ts";
import { traceLog } from "../../../tools/trace/command.ts";
import { mapsIn } from "../../../tools/trace/maps.ts";
import { deploy } from "../../../tools/update/deploy.ts";
import { developmentKeyFile, readPublicKey, readSigningKey } from "../../../tools/update/keys.ts";
import { describeBundle, signApplication } from "../../../tools/update/sign.ts";

/** A FIFO would keep a command that waits for it, so each test has its time. */
const TIMEOUT_MS = 60_000;

describe("tools/input-file", function () {
  this.timeout(TIMEOUT_MS);
  let folder = "";
  const path = (name: string): string => join(folder, name);
  const run = <T>(operation: Operation<T>): Promise<T> => perform(operation, () => undefined);

  /** What no command waits for or reads, and what is said of it. */
  const hopeless = (): readonly (readonly [file: string, said: RegExp])[] => [
    [folder, / cannot be read: .* is a folder\.$/],
    [path("fifo"), / cannot be read: .*fifo is no regular file\.$/],
    ["/dev/zero", / cannot be read: \/dev\/zero is no regular file\.$/],
    [path("circle"), / cannot be read: the links at .*circle lead in a circle\.$/],
    [path("file/in.it"), / cannot be read: .*in\.it is in no folder: a part of its path is a file\.$/],
    [path("n".repeat(300)), / cannot be read: the system takes no name as long as .*nnn\.$/],
    [path("huge"), /huge has 4294967296 bytes and is no .*: one has at most \d+\.$/],
  ];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "input-"));
    execFileSync("mkfifo", [path("fifo")]);
    symlinkSync(path("circle"), path("circle"));
    writeFileSync(path("file"), "");
    writeFileSync(path("huge"), "");
    truncateSync(path("huge"), 2 ** 32);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("reads a file as it is, up to the bytes of its kind, and one of the system that says it has none", () => {
    const content = Buffer.alloc(10_000, "of bytes");
    writeFileSync(path("whole"), content);
    assert.deepEqual(readInput(path("whole"), { what: "log", bytesMax: 10_000 }), content);
    assert.throws(() => readInput(path("whole"), { what: "log", bytesMax: 9_999 }), {
      name: "UsageError",
      message: /whole has 10000 bytes and is no log: one has at most 9999\.$/,
    });
    assert.equal(readInput(path("file"), { what: "log", bytesMax: 1 }).length, 0);
    if (!existsSync("/proc/self/environ")) return;
    assert(readInput("/proc/self/environ", { what: "log", bytesMax: 2 ** 24 }).length > 0);
    assert.throws(() => readInput("/proc/self/environ", { what: "log", bytesMax: 3 }), {
      name: "UsageError",
      message: /has more than 3 bytes and is no log/,
    });
  });

  it("says that there is no such file, or nothing where there need be none", () => {
    const kind = { what: "log", bytesMax: 1 };
    assert.throws(() => readInput(path("none"), kind), {
      name: "UsageError",
      message: /^There is no log .*none\.$/,
    });
    assert.equal(readInputIfThere(path("none"), kind), undefined);
    for (const read of [readInput, readInputIfThere])
      assert.throws(() => read("", kind), { name: "UsageError", message: "The name of the log is empty." });
  });

  const signing = { board: "host", manifest: "camera", key: "" };
  for (const [what, read] of [
    ["a patch", (file) => readPatch(file)],
    ["a key that signs", (file) => readSigningKey(file)],
    ["a public key", (file) => readPublicKey(file)],
    ["a bundle", (file) => run(describeBundle(file, []))],
    ["a file of bonds", (file) => new FileRecords(file)],
    ["a manifest, or a board", (file) => readJson(file, "manifest")],
  ] as const satisfies readonly (readonly [string, (file: string) => unknown])[])
    it(`${what} is refused in one sentence where it is no file that can be read`, async () => {
      for (const [file, said] of hopeless())
        await assert.rejects(async () => read(file), { name: "UsageError", message: said }, file);
    });

  it("so are files that are known by the ending of their name", async () => {
    const { signal } = new AbortController();
    const radio = { kind: "controller", hci: "tcp:127.0.0.1:1" } as const;
    for (const name of ["x.json", "x.bin", "x.xsb", "package.json"]) execFileSync("mkfifo", [path(name)]);
    const said = { name: "UsageError", message: / cannot be read: .* is no regular file\.$/ };
    assert.throws(() => loadProfile(path("x.json")), said);
    assert.throws(() => readPackage(path("main.ts")), said);
    const signed = { ...signing, application: path("x.bin"), trialSeconds: 1, confirm: true };
    await assert.rejects(run(deploy({ ...signed, radio, signal })), said);
    await assert.rejects(
      run(signApplication({ ...signing, key: developmentKeyFile, application: path("x.xsb") })),
      said,
    );
    mkdirSync(path("new"));
    execFileSync("mkfifo", [path("new/package.json")]);
    await assert.rejects(run(initialise(path("new"))), { name: "StepFailed", message: said.message });
  });

  it("a log may go on for as long as it likes, and is refused where nothing can come of it", async () => {
    const { signal } = new AbortController();
    const trace = (file: string) => run(traceLog({ file, maps: [], signal }));
    for (const [file, said] of hopeless().filter(([name]) => !/fifo|zero|huge/.test(name)))
      await assert.rejects(trace(file), { name: "UsageError", message: said }, file);
    await assert.rejects(trace(path("none")), { name: "UsageError", message: /^There is no log .*none\.$/ });
    await assert.rejects(trace(""), { name: "UsageError", message: "The name of the log is empty." });
  });

  it("what has the name of a map, and is no file, is no map", () => {
    mkdirSync(path("maps/folder.xsb.map"), { recursive: true });
    execFileSync("mkfifo", [path("maps/fifo.xsb.map")]);
    symlinkSync(path("none"), path("maps/link.xsb.map"));
    writeFileSync(path("maps/true.xsb.map"), '{"debugId":"5f2c01aa","version":3,"sources":[],"mappings":""}');
    assert.notEqual(mapsIn([path("maps")])("5f2c01aa"), undefined);
  });

  it("a folder as standard input is no input that has ended", () => {
    const input = openSync(folder, "r");
    for (const args of [["trace"], ["phone", "--radio", "tcp:127.0.0.1:1"]]) {
      const { status, stderr } = spawnSync(process.execPath, [join(root, "tools/obscura.mjs"), ...args], {
        encoding: "utf8",
        cwd: root,
        stdio: [input, "pipe", "pipe"],
      });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^obscura: The (log|input) cannot be read: standard input is a folder\.\n$/);
    }
    closeSync(input);
  });

  it("obscura run and phone say it before they build anything or look for a radio", () => {
    for (const args of [
      ["run", "mailbox", "--script", folder],
      ["run", "mailbox", "--script", ""],
      ["phone", "--radio", "tcp:127.0.0.1:1", "--bonds", path("fifo")],
      ["phone", "--radio", "tcp:127.0.0.1:1", "--bonds", path("circle")],
    ]) {
      const { status, stderr, stdout } = spawnSync(
        process.execPath,
        [join(root, "tools/obscura.mjs"), ...args],
        { encoding: "utf8", cwd: root, timeout: TIMEOUT_MS / 4, killSignal: "SIGKILL" },
      );
      assert.equal(status, 2, `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, /^obscura: The (script|file of bonds|name of the script) .*\.\n$/);
      assert.equal(stdout, "");
    }
  });
});
