/** L2CAP channels of aioble, between two cameras: sending and receiving. */
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import { reported } from "../support/cameras.ts";
import { opened } from "../support/linked-cameras.ts";
import { describe, it } from "../support/suite.ts";

describe("L2CAP channels: sending and receiving", () => {
  it("SDUs of every length arrive whole, in their order, in both directions", async () => {
    await opened(async ({ near, far }) => {
      const lengths = [1, 2, 244, 245, 246, 247, 248, 491, 492, 493, 1023, 1024];
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        const sent = (async () => {
          for (const length of lengths) await from.send(counting(length));
        })();
        for (const length of lengths) equal(toHex(await to.recv()), toHex(counting(length)), `${length}`);
        await sent;
      }
    });
  });

  it("bytes above the peer's MTU travel in several SDUs, cut where chunkSize says", async () => {
    await opened(
      async ({ near, far }) => {
        const sizes = async (count: number) => {
          const all: number[] = [];
          for (let at = 0; at < count; at++) all.push((await far.recv()).length);
          return all;
        };
        let received = sizes(4);
        await near.send(counting(350));
        deepEqual(await received, [100, 100, 100, 50]);
        received = sizes(4);
        await near.send(counting(100), { chunkSize: 30 });
        deepEqual(await received, [30, 30, 30, 10]);
        received = sizes(2);
        await near.send(counting(200), { chunkSize: 1000 });
        deepEqual(await received, [100, 100]);
        throws(() => near.send(counting(1), { chunkSize: 0 }), { name: "RangeError" });
        throws(() => near.send(5 as never), { name: "TypeError" });
      },
      { mtu: 100 },
    );
  });

  it("a short buffer leaves the rest of the SDU for the next call; SDUs are never joined (C5)", async () => {
    await opened(async ({ near, far, world }) => {
      await near.send(counting(250));
      await near.send(counting(10));
      await near.flush();
      await reported(world);
      ok(far.available());
      const buffer = new Uint8Array(100);
      equal(await far.recvinto(buffer), 100);
      deepEqual(buffer, counting(100));
      equal(await far.recvinto(new Uint8Array(0)), 0);
      equal(await far.recvinto(buffer), 100);
      ok(far.available());
      deepEqual(await far.recv(), counting(250).slice(200), "what recvinto has left");
      equal(await far.recvinto(buffer), 10);
      deepEqual(buffer.slice(0, 10), counting(10));
      ok(!far.available());
      throws(() => far.recvinto([] as never), { name: "TypeError" });
    });
  });

  it("several readers wait, and each gets an SDU of its own, in their order", async () => {
    await opened(async ({ near, far }) => {
      const buffer = new Uint8Array(10);
      const reads = [far.recv(), far.recvinto(buffer), far.recv({ timeoutMs: 100 }), far.recv()];
      await rejects(reads[2]!, { code: "timeout" });
      for (const length of [1, 2, 3]) await near.send(counting(length));
      deepEqual(await reads[0], counting(1));
      equal(await reads[1], 2);
      deepEqual(await reads[3], counting(3));
    });
  });

  it("⚠ 7: a sender waits while nobody reads, and goes on when somebody does; nothing is lost", async () => {
    await opened(async ({ near, far, peripheral, world }) => {
      let sent = 0;
      const sending = (async () => {
        for (; sent < 40; sent++) await near.send(counting(1000, sent));
      })();
      await world.clock.sleep(5000);
      ok(sent < 4, `${sent} SDUs are sent and not read`);
      await rejects(near.send("late", { timeoutMs: 100 }), { code: "timeout" });
      ok(peripheral.host.budget.held <= peripheral.host.budget.size);
      for (let index = 0; index < 40; index++) deepEqual(await far.recv(), counting(1000, index));
      await sending;
      equal(sent, 40);
      await near.send("on");
      equal((await far.recv()).length, 2);
    });
  });

  it("an SDU that was given up while it was sent arrives whole; what had not begun is not sent", async () => {
    await opened(async ({ near, far, world }) => {
      const filling: Promise<unknown>[] = [];
      const buffer = counting(8000);
      filling.push(rejects(near.send(buffer, { timeoutMs: 1000 }), { code: "timeout" }));
      filling.push(rejects(near.send("never begun", { timeoutMs: 500 }), { code: "timeout" }));
      await world.clock.sleep(1500);
      await Promise.all(filling);
      buffer.fill(0);
      const last = near.send("the last");
      const parts: Uint8Array[] = [];
      for (;;) {
        const part = await far.recv({ timeoutMs: 2000 });
        if (part.length === 8) break;
        parts.push(part);
      }
      await last;
      ok(parts.length >= 1 && parts.length < 8);
      for (const [index, part] of parts.entries())
        deepEqual(part, counting(8000).slice(index * 1024, index * 1024 + 1024));
    });
  });

  it("calls of send() beyond 32 that wait are refused", async () => {
    await opened(async ({ near, far }) => {
      const sends = Array.from({ length: 40 }, (_, index) => near.send(counting(1024, index)));
      const outcomes = Promise.allSettled(sends);
      const readAll = (async () => {
        for (;;) await far.recv({ timeoutMs: 2000 });
      })();
      const rejected = (await outcomes).filter(({ status }) => status === "rejected");
      ok(rejected.length > 0 && rejected.length < 8);
      await rejects(readAll, { code: "timeout" });
      equal((rejected[0] as PromiseRejectedResult).reason.code, "send-queue-full");
    });
  });

  it("64 KB arrive, both ways at once, over channels of odd figures", async () => {
    for (const options of [
      { mtu: 1024 },
      { mtu: 64, mps: 64 },
      { mtu: 23, mps: 23 },
      { mtu: 2000, mps: 517 },
      { mtu: 100, mps: 23, credits: 7 },
    ]) {
      await opened(async ({ near, far }) => {
        const total = 65_536 / 4;
        const transfer = async (from: L2CAPChannel, to: L2CAPChannel, first: number) => {
          const sending = from.send(counting(total, first));
          const received = new Uint8Array(total);
          for (let at = 0; at < total; ) at += await to.recvinto(received.subarray(at));
          await sending;
          deepEqual(received, counting(total, first));
        };
        await Promise.all([transfer(near, far, 1), transfer(far, near, 7)]);
      }, options);
    }
  });

  it("an empty send sends nothing", async () => {
    await opened(async ({ near, far }) => {
      await near.send("");
      await near.send("x");
      equal((await far.recv()).length, 1);
    });
  });
});
