/** Several channels by one request, and changes of what the ends of a channel take (Vol 3, Part A, 4.25 to 4.28). */
import type { L2CAPOptions } from "../../firmware/aioble/l2cap.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { concat, counting, le16, toHex } from "../support/bytes.ts";
import {
  createOpen,
  createScene,
  ENHANCED,
  OWN,
  PEER,
  PSM,
  RECONFIGURE,
  type Scene,
  sdu,
} from "../support/channel-scene.ts";
import { SIGNALING } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

const REJECT = 0x01;
const PLAIN_RESPONSE = 0x15;
const ENHANCED_RESPONSE = 0x18;
const RECONFIGURE_RESPONSE = 0x1a;
const OPTIONS: L2CAPOptions = { mtu: 100, mps: 64 };

/** The signalling commands that this side has sent since the last look. */
const requests = ({ sent }: Scene): string[] => sent(SIGNALING);

describe("channels: this side opens several at once", () => {
  it("one request names all, and one response opens them (4.25, 4.26)", async () => {
    const scene = await createScene();
    const opening = scene.connection.l2capConnectMultiple(PSM, 3, OPTIONS);
    await scene.rig.settle();
    deepEqual(requests(scene), ["17 01 0e 00 80 00 64 00 40 00 08 00 40 00 41 00 42 00"]);
    deepEqual(await scene.signal(ENHANCED_RESPONSE, 1, 200, 80, 5, 0, 0x60, 0x61, 0x62), []);
    const channels = await opening;
    deepEqual(
      channels.map(({ ourMtu, peerMtu }) => [ourMtu, peerMtu]),
      [
        [100, 200],
        [100, 200],
        [100, 200],
      ],
    );
    await channels[1]!.send(counting(3));
    deepEqual(scene.sent(0x61), ["03 00 00 01 02"]);
  });

  it("the peer has room for some only: those are returned, and the memory of the others is free", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    const opening = connection.l2capConnectMultiple(PSM, 5, OPTIONS);
    await rig.settle();
    const asked = rig.host.budget.held;
    await signal(ENHANCED_RESPONSE, 1, 200, 80, 5, 4, 0, 0x60, 0, 0x61, 0);
    const channels = await opening;
    equal(channels.length, 2);
    equal(rig.host.budget.held, (asked / 5) * 2);
    await channels[0]!.send("x");
    deepEqual(scene.sent(0x60), ["01 00 78"]);
    deepEqual(
      await scene.frame(sdu(counting(2)), 0x43),
      [],
      "the second of them is the fourth that was asked for",
    );
    deepEqual([...(await channels[1]!.recv())], [0, 1]);
  });

  it("none is opened: the result of the response is the error's status", async () => {
    for (const result of [4, 5, 6, 7, 8, 9, 0x0a, 0x0b, 0x0c]) {
      for (const cids of [[], [0, 0]]) {
        const { connection, rig, signal } = await createScene();
        const refused = rejects(connection.l2capConnectMultiple(PSM, 2, OPTIONS), {
          code: "l2cap-refused",
          status: result,
        });
        await rig.settle();
        await signal(ENHANCED_RESPONSE, 1, 0, 0, 0, result, ...cids);
        await refused;
        equal(rig.host.budget.held, 0);
      }
    }
  });

  it("a response with ends that cannot be opens the others", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    const opening = connection.l2capConnectMultiple(PSM, 4, OPTIONS);
    await rig.settle();
    await signal(ENHANCED_RESPONSE, 1, 200, 80, 5, 0, 0x60, 0x60, 0x3f, 0x61);
    equal((await opening).length, 2, "one end twice, and one out of range");
    const none = rejects(connection.l2capConnectMultiple(PSM, 2, OPTIONS), { code: "protocol-error" });
    await rig.settle();
    await signal(ENHANCED_RESPONSE, 2, 200, 80, 5, 0, 0x60, 0x61);
    await none;
    const short = rejects(connection.l2capConnectMultiple(PSM, 2, OPTIONS), { code: "protocol-error" });
    await rig.settle();
    await signal(ENHANCED_RESPONSE, 3, 200, 80, 5, 0, 0x62);
    await short;
  });

  it("an MTU or MPS below 64 in the response ends every channel that it opens", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    const refused = rejects(connection.l2capConnectMultiple(PSM, 2, OPTIONS), { code: "protocol-error" });
    await rig.settle();
    deepEqual(await signal(ENHANCED_RESPONSE, 1, 63, 80, 5, 0, 0x60, 0x61), [
      "06 02 04 00 60 00 40 00",
      "06 03 04 00 61 00 41 00",
    ]);
    await refused;
    await signal(0x07, 2, 0x60, 0x40);
    await signal(0x07, 3, 0x61, 0x41);
    equal(rig.host.budget.held, 0);
  });

  it("a peer without enhanced channels is asked for plain ones, one after the other", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    const opening = connection.l2capConnectMultiple(PSM, 3, OPTIONS);
    await rig.settle();
    deepEqual(await signal(REJECT, 1, 0), ["14 02 0a 00 80 00 40 00 64 00 40 00 08 00"]);
    deepEqual(await signal(PLAIN_RESPONSE, 2, 0x60, 50, 50, 1, 0), [
      "14 03 0a 00 80 00 41 00 64 00 40 00 08 00",
    ]);
    await signal(PLAIN_RESPONSE, 3, 0x61, 50, 50, 1, 0);
    await signal(PLAIN_RESPONSE, 4, 0, 0, 0, 0, 4);
    const channels = await opening;
    equal(channels.length, 2, "there was no room for the third");
    await channels[1]!.send("x");
    deepEqual(scene.sent(0x61), ["01 00 78"]);
  });

  it("one that the peer ends before the last has opened is not returned", async () => {
    const { connection, rig, signal } = await createScene();
    const opening = connection.l2capConnectMultiple(PSM, 2, { mtu: 50, mps: 50 });
    await rig.settle();
    await signal(PLAIN_RESPONSE, 1, 0x60, 50, 50, 1, 0);
    deepEqual(await signal(0x06, 7, 0x40, 0x60), ["07 07 04 00 40 00 60 00"]);
    await signal(PLAIN_RESPONSE, 2, 0x61, 50, 50, 1, 0);
    equal((await opening).length, 1);
  });

  it("a wait that is given up ends what has opened and what opens later", async () => {
    const scene = await createScene();
    const { connection, rig, signal } = scene;
    const opening = rejects(connection.l2capConnectMultiple(PSM, 3, { mtu: 50, mps: 50, timeoutMs: 100 }), {
      code: "timeout",
    });
    await rig.settle();
    await signal(PLAIN_RESPONSE, 1, 0x60, 50, 50, 1, 0);
    requests(scene);
    await rig.clock.advance(100);
    await opening;
    deepEqual(requests(scene), ["06 03 04 00 60 00 40 00"]);
    deepEqual(await signal(PLAIN_RESPONSE, 2, 0x61, 50, 50, 1, 0), ["06 04 04 00 61 00 41 00"]);
    await signal(0x07, 3, 0x60, 0x40);
    await signal(0x07, 4, 0x61, 0x41);
    equal(rig.host.budget.held, 0);
  });

  it("all that were asked for count while they open, and are free with the link", async () => {
    const { connection, rig } = await createScene();
    const opening = rejects(connection.l2capConnectMultiple(PSM, 5, { mtu: 50, mps: 50, timeoutMs: 0 }), {
      code: "device-disconnected",
    });
    await rejects(connection.l2capConnectMultiple(PSM, 4, { mtu: 50, mps: 50 }), {
      code: "too-many-channels",
    });
    const others = rejects(connection.l2capConnectMultiple(PSM, 3, { mtu: 50, mps: 50, timeoutMs: 0 }), {
      code: "device-disconnected",
    });
    await rig.disconnect();
    await opening;
    await others;
    equal(rig.host.budget.held, 0);
  });

  it("what does not fit the memory for the peer as a whole is not asked for", async () => {
    const scene = await createScene(20_000);
    const { connection, rig } = scene;
    await rejects(connection.l2capConnectMultiple(PSM, 5, { mtu: 1000 }), { code: "peer-memory-full" });
    deepEqual(requests(scene), []);
    equal(rig.host.budget.held, 0);
  });

  it("takes one to five", async () => {
    const { connection } = await createScene();
    for (const count of [0, 6, 1.5, Number.NaN])
      throws(() => connection.l2capConnectMultiple(PSM, count), { name: "RangeError" });
  });
});

describe("channels: this side changes what it takes (4.27)", () => {
  async function createEnhanced(peerBytes?: number) {
    const scene = await createScene(peerBytes);
    const accepted = scene.connection.l2capAccept(PSM, OPTIONS);
    await scene.signal(ENHANCED, 1, PSM, 100, 80, 20, PEER);
    return { ...scene, channel: await accepted };
  }

  it("a longer SDU is taken once the peer has agreed, with the credits that it needs", async () => {
    const scene = await createEnhanced();
    const { channel, frame, rig, signal } = scene;
    const before = rig.host.budget.held;
    const changing = channel.reconfigure({ mtu: 1000 });
    await rig.settle();
    deepEqual(
      requests(scene),
      ["19 01 06 00 e8 03 40 00 40 00", "16 02 04 00 40 00 09 00"],
      "17 frames in all, whose memory is there",
    );
    ok(rig.host.budget.held > before, "memory is set aside before the peer is asked");
    equal(channel.ourMtu, 100);
    deepEqual(await signal(RECONFIGURE_RESPONSE, 1, 0), []);
    await changing;
    equal(channel.ourMtu, 1000);
    const bytes = concat(le16(1000), counting(1000));
    for (let at = 0; at < bytes.length; at += 64) await frame(bytes.subarray(at, at + 64));
    equal(toHex(await channel.recv()), toHex(counting(1000)));
    await channel.disconnect({ timeoutMs: 0, signal: AbortSignal.abort() }).catch(() => undefined);
    await signal(0x07, 3, PEER, OWN);
  });

  it("until the peer has agreed it may send either: it did not know, or it knew before its response came", async () => {
    const { channel, frame, rig, signal } = await createEnhanced();
    const changing = channel.reconfigure({ mtu: 150, mps: 70 });
    await rig.settle();
    await frame(sdu(counting(62)));
    await frame(concat(le16(150), counting(68)));
    await frame(counting(70, 68));
    await frame(counting(12, 138));
    deepEqual([(await channel.recv()).length, (await channel.recv()).length], [62, 150]);
    await signal(RECONFIGURE_RESPONSE, 1, 0);
    await changing;
    equal(channel.isConnected(), true);
  });

  it("a smaller MPS holds from the response on", async () => {
    const { channel, connection, frame, rig, signal } = await createEnhanced();
    const grown = channel.reconfigure({ mps: 100 });
    await rig.settle();
    await signal(RECONFIGURE_RESPONSE, 1, 0);
    await grown;
    const changing = channel.reconfigure({ mps: 64 });
    await rig.settle();
    await frame(concat(le16(98), counting(98)));
    equal((await channel.recv()).length, 98);
    await signal(RECONFIGURE_RESPONSE, 2, 0);
    await changing;
    const [ended] = await frame(concat(le16(98), counting(98)));
    ok(ended?.startsWith("06 "), ended);
    await rejects(channel.recv(), { code: "l2cap-disconnected", reason: "protocol" });
    ok(connection.isConnected());
  });

  it("the peer refuses: the figures stay, and what is longer costs the channel", async () => {
    for (const [result, text] of [
      [1, "smaller than before (0x0001)"],
      [2, "smaller than before (0x0002)"],
      [3, "no such channel (0x0003)"],
      [4, "does not take these figures (0x0004)"],
      [0x1234, "0x1234"],
    ] as const) {
      const { channel, frame, rig, signal } = await createEnhanced();
      const changing = channel.reconfigure({ mtu: 200 });
      const failure = changing.catch((error: unknown) => error as Error);
      await rig.settle();
      await signal(RECONFIGURE_RESPONSE, 1, result);
      const { message, code } = (await failure) as Error & { code: string };
      equal(code, "parameters-refused");
      ok(message.includes(text), message);
      equal(channel.ourMtu, 100);
      const [ended] = await frame(concat(le16(101), counting(40)));
      ok(ended?.startsWith("06 "), ended);
    }
  });

  it("a peer that does not know the command, or answers something else, refuses", async () => {
    const { channel, rig, signal } = await createEnhanced();
    for (const [at, answer] of [
      [REJECT, 0],
      [RECONFIGURE_RESPONSE, 0, 0],
    ].entries()) {
      const refused = rejects(channel.reconfigure({ mtu: 200 }), { code: "parameters-refused" });
      await rig.settle();
      await signal(answer[0]!, at + 1, ...answer.slice(1));
      await refused;
    }
    equal(channel.isConnected(), true);
  });

  it("one change at a time; without a response it has failed after 30 s, and the next goes out", async () => {
    const scene = await createEnhanced();
    const { channel, rig, signal } = scene;
    const first = rejects(channel.reconfigure({ mtu: 200, timeoutMs: 60_000 }), { code: "timeout" });
    await rejects(channel.reconfigure({ mtu: 300 }), { code: "already-updating" });
    await rig.clock.advance(30_000);
    await first;
    const held = rig.host.budget.held;
    const next = channel.reconfigure({ mtu: 200 });
    await rig.settle();
    equal(rig.host.budget.held, held, "the memory that was set aside serves the next one");
    await signal(RECONFIGURE_RESPONSE, 2, 0);
    await next;
    equal(channel.ourMtu, 200);
  });

  it("a wait that is given up leaves the change to the peer: it holds when it is agreed to", async () => {
    const { channel, rig, signal } = await createEnhanced();
    await rejects(channel.reconfigure({ mtu: 200, signal: AbortSignal.abort(new Error("enough")) }), {
      message: "enough",
    });
    const changing = rejects(channel.reconfigure({ mtu: 200, timeoutMs: 50 }), { code: "timeout" });
    await rig.clock.advance(50);
    await changing;
    await signal(RECONFIGURE_RESPONSE, 1, 0);
    equal(channel.ourMtu, 200);
  });

  it("the channel or the link ends meanwhile: so does the wait, and no memory stays", async () => {
    const { channel, connection, rig, signal } = await createEnhanced();
    const first = rejects(channel.reconfigure({ mtu: 200, timeoutMs: 0 }), { code: "l2cap-disconnected" });
    await rig.settle();
    await signal(0x06, 9, OWN, PEER);
    await first;
    await signal(RECONFIGURE_RESPONSE, 1, 4);
    equal(rig.host.budget.held, 0);
    const accepted = connection.l2capAccept(PSM, OPTIONS);
    await signal(ENHANCED, 10, PSM, 100, 80, 20, PEER);
    const second = rejects((await accepted).reconfigure({ mtu: 200, timeoutMs: 0 }), {
      code: "l2cap-disconnected",
      reason: "link",
    });
    await rig.disconnect();
    await second;
    equal(rig.host.budget.held, 0);
  });

  it("what does not fit the memory for the peer is not asked for, and the figures stay", async () => {
    const scene = await createEnhanced(20_000);
    const { channel, rig } = scene;
    const held = rig.host.budget.held;
    await rejects(channel.reconfigure({ mtu: 60_000 }), { code: "peer-memory-full" });
    deepEqual(requests(scene), []);
    equal(rig.host.budget.held, held);
    equal(channel.ourMtu, 100);
  });

  it("figures out of range throw at once, and a plain channel has none to change", async () => {
    const { channel } = await createEnhanced();
    for (const options of [{ mtu: 99 }, { mtu: 65_536 }, { mps: 63 }, { mps: 518 }, { mtu: 150.5 }])
      throws(() => channel.reconfigure(options), { name: "RangeError" });
    const plain = await createOpen();
    await rejects(plain.channel.reconfigure({ mtu: 200, mps: 64 }), { code: "not-supported" });
  });
});

describe("channels: a peer changes what it takes (4.27)", () => {
  async function createEnhanced() {
    const scene = await createScene();
    const accepted = [1, 2].map(() => scene.connection.l2capAccept(PSM, { mtu: 100, mps: 64 }));
    await scene.signal(ENHANCED, 1, PSM, 100, 80, 20, 0x50, 0x51);
    const [first, second] = await Promise.all(accepted);
    return { ...scene, first: first!, second: second! };
  }

  it("a larger MTU, for one channel or several", async () => {
    const { first, second, signal } = await createEnhanced();
    deepEqual(await signal(RECONFIGURE, 2, 200, 80, 0x50, 0x51), ["1a 02 02 00 00 00"]);
    deepEqual([first.peerMtu, second.peerMtu], [200, 200]);
  });

  it("a smaller MPS, for one channel at a time", async () => {
    const { first, sent, signal } = await createEnhanced();
    deepEqual(await signal(RECONFIGURE, 2, 100, 64, 0x50, 0x51), ["1a 02 02 00 02 00"]);
    deepEqual(await signal(RECONFIGURE, 3, 100, 64, 0x50), ["1a 03 02 00 00 00"]);
    await first.send(counting(100));
    deepEqual(
      sent().map((text) => (text.length + 1) / 3),
      [64, 38],
    );
  });

  it("what may not be is refused, and changes nothing", async () => {
    const { first, second, signal } = await createEnhanced();
    const result = async (...words: readonly number[]) =>
      (await signal(RECONFIGURE, 5, ...words))[0]?.slice(-5);
    equal(await result(99, 80, 0x50), "01 00", "a smaller MTU");
    equal(await result(200, 63, 0x50), "04 00");
    equal(await result(63, 80, 0x50), "04 00");
    for (const mps of [65_534, 65_535])
      equal(await result(200, mps, 0x50), "04 00", `an MPS of ${mps}, above 65,533`);
    equal(await result(200, 80, 0x52), "03 00", "no such channel");
    equal(await result(200, 80, 0x50, 0x52), "03 00", "all or none");
    equal(await result(200, 80, 0x50, 0x50), "03 00");
    deepEqual([first.peerMtu, second.peerMtu], [100, 100]);
    deepEqual(await signal(RECONFIGURE, 6, 100, 1000, 0x50, 0x51), ["1a 06 02 00 00 00"], "a larger MPS");
    equal(await result(100, 600, 0x50, 0x51), "02 00", "a smaller one, though more than is ever sent");
    const plain = await createOpen();
    equal(
      (await plain.signal(RECONFIGURE, 5, 200, 80, PEER))[0]?.slice(-5),
      "03 00",
      "a plain channel has none",
    );
  });
});
