/** What a connection can ask of its link: parameters, PHY, data length, signal strength. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { requestParameterUpdate } from "../../firmware/ble/l2cap/parameter-update.ts";
import { DEFAULT_OPTIONS, LE_FEATURE } from "../../simulator/controller/options.ts";
import { type CameraOptions, createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { le16 } from "../support/bytes.ts";
import { type AiobleCamera, addAioble } from "../support/cameras.ts";
import { createConnectedRig, HANDLE } from "../support/rig.ts";
import { commandStatus, lePacket } from "../support/scripted-controller.ts";
import { describe, it } from "../support/suite.ts";

const ADVERTISING = { intervalUs: 100_000 };
const SLOW = { minConnIntervalUs: 200_000, maxConnIntervalUs: 200_000, supervisionTimeoutMs: 6000 };
const AS_SLOW = { intervalUs: 200_000, latency: 0, supervisionTimeoutMs: 6000 };

/** A controller without these features. */
const without = (...features: number[]): CameraOptions => ({
  controller: { features: DEFAULT_OPTIONS.features.filter((feature) => !features.includes(feature)) },
});
const OLD = without(LE_FEATURE.CONNECTION_PARAMETERS_REQUEST);

interface Scene {
  readonly world: World;
  readonly central: AiobleCamera;
  readonly peripheral: AiobleCamera;
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

interface Options {
  readonly central?: CameraOptions;
  readonly peripheral?: CameraOptions;
}

/** Two cameras that are connected. */
async function inScene(options: Options, work: (scene: Scene) => Promise<void>): Promise<void> {
  const world = createWorld();
  const central = addAioble(world, options.central);
  const peripheral = addAioble(world, options.peripheral);
  peripheral.aioble.config({ idleTimeoutMs: 0 });
  const { ADDR_RANDOM, Device } = central.aioble;
  await world.run(async () => {
    const advertised = peripheral.aioble.advertise(ADVERTISING);
    const outgoing = await new Device(ADDR_RANDOM, peripheral.host.ownAddress).connect();
    await work({ world, central, peripheral, outgoing, incoming: await advertised });
    await central.aioble.stop();
    await peripheral.aioble.stop();
  });
}

describe("connection parameters: a central", () => {
  it("changes them at once; both sides are notified", async () => {
    await inScene({}, async ({ world, outgoing, incoming }) => {
      const told: unknown[] = [];
      incoming.onParameters = (parameters) => void told.push(parameters);
      const before = world.clock.now();
      deepEqual(await outgoing.updateParameters(SLOW), AS_SLOW);
      ok(world.clock.now() - before < 1000);
      await world.clock.sleep(500);
      deepEqual(told, [AS_SLOW]);
      deepEqual(incoming.parameters, AS_SLOW);
      deepEqual(await outgoing.updateParameters({ latency: 3 }), { ...AS_SLOW, latency: 3 });
    });
  });

  it("has one update at a time on each link", async () => {
    await inScene({}, async ({ outgoing }) => {
      const first = outgoing.updateParameters(SLOW);
      await rejects(outgoing.updateParameters(SLOW), { code: "already-updating" });
      await first;
      await outgoing.updateParameters({ latency: 1 });
    });
  });

  it("a handler that throws is logged and stops nothing", async () => {
    await inScene({}, async ({ central, outgoing }) => {
      outgoing.onParameters = () => {
        throw new Error("mine");
      };
      await outgoing.updateParameters(SLOW);
      ok(
        central.platform.console.some(({ message }) => message.includes("onParameters failed: Error: mine")),
      );
    });
  });

  it("so is one that is no function", async () => {
    await inScene({}, async ({ central, outgoing }) => {
      outgoing.onParameters = 5 as never;
      deepEqual(await outgoing.updateParameters(SLOW), AS_SLOW);
      ok(central.platform.console.some(({ message }) => message.includes("onParameters failed: TypeError")));
    });
  });

  const wrong: readonly Record<string, number>[] = [
    { minConnIntervalUs: 7499 },
    { maxConnIntervalUs: 4_000_001 },
    { minConnIntervalUs: 50_000, maxConnIntervalUs: 40_000 },
    { latency: 500 },
    { latency: 1.5 },
    { supervisionTimeoutMs: 99 },
    { maxConnIntervalUs: 2_000_000 },
    { timeoutMs: -1 },
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      await inScene({}, async ({ outgoing }) => {
        await rejects(outgoing.updateParameters(options), { name: "RangeError" });
        deepEqual(await outgoing.updateParameters(SLOW), AS_SLOW);
      });
    });
  }
});

const WAYS: readonly (readonly [string, Options])[] = [
  ["by the link layer", {}],
  ["by L2CAP, where its own link layer cannot", { peripheral: OLD }],
  ["by L2CAP, where that of the central cannot", { central: OLD }],
];

describe("connection parameters: a peripheral", () => {
  for (const [way, options] of WAYS) {
    it(`asks its central ${way}`, async () => {
      await inScene(options, async ({ outgoing, incoming }) => {
        deepEqual(await incoming.updateParameters(SLOW), AS_SLOW);
        deepEqual(outgoing.parameters, AS_SLOW);
      });
    });

    it(`asks ${way}, and is refused by the policy of the central`, async () => {
      await inScene(options, async ({ central, outgoing, incoming }) => {
        const asked: unknown[] = [];
        central.aioble.setParameterPolicy((connection, wanted) => {
          asked.push([connection, wanted]);
          return false;
        });
        const before = incoming.parameters;
        await rejects(incoming.updateParameters(SLOW), { code: "parameters-refused" });
        deepEqual(incoming.parameters, before);
        equal(asked.length, 1);
        const [[connection, wanted]] = asked as [[DeviceConnection, unknown]];
        equal(connection, outgoing);
        deepEqual(wanted, {
          minIntervalUs: 200_000,
          maxIntervalUs: 200_000,
          latency: 0,
          supervisionTimeoutMs: 6000,
        });
      });
    });
  }

  it("waits 5 s after the link came up, and 30 s after it asked", async () => {
    await inScene({}, async ({ world, incoming }) => {
      const upMs = world.clock.now();
      await incoming.updateParameters(SLOW);
      const firstMs = world.clock.now() - upMs;
      ok(firstMs >= 4500 && firstMs < 9000, `${firstMs}`);
      await incoming.updateParameters({ latency: 1 });
      const secondMs = world.clock.now() - upMs;
      ok(secondMs >= 34_500 && secondMs < 40_000, `${secondMs}`);
    });
  });

  it("takes back what is given up before it is its time", async () => {
    await inScene({}, async ({ world, outgoing, incoming }) => {
      const before = outgoing.parameters;
      await rejects(incoming.updateParameters({ ...SLOW, timeoutMs: 1000 }), { code: "timeout" });
      await world.clock.sleep(10_000);
      deepEqual(outgoing.parameters, before);
      deepEqual(await incoming.updateParameters(SLOW), AS_SLOW);
    });
  });

  it("a policy that throws refuses, and is logged", async () => {
    await inScene({}, async ({ central, incoming }) => {
      central.aioble.setParameterPolicy(() => {
        throw new Error("mine");
      });
      await rejects(incoming.updateParameters(SLOW), { code: "parameters-refused" });
      ok(central.platform.console.some(({ message }) => message.includes("policy failed: Error: mine")));
      central.aioble.setParameterPolicy();
      deepEqual(await incoming.updateParameters(SLOW), AS_SLOW);
      throws(() => central.aioble.setParameterPolicy(1 as never), TypeError);
    });
  });

  it("learns that its wait ends with the link", async () => {
    await inScene({}, async ({ outgoing, incoming }) => {
      const updating = incoming.updateParameters(SLOW);
      await outgoing.disconnect();
      await rejects(updating, { code: "device-disconnected" });
      await rejects(incoming.updateParameters(SLOW), { code: "device-disconnected" });
    });
  });
});

describe("connection parameters: a peer that asks by L2CAP for what it may not have", () => {
  const ask = ({ link }: DeviceConnection, words: readonly [number, number, number, number]) =>
    new Promise((resolve) => {
      const [intervalMin, intervalMax, latency, timeout] = words;
      const { signaling } = link.l2cap;
      if (!requestParameterUpdate(signaling, { intervalMin, intervalMax, latency, timeout }, resolve))
        resolve("not sent");
    });

  it("figures out of range are rejected, and the policy is not asked", async () => {
    await inScene({}, async ({ central, outgoing, incoming }) => {
      let asked = 0;
      central.aioble.setParameterPolicy(() => {
        asked++;
        return true;
      });
      const before = outgoing.parameters;
      for (const words of [
        [5, 100, 0, 600],
        [100, 0x0c81, 0, 3200],
        [101, 100, 0, 600],
        [100, 100, 500, 3200],
        [100, 100, 0, 9],
        [100, 100, 30, 600],
        [0xffff, 0xffff, 0xffff, 0xffff],
      ] as const) {
        equal(await ask(incoming, words), "refused");
      }
      deepEqual([asked, outgoing.parameters], [0, before]);
    });
  });

  it("many at a time: one is served, the others are rejected", async () => {
    await inScene({}, async ({ world, outgoing, incoming }) => {
      const words = [160, 160, 0, 600] as const;
      const answers = await Promise.all([ask(incoming, words), ask(incoming, words), ask(incoming, words)]);
      deepEqual(answers, ["accepted", "refused", "refused"]);
      await world.clock.sleep(1000);
      deepEqual(outgoing.parameters, AS_SLOW);
      equal(await ask(incoming, [24, 24, 0, 600]), "accepted");
    });
  });

  it("a central may not ask its peripheral so", async () => {
    await inScene({}, async ({ outgoing }) => {
      equal(await ask(outgoing, [160, 160, 0, 600]), "unsupported");
    });
  });
});

describe("signal strength, PHY and data length", () => {
  it("the controller says how strong the peer is heard", async () => {
    await inScene({}, async ({ world, outgoing }) => {
      equal(await outgoing.readRssi(), world.air.rssi);
      world.air.rssi = 127;
      equal(await outgoing.readRssi(), undefined);
    });
  });

  it("a link has the 1M PHY until one side wishes for another", async () => {
    await inScene({}, async ({ outgoing, incoming }) => {
      deepEqual(await outgoing.readPhy(), { tx: "1M", rx: "1M" });
      deepEqual(await incoming.setPhy({ tx: ["1M", "2M"] }), { tx: "2M", rx: "2M" });
      deepEqual(await outgoing.readPhy(), { tx: "2M", rx: "2M" });
      deepEqual(await outgoing.setPhy({ tx: "1M", rx: "2M" }), { tx: "1M", rx: "2M" });
      await rejects(outgoing.setPhy({ tx: "4M" as never }), { name: "TypeError" });
    });
  });

  it("a list of no PHYs is refused before anything is asked: the controller has no way to take it", async () => {
    const { connection, controller } = await createConnectedRig();
    const sent = controller.sent.length;
    for (const [way, options] of [
      ["tx", { tx: [], rx: "2M" }],
      ["rx", { tx: "2M", rx: [] }],
    ] as const) {
      const message = `setPhy: ${way} is empty: name a PHY, or leave it out for any`;
      await rejects(connection.setPhy(options), { name: "RangeError", message });
    }
    equal(controller.sent.length, sent);
  });

  it("says how what it sends coded is to be coded: as the controller likes, S=2, or S=8", async () => {
    const { connection, controller, settle } = await createConnectedRig();
    const SET_PHY = 0x2032;
    for (const [coding, option] of [
      [undefined, 0],
      ["S=2", 1],
      ["S=8", 2],
    ] as const) {
      controller.script(SET_PHY, () => [commandStatus(SET_PHY)]);
      const changing = connection.setPhy({ tx: ["1M", "coded"], rx: "coded", ...(coding ? { coding } : {}) });
      await settle();
      const sent = controller.sent.splice(0).find((packet) => packet[1] === 0x32 && packet[2] === 0x20);
      deepEqual([...sent!.subarray(4)], [...le16(HANDLE), 0, 0x05, 0x04, ...le16(option)]);
      controller.deliver(lePacket(0x0c, [0, ...le16(HANDLE), 3, 3]));
      await settle();
      deepEqual(await changing, { tx: "coded", rx: "coded" });
    }
    await rejects(connection.setPhy({ tx: "coded", coding: "S=4" as never }), { name: "TypeError" });
  });

  it("one change of the PHYs at a time", async () => {
    await inScene({}, async ({ outgoing }) => {
      const first = outgoing.setPhy({ tx: "2M", rx: "2M" });
      await rejects(outgoing.setPhy({ tx: "1M" }), { code: "already-updating" });
      await first;
    });
  });

  it("a controller that cannot says so", async () => {
    const options = { central: without(LE_FEATURE.PHY_2M, LE_FEATURE.DATA_PACKET_LENGTH_EXTENSION) };
    await inScene(options, async ({ outgoing, incoming }) => {
      await rejects(outgoing.setPhy({ tx: "2M" }), { code: "not-supported" });
      await rejects(outgoing.readPhy(), { code: "not-supported" });
      await rejects(outgoing.setDataLength(), { code: "not-supported" });
      await rejects(incoming.setPhy({ tx: "2M" }), { status: HCI_STATUS.UNSUPPORTED_REMOTE_FEATURE });
      deepEqual(incoming.dataLength, { txOctets: 27, txTimeUs: 328, rxOctets: 27, rxTimeUs: 328 });
    });
  });

  it("packets grow to what both link layers take, and shrink when one side wishes", async () => {
    await inScene({}, async ({ world, outgoing, incoming }) => {
      await world.clock.sleep(1000);
      equal(outgoing.dataLength.txOctets, 251);
      equal(incoming.dataLength.rxOctets, 251);
      await outgoing.setDataLength({ txOctets: 60 });
      await world.clock.sleep(1000);
      equal(outgoing.dataLength.txOctets, 60);
      deepEqual([incoming.dataLength.rxOctets, incoming.dataLength.txOctets], [60, 251]);
      for (const options of [{ txOctets: 26 }, { txOctets: 252 }, { txTimeUs: 327 }, { txTimeUs: 17_041 }]) {
        await rejects(outgoing.setDataLength(options), { name: "RangeError" });
      }
    });
  });
});
