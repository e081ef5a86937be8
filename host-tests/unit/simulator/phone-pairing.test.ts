/** The phone's own Security Manager against a camera's: two implementations that share only the table of PDUs. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { PairingAgent } from "../../../firmware/aioble/pairing-agent.ts";
import type { PairOptions } from "../../../simulator/phone/pairing.ts";
import { createWorld } from "../../../simulator/world.ts";
import { addAioble, diagnostics } from "../../support/cameras.ts";

const ADVERTISING = { intervalUs: 100_000 };

/** A camera with an agent, and a phone that has connected to it. */
async function meet(agent: PairingAgent | undefined, seed = 1) {
  const world = createWorld(seed);
  const camera = addAioble(world);
  camera.aioble.security.agent = agent;
  const { phone } = world.addPhone();
  const connect = async () => {
    const advertised = camera.aioble.advertise(ADVERTISING);
    const link = await phone.connect(await phone.find({}));
    return { link, connection: await advertised };
  };
  return { world, camera, phone, connect };
}

/** A camera's user and a phone's, who see both displays. */
function createUsers() {
  let show: (passkey: number) => void = () => {};
  const shown = new Promise<number>((resolve) => {
    show = resolve;
  });
  const compared: number[] = [];
  const display: PairingAgent["display"] = ({ passkey }) => show(Number(passkey));
  const input: PairingAgent["input"] = () => shown;
  const compare: PairingAgent["compare"] = ({ number }) => {
    compared.push(Number(number));
    return true;
  };
  const user = {
    type: () => shown,
    show,
    compare: (number: number) => {
      compared.push(number);
      return true;
    },
  };
  return { compared, display, input, compare, user };
}

type Users = ReturnType<typeof createUsers>;

const METHODS: readonly (readonly [string, (users: Users) => PairingAgent | undefined, boolean])[] = [
  ["Just Works", () => undefined, false],
  ["the phone types", ({ display }) => ({ display }), true],
  ["the phone shows", ({ input }) => ({ input }), true],
  ["comparison", ({ compare, display }) => ({ compare, display }), true],
  ["all that an agent can have", ({ compare, display, input }) => ({ compare, display, input }), true],
];

describe("virtual phone: pairing", () => {
  for (const legacy of [false, true]) {
    for (const [name, agentOf, authenticates] of METHODS) {
      it(`${name}, ${legacy ? "legacy" : "LE Secure Connections"}; the bond encrypts the next link`, async () => {
        const users = createUsers();
        const { world, camera, phone, connect } = await meet(agentOf(users));
        await world.run(async () => {
          const { link, connection } = await connect();
          const { bond, ...paired } = await link.pair({ legacy, user: users.user });
          const isAuthenticated = authenticates && !legacy;
          assert.deepEqual(paired, { isAuthenticated, isSecureConnections: !legacy });
          assert.deepEqual(bond?.camera.address, camera.host.ownAddress);
          assert.equal(connection.encrypted, true);
          assert.equal(connection.authenticated, isAuthenticated);
          assert.equal(connection.secureConnections, !legacy);
          if (users.compared.length > 0) assert.equal(new Set(users.compared).size, 1);
          await new Promise<void>((resolve) => void world.clock.setTimer(resolve, 100));
          assert.equal(connection.bonded, true);
          await link.disconnect();
          const again = await connect();
          assert.equal(await again.link.encryptWithBond(), true);
          assert.equal(again.connection.bonded, true);
          await again.link.disconnect();
          assert.equal(phone.security.forget({ addressType: 1, address: camera.host.ownAddress }), true);
          const stranger = await connect();
          assert.equal(await stranger.link.encryptWithBond(), false);
        });
        assert.deepEqual(diagnostics(camera), []);
      });
    }
  }

  const failures: readonly (readonly [
    string,
    PairOptions["user"],
    (users: Users) => PairingAgent,
    number,
  ])[] = [
    ["a passkey that is wrong", { type: async () => 1 }, () => ({ display: () => {} }), 0x04],
    ["a passkey that nobody types", { type: async () => undefined }, () => ({ display: () => {} }), 0x01],
    ["numbers that differ", { compare: () => false }, ({ compare, display }) => ({ compare, display }), 0x0c],
  ];
  for (const [name, user, agentOf, reason] of failures) {
    it(`${name} end it with reason 0x${reason.toString(16)}, on both sides`, async () => {
      const { world, connect } = await meet(agentOf(createUsers()), 3);
      await world.run(async () => {
        const { link, connection } = await connect();
        await assert.rejects(link.pair({ user }), { name: "PairingFailedError", code: reason });
        assert.equal(link.isConnected, true);
        assert.equal(connection.encrypted, false);
      });
    });
  }

  it("a camera that does not pair is a reason, too", async () => {
    const { world, camera, connect } = await meet(undefined);
    camera.aioble.config({ pairing: "never" });
    await world.run(async () => {
      const { link } = await connect();
      await assert.rejects(link.pair(), /the camera ended the pairing: Pairing Not Supported \(0x05\)/);
    });
  });

  it("a Security Request is answered with the bond's key, and waits for the user where there is none", async () => {
    const { world, connect } = await meet(undefined);
    await world.run(async () => {
      const { link, connection } = await connect();
      const pairing = connection.pair();
      await new Promise<void>((resolve) => void world.clock.setTimer(resolve, 2000));
      assert.equal(connection.encrypted, false);
      await link.pair();
      await pairing;
      await link.disconnect();
      const again = await connect();
      await again.connection.pair();
      await new Promise<void>((resolve) => void world.clock.setTimer(resolve, 100));
      assert.equal(again.link.encrypted, true);
      assert.equal(again.connection.bonded, true);
    });
  });

  it("nothing in pairing asks for the time of day (C16)", async () => {
    const { world, connect } = await meet(undefined);
    const { now } = Date;
    Date.now = () => {
      throw new Error("the time of day was asked for");
    };
    try {
      await world.run(async () => {
        const { link } = await connect();
        await link.pair();
        await link.disconnect();
        assert.equal(await (await connect()).link.encryptWithBond(), true);
      });
    } finally {
      Date.now = now;
    }
  });

  it("a camera with private addresses is known by its bond", async () => {
    const { world, camera, connect } = await meet(undefined);
    camera.aioble.config({ addrMode: 2 });
    await world.run(async () => {
      const { link } = await connect();
      const { bond } = await link.pair();
      assert.deepEqual(bond?.camera.address, camera.aioble.config("mac")[1]);
      await link.disconnect();
      await camera.aioble.stop();
      const again = await connect();
      assert.equal(await again.link.encryptWithBond(), true);
      assert.equal(again.connection.bonded, true);
    });
  });
});
