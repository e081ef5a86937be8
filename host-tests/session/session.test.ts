/** `obscura run` as a person sees it: from the command line to a central that has seen everything. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, it } from "mocha";
import { runPhoneSession } from "../../simulator/phone/session.ts";
import type { ToolEvent } from "../../tools/events.ts";
import { SimulatorServer } from "../../tools/radio/simulator-server.ts";
import type { CentralEvent } from "../../tools/rig/events.ts";
import { thorough } from "../support/thorough.ts";
import { obscura } from "./run.ts";

/** Process ids of the programs that a process has started. */
function childrenOf(pid: number): number[] {
  const listed = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return listed
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child as number);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What Wireshark reads in a recording, a line of the named fields for each packet that the filter lets through. */
function dissect(file: string, filter: string, ...fields: string[]): string[] {
  const args = ["-r", file, "-Y", filter, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const said = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return said.split("\n").filter((line) => line !== "");
}

/** What the central reported, in `--json` output. */
function centralEventsOf(output: string): CentralEvent[] {
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ToolEvent)
    .flatMap((event) => (event.type === "central" ? [event.central] : []));
}

let folder = "";

function useFolder(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "obscura-session-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
}

// The third differs from the second by registers alone.
for (const [board, its] of [
  ["host", describe],
  ["mps2-an500", describe],
  ["mps3-an547", thorough.describe],
] as const) {
  its(`obscura run --board ${board}`, function () {
    this.timeout(600_000);
    useFolder();

    it("shows a phone that finds, reads, subscribes, leaves and finds again", async () => {
      const session = obscura("run", "--board", board);
      assert.equal(await session.ended, 0, session.output());
      for (const seen of [
        /advertising data\n.*Flags: .*\n.*181A Environmental Sensing\n.*Complete local name: obscura-env\n/,
        /scan response\n.*Manufacturer specific data: 0xffff/,
        /2A6E Temperature \[read, notify\]/,
        /read 2A6F Humidity: \d+\.\d+ %/,
        /notification 5: /,
        /disconnected: /,
        /advertises again/,
      ]) {
        assert.match(session.output(), seen);
      }
    });

    it("reports it as JSON, and records it for Wireshark", async () => {
      const btsnoop = join(folder, "session.btsnoop");
      const session = obscura("run", "--board", board, "--btsnoop", btsnoop, "--json");
      assert.equal(await session.ended, 0, session.output());
      const events = centralEventsOf(session.output());
      const received = events.flatMap((event) => (event.event === "notification" ? [event] : []));
      assert.deepEqual(
        received.map(({ number }) => number),
        [1, 2, 3, 4, 5],
      );
      assert.deepEqual(
        events.slice(-3).map(({ event }) => event),
        ["disconnected", "advertisingAgain", "done"],
      );
      // What the phone saw, Wireshark reads in the camera's traffic; only one of the two fields is there.
      const fields = ["btatt.handle", "btatt.temperature", "btatt.humidity"];
      const sent = dissect(btsnoop, "btatt.opcode == 0x1b", ...fields).map((line) =>
        line
          .split("\t")
          .filter((field) => field !== "")
          .map(Number),
      );
      for (const { handle, raw } of received) {
        const value = Buffer.from(raw, "hex").readInt16LE();
        const matches = sent.some((packet) => packet[0] === handle && packet[1] === value);
        assert.ok(matches, `${value} of ${handle} among ${JSON.stringify(sent)}`);
      }
      assert.deepEqual(dissect(btsnoop, "_ws.malformed", "frame.number"), []);
    });

    // In the middle of the phone's session, and before it has begun: then nothing that begins later may keep the tool.
    for (const [signal, status, moment] of [
      ["SIGINT", 130, /notification 1:/],
      ["SIGTERM", 143, /camera +/],
    ] as const) {
      it(`leaves nothing running after ${signal}, at once, and ends with ${status}`, async () => {
        const session = obscura("run", "--board", board);
        await session.saw(moment);
        const programs = childrenOf(session.child.pid as number);
        assert.ok(programs.length >= 1, "the camera runs");
        session.child.kill(signal);
        assert.equal(await session.ended, status, session.output());
        // esbuild's service sees that its client has gone only a moment after.
        while (programs.some(isRunning)) await sleep(20);
      });
    }
  });
}

describe("obscura run --radio", function () {
  this.timeout(600_000);
  useFolder();

  it("bumble: shows a central of others", async () => {
    const session = obscura("run", "--radio", "bumble");
    assert.equal(await session.ended, 0, session.output());
    assert.match(session.output(), /central +notification 5: .*central +the camera advertises again/s);
  });

  it("bumble: leaves nothing running after Ctrl-C", async () => {
    const session = obscura("run", "--radio", "bumble");
    await session.saw(/notification 1:/);
    const programs = childrenOf(session.child.pid as number);
    assert.ok(programs.length >= 3, "controller, camera and central run");
    session.child.kill("SIGINT");
    assert.equal(await session.ended, 130, session.output());
    while (programs.some(isRunning)) await sleep(20);
  });

  for (const kind of ["tcp:127.0.0.1:0", "unix"]) {
    it(`${kind}: runs the camera alone on a controller of the user's`, async () => {
      const server = new SimulatorServer({ listen: kind === "unix" ? `unix:${join(folder, "hci")}` : kind });
      try {
        const session = obscura("run", "--radio", await server.listen());
        await session.saw(/advertising as obscura-env/);
        const seen: string[] = [];
        for await (const { event } of runPhoneSession(server.addPhone(), { notifications: 2 }))
          seen.push(event);
        assert.equal(seen.at(-1), "done");
        session.child.kill("SIGINT");
        assert.equal(await session.ended, 130, session.output());
        assert.doesNotMatch(session.output(), /phone +/);
      } finally {
        await server.close();
      }
    });
  }
});

describe("obscura run", function () {
  this.timeout(600_000);
  useFolder();

  it("--no-phone: leaves the camera alone, and says where another host joins its air", async () => {
    const session = obscura("run", "--no-phone");
    await session.saw(/advertising as obscura-env/);
    await session.saw(/A host of yours finds a controller at tcp:127\.0\.0\.1:\d+\./);
    session.child.kill("SIGINT");
    assert.equal(await session.ended, 130, session.output());
    assert.doesNotMatch(session.output(), /found the camera/);
  });

  it("runs twice at the same time", async () => {
    const sessions = [obscura("run"), obscura("run"), obscura("run", "mailbox")];
    for (const session of sessions) {
      assert.equal(await session.ended, 0, session.output());
      assert.match(session.output(), /the camera advertises again/);
    }
  });

  it("runs what init has made", async () => {
    const application = join(folder, "thermometer");
    const made = obscura("init", application);
    assert.equal(await made.ended, 0, made.output());
    const session = obscura("run", application, "--json");
    assert.equal(await session.ended, 0, session.output());
    const found = centralEventsOf(session.output()).find(({ event }) => event === "found");
    assert.match(JSON.stringify(found), /my-camera/);
    const trigger = centralEventsOf(session.output()).find(
      (seen) => seen.event === "descriptor" && seen.uuid === "290D",
    );
    assert.match(JSON.stringify(trigger), /"raw":"01010000"/);
  });

  it("says where the traffic could not be recorded, before it builds", async () => {
    const session = obscura("run", "--btsnoop", join(folder, "missing", "file"));
    assert.equal(await session.ended, 2);
    assert.match(session.output(), /missing\/file cannot be written: ENOENT/);
    assert.doesNotMatch(session.output(), /Bundle/);
  });
});
