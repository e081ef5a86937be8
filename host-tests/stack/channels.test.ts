/** Credit-based channels by their frames: what a peer may do, and what it may not (Vol 3, Part A, 4.22 to 4.26 and 10.1). */
import { ITEM_OVERHEAD } from "../../firmware/ble/budget.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { concat, counting, fromHex, le16, toHex } from "../support/bytes.ts";
import {
  CREDITS,
  createOpen,
  createScene,
  DISCONNECT,
  ENHANCED,
  type OpenScene,
  OWN,
  PEER,
  PLAIN,
  PSM,
  RECONFIGURE,
  type Scene,
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

describe("channels: a peer opens them", () => {
  it("a plain one: the response has this side's figures", async () => {
    const { connection, signal } = await createScene();
    const accepted = connection.l2capAccept(PSM, { mtu: 100, mps: 50, credits: 7 });
    deepEqual(await signal(PLAIN, 1, PSM, PEER, 200, 60, 3), ["15 01 0a 00 40 00 64 00 32 00 07 00 00 00"]);
    const channel = await accepted;
    deepEqual([channel.ourMtu, channel.peerMtu], [100, 200]);
  });

  it("enhanced ones, up to five in one request; those that nobody waits for are refused (4.26)", async () => {
    const { connection, signal } = await createScene();
    const accepted = [1, 2, 3].map(() => connection.l2capAccept(PSM, { mtu: 100, mps: 64 }));
    deepEqual(await signal(ENHANCED, 2, PSM, 64, 64, 1, 0x41, 0x42, 0x43, 0x44, 0x45), [
      "18 02 12 00 64 00 40 00 08 00 04 00 40 00 41 00 42 00 00 00 00 00",
    ]);
    for (const channel of await Promise.all(accepted)) equal(channel.peerMtu, 64);
  });

  it("requests that cannot be are refused, each with its result", async () => {
    const { connection, signal } = await createOpen();
    void connection.l2capAccept(PSM).catch(() => {});
    const plain = async (...words: readonly number[]) => (await signal(PLAIN, 3, ...words))[0]?.slice(-5);
    equal(await plain(PSM, 0x003f, 100, 50, 1), "09 00", "below the dynamic identifiers");
    equal(await plain(PSM, 0x0080, 100, 50, 1), "09 00", "above them");
    equal(await plain(PSM, PEER, 100, 50, 1), "0a 00", "in use");
    equal(await plain(PSM, 0x51, 22, 50, 1), "0b 00", "an MTU below 23");
    equal(await plain(PSM, 0x51, 100, 22, 1), "0b 00", "an MPS below 23");
    for (const spsm of [0x81, 0, 0x100, 0xffff])
      equal(await plain(spsm, 0x51, 100, 50, 1), "02 00", `${spsm}`);
    const enhanced = async (...words: readonly number[]) => (await signal(ENHANCED, 4, ...words))[0];
    const refused = (result: string, cids = " 00 00") =>
      `18 04 ${toHex(Uint8Array.of(8 + (cids.length / 6) * 2))} 00 00 00 00 00 00 00 ${result}${cids}`;
    equal(await enhanced(PSM, 63, 64, 1, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 63, 1, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 64, 0, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 64, 1), refused("0c 00", ""));
    equal(await enhanced(PSM, 64, 64, 1, 0x3f), refused("09 00"));
    equal(await enhanced(PSM, 64, 64, 1, PEER), refused("0a 00"));
  });

  it("an identifier that is there twice in one request gets one channel (4.26)", async () => {
    const { connection, signal } = await createScene();
    const accepted = [1, 2].map(() => connection.l2capAccept(PSM));
    const [answer] = await signal(ENHANCED, 2, PSM, 64, 64, 1, 0x41, 0x41);
    equal(answer, "18 02 0c 00 00 04 f7 00 08 00 0a 00 40 00 00 00");
    await accepted[0];
  });

  it("commands of a wrong length are rejected", async () => {
    const { signal } = await createOpen();
    const rejected = "01 05 02 00 00 00";
    for (const [code, counts] of [
      [PLAIN, [0, 4, 6]],
      [ENHANCED, [0, 3]],
      [RECONFIGURE, [0, 2]],
      [DISCONNECT, [0, 1, 3]],
    ] as const) {
      for (const count of counts) deepEqual(await signal(code, 5, ...counting(count)), [rejected], `${code}`);
    }
    for (const count of [0, 1, 3]) deepEqual(await signal(CREDITS, 5, ...counting(count)), []);
  });

  it("requests that wait for the application are few, and end with the link", async () => {
    const { rig, signal } = await createScene();
    for (let count = 0; count < 4; count++)
      deepEqual(await signal(PLAIN, 1 + count, PSM, 0x50 + count, 100, 50, 1), []);
    deepEqual(await signal(PLAIN, 9, PSM, 0x60, 100, 50, 1), ["15 09 0a 00 00 00 00 00 00 00 00 00 04 00"]);
    await rig.disconnect();
    equal(rig.clock.pending, 0);
  });

  it("no more than eight, whatever is asked for; the account of the link is in order afterwards", async () => {
    const { connection, rig, signal } = await createScene();
    const accepted = Array.from({ length: 12 }, () => connection.l2capAccept(PSM, { mtu: 64, mps: 64 }));
    const outcomes = Promise.allSettled(accepted);
    for (let at = 0; at < 3; at++) {
      const cids = Array.from({ length: 4 }, (_, index) => 0x50 + 4 * at + index);
      const [answer] = await signal(ENHANCED, 1 + at, PSM, 64, 64, 1, ...cids);
      ok(answer!.includes(at < 2 ? "00 00 4" : "04 00 00 00 00 00 00 00 00 00"), answer);
    }
    ok(rig.host.budget.held > 0);
    await rig.disconnect();
    equal((await outcomes).filter(({ status }) => status === "fulfilled").length, 8);
    equal(rig.host.budget.held, 0);
  });

  it("a channel for which there is no memory is refused, with one line in the log (0x0004)", async () => {
    const { connection, rig, signal } = await createScene(29_491);
    for (let count = 0; count < 8; count++) void connection.l2capAccept(PSM).catch(() => {});
    let opened = 0;
    for (let count = 0; count < 8; count++) {
      const [answer] = await signal(PLAIN, 1 + count, PSM, 0x50 + count, 100, 50, 1);
      if (answer!.endsWith("00 00 00 00") || answer!.slice(-5) === "00 00") opened++;
      else equal(answer!.slice(-5), "04 00");
    }
    ok(opened >= 1 && opened < 8, `${opened} are open`);
    const { peers } = rig.aioble.counters();
    ok(peers.held <= peers.size);
    equal(rig.log.filter(([, message]) => message.startsWith("host: link")).length, 1);
  });
});

describe("channels: this side opens them", () => {
  const request = (scene: Scene): string[] => scene.sent(SIGNALING);

  it("an enhanced one, and a plain one where the peer rejects that; from then on plain ones at once (4.25)", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    let opening = connection.l2capConnect(PSM, { mtu: 100, mps: 64, credits: 9 });
    await rig.settle();
    deepEqual(request(scene), ["17 01 0a 00 80 00 64 00 40 00 09 00 40 00"]);
    deepEqual(await signal(0x18, 1, 128, 70, 5, 0, PEER), []);
    equal((await opening).peerMtu, 128);

    opening = connection.l2capConnect(PSM, { mtu: 100, mps: 64, credits: 9 });
    await rig.settle();
    deepEqual(request(scene), ["17 02 0a 00 80 00 64 00 40 00 09 00 41 00"]);
    deepEqual(await signal(0x01, 2, 0), ["14 03 0a 00 80 00 41 00 64 00 40 00 09 00"]);
    await signal(0x15, 3, 0x51, 128, 70, 5, 0);
    await opening;

    const small = rejects(connection.l2capConnect(PSM, { mtu: 100, mps: 64 }), {
      code: "l2cap-refused",
      status: 4,
    });
    await rig.settle();
    equal(request(scene)[0]?.slice(0, 5), "14 04");
    await signal(0x15, 4, 0, 0, 0, 0, 4);
    await small;
  });

  it("figures below those of enhanced channels are asked for by a plain request", async () => {
    const scene = await createScene();
    const opening = scene.connection.l2capConnect(PSM, { mtu: 23, mps: 23, timeoutMs: 50 });
    const ended = rejects(opening, { code: "timeout" });
    await scene.rig.settle();
    equal(request(scene)[0]?.slice(0, 5), "14 01");
    await scene.rig.clock.advance(50);
    await ended;
  });

  it("every result is the error's status", async () => {
    for (let result = 1; result < 16; result++) {
      if (result >= 13) continue; // pending
      const { connection, rig, signal } = await createScene();
      const opening = connection.l2capConnect(PSM, { mtu: 23, mps: 23 });
      const refused = rejects(opening, { code: "l2cap-refused", status: result });
      await rig.settle();
      await signal(0x15, 1, 0, 0, 0, 0, result);
      await refused;
      equal(rig.host.budget.held, 0);
    }
  });

  it("a peer without channels at all refuses", async () => {
    const { connection, rig, signal } = await createScene();
    const refused = rejects(connection.l2capConnect(PSM), { code: "l2cap-refused", status: 2 });
    await rig.settle();
    await signal(0x01, 1, 0);
    await signal(0x01, 2, 0);
    await refused;
  });

  it("a peer that says pending has 60 s more, once (6.2.2)", async () => {
    const { connection, rig, signal } = await createScene();
    const ended = rejects(connection.l2capConnect(PSM, { timeoutMs: 200_000 }), { code: "timeout" });
    await rig.settle();
    await rig.clock.advance(29_000);
    await signal(0x18, 1, 0, 0, 0, 0x0d, 0);
    await rig.clock.advance(50_000);
    await signal(0x18, 1, 0, 0, 0, 0x0e, 0);
    await rig.clock.advance(10_000);
    await ended;
    equal(rig.host.budget.held, 0);
    const patient = connection.l2capConnect(PSM, { timeoutMs: 200_000 });
    await rig.settle();
    await signal(0x18, 2, 0, 0, 0, 0x0d, 0);
    await signal(0x18, 2, 64, 64, 1, 0, PEER);
    await patient;
  });

  it("without a response the attempt has failed after 30 s (RTX, 6.2.1), and its memory is free", async () => {
    const { connection, rig } = await createScene();
    const opening = rejects(connection.l2capConnect(PSM, { timeoutMs: 60_000 }), { code: "timeout" });
    await rig.settle();
    await rig.clock.advance(30_000);
    await opening;
    equal(rig.host.budget.held, 0);
  });

  it("a response that cannot be is a refusal, and the peer's end is closed", async () => {
    const { connection, rig, signal } = await createScene();
    const attempt = async (identifier: number, ...words: readonly number[]) => {
      const opening = connection.l2capConnect(PSM, { mtu: 23, mps: 23 });
      const refused = rejects(opening, { code: "l2cap-refused", status: 0x000c });
      await rig.settle();
      const answers = await signal(0x15, identifier, ...words);
      await refused;
      return answers;
    };
    deepEqual(await attempt(1, 0x3f, 100, 50, 1, 0), [], "an identifier out of range names no channel");
    deepEqual(await attempt(2, PEER, 22, 50, 1, 0), ["06 03 04 00 50 00 41 00"], "an MTU below 23");
    await signal(0x07, 3, PEER, 0x41);
    deepEqual(await attempt(4, PEER, 100, 22, 1, 0), ["06 05 04 00 50 00 42 00"], "an MPS below 23");
    await signal(0x07, 5, PEER, 0x42);
    deepEqual(await attempt(6, PEER, 100), [], "too short");
    equal(rig.host.budget.held, 0);
  });

  it("a response for an identifier that the peer has given already is a refusal", async () => {
    const { connection, rig, signal } = await createOpen();
    const opening = connection.l2capConnect(PSM, { mtu: 23, mps: 23 });
    const refused = rejects(opening, { code: "l2cap-refused", status: 0x000c });
    await rig.settle();
    await signal(0x15, 1, PEER, 100, 50, 1, 0);
    await refused;
  });
});

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

describe("channels: their end", () => {
  it("the peer closes one: it is confirmed, and its identifier is free (4.6)", async () => {
    const { channel, rig, signal } = await createOpen();
    deepEqual(await signal(DISCONNECT, 2, OWN, PEER), ["07 02 04 00 40 00 50 00"]);
    await rejects(channel.recv(), { code: "l2cap-disconnected", reason: "peer" });
    deepEqual(await signal(DISCONNECT, 3, OWN, PEER), ["01 03 06 00 02 00 40 00 50 00"], "invalid CID");
    equal(rig.host.budget.held, 0);
  });

  it("a request whose source is not the channel's is discarded", async () => {
    const { channel, signal } = await createOpen();
    deepEqual(await signal(DISCONNECT, 2, OWN, PEER + 1), []);
    ok(channel.isConnected());
  });

  it("this side closes one: frames that are under way are dropped until the peer has confirmed it", async () => {
    const { channel, frame, rig, sent, signal } = await createOpen();
    const closing = channel.disconnect();
    await rig.settle();
    deepEqual(sent(SIGNALING), ["06 01 04 00 50 00 40 00"]);
    deepEqual(await frame(sdu(counting(5))), []);
    deepEqual(await signal(CREDITS, 2, PEER, 65_535), [], "and so are credits");
    await signal(0x07, 1, PEER, OWN);
    await closing;
    equal(rig.host.budget.held, 0);
  });

  it("both sides close one at the same time", async () => {
    const { channel, rig, signal } = await createOpen();
    const closing = channel.disconnect();
    await rig.settle();
    deepEqual(await signal(DISCONNECT, 2, OWN, PEER), ["07 02 04 00 40 00 50 00"]);
    await closing;
    deepEqual(await signal(0x01, 1, 2, PEER, OWN), [], "the peer does not know it any more");
    equal(rig.host.budget.held, 0);
  });

  it("a peer that never confirms: the application goes on after a second, the identifier is free after 30 s", async () => {
    const { channel, rig } = await createOpen();
    const closing = rejects(channel.disconnect(), { code: "timeout" });
    const closed = channel.disconnected();
    await rig.settle();
    await rig.clock.advance(1000);
    await closing;
    ok(!channel.isConnected());
    ok(rig.host.budget.held > 0);
    await rig.clock.advance(29_000);
    await closed;
    equal(rig.host.budget.held, 0);
    equal(rig.clock.pending, 0);
  });

  it("the link ends: so do its channels, and nothing of them stays", async () => {
    const { channel, rig } = await createOpen();
    const waits = [rejects(channel.recv(), { reason: "link" }), channel.disconnected()];
    const stalled = rejects(channel.send(counting(5000)), { reason: "link" });
    await rig.disconnect();
    await Promise.all([...waits, stalled]);
    equal(rig.host.budget.held, 0);
    equal(rig.clock.pending, 0);
  });
});

describe("channels: what a closed one has received", () => {
  it("a peer that comes again and again leaves no more behind than a quarter of the memory, for 30 s", async () => {
    const size = 29_491;
    const { rig, frame, channel } = await createOpen({}, {}, size);
    const { host } = rig;
    await frame(sdu(counting(200)));
    await rig.disconnect();
    // What has arrived counts, not what was set aside for the channel.
    equal(host.budget.held, 200 + 2 * ITEM_OVERHEAD);
    let last = channel;
    for (let count = 1; count <= 15; count++) {
      const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
      await rig.settle();
      await rig.connect();
      const accepted = (await advertised).l2capAccept(PSM);
      await rig.exchange(SIGNALING, fromHex("14 01 0a 00 80 00 50 00 64 00 32 00 0a 00"));
      last = await accepted;
      await frame(sdu(counting(100)));
      await rig.disconnect();
      ok(host.budget.held <= size / 4);
    }
    const each = 100 + 2 * ITEM_OVERHEAD;
    const kept = Math.floor(size / 4 / each);
    equal(host.budget.held, kept * each, "the oldest have gone");
    equal(rig.aioble.counters().channels?.unreadBytes, 200 + (15 - kept) * 100);
    await rejects(channel.recv(), { code: "l2cap-disconnected" });
    deepEqual(await last.recv(), counting(100));
    await rig.clock.advance(30_000);
    equal(host.budget.held, 0);
    equal(host.budget.beyond, 0);
    equal(rig.clock.pending, 0);
  });

  it("what a link that has ended left goes when a link needs the room, and no sooner", async () => {
    const { rig, frame, channel, warnings } = await createOpen({}, {}, 37_683);
    await frame(sdu(counting(200)));
    await rig.disconnect();
    const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
    await rig.settle();
    await rig.connect();
    const { account } = rig.host.connections.get(HANDLE)!.link;
    while (rig.host.budget.beyond + 2000 < rig.host.budget.size / 4) ok(account.take(100));
    await advertised;
    equal(channel.available(), true);
    while (account.take(100));
    equal(channel.available(), false);
    deepEqual(warnings(), [
      "l2cap: 200 bytes of a closed channel were not read before a link needed their room: they are gone",
    ]);
    ok(rig.host.budget.held <= rig.host.budget.size);
  });

  it("fifty peers that leave unread SDUs behind: the memory for peers is never exceeded, and an honest one finds room", async () => {
    for (const options of [{}, { mtu: 100, mps: 50 }]) {
      const { rig, connection, frame, signal } = await createScene(37_683);
      const { host } = rig;
      const check = (step: string): void => {
        const { held, size } = rig.aioble.counters().peers;
        ok(held <= size, `${step}: ${held} of ${size}`);
        ok(
          host.budget.beyond >= 0 && host.budget.beyond <= size / 2,
          `${step}: ${host.budget.beyond} beyond`,
        );
      };
      let current = connection;
      for (let round = 0; round < 50; round++) {
        const accepts = [1, 2, 3].map(() => current.l2capAccept(PSM, options));
        for (const accept of accepts) accept.catch(() => undefined);
        for (let index = 0; index < 3; index++) {
          await signal(PLAIN, index + 1, PSM, PEER + index, 100, 50, 10);
          check(`link ${round}, channel ${index} opens`);
          await frame(sdu(counting(30)), OWN + index);
          check(`link ${round}, channel ${index} receives`);
        }
        // Some close their channels first.
        if (round % 2) await signal(DISCONNECT, 9, OWN, PEER);
        check(`link ${round} closes a channel`);
        await rig.disconnect();
        check(`link ${round} ends`);
        const advertised = rig.aioble.advertise({ intervalUs: 100_000 });
        await rig.settle();
        await rig.connect();
        current = await advertised;
      }
      const accepted = current.l2capAccept(PSM, options);
      const [answer] = await signal(PLAIN, 1, PSM, PEER, 100, 50, 10);
      ok(answer?.endsWith("00 00"), answer);
      await frame(sdu(counting(30)));
      deepEqual(await (await accepted).recv(), counting(30));
      await rig.disconnect();
      await rig.clock.advance(31_000);
      equal(host.budget.held, 0);
      equal(host.budget.beyond, 0);
    }
  });
});
