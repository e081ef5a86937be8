import type { PairingAgent } from "../../firmware/aioble/pairing-agent.ts";
import type { PairOptions } from "../../firmware/aioble/security.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { createPair, PLAIN, protection, Users } from "../support/pairing-cameras.ts";
import { describe, it } from "../support/suite.ts";

interface Method {
  readonly name: string;
  readonly central: (users: Users) => PairOptions;
  readonly peripheral: (users: Users) => PairingAgent | undefined;
  readonly authenticated: boolean;
}

const METHODS: readonly Method[] = [
  { name: "Just Works", central: () => ({}), peripheral: () => undefined, authenticated: false },
  {
    name: "numeric comparison",
    central: ({ display, compare }) => ({ mitm: true, agent: { display, compare } }),
    peripheral: ({ display, compare }) => ({ display, compare }),
    authenticated: true,
  },
  {
    name: "passkey, the central shows",
    central: ({ display }) => ({ mitm: true, agent: { display } }),
    peripheral: ({ input }) => ({ input }),
    authenticated: true,
  },
  {
    name: "passkey, the peripheral shows",
    central: ({ input }) => ({ mitm: true, agent: { input } }),
    peripheral: ({ display }) => ({ display }),
    authenticated: true,
  },
  {
    name: "passkey, both type",
    central: ({ agreed }) => ({ mitm: true, agent: { input: agreed } }),
    peripheral: ({ agreed }) => ({ input: agreed }),
    authenticated: true,
  },
];

describe("pairing: every method", () => {
  for (const { name, central: options, peripheral: agent, authenticated } of METHODS) {
    for (const by of ["central", "peripheral"] as const) {
      it(`${name}, begun by the ${by}: both links are encrypted, authenticated where it is, and bonded`, async () => {
        const { world, central, peripheral, meet } = createPair();
        const users = new Users();
        await world.run(async () => {
          const { outgoing, incoming } = await meet();
          deepEqual([protection(outgoing), protection(incoming)], [PLAIN, PLAIN]);
          if (by === "central") {
            peripheral.aioble.security.agent = agent(users);
            await outgoing.pair(options(users));
          } else {
            central.aioble.security.agent = options(users).agent;
            const own = agent(users);
            await incoming.pair({ mitm: authenticated, ...(own ? { agent: own } : {}) });
          }
          await world.clock.sleep(1000);
          const expected = {
            encrypted: true,
            authenticated,
            bonded: true,
            keySize: 16,
            secureConnections: true,
          };
          deepEqual([protection(outgoing), protection(incoming)], [expected, expected]);
          await outgoing.disconnect();
        });
        if (users.compared.length > 0) equal(users.compared[0], users.compared[1]);
        deepEqual([diagnostics(central), diagnostics(peripheral)], [[], []]);
        deepEqual([central.controller.violations, peripheral.controller.violations], [[], []]);
      });
    }
  }

  for (const leSecure of [true, false]) {
    it(`out of band, ${leSecure ? "LE Secure Connections" : "legacy"}: authenticated without anybody being asked`, async () => {
      const { world, central, peripheral, meet } = createPair();
      await world.run(async () => {
        const { outgoing, incoming } = await meet();
        const temporaryKey = new Uint8Array(16).fill(7);
        const [ours, theirs] = [central, peripheral].map(({ aioble }) =>
          leSecure ? aioble.security.localOob() : { temporaryKey },
        );
        peripheral.aioble.security.agent = { oob: ours! };
        await outgoing.pair({ leSecure, mitm: true, oob: theirs! });
        equal(outgoing.authenticated, true);
        equal(outgoing.secureConnections, leSecure);
        await world.clock.sleep(1000);
        deepEqual(protection(incoming), protection(outgoing));
      });
      deepEqual([diagnostics(central), diagnostics(peripheral)], [[], []]);
    });
  }

  it("legacy pairing: encrypted and bonded, a passkey without being authenticated", async () => {
    for (const withPasskey of [false, true]) {
      const { world, peripheral, meet } = createPair();
      const users = new Users();
      await world.run(async () => {
        const { outgoing, incoming } = await meet();
        const { display, input } = users;
        if (withPasskey) {
          peripheral.aioble.security.agent = { display };
          peripheral.aioble.config({ mitm: false });
        }
        const agent = withPasskey ? { agent: { input } } : {};
        await outgoing.pair({ leSecure: false, ...agent });
        await world.clock.sleep(1000);
        const expected = {
          encrypted: true,
          authenticated: false,
          bonded: true,
          keySize: 16,
          secureConnections: false,
        };
        deepEqual([protection(outgoing), protection(incoming)], [expected, expected]);
      });
    }
  });
});

describe("pairing: with a bond", () => {
  for (const by of ["central", "peripheral"] as const) {
    for (const leSecure of [true, false]) {
      it(`pair() by the ${by} on the next link encrypts without pairing (${leSecure ? "secure" : "legacy"})`, async () => {
        const { world, central, peripheral, meet } = createPair();
        await world.run(async () => {
          const first = await meet();
          await first.outgoing.pair({ leSecure });
          await first.outgoing.disconnect();
          await first.incoming.disconnected();
          central.aioble.config({ autoPair: "never" });
          const { outgoing, incoming } = await meet();
          deepEqual(protection(outgoing), PLAIN);
          const before = world.clock.now();
          await (by === "central" ? outgoing : incoming).pair();
          ok(world.clock.now() - before < 1000);
          await world.clock.sleep(100);
          for (const connection of [outgoing, incoming]) {
            deepEqual([connection.encrypted, connection.bonded], [true, true]);
          }
          // Once more: there is nothing to do.
          await outgoing.pair();
          await incoming.pair();
        });
        deepEqual([diagnostics(central), diagnostics(peripheral)], [[], []]);
      });
    }
  }

  it("a bond that is not worth what is asked is upgraded, over the link that it encrypts", async () => {
    const { world, peripheral, meet } = createPair();
    const { display, input } = new Users();
    await world.run(async () => {
      const first = await meet();
      await first.outgoing.pair();
      equal(first.outgoing.authenticated, false);
      await first.outgoing.disconnect();
      await first.incoming.disconnected();
      peripheral.aioble.security.agent = { display };
      const { outgoing, incoming } = await meet();
      await outgoing.pair({ mitm: true, agent: { input } });
      await world.clock.sleep(1000);
      deepEqual([outgoing.authenticated, incoming.authenticated], [true, true]);
    });
  });

  it("the peripheral has forgotten the bond: bond-lost, and nobody pairs by itself", async () => {
    const { world, central, peripheral, meet } = createPair();
    await world.run(async () => {
      const first = await meet();
      await first.outgoing.pair();
      await first.outgoing.disconnect();
      await first.incoming.disconnected();
      peripheral.host.encryption!.manager.port.bonds.forget({
        addressType: 1,
        address: central.host.ownAddress,
      });
      const { outgoing, incoming } = await meet();
      await rejects(outgoing.pair(), { code: "bond-lost" });
      deepEqual([protection(outgoing), protection(incoming)], [PLAIN, PLAIN]);
      ok(diagnostics(peripheral).some((line) => line.includes("wants to encrypt")));
      ok(diagnostics(central).some((line) => line.includes("forgotten this device")));
    });
  });
});

describe("pairing: who may", () => {
  it('pairing: "never" refuses in both roles, and says so', async () => {
    const { world, central, peripheral, meet } = createPair();
    peripheral.aioble.config({ pairing: "never" });
    await world.run(async () => {
      const { outgoing, incoming } = await meet();
      await rejects(outgoing.pair(), { code: "pairing-failed", reason: 0x05, source: "peer" });
      await rejects(incoming.pair(), { code: "pairing-refused" });
      deepEqual(protection(outgoing), PLAIN);
    });
    ok(
      diagnostics(peripheral).some((line) => line.includes('pairing: "never"')),
      diagnostics(peripheral).join(),
    );
    ok(diagnostics(central).length > 0);
  });

  it('pairing: "window": only while the window is open, for as many as it says', async () => {
    const { world, peripheral, meet } = createPair();
    const { config, security } = peripheral.aioble;
    config({ pairing: "window" });
    await world.run(async () => {
      const { outgoing } = await meet();
      await rejects(outgoing.pair(), { reason: 0x05 });
      security.openPairing({ durationMs: 5000 });
      equal(security.isPairingOpen, true);
      await world.clock.sleep(5001);
      equal(security.isPairingOpen, false);
      await rejects(outgoing.pair(), { reason: 0x05 });
      security.openPairing();
      await outgoing.pair();
      await world.clock.sleep(100);
      equal(security.isPairingOpen, false, "it was for one");
    });
  });

  it("accept decides about what a peer begins, and is called with what it will be worth", async () => {
    const { world, peripheral, meet } = createPair();
    const seen: unknown[] = [];
    let answer = false;
    peripheral.aioble.security.agent = {
      accept({ method, authenticated, bonded }) {
        seen.push([method, authenticated, bonded]);
        return answer;
      },
    };
    await world.run(async () => {
      const { outgoing } = await meet();
      await rejects(outgoing.pair(), { reason: 0x05 });
      await world.clock.sleep(2000);
      answer = true;
      await outgoing.pair();
    });
    deepEqual(seen, [
      ["justWorks", false, false],
      ["justWorks", false, false],
    ]);
  });

  it("mitm without anybody to confirm is a RangeError at once; so are io without its functions, and bad options", async () => {
    const { world, meet } = createPair();
    await world.run(async () => {
      const { outgoing } = await meet();
      throws(() => outgoing.pair({ mitm: true }), RangeError);
      throws(() => outgoing.pair({ io: 1 }), RangeError);
      throws(() => outgoing.pair({ io: 5 }), RangeError);
      throws(() => outgoing.pair({ io: 0, agent: { input: () => 1 } }), RangeError);
      throws(() => outgoing.pair({ minKeySize: 6 }), RangeError);
      throws(() => outgoing.pair({ timeoutMs: -1 }), RangeError);
      throws(() => outgoing.pair({ bond: 1 as never }), TypeError);
      throws(() => outgoing.pair({ leSecure: "yes" as never }), TypeError);
      throws(() => outgoing.pair({ methods: ["knock" as never] }), TypeError);
      throws(() => outgoing.pair({ oob: { random: new Uint8Array(16) } }), TypeError);
      throws(() => outgoing.pair({ oob: { temporaryKey: new Uint8Array(15) } }), RangeError);
      deepEqual(protection(outgoing), PLAIN);
    });
  });

  it("what is no agent is a TypeError that says so, and the agent that there is stays", async () => {
    const { world, peripheral, meet } = createPair();
    const { security } = peripheral.aioble;
    const agent = { display: () => undefined };
    security.agent = agent;
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [5, /^agent 5 is not an object/],
      [0, /^agent 0 is not an object/],
      [null, /^agent null is not an object|^pair: agent is null, which is no value$/],
      ["", /^agent {2}is not an object/],
      [() => undefined, /is not an object/],
      [{ ...agent, oob: 5 }, /^oob is not an object/],
      ...["display", "input", "compare", "accept", "keypress"].map(
        (name) => [{ ...agent, [name]: true }, new RegExp(`^agent: ${name} is not a function`)] as const,
      ),
    ];
    await world.run(async () => {
      const { outgoing } = await meet();
      for (const [value, message] of wrong) {
        throws(() => (security.agent = value as never), { name: "TypeError", message });
        throws(() => outgoing.pair({ agent: value as never }), { name: "TypeError", message });
      }
      throws(() => outgoing.pair({ oob: 0 as never }), TypeError);
      equal(security.agent, agent);
      deepEqual(protection(outgoing), PLAIN);
    });
    security.agent = undefined;
    equal(security.agent, undefined);
  });

  it("what comes out must be what is demanded: 0x03 from the side that demands", async () => {
    const { world, central, meet } = createPair();
    await world.run(async () => {
      const { outgoing, incoming } = await meet();
      const { display } = new Users();
      const mitm = outgoing.pair({ mitm: true, agent: { display } });
      await rejects(mitm, { code: "pairing-failed", reason: 0x03, source: "local" });
      await world.clock.sleep(70_000);
      const passkey = outgoing.pair({ methods: ["passkey"], agent: { display } });
      await rejects(passkey, { reason: 0x03, source: "local" });
      await world.clock.sleep(70_000);
      central.aioble.config({ leSecure: false });
      await rejects(incoming.pair({ leSecure: "only" }), { reason: 0x03, source: "local" });
    });
  });
});
