/** Locks of the tools, between processes and within one. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { lock, tryLock } from "../../../tools/lock.mjs";

const module = JSON.stringify(new URL("../../../tools/lock.mjs", import.meta.url).href);

/** Takes the lock again and again; while it has it, it writes a file that nobody else may have written. */
const contender = `
  import { existsSync, rmSync, writeFileSync, appendFileSync } from "node:fs";
  import { lock } from ${module};
  const [file, inside, count] = process.argv.slice(1);
  for (let round = 0; round < Number(count); round++) {
    const giveBack = await lock(file);
    writeFileSync(inside, "", { flag: "wx" });
    appendFileSync(inside + ".rounds", ".");
    rmSync(inside);
    giveBack();
  }
`;

describe("a lock", () => {
  let folder = "";
  let file = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-lock-"));
    file = join(folder, "lock");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("lets one in at a time", async () => {
    const giveBack = tryLock(file);
    assert.ok(giveBack);
    assert.equal(tryLock(file), undefined);
    const next = lock(file);
    giveBack();
    (await next)();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("keeps processes apart that take it over and over, each from the other and from dead ones", async () => {
    const inside = join(folder, "inside");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    for (let at = 0; at < 3; at++) writeFileSync(`${file}.${pid}-1-00000000000${at}`, "");
    const ends = Array.from({ length: 3 }, async () => {
      const args = ["--input-type=module", "-e", contender, file, inside, "10"];
      const [status] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
      return status as unknown;
    });
    assert.deepEqual(await Promise.all(ends), [0, 0, 0], "nobody met another's file");
    assert.equal(readFileSync(`${inside}.rounds`, "utf8").length, 30);
  }).timeout(120_000);

  it("does not count when its process is gone, also when another has its number by now", () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(`${file}.${pid}-1-000000000000`, "");
    writeFileSync(`${file}.${process.pid}-1-000000000000`, "");
    const giveBack = tryLock(file);
    assert.ok(giveBack);
    giveBack();
    assert.deepEqual(readdirSync(folder), []);
  });

  it("says who has it once it has waited for so long, and not before", async () => {
    const holders: number[] = [];
    const onWait = (pid: number): void => void holders.push(pid);
    const giveBack = tryLock(file)!;
    const patient = new AbortController();
    const never = lock(file, { afterMs: Number.POSITIVE_INFINITY, onWait, signal: patient.signal });
    const next = lock(file, {
      onWait(pid) {
        onWait(pid);
        patient.abort();
      },
    });
    await assert.rejects(never);
    giveBack();
    (await next)();
    assert.deepEqual(holders, [process.pid]);
  });

  it("is waited for, which is said once", async () => {
    const enough = join(folder, "enough");
    const holder = `
      import { existsSync } from "node:fs";
      import { lock } from ${module};
      const [file, enough] = process.argv.slice(1);
      const giveBack = await lock(file);
      process.stdout.write("has it");
      const timer = setInterval(() => {
        if (!existsSync(enough)) return;
        giveBack();
        clearInterval(timer);
      }, 10);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", holder, file, enough]);
    const exit = once(child, "exit");
    await once(child.stdout, "data");
    let waits = 0;
    const onWait = (): void => {
      waits++;
      writeFileSync(enough, "");
    };
    (await lock(file, { onWait }))();
    assert.equal(waits, 1);
    await exit;
    assert.deepEqual(readdirSync(folder), ["enough"]);
  }).timeout(60_000);

  it("is not waited for any longer when a signal says so", async () => {
    const giveBack = await lock(file);
    const aborter = new AbortController();
    const reason = new Error("enough");
    await assert.rejects(lock(file, { onWait: () => aborter.abort(reason), signal: aborter.signal }), reason);
    giveBack();
    assert.deepEqual(readdirSync(folder), []);
  });
});
