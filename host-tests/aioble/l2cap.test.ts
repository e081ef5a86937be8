/** L2CAP channels of aioble, between two cameras. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import { utf8Encode } from "../../firmware/ble/utf8.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const PSM = 0x80;

interface Linked {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  /** Each side's connection to the other. */
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

/** Two cameras with a link between them. */
async function linked(body: (linked: Linked) => Promise<void>, seed?: number): Promise<void> {
  const world = createWorld(seed);
  const central = addAioble(world);
  const peripheral = addAioble(world);
  await world.run(async () => {
    const advertised = peripheral.aioble.advertise({ intervalUs: 50_000 });
    const { ADDR_RANDOM, Device } = central.aioble;
    const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    await body({ world, central, peripheral, outgoing, incoming: await advertised });
    await outgoing.disconnect();
    await world.clock.sleep(1000);
    for (const { host } of [central, peripheral]) {
      equal(host.connections.size, 0);
      equal(host.budget.held, 0, "nothing is set aside any more");
    }
  });
}

/** With a channel between them, that the central opened. */
function opened(
  body: (linked: Linked & { readonly near: L2CAPChannel; readonly far: L2CAPChannel }) => Promise<void>,
  options = {},
): Promise<void> {
  return linked(async (both) => {
    const accepted = both.incoming.l2capAccept(PSM, options);
    const near = await both.outgoing.l2capConnect(PSM, options);
    const far = await accepted;
    await body({ ...both, near, far });
  });
}

describe("L2CAP channels: opening", () => {
  it("the central opens one, and both sides agree on its figures", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = incoming.l2capAccept(PSM, { mtu: 300 });
      const near = await outgoing.l2capConnect(PSM, { mtu: 500 });
      const far = await accepted;
      deepEqual([near.ourMtu, near.peerMtu, far.ourMtu, far.peerMtu], [500, 300, 300, 500]);
      deepEqual([near.psm, near.connection, far.connection], [PSM, outgoing, incoming]);
      ok(near.isConnected() && far.isConnected());
      equal(String(near), `L2CAPChannel(${outgoing.device}, psm 0x80, open)`);
      await near.disconnect();
      await far.disconnected();
      equal(String(far), `L2CAPChannel(${incoming.device}, psm 0x80, closed)`);
    });
  });

  it("the peripheral opens one", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = outgoing.l2capAccept(PSM);
      const near = await incoming.l2capConnect(PSM);
      const far = await accepted;
      await near.send("from the peripheral");
      equal(toHex(await far.recv()), toHex(utf8Encode("from the peripheral")));
    });
  });

  it("a PSM that nobody accepts on is refused with 2 (C7)", async () => {
    await linked(async ({ incoming, outgoing, world }) => {
      await rejects(outgoing.l2capConnect(PSM), { code: "l2cap-refused", status: 2 });
      const accepted = incoming.l2capAccept(PSM, { timeoutMs: 5000 });
      const startMs = world.clock.now();
      await rejects(outgoing.l2capConnect(PSM + 1), { status: 2 });
      ok(world.clock.now() - startMs < 300, "at once: the application accepts, elsewhere");
      await rejects(accepted, { code: "timeout" });
    });
  });

  it("⚠ 7: a device that is early waits for l2capAccept", async () => {
    await linked(async ({ incoming, outgoing, world }) => {
      const connecting = outgoing.l2capConnect(PSM);
      await world.clock.sleep(200);
      const far = await incoming.l2capAccept(PSM);
      const near = await connecting;
      await near.send("early");
      equal((await far.recv()).length, 5);
      // Once accepted on, always expected: the next one may come while the application is busy with the first.
      const next = outgoing.l2capConnect(PSM);
      await world.clock.sleep(300);
      await incoming.l2capAccept(PSM);
      await next;
    });
  });

  it("⚠ 7: several calls wait, each for a channel of its own; several PSMs on one connection, in both directions", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = [incoming.l2capAccept(PSM), incoming.l2capAccept(PSM), incoming.l2capAccept(0x90)];
      const back = outgoing.l2capAccept(PSM);
      const near = [
        await outgoing.l2capConnect(PSM),
        await outgoing.l2capConnect(0x90),
        await outgoing.l2capConnect(PSM),
        await incoming.l2capConnect(PSM),
      ];
      const [first, second, other] = await Promise.all(accepted);
      const far = [first!, other!, second!, await back];
      for (const [index, channel] of near.entries()) await channel.send(`for ${index}`);
      for (const [index, channel] of far.entries()) {
        equal(toHex(await channel.recv()), toHex(utf8Encode(`for ${index}`)));
      }
    });
  });

  it("several at once: as many as calls wait on the other side, by one request", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = [incoming.l2capAccept(PSM), incoming.l2capAccept(PSM)];
      const near = await outgoing.l2capConnectMultiple(PSM, 3);
      const far = await Promise.all(accepted);
      equal(near.length, 2);
      for (const [index, channel] of near.entries()) await channel.send(`for ${index}`);
      for (const [index, channel] of far.entries())
        equal(toHex(await channel.recv()), toHex(utf8Encode(`for ${index}`)));
      await rejects(outgoing.l2capConnectMultiple(0x90, 2), { code: "l2cap-refused", status: 2 });
    });
  });

  it("either side takes longer SDUs from then on, while others are under way", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const accepted = incoming.l2capAccept(PSM, { mtu: 100, mps: 64 });
      const near = await outgoing.l2capConnect(PSM, { mtu: 100 });
      const far = await accepted;
      const sending = near.send(counting(1000), { chunkSize: 100 });
      await far.reconfigure({ mtu: 1500, mps: 200 });
      deepEqual([far.ourMtu, near.peerMtu], [1500, 1500]);
      for (let index = 0; index < 10; index++) equal((await far.recv()).length, 100);
      await sending;
      await Promise.all([near.send(counting(1500)), near.reconfigure({ mtu: 300 })]);
      equal(toHex(await far.recv()), toHex(counting(1500)));
      await far.send(counting(300));
      equal((await near.recv()).length, 300);
    });
  });

  it("more channels than a connection has room for are refused, and there is room again when one is closed", async () => {
    await linked(async ({ incoming, outgoing }) => {
      const channels: L2CAPChannel[] = [];
      for (let count = 0; count < 8; count++) {
        void incoming.l2capAccept(PSM, { mtu: 23 });
        channels.push(await outgoing.l2capConnect(PSM, { mtu: 23 }));
      }
      await rejects(outgoing.l2capConnect(PSM), { code: "too-many-channels" });
      await channels[3]!.disconnect();
      void incoming.l2capAccept(PSM, { mtu: 23 });
      await outgoing.l2capConnect(PSM);
    });
  });

  it("wrong arguments throw at once", async () => {
    await linked(async ({ incoming }) => {
      for (const psm of [0, 0x100, 1.5, -1, Number.NaN, 0x27]) {
        throws(() => incoming.l2capAccept(psm), { name: "RangeError" });
        throws(() => incoming.l2capConnect(psm), { name: "RangeError" });
      }
      for (const options of [
        { mtu: 22 },
        { mtu: 65_536 },
        { mps: 22 },
        { mps: 518 },
        { mtu: 1024, mps: 247, credits: 5 },
        { timeoutMs: -1 },
      ]) {
        throws(() => incoming.l2capConnect(PSM, options), { name: "RangeError" });
      }
    });
  });

  it("a PSM of the SIG's range works, with one warning", async () => {
    await linked(async ({ central, incoming, outgoing }) => {
      const accepted = incoming.l2capAccept(22);
      await outgoing.l2capConnect(22);
      await accepted;
      const lines = central.platform.console.filter(({ message }) => message.includes("psm 22"));
      equal(lines.length, 1);
      equal(lines[0]!.level, "warning");
    });
  });

  it("a channel that does not fit the memory for its device is refused, on either side", async () => {
    await linked(async ({ incoming, outgoing }) => {
      await rejects(outgoing.l2capConnect(PSM, { mtu: 65_535 }), { code: "peer-memory-full" });
      const accepted = incoming.l2capAccept(PSM, { mtu: 65_535, timeoutMs: 3000 });
      await rejects(outgoing.l2capConnect(PSM), { status: 4 });
      await rejects(accepted, { code: "timeout" });
    });
  });

  it("⚠ 7: a connect that is given up leaves nothing: a channel that opens late is closed", async () => {
    await linked(async ({ central, incoming, outgoing, world }) => {
      const controller = new central.globals.AbortController();
      const connecting = outgoing.l2capConnect(PSM, { signal: controller.signal });
      await world.clock.sleep(100);
      controller.abort("enough");
      equal(await connecting.catch((error: unknown) => error), "enough");
      const far = await incoming.l2capAccept(PSM);
      await far.disconnected({ timeoutMs: 1000 });
      await rejects(far.recv(), { code: "l2cap-disconnected", reason: "peer" });
      await rejects(outgoing.l2capConnect(PSM, { timeoutMs: 20 }), { code: "timeout" });
      const accepted = incoming.l2capAccept(PSM);
      await accepted;
      await world.clock.sleep(500);
    });
  });
});

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
    await opened(async ({ near, far }) => {
      await near.send(counting(250));
      await near.send(counting(10));
      await near.flush();
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
