/** How a pairing between two cameras ends where it does not succeed, and who shares one. */
import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { onStage, ROLES, SMP_CODE } from "../support/dawdling.ts";
import { createPair, PLAIN, protection } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

describe("pairing: how it ends", () => {
  it("a user who says no, gives up or fails: the reason, on both sides", async () => {
    const cases: readonly (readonly [PairingAgent, PairingAgent, number])[] = [
      [{ display() {}, compare: () => true }, { display() {}, compare: () => false }, 0x0c],
      [{ display() {} }, { input: () => undefined }, 0x01],
      [{ display() {} }, { input: () => Promise.reject(new Error("no keys")) }, 0x01],
      [{ display() {} }, { input: () => "1234567" }, 0x01],
      [{ display: () => Promise.reject(new Error("dark")) }, { input: () => new Promise(() => {}) }, 0x01],
    ];
    for (const [mine, theirs, reason] of cases.slice(0, 4)) {
      const { world, peripheral, meet } = createPair();
      peripheral.aioble.security.agent = theirs;
      await world.run(async () => {
        const { outgoing, incoming } = await meet();
        await rejects(outgoing.pair({ mitm: true, agent: mine }), {
          code: "pairing-failed",
          reason,
          source: "peer",
        });
        deepEqual([protection(outgoing), protection(incoming)], [PLAIN, PLAIN]);
        ok(outgoing.isConnected(), "the link stays");
      });
    }
  });

  it("30 s without progress: pairing-timeout, no SMP on this link any more, and the link stays", async () => {
    const { world, peripheral, meet } = createPair();
    let signal: { readonly aborted: boolean } | undefined;
    peripheral.aioble.security.agent = {
      input(request) {
        signal = request.signal;
        return new Promise(() => {});
      },
    };
    await world.run(async () => {
      const { outgoing, incoming } = await meet();
      const options = { mitm: true, agent: { display() {} }, timeoutMs: 60_000 };
      const before = world.clock.now();
      await rejects(outgoing.pair(options), { code: "pairing-timeout" });
      ok(Math.abs(world.clock.now() - before - 30_000) < 1000);
      await world.clock.sleep(1000);
      equal(signal?.aborted, true, "the question is withdrawn");
      await rejects(outgoing.pair(options), { code: "pairing-timeout" });
      await rejects(incoming.pair(), { code: "pairing-timeout" });
      ok(outgoing.isConnected());
      await outgoing.disconnect();
      await incoming.disconnected();
      peripheral.aioble.security.agent = undefined;
      await (await meet()).outgoing.pair();
    });
  });

  it("timeoutMs and signal end it, with 0x08 for the peer, and the next attempt comes about", async () => {
    const { world, central, peripheral, meet } = createPair();
    peripheral.aioble.security.agent = { input: () => new Promise(() => {}) };
    await world.run(async () => {
      const { outgoing } = await meet();
      const agent = { display() {} };
      await rejects(outgoing.pair({ mitm: true, agent, timeoutMs: 2000 }), { code: "timeout" });
      await world.clock.sleep(2000);
      const aborter = new central.globals.AbortController();
      const aborted = outgoing.pair({ mitm: true, agent, signal: aborter.signal });
      await world.clock.sleep(1500);
      aborter.abort(new Error("enough"));
      await rejects(aborted, { message: "enough" });
      peripheral.aioble.security.agent = undefined;
      await world.clock.sleep(5000);
      await outgoing.pair();
    });
  });

  it("the link ends, or the radio is switched off: DeviceDisconnectedError, and the user is asked no more", async () => {
    for (const end of ["disconnect", "stop"] as const) {
      const { world, central, peripheral, meet } = createPair();
      let signal: { readonly aborted: boolean } | undefined;
      const agent: PairingAgent = {
        input(request) {
          signal = request.signal;
          return new Promise(() => {});
        },
      };
      peripheral.aioble.security.agent = { display() {} };
      await world.run(async () => {
        const { outgoing, incoming } = await meet();
        const pairing = outgoing.pair({ mitm: true, agent });
        const failed = rejects(pairing, { code: "device-disconnected" });
        await world.clock.sleep(1000);
        ok(signal && !signal.aborted);
        await (end === "disconnect" ? incoming.disconnect() : central.aioble.stop());
        await failed;
        equal(signal.aborted, true);
      });
    }
  });

  it("the link of a pairing that came about is down: it protects nothing, from the first that anybody hears of its end", async () => {
    for (const end of ["disconnect", "peer", "stop"] as const) {
      const { world, central, meet } = createPair();
      await world.run(async () => {
        const { outgoing, incoming } = await meet();
        await outgoing.pair();
        await world.clock.sleep(1000);
        deepEqual([outgoing.encrypted, outgoing.bonded, incoming.bonded], [true, true, true]);
        const heard: unknown[] = [];
        for (const connection of [outgoing, incoming])
          connection.timeout().addEventListener("abort", () => heard.push(protection(connection)));
        const observer = { onDisconnected: () => heard.push(protection(outgoing)) };
        central.host.observe(observer);
        if (end === "disconnect") await outgoing.disconnect();
        else if (end === "peer") await incoming.disconnect();
        else await central.aioble.stop();
        await outgoing.disconnected();
        await incoming.disconnected();
        deepEqual([protection(outgoing), protection(incoming)], [PLAIN, PLAIN]);
        deepEqual(heard, [PLAIN, PLAIN, PLAIN]);
        equal(outgoing.link.bond, undefined);
        equal(central.aioble.security.bonds.size, 1);
      });
    }
  });

  it("the central ignores a Security Request: pairing-timeout after 30 s, and it may pair yet", async () => {
    const { world, central, meet } = createPair();
    await world.run(async () => {
      const { outgoing, incoming } = await meet();
      central.host.connections.get(outgoing.link.handle)!.link.receiver = undefined;
      await rejects(incoming.pair({ timeoutMs: 60_000 }), { code: "pairing-timeout" });
      ok(incoming.isConnected());
    });
  });

  it("callers at the same time share one pairing, whoever begins", async () => {
    const { world, meet } = createPair();
    await world.run(async () => {
      const { outgoing, incoming } = await meet();
      await Promise.all([outgoing.pair(), outgoing.pair(), incoming.pair(), incoming.pair({ bond: true })]);
      deepEqual([outgoing.encrypted, incoming.encrypted], [true, true]);
    });
  });
});

/** Of the device: it can show and compare, is to bond, and gives its identity. */
const FEATURES = [1, 0, 0x0d, 16, 0x02, 0x02] as const;

for (const role of ROLES) {
  describe(`pairing: a user who does not answer, the camera as ${role}`, () => {
    it("accept: it ends 30 s after the Pairing Request, is Busy for others until then, and comes about with the next", () =>
      onStage(role, {}, async ({ addDevice, camera, hold, meet, owner, world }) => {
        const signals: { readonly aborted: boolean }[] = [];
        camera.aioble.security.agent = {
          accept({ signal }) {
            signals.push(signal);
            return signals.length > 1 || new Promise(() => {});
          },
        };
        const dawdler = await addDevice();
        const dawdlers = await meet(dawdler);
        const owners = await meet(owner);
        // What it says to pair it says by hand, and nothing else.
        const held = hold(dawdler, dawdlers, role === "peripheral" ? SMP_CODE.REQUEST : SMP_CODE.RESPONSE);
        const isUnderWay = (): boolean => camera.host.encryption!.isInUse(dawdlers.own.link);
        if (role === "central") held.say(0x0b, 0x05);
        else held.say(SMP_CODE.REQUEST, ...FEATURES);
        await world.clock.sleep(1000);
        if (role === "central") held.say(SMP_CODE.RESPONSE, ...FEATURES);
        await world.clock.sleep(9000);
        deepEqual([signals.length, isUnderWay()], [1, true]);
        await rejects(owners.theirs.pair(), { code: "pairing-failed", reason: 0x10 });
        await world.clock.sleep(18_000);
        deepEqual([signals[0]!.aborted, isUnderWay()], [false, true]);
        await world.clock.sleep(3000);
        deepEqual([signals[0]!.aborted, isUnderWay(), dawdlers.own.isConnected()], [true, false, true]);
        await owners.theirs.pair();
        deepEqual([owners.own.encrypted, signals.length], [true, 2]);
        // The Specification lets it try again on another connection.
        held.say(SMP_CODE.REQUEST, ...FEATURES);
        await world.clock.sleep(1000);
        equal(signals.length, 2);
      }));
  });
}
