/** Credit-based channels by their frames: how they end, and what they leave to be read (Vol 3, Part A, 4.6). */
import { ENDED_LINK_BYTES, ITEM_OVERHEAD } from "../../firmware/ble/budget.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting, fromHex } from "../support/bytes.ts";
import {
  CREDITS,
  createOpen,
  createScene,
  DISCONNECT,
  OWN,
  PEER,
  PLAIN,
  PSM,
  sdu,
} from "../support/channel-scene.ts";
import { HANDLE, SIGNALING } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

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
  it("a peer that comes again and again leaves no more behind than half of the memory, its ended links included, for 30 s", async () => {
    const size = 29_491;
    const { rig, frame, channel } = await createOpen({}, {}, size);
    const { host } = rig;
    await frame(sdu(counting(200)));
    await rig.disconnect();
    // What has arrived counts, not what was set aside for the channel.
    equal(host.budget.held, 200 + 2 * ITEM_OVERHEAD + ENDED_LINK_BYTES);
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
      ok(host.budget.held <= size / 2);
    }
    const each = 100 + 2 * ITEM_OVERHEAD + ENDED_LINK_BYTES;
    const kept = host.budget.held / each;
    ok(kept >= 3 && kept === Math.floor(kept), `${kept} are left, the oldest have gone`);
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
