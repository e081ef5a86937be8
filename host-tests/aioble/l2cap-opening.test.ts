/** L2CAP channels of aioble, between two cameras: how they are opened. */
import type { L2CAPChannel } from "../../firmware/aioble/l2cap-channel.ts";
import { utf8Encode } from "../../firmware/ble/utf8.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting, toHex } from "../support/bytes.ts";
import { linked, PSM } from "../support/linked-cameras.ts";
import { describe, it } from "../support/suite.ts";

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
