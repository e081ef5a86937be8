/** L2CAP channels of aioble, between two cameras: their end. */
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { linked, opened, PSM } from "../support/linked-cameras.ts";
import { describe, it } from "../support/suite.ts";

describe("L2CAP channels: their end", () => {
  it("what was sent before can still be read afterwards, then reading rejects (C9)", async () => {
    await opened(async ({ near, far, world }) => {
      await near.send("one");
      await near.send("two");
      await near.disconnect();
      await world.clock.sleep(1000);
      ok(!far.isConnected());
      equal((await far.recv()).length, 3);
      equal(await far.recvinto(new Uint8Array(2)), 2);
      equal(await far.recvinto(new Uint8Array(2)), 1);
      await rejects(far.recv(), { code: "l2cap-disconnected", reason: "peer" });
      await rejects(far.send("x"), { code: "l2cap-disconnected", reason: "peer" });
      await rejects(near.recv(), { code: "l2cap-disconnected", reason: "local" });
      await rejects(near.flush(), { code: "l2cap-disconnected" });
      await near.disconnect();
      await near.disconnected();
    });
  });

  it("what nobody reads for 30 s is gone, and so is its memory", async () => {
    await opened(async ({ near, far, peripheral, world }) => {
      await near.send(counting(700));
      await near.disconnect();
      await world.clock.sleep(29_000);
      ok(peripheral.host.budget.held > 0);
      await world.clock.sleep(2000);
      equal(peripheral.host.budget.held, 0);
      await rejects(far.recv(), { code: "l2cap-disconnected" });
      equal(peripheral.aioble.counters().channels?.unreadBytes, 700);
    });
  });

  it("⚠ 7: waits end with the channel, whichever side closes it", async () => {
    for (const side of ["near", "far"] as const) {
      await opened(async (both) => {
        const { near, far, world } = both;
        const waits = [
          rejects(near.recv(), { code: "l2cap-disconnected" }),
          near.disconnected(),
          far.disconnected(),
        ];
        const stalled = rejects(near.send(counting(60_000)), { code: "l2cap-disconnected" });
        await world.clock.sleep(300);
        await both[side].disconnect();
        await Promise.all([...waits, stalled]);
        await far.disconnect();
      });
    }
  });

  it("⚠ 7: waits end with the link, and say so", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = incoming.l2capAccept(PSM);
      const near = await outgoing.l2capConnect(PSM);
      const far = await accepted;
      const waits = [
        near.recv().catch((error: { code: string; reason: string; cause: { code: string } }) => {
          const { cause, code, reason } = error;
          deepEqual([code, reason, cause.code], ["l2cap-disconnected", "link", "device-disconnected"]);
        }),
        rejects(far.recv(), { code: "l2cap-disconnected", reason: "link" }),
        rejects(incoming.l2capAccept(PSM), { code: "device-disconnected" }),
        far.disconnected(),
      ];
      await outgoing.disconnect();
      await Promise.all(waits);
      await rejects(incoming.l2capAccept(PSM), { code: "device-disconnected" });
      await rejects(outgoing.l2capConnect(PSM), { code: "device-disconnected" });
      await rejects(near.send("x"), { code: "l2cap-disconnected" });
      await near.disconnect();
    });
  });

  it("stop() ends everything, and it works again afterwards", async () => {
    await opened(async ({ central, near, far }) => {
      const waits = [rejects(near.recv(), { reason: "link" }), rejects(far.recv(), { reason: "link" })];
      await central.aioble.stop();
      await Promise.all(waits);
    });
    await opened(async ({ near, far }) => {
      await near.send("again");
      equal((await far.recv()).length, 5);
    });
  });

  it("both sides close at the same time", async () => {
    await opened(async ({ near, far }) => {
      await Promise.all([near.disconnect(), far.disconnect()]);
    });
  });

  it("await using closes the channel", async () => {
    await opened(async ({ near, far }) => {
      {
        await using channel = near;
        await channel.send("last words");
      }
      await far.disconnected();
      equal((await far.recv()).length, 10);
    });
  });

  it("a thousand channels one after the other leave nothing behind", async () => {
    await linked(async ({ central, incoming, outgoing, peripheral }) => {
      for (let count = 0; count < 1000; count++) {
        const accepted = incoming.l2capAccept(PSM);
        const near = await outgoing.l2capConnect(PSM);
        const far = await accepted;
        await near.send("x");
        await far.recv();
        await (count % 2 === 0 ? near : far).disconnect();
        await (count % 2 === 0 ? far : near).disconnected();
      }
      equal(central.host.budget.held + peripheral.host.budget.held, 0);
    });
  });
});
