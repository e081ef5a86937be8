/** One file of bonds, and several processes that pair with cameras at the same time. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { Bonds } from "../../../firmware/ble/smp/bonds.ts";
import { type Central, startCentral } from "../../../tools/central/central.ts";
import { FileRecords } from "../../../tools/central/file-records.ts";
import { ToolError } from "../../../tools/events.ts";
import { bondOf, OWN } from "../../support/bonds.ts";

/** The bonds of a process. */
function bondsIn(records: FileRecords): Bonds {
  return new Bonds({
    records,
    clock: { now: () => 0, setTimer: () => undefined, clearTimer: () => undefined },
    settings: { maxBonds: 8 },
    random: (length) => new Uint8Array(length),
    findResolvingKey: () => -1,
    ownIdentity: () => OWN,
    onChanged: () => undefined,
    log: () => undefined,
  });
}

const camerasIn = (file: string): (number | undefined)[] =>
  bondsIn(new FileRecords(file))
    .all()
    .map(({ identity }) => identity.address[5])
    .sort();

/** Starts with the others, says who it is, and writes records of its own over and over. */
const writer = `
  import { FileRecords } from ${JSON.stringify(new URL("../../../tools/central/file-records.ts", import.meta.url).href)};
  const [file, name, count] = process.argv.slice(1);
  const records = new FileRecords(file);
  console.log(Buffer.from(records.identity()).toString("hex"));
  for (let at = 0; at < Number(count); at++) records.set(name + at, new Uint8Array([at]));
`;

describe("tools/central: one file of bonds, several processes", () => {
  let folder = "";
  let file = "";
  let servers: Server[] = [];
  let centrals: Central[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shared-bonds-"));
    file = join(folder, "bonds.json");
  });

  afterEach(async () => {
    for (const central of centrals) await central.stop().catch(() => undefined);
    for (const server of servers) server.close();
    servers = [];
    centrals = [];
    rmSync(folder, { recursive: true });
  });

  it("what one has written stays when the other writes", () => {
    const [one, other] = [new FileRecords(file), new FileRecords(file)];
    one.set("bond.0", new Uint8Array([1]));
    other.set("peer.7", new Uint8Array([2]));
    one.set("bond.0", new Uint8Array([3]));
    other.delete("peer.7");
    assert.deepEqual(new FileRecords(file).keys(), ["bond.0"]);
    assert.deepEqual(new FileRecords(file).get("bond.0"), new Uint8Array([3]));
  });

  it("what the other has changed of the same record is not overwritten until it was seen", () => {
    const [one, other] = [new FileRecords(file), new FileRecords(file)];
    one.set("bond.0", new Uint8Array([1]));
    const refused = { message: /^another process has changed bond\.0 in .*: repeat the command$/ };
    assert.throws(() => other.set("bond.0", new Uint8Array([2])), refused);
    assert.equal(other.get("bond.0"), undefined);
    assert.equal(other.refresh(), true);
    assert.equal(other.refresh(), false);
    other.set("bond.0", new Uint8Array([2]));
    assert.throws(() => one.delete("bond.0"), refused);
    assert.deepEqual(new FileRecords(file).get("bond.0"), new Uint8Array([2]));
    // Both mean the same: the address that both derive from who this computer is, for one.
    one.set("address", new Uint8Array([3]));
    other.set("address", new Uint8Array([3]));
    other.delete("address");
    assert.equal(one.delete("address"), true);
    assert.equal(one.get("address"), undefined);
  });

  it("keeps the bonds of both, each in a place of its own", () => {
    const [one, other] = [new FileRecords(file), new FileRecords(file)];
    const [ones, others] = [bondsIn(one), bondsIn(other)];
    assert.deepEqual([ones.size, others.size], [0, 0]);
    ones.keep(bondOf(1));
    assert.throws(() => others.keep(bondOf(2)), /another process has changed bond\.0/);
    other.refresh();
    others.reload();
    others.keep(bondOf(2));
    assert.deepEqual(camerasIn(file), [1, 2]);
    // The first one goes on without having seen the second bond: it is neither swept nor overwritten.
    ones.open(bondOf(1).identity)!.close();
    ones.named(bondOf(1).identity, new Uint8Array([65]));
    assert.deepEqual(camerasIn(file), [1, 2]);
  });

  it("a computer that cannot keep its key, or one bond more, says why before it connects", async () => {
    const central = await start();
    const device = new central.aioble.Device(central.aioble.ADDR_RANDOM, "c0:00:00:00:00:07");
    central.checkRoom(device);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith("bonds")),
      ["bonds.json"],
    );
    // The system refuses whatever is to be written: there is no such folder.
    rmSync(file);
    const gone = join(folder, "gone", "bonds.json");
    assert.throws(() => new FileRecords(gone).checkRoom(), {
      name: "ToolError",
      message: /^This computer cannot keep what cameras know it by: .*no such file/,
    });
    const { set } = FileRecords.prototype;
    FileRecords.prototype.set = function (key, value) {
      if (key === "irk") throw new ToolError("No space is left.");
      set.call(this, key, value);
    };
    try {
      await assert.rejects(start(), /^ToolError: No space is left\.$/);
    } finally {
      FileRecords.prototype.set = set;
    }
    const drawn = JSON.parse(readFileSync(file, "utf8")) as object;
    assert.deepEqual(Object.keys(drawn), ["computer"]);
  });

  it("a file in a place where nothing can be written is a sentence", () => {
    writeFileSync(file, "{}");
    for (const [place, name, message] of [
      [join(file, "bonds.json"), "UsageError", /^The file of bonds cannot be read: .* is a file\.$/],
      ["/proc/bonds.json", "ToolError", /^This computer cannot keep what cameras know it by: /],
    ] as const)
      assert.throws(() => new FileRecords(place).identity(), { name, message });
  });

  it("processes that start at the same time are one device, and lose none of each other's records", async () => {
    const names = ["a", "b", "c"];
    const identities = await Promise.all(
      names.map(async (name) => {
        const args = ["--import", "tsx", "--input-type=module", "-e", writer, file, name, "10"];
        const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
        let said = "";
        child.stdout.on("data", (chunk: Buffer) => {
          said += chunk.toString();
        });
        const [status] = await once(child, "close");
        assert.equal(status, 0);
        return said;
      }),
    );
    assert.equal(new Set(identities).size, 1, "who this computer is was drawn once");
    const keys = new FileRecords(file).keys();
    for (const name of names) for (let at = 0; at < 10; at++) assert.ok(keys.includes(`${name}${at}`), name);
    assert.deepEqual(readdirSync(folder), ["bonds.json"]);
  }).timeout(120_000);

  it("centrals have one Identity Resolving Key, pair one after the other, and see what the other has kept", async () => {
    const { signal } = new AbortController();
    const [one, other] = [await start(), await start()];
    const { irk } = JSON.parse(readFileSync(file, "utf8")) as { readonly irk: string };
    assert.equal(irk.length, 32);
    const order: string[] = [];
    let release = (): void => undefined;
    const pairing = one.alone(async () => {
      order.push("one begins");
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      bondsIn(new FileRecords(file)).keep(bondOf(1));
      order.push("one ends");
    }, signal);
    assert.equal(other.aioble.security.bonds.size, 0);
    const waiting = other.alone(async () => {
      order.push("the other");
      return new FileRecords(file).keys().filter((key) => key.startsWith("bond."));
    }, signal);
    const gaveUp = new AbortController();
    const third = one.alone(async () => order.push("never"), gaveUp.signal);
    gaveUp.abort(new Error("interrupted"));
    await assert.rejects(third, /interrupted/);
    release();
    await pairing;
    assert.deepEqual(await waiting, ["bond.0"]);
    assert.equal(other.aioble.security.bonds.size, 1, "it has read the file anew");
    assert.deepEqual(order, ["one begins", "one ends", "the other"]);
    assert.equal((JSON.parse(readFileSync(file, "utf8")) as { readonly irk: string }).irk, irk);
  });

  /** A central at a controller that never answers. */
  async function start(): Promise<Central> {
    const server = createServer((socket) => socket.resume());
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(folder, `hci-${servers.length}`), resolve));
    const central = startCentral(`unix:${join(folder, `hci-${servers.length}`)}`, file, () => undefined);
    centrals.push(central);
    return central;
  }
});
