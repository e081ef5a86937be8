/** Credit-based channels by their frames: how they are opened, by either side (Vol 3, Part A, 4.22 to 4.26). */
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import {
  CREDITS,
  createOpen,
  createScene,
  DISCONNECT,
  ENHANCED,
  PEER,
  PLAIN,
  PSM,
  RECONFIGURE,
  type Scene,
} from "../support/channel-scene.ts";
import { SIGNALING } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

/** What the application hears of a response that cannot be: not that the peer has refused. */
const MALFORMED = {
  name: "ProtocolError",
  code: "protocol-error",
  message: /^The device's answer to the request for a channel breaks the protocol: /,
};

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
    for (const mps of [65_534, 65_535])
      equal(await plain(PSM, 0x51, 100, mps, 1), "0b 00", `an MPS of ${mps}, above 65,533`);
    for (const spsm of [0x81, 0, 0x100, 0xffff])
      equal(await plain(spsm, 0x51, 100, 50, 1), "02 00", `${spsm}`);
    const enhanced = async (...words: readonly number[]) => (await signal(ENHANCED, 4, ...words))[0];
    const refused = (result: string, cids = " 00 00") =>
      `18 04 ${toHex(Uint8Array.of(8 + (cids.length / 6) * 2))} 00 00 00 00 00 00 00 ${result}${cids}`;
    equal(await enhanced(PSM, 63, 64, 1, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 63, 1, 0x51), refused("0c 00"));
    for (const mps of [65_534, 65_535]) equal(await enhanced(PSM, 64, mps, 1, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 64, 0, 0x51), refused("0c 00"));
    equal(await enhanced(PSM, 64, 64, 1), refused("0c 00", ""));
    equal(await enhanced(PSM, 64, 64, 1, 0x3f), refused("09 00"));
    equal(await enhanced(PSM, 64, 64, 1, PEER), refused("0a 00"));
  });

  it("the largest MTU and MPS of the Specification are taken: 65,535 and 65,533 (4.22, 4.25)", async () => {
    const { connection, signal } = await createScene();
    const accepted = [1, 2].map(() => connection.l2capAccept(PSM));
    equal((await signal(PLAIN, 2, PSM, 0x41, 65_535, 65_533, 1))[0]?.slice(-5), "00 00");
    const [answer] = await signal(ENHANCED, 3, PSM, 65_535, 65_533, 1, 0x42);
    equal(answer, "18 03 0a 00 00 04 f7 00 08 00 00 00 41 00");
    await Promise.all(accepted);
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

  it("a response that cannot be breaks the protocol, and the peer's end is closed", async () => {
    const { connection, rig, signal } = await createScene();
    const attempt = async (identifier: number, ...words: readonly number[]) => {
      const opening = connection.l2capConnect(PSM, { mtu: 23, mps: 23 });
      const refused = rejects(opening, MALFORMED);
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
    deepEqual(await attempt(7, PEER, 100, 65_534, 1, 0), ["06 08 04 00 50 00 44 00"], "an MPS above 65,533");
    await signal(0x07, 8, PEER, 0x44);
    equal(rig.host.budget.held, 0);
  });

  it("a response for an identifier that the peer has given already breaks the protocol", async () => {
    const { connection, rig, signal } = await createOpen();
    const opening = connection.l2capConnect(PSM, { mtu: 23, mps: 23 });
    const refused = rejects(opening, MALFORMED);
    await rig.settle();
    await signal(0x15, 1, PEER, 100, 50, 1, 0);
    await refused;
  });
});
