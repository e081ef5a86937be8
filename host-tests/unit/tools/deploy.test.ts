/** Parts of `obscura deploy` that need no camera. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { after, afterEach, before, describe, it } from "mocha";
import { DeviceDisconnectedError } from "../../../firmware/aioble/errors.ts";
import { bondLostError, notSavedError, pairingFailedError } from "../../../firmware/ble/smp/failure.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { SERVICE_UUID } from "../../../firmware/update/service.ts";
import { FileRecords } from "../../../tools/central/file-records.ts";
import { addDeploy } from "../../../tools/cli/commands/deploy.ts";
import { type Operation, step, type ToolEvent } from "../../../tools/events.ts";
import { tryLock } from "../../../tools/lock.mjs";
import { cameraFault, PAIR_ANEW } from "../../../tools/update/camera-faults.ts";
import { findCamera, lastingAddress, openCamera } from "../../../tools/update/camera-finder.ts";
import { withCentral } from "../../../tools/update/central-session.ts";
import { deploy, rateText } from "../../../tools/update/deploy.ts";
import { parseVersion, signBody } from "../../../tools/update/format.ts";
import { developmentKeyFile, readSigningKey } from "../../../tools/update/keys.ts";
import { logs } from "../../../tools/update/logs.ts";
import {
  ManagementClient,
  ManagementError,
  type ManagementLink,
} from "../../../tools/update/management-client.ts";
import { makeBody, makeRevocation } from "../../../tools/update/manifest.ts";
import { container } from "../update/container.ts";

describe("tools/update/deploy", () => {
  it("says the rate and the time that is left, and nothing before it knows", () => {
    assert.equal(rateText(1000, 5000, 2048), "2.0 KB/s, 2 s left");
    assert.equal(rateText(5000, 5000, 100), "0.1 KB/s, 0 s left");
    assert.equal(rateText(1000, 5000, 0), "");
  });

  it("keeps bonds in a file for its owner, from run to run", () => {
    const folder = mkdtempSync(join(tmpdir(), "records-"));
    try {
      const file = join(folder, "below", "bonds.json");
      const records = new FileRecords(file);
      assert.equal(records.get("bond.0"), undefined);
      const value = new Uint8Array([1, 2, 255]);
      records.set("bond.0", value);
      records.set("peer.1", new Uint8Array(0));
      value[0] = 9;
      assert.equal(statSync(file).mode & 0o077, 0, "nobody else reads keys");
      const again = new FileRecords(file);
      assert.deepEqual(again.get("bond.0"), new Uint8Array([1, 2, 255]));
      assert.deepEqual(again.keys().sort(), ["bond.0", "peer.1"]);
      assert.equal(again.delete("peer.1"), true);
      assert.equal(again.delete("peer.1"), false);
      assert.deepEqual(new FileRecords(file).keys(), ["bond.0"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("draws this computer's identity once, and keeps the one of an earlier version that has bonds", () => {
    const folder = mkdtempSync(join(tmpdir(), "identity-"));
    try {
      const file = join(folder, "bonds.json");
      const drawn = new FileRecords(file).identity();
      assert.equal(drawn.length, 8);
      assert.deepEqual(new FileRecords(file).identity(), drawn);
      // The same path on another computer, or anew on this one.
      rmSync(file);
      assert.notDeepEqual(new FileRecords(file).identity(), drawn);
      writeFileSync(file, JSON.stringify({ irk: "00".repeat(16), "bond.0": "0102", "peer.1": "03" }));
      const earlier = new FileRecords(file);
      assert.deepEqual(
        earlier.identity(),
        new Uint8Array(createHash("sha256").update(file).digest().subarray(0, 8)),
      );
      assert.deepEqual(earlier.get("bond.0"), new Uint8Array([1, 2]));
      earlier.delete("bond.0");
      assert.deepEqual(new FileRecords(file).identity(), earlier.identity(), "written down by then");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("tools/update/deploy: the radio", () => {
  let folder = "";
  let servers: Server[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "radio-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  afterEach(() => {
    for (const server of servers) server.close();
    servers = [];
  });

  /** A controller that does with each connection what `onSocket` does; where it listens. */
  async function listen(onSocket: (socket: Socket) => void): Promise<string> {
    const server = createServer(onSocket);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const choose = (hci: string) => ({
    radio: { kind: "controller", hci } as const,
    bonds: join(folder, "bonds.json"),
    signal: new AbortController().signal,
  });

  async function all(operation: Operation): Promise<ToolEvent[]> {
    const events: ToolEvent[] = [];
    for await (const event of operation) events.push(event);
    return events;
  }

  it("that is not there is one line, before anything is built", async () => {
    const nobody = await listen(() => undefined);
    servers.pop()!.close();
    const expected = {
      name: "ToolError",
      message: `No controller listens at ${nobody} (connection refused); docs/radio.md shows how to start one`,
    };
    await assert.rejects(all(logs({ ...choose(nobody), maps: [] })), expected);
    const deployment = deploy({
      ...choose(nobody),
      ...{ application: "not-there.xsb", board: "host", manifest: "camera", key: "" },
      ...{ trialSeconds: 5, confirm: true },
    });
    await assert.rejects(all(deployment), expected);
  });

  it("is not looked for when a signed file is none or is not there", async () => {
    const file = join(folder, "a.bin");
    writeFileSync(file, "not signed");
    const deployOf = (application: string) =>
      all(
        deploy({
          ...choose("tcp:127.0.0.1:1"),
          ...{ application, board: "host", manifest: "camera", key: "", trialSeconds: 5, confirm: true },
        }),
      );
    await assert.rejects(deployOf(join(folder, "none.bin")), {
      name: "UsageError",
      message: /^There is no bundle/,
    });
    await assert.rejects(deployOf(file), { name: "ToolError", message: /is no signed bundle/ });
  });

  it("is not looked for where an option says something that means nothing for a file", async () => {
    const [bytecode, bundle, revocation] = ["b.xsb", "b.bin", "r.bin"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const key = readSigningKey(developmentKeyFile);
    const made = makeBody(container(), "it", { board: "host", counter: 0 });
    writeFileSync(bytecode, container());
    writeFileSync(bundle, signBody(made, parseVersion("1.0.0"), key));
    writeFileSync(revocation, signBody(makeRevocation(new Uint8Array(32)), parseVersion("0.0.0"), key));
    const deployBy = (...args: string[]) => {
      const program = new Command();
      addDeploy({
        abort: AbortSignal.abort(),
        command: (name, description) => program.command(name).description(description),
        foreignCommand: () => assert.fail("not asked for"),
        rendererFor: () => () => undefined,
        end: () => undefined,
      });
      // What is not refused for what it says ends with its radio, which is none of deploy's.
      return program.parseAsync(["deploy", ...args, "--radio", "sim"], { from: "user" });
    };
    const further = { name: "UsageError", message: /--radio sim is for run/ };
    const signing = [
      "--board host",
      "--key k.pem",
      "--manifest camera",
      "--app-version 1.0.0",
      "--counter 0",
    ];
    const trying = ["--trial 3", "--no-confirm"];
    const others = ["--camera door", "--pair-anew", "--end-trial"];
    for (const [file, refused, taken] of [
      [bundle, signing, [...trying, ...others]],
      [revocation, [...signing, ...trying], others],
      [bytecode, ["--manifest camera"], [...signing.filter((each) => !/manifest/.test(each)), ...trying]],
    ] as const) {
      await assert.rejects(deployBy(file), further);
      for (const option of refused) {
        const message = new RegExp(
          ` is (signed|built) already|is a revocation.*: leave ${option.split(" ")[0]} out`,
        );
        await assert.rejects(deployBy(file, ...option.split(" ")), { name: "UsageError", message }, option);
      }
      for (const option of taken) await assert.rejects(deployBy(file, ...option.split(" ")), further, option);
    }
    const two = ["--counter", "1", "--key", "x.pem"];
    await assert.rejects(deployBy(bundle, ...two), / is signed already: leave --key and --counter out\.$/);
  });

  it("that goes ends the command at once, whatever it waits for, and says what may have ended it", async () => {
    const hci = await listen((socket) => socket.on("data", () => setTimeout(() => socket.destroy(), 50)));
    const gone = new RegExp(`^The controller at ${hci} has gone: .* --keep-going `);
    await assert.rejects(all(logs({ ...choose(hci), maps: [] })), { name: "ToolError", message: gone });
    const waiting = withCentral(choose(hci), async function* (central, signal) {
      yield* step("try", "Trial", async () => {
        const search = findCamera(central, undefined, new AbortController().signal).catch(() => undefined);
        await delay(60_000, undefined, { signal });
        await search;
        return { value: undefined };
      });
    });
    await assert.rejects(all(waiting), { name: "ToolError", message: gone });
  });

  it("is waited for with a line that says who pairs, where that takes long", async () => {
    const hci = await listen((socket) => socket.resume());
    const bonds = join(folder, "waiting", "bonds.json");
    const giveBack = tryLock(`${bonds}.pairing`)!;
    const waiting = withCentral({ ...choose(hci), bonds }, async function* (central, signal) {
      await central.alone(() => Promise.resolve(), signal);
      yield { type: "info", message: "its turn" };
    });
    const said: string[] = [];
    for await (const event of waiting) {
      assert.equal(event.type, "info");
      said.push((event as { readonly message: string }).message);
      giveBack();
    }
    assert.deepEqual(said, [
      `Process ${process.pid} connects to its camera with the bonds in ${bonds}: this one waits until it has paired.`,
      "its turn",
    ]);
  }).timeout(60_000);

  it("leaves an interruption what it is", async () => {
    const hci = await listen((socket) => socket.resume());
    const abort = new AbortController();
    const choice = { ...choose(hci), signal: abort.signal };
    const waiting = withCentral(choice, async function* (_, signal) {
      yield { type: "info", message: "begun" };
      await delay(60_000, undefined, { signal });
    });
    const reason = new Error("interrupted");
    setTimeout(() => abort.abort(reason), 20);
    await assert.rejects(all(waiting), reason);
  });
});

describe("tools/update/camera-finder", () => {
  it("a camera that is not heard by its name: those that offer their management are named, and no others", async () => {
    const resultOf = (name: string, address: string, services: UUID[], connectable = true) => ({
      ...{ connectable, device: { addrHex: () => address }, name: () => name, services: () => services },
    });
    const find = (...results: object[]) => {
      const central = { aioble: { scan: () => results } } as never;
      return findCamera(central, "garden", new AbortController().signal);
    };
    const recovery = resultOf("obscura-1a2b", "c0:00:00:00:00:01", [SERVICE_UUID]);
    const others = [
      resultOf("watch", "c0:00:00:00:00:02", [new UUID(0x180d)]),
      resultOf("beacon", "c0:00:00:00:00:03", [SERVICE_UUID], false),
    ];
    await assert.rejects(find(recovery, ...others), {
      name: "ToolError",
      message:
        /^No camera garden was heard .* offer their management: obscura-1a2b c0:00:00:00:00:01; one that runs no application/,
    });
    await assert.rejects(find(...others), {
      name: "ToolError",
      message:
        /10 s after the application has stopped\. Whoever is connected may hide it, `logs` or `deploy` on another computer .* is not heard\.$/,
    });
  });

  it("a camera that has forgotten this computer, or does not let it in, is one line that says what helps", async () => {
    let ends = 0;
    const open = (error: Error, worth: { bonded?: boolean; secureConnections?: boolean } = {}) => {
      const refuse = () => Promise.reject(error);
      const { bonded = false, secureConnections = bonded } = worth;
      const key = { bonded, secureConnections };
      const connection = {
        get bonded() {
          return key.bonded;
        },
        get secureConnections() {
          return key.secureConnections;
        },
        ...{ service: refuse, exchangeMtu: refuse },
        async disconnect() {
          ends++;
          Object.assign(key, { bonded: false, secureConnections: false });
        },
      };
      const device = { connect: async () => connection } as never;
      const alone = <T>(work: () => Promise<T>) => work();
      const central = { alone, checkCount: () => undefined, checkRoom: () => undefined };
      return openCamera({ central, device }, new AbortController().signal);
    };
    await assert.rejects(open(bondLostError(0x06)), {
      name: "ToolError",
      message: `The camera has forgotten this computer, or another device stands in its place. ${PAIR_ANEW}`,
    });
    const otherKey =
      /^The camera has another key than this computer\. .* with --pair-anew within five minutes/;
    for (const error of [new DeviceDisconnectedError(0x3d), pairingFailedError(0x3d, "controller")])
      await assert.rejects(open(error), { name: "ToolError", message: otherKey });
    const silent = cameraFault(await open(new DeviceDisconnectedError(0x08)).catch((error) => error));
    assert.match((silent as Error).message, /Where it ends so each time .* another key .* --pair-anew/);
    const message = /^The camera does not let this computer in: .* Switch the camera off and on/;
    await assert.rejects(open(pairingFailedError(0x05, "peer")), { name: "ToolError", message });
    assert.equal(ends, 5);
    const denied = new ManagementError(11, "pair first");
    await assert.rejects(open(denied), { name: "ToolError", message });
    const withoutRight =
      /^The camera is bonded with this computer, .* made outside of a pairing window\. Switch the camera off and on, and run this again within five minutes; where .*: do both again\.$/;
    await assert.rejects(open(denied, { bonded: true }), { name: "ToolError", message: withoutRight });
    const legacy =
      /^The camera is bonded with this computer, .* legacy pairing\. Switch .* run this again with --pair-anew within five minutes; .*: do both again\.$/;
    await assert.rejects(open(denied, { bonded: true, secureConnections: false }), {
      name: "ToolError",
      message: legacy,
    });
    const lostIdentity = /^The camera keeps the bond that it has with this computer, .* three times in a row/;
    await assert.rejects(open(pairingFailedError(0x0f, "peer")), {
      name: "ToolError",
      message: lostIdentity,
    });
    const notKept = /^The bond with the camera cannot be kept\. .*: No space is left for bonds\.json/;
    const error = notSavedError("No space is left for bonds.json", false);
    await assert.rejects(open(error), { name: "ToolError", message: notKept });
  });
});

describe("tools/update/camera-finder: lastingAddress", () => {
  it("is a public or a static random address, and no private one", () => {
    const of = (addrType: number, address: string) =>
      lastingAddress({ device: { addrType, addrHex: () => address } as never });
    assert.equal(of(0, "00:11:22:33:44:55"), "00:11:22:33:44:55");
    assert.equal(of(1, "c0:11:22:33:44:55"), "c0:11:22:33:44:55");
    assert.equal(of(1, "40:11:22:33:44:55"), undefined);
    assert.equal(of(1, "3f:11:22:33:44:55"), undefined);
  });
});

describe("tools/update/management-client", () => {
  /** A link that answers as `answers` say, one for each whole request; undefined is silence. */
  function linkOf(answers: (Uint8Array | undefined)[], written: Uint8Array[] = []): ManagementLink {
    const pending: Uint8Array[] = [];
    return {
      fragmentLength: 100,
      write: async (fragment) => {
        written.push(fragment.slice());
        const answer = answers.shift();
        if (answer) pending.push(answer);
      },
      notified: async () => {
        const next = pending.shift();
        if (!next) throw Object.assign(new Error("timed out"), { code: "timeout" });
        return next;
      },
    };
  }
  const answer = (sequence: number, ...payload: number[]): Uint8Array =>
    Uint8Array.from([3, 0, 0, payload.length, 0, 0, sequence, 0, ...payload]);
  const R_HI = [0xa1, 0x61, 0x72, 0x62, 0x68, 0x69];

  it("sends the same request again when no answer comes, three times in all", async () => {
    const written: Uint8Array[] = [];
    const client = new ManagementClient(linkOf([undefined, undefined, answer(0, ...R_HI)], written));
    assert.equal(await client.echo("hi"), "hi");
    assert.deepEqual(written[0], written[2]);
    const silent = new ManagementClient(linkOf([]));
    await assert.rejects(silent.echo("hi"), { code: "timeout" });
  });

  it("drops answers that are late, and says what the camera's reason is", async () => {
    const client = new ManagementClient(linkOf([answer(77, ...R_HI)]));
    await assert.rejects(client.echo("hi"), { code: "timeout" });
    const refusing = new ManagementClient(
      linkOf([answer(0, 0xa2, 0x62, 0x72, 0x63, 0x0a, 0x63, 0x72, 0x73, 0x6e, 0x62, 0x6e, 0x6f)]),
    );
    await assert.rejects(refusing.echo("hi"), { name: "ManagementError", rc: 10, message: "no" });
  });
});
