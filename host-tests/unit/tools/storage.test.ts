/** Files that cannot be written: no space, no permission, a file system that is read-only. */
import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { writeIfChanged } from "../../../tools/build/fingerprint.ts";
import { FileRecords } from "../../../tools/central/file-records.ts";
import { reportFailure } from "../../../tools/cli/perform.ts";
import { type Operation, StepFailed, step, ToolError, type ToolEvent } from "../../../tools/events.ts";
import { storageProblem } from "../../../tools/storage.mjs";
import { generateKey, publicFileOf } from "../../../tools/update/keys.ts";
import { writeWhole } from "../../../tools/whole-file.ts";

/** An error as the system gives it for a call on a file. */
const refused = (code: string, syscall = "open", path?: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${code}: refused, ${syscall}`), { code, syscall, ...(path ? { path } : {}) });

async function all(operation: Operation<unknown>): Promise<ToolEvent[]> {
  const events: ToolEvent[] = [];
  for await (const event of operation) events.push(event);
  return events;
}

describe("tools/storage", () => {
  it("says in one line where what cannot be written lies, and what to do", () => {
    assert.equal(
      storageProblem(refused("ENOSPC", "write", "/a/b")),
      "No space is left for /a/b: free some, and run this again.",
    );
    assert.match(storageProblem(refused("ENOSPC", "write"))!, /^No space is left for \/.*build: free some/);
    assert.match(storageProblem(refused("EDQUOT", "write"))!, /^No space/);
    assert.match(
      storageProblem(refused("EACCES", "mkdir", "/a/b"))!,
      /^\/a\/b may not be written or read: let yourself write in \/a, or work in a copy/,
    );
    assert.match(
      storageProblem(refused("EROFS", "open", "/a/b"))!,
      /^\/a\/b is on a file system that is read-only/,
    );
  });

  it("leaves defects, missing files, sockets and programs what they are", () => {
    for (const error of [
      refused("ENOENT"),
      refused("EEXIST"),
      refused("EACCES", "connect"),
      refused("EACCES", "spawn"),
      new TypeError("x"),
      "ENOSPC",
      undefined,
    ])
      assert.equal(storageProblem(error), undefined);
  });

  it("makes of it a step's failure, or a line and status 1", async () => {
    const events: ToolEvent[] = [];
    const failing = step("build", "Build", async () => {
      throw refused("ENOSPC", "write", "/a/b");
    });
    await assert.rejects(async () => {
      for await (const event of failing) events.push(event);
    }, StepFailed);
    assert.deepEqual(events.at(-1), {
      type: "step:fail",
      step: "build",
      message: "No space is left for /a/b: free some, and run this again.",
    });
    assert.equal(reportFailure(refused("EROFS", "open", "/a/b")), 1);
    assert.throws(() => reportFailure(new TypeError("x")), TypeError);
  });
});

describe("tools/whole-file", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "whole-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);

  it("replaces what a name or a link of it stands for, with its permissions, and leaves nothing beside it", () => {
    writeWhole(path("file"), "one");
    chmodSync(path("file"), 0o640);
    symlinkSync("file", path("link"));
    writeWhole(path("link"), new Uint8Array([0x32]));
    assert.equal(readFileSync(path("file"), "utf8"), "2");
    assert.equal(statSync(path("file")).mode & 0o777, 0o640);
    writeWhole(path("secret"), "", { mode: 0o600 });
    assert.equal(statSync(path("secret")).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).sort(), ["file", "link", "secret"]);
  });

  it("takes no name that there is when the file has to be new", () => {
    writeFileSync(path("kept"), "kept");
    linkSync(path("kept"), path("other"));
    for (const name of ["kept", "other"])
      assert.throws(() => writeWhole(path(name), "new", { isNew: true }), {
        code: "EEXIST",
        path: path(name),
      });
    assert.equal(readFileSync(path("kept"), "utf8"), "kept");
    writeWhole(path("new"), "new", { isNew: true });
    assert.equal(readFileSync(path("new"), "utf8"), "new");
  });

  it("writes to a device as it is, and names the file when there is no space (needs /dev/full)", function () {
    if (!existsSync("/dev/full")) this.skip();
    writeWhole("/dev/null", "anything");
    assert.throws(() => writeWhole("/dev/full", "anything"), { code: "ENOSPC", path: "/dev/full" });
    assert.throws(() => writeWhole(path("none/file"), ""), { code: "ENOENT", path: path("none/file") });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(".")),
      [],
    );
  });

  it("is how what is built replaces the file that a running camera has mapped, which stays as it was", () => {
    const bundle = path("application.bin");
    assert.equal(writeIfChanged(bundle, "the one that runs"), true);
    const mapped = openSync(bundle, "r");
    try {
      assert.equal(writeIfChanged(bundle, "the one that runs"), false);
      assert.equal(fstatSync(mapped).nlink, 1, "nothing was written");
      assert.equal(writeIfChanged(bundle, "another"), true);
      assert.equal(readFileSync(mapped, "utf8"), "the one that runs");
      assert.equal(readFileSync(bundle, "utf8"), "another");
    } finally {
      closeSync(mapped);
      rmSync(bundle);
    }
  });

  it("is how a key is made: whole, or its name stays free", async () => {
    // A name of 254 characters is as long as the system takes, and the public half's longer.
    const long = path(`${"k".repeat(250)}.pem`);
    await assert.rejects(all(generateKey(long, "ed25519")), (error) => {
      assert(error instanceof ToolError);
      assert.match(error.message, /^The key cannot be written: .*k\.pub\.pem/);
      return true;
    });
    assert.equal(existsSync(long), false);
    const file = path("site.pem");
    await all(generateKey(file, "ed25519"));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(publicFileOf(file)).mode & 0o077 & ~0o044, 0);
  });

  it("is how bonds are kept, and a file that holds none is named", () => {
    mkdirSync(path("bonds"));
    const file = path("bonds/bonds.json");
    new FileRecords(file).set("irk", new Uint8Array(16));
    assert.deepEqual(readdirSync(path("bonds")), ["bonds.json"]);
    const damaged = [
      '{"irk":',
      "[]",
      "5",
      "true",
      "null",
      '"abc"',
      '{"bond.0":5}',
      '{"bond.0":"0"}',
      '{"bond.0":"zz"}',
    ];
    // Who this computer is: another in its place would not be known to any camera.
    const others = [
      '{"computer":"00"}',
      '{"computer":""}',
      `{"irk":"${"0".repeat(30)}"}`,
      '{"irk":"no key, in 32 characters at all"}',
    ];
    for (const content of [...damaged, ...others]) {
      writeFileSync(file, content);
      assert.throws(() => new FileRecords(file).identity(), {
        name: "ToolError",
        message:
          /bonds\.json holds no bonds that can be read \(.*\)\. If it held bonds, move it away, and pair/,
      });
      assert.equal(readFileSync(file, "utf8"), content, "as it was");
    }
  });

  it("errors about what lies beside the bonds name their file, and a file in the place of a folder is a sentence", async () => {
    const folder = path("central");
    const file = join(folder, "bonds.json");
    const records = new FileRecords(file);
    const { signal } = new AbortController();
    const tries = [() => records.identity(), () => records.lockPairing(signal).then(() => undefined)];
    writeFileSync(folder, "");
    for (const attempt of tries)
      await assert.rejects(async () => attempt(), {
        name: "ToolError",
        message: `This computer cannot keep what cameras know it by: ${folder} has to be a folder, and it, or one above it, is a file: move that away.`,
      });
    rmSync(folder);
    // A name that is as long as one may be has room for no other beside it.
    const long = new FileRecords(path(`${"b".repeat(250)}.json`));
    for (const attempt of [
      () => long.identity(),
      () => long.checkRoom(),
      () => long.lockPairing(signal).then(() => undefined),
    ])
      await assert.rejects(
        async () => attempt(),
        (error) => {
          assert(error instanceof ToolError);
          assert.match(error.message, /b\.json'$/);
          assert.doesNotMatch(error.message, /\.lock|\.pairing|\.room|\.json\./);
          return true;
        },
      );
  });
});
