/** Credit-based channels by their frames: SDUs, credits, and rules that a peer may break (Vol 3, Part A, 3.4 and 10.1). */
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { concat, counting, fromHex, le16, toHex } from "../support/bytes.ts";
import {
  CREDITS,
  createOpen,
  DISCONNECT,
  type OpenScene,
  OWN,
  PEER,
  PLAIN,
  PSM,
  sdu,
} from "../support/channel-scene.ts";
import { ATT, HANDLE, SIGNALING, takeFrames } from "../support/rig.ts";
import { aclFrame, completedPackets } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

/** The peer hears that its channel is ended, for a reason that the log has, and everything else goes on. */
async function expectEnded(scene: OpenScene, answers: readonly string[], warning: RegExp): Promise<void> {
  const { channel, connection, rig, signal, warnings } = scene;
  deepEqual(answers, ["06 01 04 00 50 00 40 00"]);
  await rejects(channel.recv(), { code: "l2cap-disconnected", reason: "protocol" });
  equal(warnings().length, 1);
  ok(warning.test(warnings()[0]!), warnings()[0]);
  equal(rig.aioble.counters().channels?.violations, 1);
  // What comes on it meanwhile is dropped, and its end is confirmed or not.
  deepEqual(await scene.frame(sdu(counting(5))), []);
  deepEqual(await signal(0x07, 1, PEER, OWN), []);
  equal(rig.host.budget.held, 0);
  ok(connection.isConnected());
  const accepted = connection.l2capAccept(PSM);
  const [answer] = await signal(PLAIN, 9, PSM, PEER, 100, 50, 1);
  ok(answer?.startsWith("15 09 0a 00 41 00"), "the next channel has another identifier");
  await accepted;
}

describe("channels: data and credits", () => {
  it("an SDU goes out in K-frames of the peer's MPS, as long as there are credits (3.4.3, 10.1)", async () => {
    const { channel, rig, sent, signal } = await createOpen(undefined, { mps: 30, credits: 2 });
    const sending = channel.send(counting(100));
    deepEqual(sent(), [`64 00 ${toHex(counting(28))}`, toHex(counting(30, 28))]);
    await signal(CREDITS, 2, PEER, 1);
    // The exchange has taken what was sent meanwhile.
    rig.controller.sent.length = 0;
    await signal(CREDITS, 3, 0x51, 9);
    await signal(CREDITS, 4, PEER, 0);
    deepEqual(sent(), [], "credits for another channel, and none at all, change nothing");
    rig.controller.deliver(aclFrame(HANDLE, SIGNALING, fromHex("16 05 04 00 50 00 02 00")));
    await rig.settle();
    deepEqual(sent(), [toHex(counting(12, 88))]);
    await sending;
  });

  it("credits come back when what has arrived was read, half of them at a time", async () => {
    const { channel, frame, rig, sent } = await createOpen({ mtu: 100, mps: 50, credits: 8 });
    for (let count = 0; count < 8; count++) deepEqual(await frame(sdu(counting(10))), []);
    for (let count = 0; count < 3; count++) {
      await channel.recv();
      deepEqual(
        sent(SIGNALING),
        count === 0 ? ["16 01 04 00 40 00 01 00"] : [],
        "all were used: any is of use",
      );
    }
    await channel.recv();
    await channel.recv();
    await rig.settle();
    deepEqual(sent(SIGNALING), ["16 02 04 00 40 00 04 00"]);
  });

  it("an SDU in frames of a single byte arrives, however many it takes", async () => {
    const { channel, frame } = await createOpen({ mtu: 100, mps: 50, credits: 4 });
    let credits = 4;
    const give = (answers: readonly string[]): void => {
      for (const answer of answers)
        if (answer.startsWith("16")) credits += Number.parseInt(answer.slice(-5, -3), 16);
    };
    const received = channel.recv();
    give(await frame(le16(100)));
    credits--;
    for (const byte of counting(100)) {
      ok(credits > 0, "there is always another credit");
      credits--;
      give(await frame([byte]));
    }
    deepEqual(await received, counting(100));
  });

  it("credits that find no room in the queue are given later", async () => {
    const { channel, connection, frame, rig, signal } = await createOpen({ mtu: 100, mps: 50, credits: 4 });
    rig.controller.autoComplete = false;
    // Errors that the client does not take fill the queue.
    for (let count = 0; count < 20; count++) await rig.exchange(ATT, [0x0a, 0xff, 0xff]);
    for (let count = 0; count < 4; count++) await frame(sdu(counting(10)));
    for (let count = 0; count < 4; count++) await channel.recv();
    const link = [...rig.host.connections.values()][0]!.link;
    ok(link.queued >= 8);
    rig.controller.sent.length = 0;
    for (let count = 0; count < 8; count++) {
      rig.controller.deliver(completedPackets([HANDLE, 4]));
      await rig.settle();
    }
    const given = takeFrames(rig.controller, HANDLE).filter(({ channel: cid }) => cid === SIGNALING);
    deepEqual(given.map(({ payload }) => toHex(payload)).slice(-1), ["16 01 04 00 40 00 04 00"]);
    ok(connection.isConnected());
    await signal(DISCONNECT, 9, OWN, PEER);
  });

  it("an empty SDU is one", async () => {
    const { channel, frame } = await createOpen();
    await frame([0, 0]);
    ok(channel.available());
    equal((await channel.recv()).length, 0);
    await frame([0, 0]);
    equal(await channel.recvinto(new Uint8Array(5)), 0);
    ok(!channel.available());
  });

  it("65,535 credits are as many as there are", async () => {
    const { channel, rig, signal } = await createOpen(undefined, { credits: 1 });
    await signal(CREDITS, 2, PEER, 65_534);
    ok(channel.isConnected());
    await channel.send("x");
    await signal(CREDITS, 3, PEER, 1);
    ok(channel.isConnected());
    equal(rig.aioble.counters().channels?.violations, 0);
  });
});

describe("channels: rules that a peer breaks cost it the channel, and nothing else", () => {
  it("a frame without a credit", async () => {
    const scene = await createOpen({ mtu: 100, mps: 50, credits: 4 });
    for (let count = 0; count < 4; count++) await scene.frame(sdu(counting(1)));
    const answers = await scene.frame(sdu(counting(1)));
    for (let count = 0; count < 4; count++)
      equal((await scene.channel.recv()).length, 1, "what came before is there");
    await expectEnded(scene, answers, /sent a frame without a credit/);
  });

  it("credits above 65,535 in all", async () => {
    const scene = await createOpen(undefined, { credits: 10 });
    const answers = await scene.signal(CREDITS, 2, PEER, 65_526);
    await expectEnded(scene, answers, /gave 65536 credits/);
  });

  it("an SDU above the MTU", async () => {
    const scene = await createOpen();
    await expectEnded(
      scene,
      await scene.frame(concat(le16(101), counting(10))),
      /an SDU of 101 bytes, above the MTU of 100/,
    );
  });

  it("a frame above the MPS, be it one that the link would still put together or not", async () => {
    for (const length of [51, 400, 600, 5000]) {
      const scene = await createOpen();
      const frame = aclFrame(HANDLE, OWN, concat(le16(90), new Uint8Array(length - 2)));
      scene.rig.controller.sent.length = 0;
      // Of the longest the beginning is enough.
      const first = frame.slice(0, Math.min(frame.length, 5 + 251));
      first.set(le16(first.length - 5), 3);
      scene.rig.controller.deliver(first);
      for (let at = first.length; at < frame.length; at += 251) {
        const part = frame.slice(at, at + 251);
        scene.rig.controller.deliver(concat([0x02], le16(HANDLE | 0x1000), le16(part.length), part));
      }
      await scene.rig.settle();
      await expectEnded(
        scene,
        scene.sent(SIGNALING),
        new RegExp(`a frame of ${length} bytes, above the MPS of 50`),
      );
    }
  });

  it("more bytes than the SDU was announced with", async () => {
    const scene = await createOpen();
    await scene.frame(concat(le16(60), counting(48)));
    await expectEnded(
      scene,
      await scene.frame(counting(13)),
      /sent 61 bytes of an SDU that it announced as 60/,
    );
    const first = await createOpen();
    await expectEnded(first, await first.frame(concat(le16(5), counting(6))), /sent 6 bytes of an SDU/);
  });

  it("the beginning of an SDU without its length", async () => {
    for (const bytes of [[], [5]]) {
      const scene = await createOpen();
      await expectEnded(scene, await scene.frame(bytes), /without its length/);
    }
  });

  it("the log has one line for a link, however often it happens", async () => {
    const { connection, frame, rig, signal, warnings } = await createOpen();
    await frame([]);
    await signal(0x07, 1, PEER, OWN);
    for (let count = 1; count < 20; count++) {
      const accepted = connection.l2capAccept(PSM);
      await signal(PLAIN, 1 + count, PSM, PEER, 100, 50, 1);
      await accepted;
      await frame([], OWN + count);
      await signal(0x07, 1 + count, PEER, OWN + count);
    }
    equal(warnings().length, 1);
    equal(rig.aioble.counters().channels?.violations, 20);
    equal(rig.host.budget.held, 0);
  });
});
