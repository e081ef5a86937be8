import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "mocha";
import { root } from "../../../tools/paths.ts";
import { ORDERS, PATIENCE_NOTIFICATIONS, takeIndication } from "../../../tools/soak/hostile/honest.ts";
import { growth, mediansOfTenths } from "../../../tools/soak/hostile/hostile.ts";
import { findingOf as findingOnBoard } from "../../../tools/soak/hostile-peripherals/board.ts";
import { reportIn as centralReportIn } from "../../../tools/soak/hostile-peripherals/script.ts";
import { findingOf, type HostilePeripheralsResult } from "../../../tools/soak/hostile-peripherals/virtual.ts";
import { LineBox } from "../../../tools/soak/line-box.ts";
import { planRound, type Wish } from "../../../tools/soak/plan.ts";
import { reportIn, reportLine, STREAMS } from "../../../tools/soak/script.ts";
import { findingsOfRound, type Seen } from "../../../tools/soak/verdict.ts";
import { peripheralsText, resultText } from "../../../tools/verbs/soak.ts";
import { Mailbox } from "../../interop/wait.ts";

const rounds = Array.from({ length: 200 }, (_, round) => planRound(7, round));

describe("soak: the plan", () => {
  it("is the same for the same seed, and another for another", () => {
    assert.deepEqual(planRound(7, 3), planRound(7, 3));
    assert.notDeepEqual(planRound(7, 3), planRound(8, 3));
    assert.notDeepEqual(planRound(7, 3), planRound(7, 4));
  });

  it("always has two that subscribe and one that writes, and sometimes one that vanishes early", () => {
    for (const members of rounds) {
      assert.equal(members.length, 3);
      assert.equal(members.filter(({ writes }) => writes).length, 1);
      for (const { writes, subscribe } of members) assert.equal(subscribe.length > 0, !writes);
      assert.ok(members.filter(({ early }) => early).length <= 1);
    }
    const early = rounds.filter((members) => members.some((member) => member.early)).length;
    assert.ok(early > 25 && early < 75, `${early} of 200 rounds`);
  });

  it("lets each controller have each part, each order of vanishing, and each MTU", () => {
    const seen = (what: (members: Wish[]) => unknown) => new Set(rounds.map((members) => what(members))).size;
    const order = (members: Wish[]) =>
      members
        .map(({ vanishAfterMs }, index) => [vanishAfterMs, index] as const)
        .sort(([a], [b]) => a - b)
        .map(([, index]) => index)
        .join();
    assert.equal(
      seen((members) => members.findIndex(({ writes }) => writes)),
      3,
    );
    assert.equal(seen(order), 6);
    assert.equal(new Set(rounds.flat().map(({ mtu }) => mtu)).size, 4);
  });
});

describe("soak: the verdict", () => {
  const [left, right] = STREAMS;
  const wish: Wish = { subscribe: [], writes: false, mtu: 23, seed: 1, early: false, vanishAfterMs: 1 };
  const wishes: Wish[] = [
    { ...wish, subscribe: [left] },
    { ...wish, subscribe: [left, right] },
    { ...wish, writes: true },
  ];
  const nothing: Seen = { stage: "ready", mtu: 23, sent: 0, answered: 0, received: {} };
  const value = (number: number) => `${number.toString(16).padStart(2, "0")}000000`;
  const seen: Seen[] = [
    { ...nothing, received: { [left.toUpperCase()]: [value(7), value(8), value(9)] } },
    { ...nothing, received: { [right.toUpperCase()]: [value(1)], [left.toUpperCase()]: [value(8)] } },
    { ...nothing, sent: 5, answered: 2 },
  ];
  const before = { connections: 3, orders: 10, slots: 0, chunks: 0 };
  const after = { connections: 6, orders: 13, slots: 0, chunks: 0 };
  /** What is wrong when one central saw something else. */
  const findingsWith = (index: number, change: Partial<Seen>, report = after, wished = wishes): string =>
    findingsOfRound(
      wished,
      seen.map((one, at) => (at === index ? { ...one, ...change } : one)),
      before,
      report,
    ).join("; ");

  it("has nothing to say when each got its own, without a gap", () => {
    assert.deepEqual(findingsOfRound(wishes, seen, before, after), []);
  });

  it("finds a notification for one who had not subscribed", () => {
    assert.match(findingsWith(2, { received: { [left]: [value(8)] } }), /^central 2 received a value of/);
    assert.match(findingsWith(0, { received: { [right]: [value(2)] } }), /^central 0 received a value of/);
    assert.match(findingsWith(0, { received: { "25": [value(2)] } }), /^central 0 received a value of 25/);
  });

  it("finds a notification that is missing, comes twice or is broken", () => {
    for (const values of [[value(7), value(9)], [value(7), value(7)], [value(7), value(6)], ["0700"]]) {
      assert.match(findingsWith(0, { received: { [left]: values } }), /^central 0 missed or got twice/);
    }
  });

  it("finds a central that was not ready, unless it was to vanish early", () => {
    assert.match(findingsWith(0, { stage: "discovering" }), /central 0 was discovering when it vanished/);
    const early = wishes.map((one, at) => ({ ...one, early: at === 0 }));
    assert.equal(findingsWith(0, { stage: "subscribing" }, after, early), "");
    assert.equal(findingsWith(0, { stage: "scanning" }, { ...after, connections: 5 }, early), "");
  });

  it("finds connections that the camera missed or made up", () => {
    assert.match(findingsWith(0, {}, { ...after, connections: 5 }), /had 2 connections.*3 to 3/);
    assert.match(findingsWith(0, {}, { ...after, connections: 7 }), /had 4 connections/);
    const early = wishes.map((one, at) => ({ ...one, early: at === 0 }));
    for (const stage of ["connecting", "connected", "discovering"] as const) {
      for (const connections of [5, 6]) {
        assert.equal(findingsWith(0, { stage }, { ...after, connections }, early), "");
      }
      assert.match(findingsWith(0, { stage }, { ...after, connections: 4 }, early), /2 to 3/);
    }
    assert.match(findingsWith(0, { stage: "waiting" }, after, early), /had 3 connections.*2 to 2/);
  });

  it("finds writes that were answered and not taken, and those that nobody sent", () => {
    assert.match(findingsWith(0, {}, { ...after, orders: 11 }), /took 1 orders of 5 .* answered 2/);
    assert.match(findingsWith(0, {}, { ...after, orders: 16 }), /took 6 orders of 5/);
    assert.equal(findingsWith(0, {}, { ...after, orders: 12 }), "");
    assert.equal(findingsWith(0, {}, { ...after, orders: 15 }), "");
  });
});

describe("soak: the camera's report", () => {
  it("is found among the lines of a console", () => {
    const report = { connections: 3, orders: 12, slots: 65_000, chunks: 5_000 };
    assert.deepEqual(reportIn(`info: ${reportLine(report)}`), report);
    assert.equal(reportIn("info: advertising"), undefined);
  });
});

describe("soak: lines of a program", () => {
  const read = (line: string) => (line.startsWith("wanted") ? line : undefined);

  it("are taken in their order, those that came before included", async () => {
    const box = new LineBox("program", 5000);
    box.put("other");
    box.put("wanted 1");
    const first = await box.take(read, "the first");
    const second = box.take(read, "the second");
    box.put("other");
    box.put("wanted 2");
    assert.deepEqual([first, await second], ["wanted 1", "wanted 2"]);
  });

  it("are not waited for when the program has ended, or for ever", async () => {
    const ended = new LineBox("camera", 5000);
    ended.put("its last words");
    ended.end("SIGKILL");
    await assert.rejects(ended.take(read, "it reported"), {
      message: "The camera ended (SIGKILL) before it reported",
      output: "its last words",
    });
    await assert.rejects(new LineBox("camera", 10).take(read, "it reported"), {
      message: "The camera said nothing for 0.01 s before it reported",
    });
  });
});

describe("soak: the result", () => {
  it("says for a person what was done, and what the heap was before and after", () => {
    const text = resultText({
      ...{ board: "mps2-an500", seed: 7, rounds: 200, connections: 579, cutShort: 39 },
      ...{ notifications: 6933, orders: 3013, heapGrowthBytes: -48 },
      heapBefore: { slots: 65_680, chunks: 5_332 },
      heapAfter: { slots: 65_616, chunks: 5_348 },
      fuzz: [{ name: "ATT", seed: 7, inputs: 10, packets: 90, heapGrowthKiB: 12 }],
    });
    assert.match(text, /^200 rounds of seed 7 on mps2-an500: everything held\n/);
    assert.match(text, /579, 39 centrals cut short/);
    assert.match(text, /65680 \+ 5332 bytes of slots and chunks before, 65616 \+ 5348 after/);
    assert.match(text, /fuzz ATT: 10 inputs, 90 packets/);
  });
});

describe("soak: the heap under hostile peers", () => {
  it("has grown when all rounds have, and not when a single one has", () => {
    const flat = Array.from({ length: 100 }, (_, round) => (round % 10 === 3 ? 5000 : 4000));
    assert.equal(growth(flat), 0);
    assert.equal(growth(flat.map((bytes, round) => bytes + 32 * round)), 50 * 32);
    assert.equal(growth([4000, 4000, 5000]), 1000);
    assert.equal(growth([4000]), 0);
  });

  it("is told by the medians of ten parts of the rounds", () => {
    const flat = Array.from({ length: 100 }, (_, round) => (round % 10 === 3 ? 5000 : 4000));
    assert.deepEqual(
      mediansOfTenths(flat.map((bytes, round) => bytes + 10 * Math.floor(round / 10))),
      Array.from({ length: 10 }, (_, part) => 4000 + 10 * part),
    );
  });

  it("takes every round, however few there are", () => {
    assert.deepEqual(mediansOfTenths([7]), [7]);
    assert.deepEqual(mediansOfTenths([3, 1, 2]), [3, 1, 2]);
    assert.equal(mediansOfTenths(Array.from({ length: 13 }, (_, round) => round)).at(-1), 12);
  });
});

describe("npm run soak", function () {
  this.timeout(600_000);
  const soak = (...args: string[]) =>
    spawnSync(process.execPath, [join(root, "tools/run.mjs"), "soak", ...args], { encoding: "utf8" });

  it("says what is wrong with its arguments in one line, and exits with 2", () => {
    for (const [args, message] of [
      [["--rounds", "3"], '--rounds takes an integer of at least 4, not "3".'],
      [["--seed", "x"], '--seed takes an integer of at least 0, not "x".'],
      [["--board", "toaster"], 'There is no board "toaster".'],
      [["--fast"], "unknown option '--fast'"],
    ] as const) {
      const { status, stdout, stderr } = soak(...args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, "");
      assert.ok(stderr.startsWith(`obscura: ${message}`), stderr);
      assert.equal(stderr.trim().split("\n").length, 1);
    }
  });

  it("helps", () => {
    const { status, stdout } = soak("--help");
    assert.equal(status, 0);
    assert.match(stdout, /--rounds.*--seed.*--board.*--fuzz.*--json.*Exit status: /s);
  });
});

describe("soak: an honest peer's order of an indication", () => {
  const ORDER = 7;
  const MARK = 0x2a;

  /** A camera that loses the first orders, and notifies all the time. */
  function losing(orders: number): { link: Parameters<typeof takeIndication>[0]; written: Buffer[] } {
    const updates = new Mailbox<Buffer>();
    const written: Buffer[] = [];
    const write = async (_: number, data: Buffer): Promise<Buffer> => {
      written.push(data);
      if (written.length > orders) updates.put(Buffer.from([0x1d, 2, 0, MARK]));
      for (let count = 0; count < PATIENCE_NOTIFICATIONS; count++) updates.put(Buffer.from([0x1b, 1, 0, 0]));
      return Buffer.from([0x13]);
    };
    return { link: { write, updates }, written };
  }

  it("is repeated after notifications that came instead, and counted", async () => {
    const served = { ordersRepeated: 0 };
    const { link, written } = losing(1);
    await takeIndication(link, ORDER, MARK, served);
    assert.equal(served.ordersRepeated, 1);
    assert.deepEqual(written, [Buffer.from([1, MARK]), Buffer.from([1, MARK])]);
  });

  it("fails when none of them brings one", async () => {
    const served = { ordersRepeated: 0 };
    const { link, written } = losing(Number.POSITIVE_INFINITY);
    await assert.rejects(
      takeIndication(link, ORDER, MARK, served),
      /10 orders of an indication brought none/,
    );
    assert.equal(written.length, ORDERS);
  });
});

describe("soak: hostile peripherals", () => {
  const held: HostilePeripheralsResult = {
    ...{ scenario: "hostile-peripherals", seed: 1, minutes: 10, sessions: 300, whole: 20, results: 6000 },
    ...{ reads: 120, echoes: 120, notified: 599, sightings: 5999, peak: 30_000, timers: 16, errors: 0 },
    heapGrowthKiB: 60,
  };

  it("finds what does not hold", () => {
    assert.equal(findingOf(held), undefined);
    for (const [change, finding] of [
      [{ errors: 1 }, /1 errors in the log/],
      [{ reads: 100, echoes: 100 }, /100 reads and 100 echoes/],
      [{ echoes: 119 }, /120 reads and 119 echoes/],
      [{ notified: 500 }, /500 notifications/],
      [{ sightings: 100 }, /100 times/],
      [{ heapGrowthKiB: 3000 }, /grown by 3000 KiB/],
    ] as const) {
      assert.match(findingOf({ ...held, ...change }) ?? "", finding);
    }
  });

  it("finds on a board that it restarted, or that an honest peer is not served any more", () => {
    const before = { sessions: 1, reads: 5, echoes: 5, notified: 6, sightings: 50, slots: 1, chunks: 1 };
    const now = { ...before, reads: 9, echoes: 9, notified: 11, sightings: 99 };
    assert.equal(findingOnBoard([], before, now, 9), undefined);
    assert.equal(
      findingOnBoard([], before, before, 2),
      undefined,
      "it may still be looking for the honest one",
    );
    assert.match(findingOnBoard([], before, { ...now, echoes: 5 }, 9) ?? "", /echoes stands still at 5/);
    assert.match(findingOnBoard(["info: restarted after a fault"], before, now, 9) ?? "", /restarted/);
    assert.match(findingOnBoard(["honest: gone"], before, now, 2) ?? "", /gone/);
    assert.deepEqual(centralReportIn(`info: figures ${JSON.stringify(now)}`), now);
    assert.equal(centralReportIn("info: something else"), undefined);
  });

  it("says what held", () => {
    assert.match(peripheralsText(held), /^10 virtual minutes of seed 1: everything held\n/);
  });
});
