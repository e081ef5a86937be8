/** Bonded peers with private addresses where the host resolves: connecting by identity, and directed advertising for private addresses. */
import type { Device } from "../../firmware/aioble/device.ts";
import { leSetEventMask } from "../../firmware/ble/hci/commands/le-controller.ts";
import {
  leCreateConnection,
  leSetScanEnable,
  leSetScanParameters,
} from "../../firmware/ble/hci/commands/le-scanning.ts";
import { HCI_STATUS } from "../../firmware/ble/hci/status.ts";
import { IRQ_PERIPHERAL_CONNECT } from "../../firmware/bluetooth/constants.ts";
import { DEFAULT_OPTIONS, LE_FEATURE } from "../../simulator/controller/options.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import {
  ADVERTISING,
  bond,
  checkSound,
  createScene,
  heard,
  part,
  type Scene,
} from "../support/private-peers.ts";
import { describe, it } from "../support/suite.ts";

/** Longer than a private address of the peer lasts. */
const ROTATION_MS = 61_000;
const EXTENDED = {
  features: [...DEFAULT_OPTIONS.features, LE_FEATURE.EXTENDED_SCANNING_FILTER_POLICIES],
};

/** LE_Scan_Interval and Scanning_Filter_Policy of the scans that a camera's controller was set to. */
function listenTo(camera: AiobleCamera): { readonly intervals: number[]; readonly policies: number[] } {
  const intervals: number[] = [];
  const policies: number[] = [];
  const receive = camera.controller.receive.bind(camera.controller);
  camera.controller.receive = (packet) => {
    if (packet[0] === 1 && packet[1] === 0x0b && packet[2] === 0x20) {
      intervals.push(packet[5]! | (packet[6]! << 8));
      policies.push(packet[10]!);
    }
    receive(packet);
  };
  return { intervals, policies };
}

function isQuiet({ controller }: AiobleCamera): boolean {
  const { initiating, scanning } = controller.activities;
  return scanning === undefined && !initiating;
}

/** The peer advertises; the camera, which knows its identity alone, connects, encrypts and leaves. */
async function visit({ peer }: Scene, identity: Device, timeoutMs = 2000): Promise<void> {
  const advertised = peer.aioble.advertise(ADVERTISING);
  const outgoing = await identity.connect({ timeoutMs });
  const incoming = await advertised;
  ok(outgoing.device.equals(identity));
  await outgoing.pair();
  ok(incoming.bonded);
  await part({ outgoing, incoming });
}

describe("connect() by identity, where the host resolves", () => {
  it("a bonded peer is found under each of its addresses, and encrypts by its bond", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      for (let turn = 0; turn < 3; turn++) {
        await world.clock.sleep(ROTATION_MS);
        await visit(scene, identity);
        ok(isQuiet(camera));
      }
      equal(camera.aioble.security.bonds.size, 1);
      // One that has its identity on the air is found as well.
      peer.aioble.config({ addrMode: 1 });
      await visit(scene, identity);
    });
    checkSound(scene);
  });

  it("the device of an old scan is found under the address that it has now", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      await bond(scene);
      const advertised = peer.aioble.advertise({ ...ADVERTISING, timeoutMs: 5000 });
      let old: Device | undefined;
      for await (const { device } of heard(camera)) old ??= device;
      ok(old!.resolved);
      await rejects(advertised, { name: "TimeoutError" });
      await world.clock.sleep(ROTATION_MS);
      await visit(scene, old!, 10_000);
    });
    checkSound(scene);
  });

  it("one that is found under another private address is encrypted with before anything is asked of it", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      await world.clock.sleep(ROTATION_MS);
      const advertised = peer.aioble.advertise(ADVERTISING);
      const outgoing = await identity.connect({ timeoutMs: 20_000 });
      const incoming = await advertised;
      ok(outgoing.device.resolved);
      equal(await outgoing.exchangeMtu(), 517);
      await world.clock.sleep(500);
      deepEqual([outgoing.bonded, incoming.bonded, camera.aioble.security.bonds.size], [true, true, 1]);
      await part({ outgoing, incoming });
    });
    checkSound(scene);
  });

  it("one that changes its address every second and advertises every 0.9 s is found", async () => {
    const scene = createScene({});
    const { peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      peer.aioble.config({ rpaTimeoutMs: 1000 });
      const advertised = peer.aioble.advertise({ ...ADVERTISING, intervalUs: 900_000 });
      const outgoing = await identity.connect({ timeoutMs: 60_000 });
      ok(outgoing.device.equals(identity));
      await part({ outgoing, incoming: await advertised });
    });
    checkSound(scene);
  });

  it("a scan of the application goes on beside it, as it was", async () => {
    const scene = createScene({});
    const { camera, world } = scene;
    const beacon = addAioble(world);
    await world.run(async () => {
      const identity = await bond(scene);
      await world.clock.sleep(ROTATION_MS);
      void beacon.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      const { intervals } = listenTo(camera);
      const names = new Set<string | undefined>();
      let visits = 0;
      let after = 0;
      const scan = camera.aioble.scan({
        ...{ intervalUs: 1_000_000, windowUs: 200_000, duplicates: "packets" as const },
        ...{ devices: [new camera.aioble.Device(1, beacon.host.ownAddress)], durationMs: 20_000 },
      });
      const visiting = world.clock
        .sleep(3000)
        .then(() => visit(scene, identity))
        .then(() => visits++);
      for await (const result of scan) {
        names.add(result.name());
        if (visits > 0) after++;
      }
      await visiting;
      await world.clock.sleep(100);
      // The scan alone, as fast as the search wants it, and alone again.
      deepEqual(intervals, [1600, 16, 1600]);
      deepEqual([...names], ["beacon"]);
      ok(after > 10, `${after} results behind it`);
      ok(isQuiet(camera));
    });
    checkSound(scene);
  });

  it("a search that is given up leaves nothing behind; one that the radio's end ends neither", async () => {
    const scene = createScene({});
    const { camera, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const search = identity.connect({ timeoutMs: 3000 });
      await world.clock.sleep(1000);
      ok(!isQuiet(camera));
      await rejects(search, { name: "TimeoutError" });
      await world.clock.sleep(100);
      ok(isQuiet(camera));
      const other = identity.connect();
      await world.clock.sleep(1000);
      await Promise.all([rejects(other, { code: "radio-off" }), camera.aioble.stop()]);
      await visit(scene, identity);
      ok(isQuiet(camera));
    });
    checkSound(scene);
  });

  it("it goes on after a loss of the controller, before and after the peer was heard", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const outgoing = identity.connect({ timeoutMs: 60_000 });
      await world.clock.sleep(1000);
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(1000);
      const advertised = peer.aioble.advertise({ ...ADVERTISING, intervalUs: 2_000_000 });
      const creates = (): number =>
        camera.controller.commands.filter((opcode) => opcode === leCreateConnection.opcode).length;
      const before = creates();
      while (creates() === before) await world.clock.sleep(50);
      camera.controller.reportHardwareError(1);
      await part({ outgoing: await outgoing, incoming: await advertised });
      ok(isQuiet(camera));
    });
    deepEqual(camera.controller.violations, []);
  });

  it("several that are looked for at a time have their turns, private or not", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    const second = addAioble(world);
    second.aioble.config({ addrMode: 2 });
    const stranger = addAioble(world);
    await world.run(async () => {
      const identity = await bond(scene);
      const other = await bond({ ...scene, peer: second });
      const nobody = new camera.aioble.Device(1, "c0:00:00:00:00:01").connect({ timeoutMs: 30_000 });
      const searches = [identity, other, new camera.aioble.Device(1, stranger.host.ownAddress)].map(
        (device) => device.connect({ timeoutMs: 30_000 }),
      );
      for (const each of [peer, second, stranger])
        each.aioble.advertise({ ...ADVERTISING, intervalUs: 300_000 }).catch(() => undefined);
      const found = await Promise.all(searches);
      equal(found.length, 3);
      await rejects(nobody, { name: "TimeoutError" });
      for (const connection of found) await connection.disconnect();
      ok(isQuiet(camera));
    });
    deepEqual(camera.controller.violations, []);
  });

  it("keepConnected() finds it again under its next address", async () => {
    const scene = createScene({});
    const { peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      let links = 0;
      void (async () => {
        for (let turn = 0; turn < 3; turn++) {
          const incoming = await peer.aioble.advertise(ADVERTISING);
          await incoming.disconnect();
          await world.clock.sleep(ROTATION_MS);
        }
      })();
      for await (const connection of identity.keepConnected()) {
        ok(connection.device.equals(identity));
        if (++links === 3) break;
      }
    });
    checkSound(scene);
  });

  it("gapConnect() takes an identity, and an address that was heard", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      const ble = new camera.bluetooth.BLE();
      await ble.active(true);
      for (const source of ["identity", "heard"]) {
        await world.clock.sleep(ROTATION_MS);
        const advertised = peer.aioble.advertise(ADVERTISING);
        let { addr } = identity;
        if (source === "heard") for await (const { device } of heard(camera)) addr = device.airAddr;
        const connected = new Promise<unknown>((resolve) => {
          ble.irq((event) => {
            if (event === IRQ_PERIPHERAL_CONNECT) resolve(true);
          });
        });
        ble.gapConnect(1, addr, 5000);
        equal(await connected, true);
        const incoming = await advertised;
        await incoming.disconnect();
        await world.clock.sleep(500);
      }
    });
    checkSound(scene);
  });

  it("a controller that refuses the scan looks for the identity alone, and says so at level 3", async () => {
    const scene = createScene({});
    const { camera, peer, world } = scene;
    await world.run(async () => {
      const identity = await bond(scene);
      camera.aioble.config({ logLevel: 3 });
      peer.aioble.config({ addrMode: 1 });
      camera.controller.faults.refuse = new Map([[leSetScanEnable.opcode, HCI_STATUS.COMMAND_DISALLOWED]]);
      await visit(scene, identity);
      const { console } = camera.platform;
      ok(
        console.some(({ message }) => message.startsWith("gap: the device is looked for under its identity")),
      );
    });
    deepEqual(diagnostics(camera), []);
  });

  it("a controller that cannot look for a device while it scans ends the scan first", async () => {
    // Bits 22 and 23: passive and active scanning beside initiating.
    const leStates = DEFAULT_OPTIONS.leStates.slice();
    leStates[2] = leStates[2]! & 0x3f;
    const scene = createScene({ leStates });
    const { camera, world } = scene;
    const beacon = addAioble(world);
    await world.run(async () => {
      const identity = await bond(scene);
      await world.clock.sleep(ROTATION_MS);
      let results = 0;
      void beacon.aioble.broadcast({ intervalUs: 100_000, name: "beacon" });
      const options = { intervalUs: 100_000, windowUs: 50_000, durationMs: 20_000 };
      const scan = (async () => {
        for await (const result of camera.aioble.scan({ ...options, duplicates: "packets" }))
          if (result.name() === "beacon") results++;
      })();
      await world.clock.sleep(1000);
      await visit(scene, identity);
      const before = results;
      await scan;
      await world.clock.sleep(100);
      ok(results > before, "the scan has come back");
      ok(isQuiet(camera));
    });
    checkSound(scene);
  });
});

describe("directed advertising for a private address that the controller cannot resolve", () => {
  /** The camera and its peer are bonded; the peer's controller has the camera's key. */
  async function call(scene: Scene, work: (identity: Device, own: Device) => Promise<void>): Promise<void> {
    const { peer } = scene;
    const identity = await bond(scene);
    const own = [...peer.aioble.security.bonds.list()][0]!.device;
    const advertised = peer.aioble.advertise({ intervalUs: 100_000, directedTo: own, timeoutMs: 20_000 });
    const connected = advertised.catch(() => undefined);
    await work(identity, own);
    await connected;
  }

  for (const [name, addrMode] of [
    ["static", 1],
    ["private", 2],
    ["public", 0],
  ] as const) {
    it(`a camera with a ${name} address hears it, connects by what it heard and by identity, and pairs anew`, async () => {
      const scene = createScene(EXTENDED);
      const { camera, peer, world } = scene;
      await world.run(async () => {
        for (const how of ["heard", "identity"]) {
          camera.aioble.security.bonds.clear();
          peer.aioble.security.bonds.clear();
          camera.aioble.config({ addrMode, autoPair: "never" });
          await call(scene, async (identity, own) => {
            let device = identity;
            if (how === "heard") {
              for await (const result of camera.aioble.scan({ intervalUs: 100_000, windowUs: 100_000 })) {
                device = result.device;
                equal(result.connectable, true);
                equal(result.advData, undefined);
                break;
              }
              ok(device.equals(identity));
            }
            const outgoing = await device.connect();
            const [incoming] = peer.host.connections.values();
            // The camera's address on the link is the one that was called: the peer's controller has resolved it.
            deepEqual(incoming!.identity.address, own.addr);
            // A pairing, whose keys are made of the addresses that both had on the air.
            camera.aioble.security.bonds.clear();
            peer.aioble.security.bonds.clear();
            await outgoing.pair();
            ok(outgoing.encrypted);
            await outgoing.disconnect();
            await world.clock.sleep(500);
          });
        }
      });
      checkSound(scene);
    });
  }

  it("what is for others is not reported, and without bonds the controller is not asked for it", async () => {
    const scene = createScene(EXTENDED);
    const { camera, peer, world } = scene;
    const third = addAioble(world);
    const { policies } = listenTo(camera);
    await world.run(async () => {
      // The peer bonds with another, and calls that.
      await bond({ ...scene, camera: third });
      for await (const _ of heard(camera)) break;
      deepEqual(policies, [0]);
      await bond(scene);
      const other = new peer.aioble.Device(1, third.host.ownAddress);
      const calling = peer.aioble.advertise({ intervalUs: 100_000, directedTo: other, timeoutMs: 10_000 });
      let results = 0;
      for await (const _ of heard(camera)) results++;
      equal(results, 0);
      equal(policies.at(-1), 2);
      await rejects(calling, { name: "TimeoutError" });
    });
    checkSound(scene);
  });

  it("a scan for some devices is filtered by the host, and one for others by the accept list", async () => {
    const scene = createScene(EXTENDED);
    const { camera, world } = scene;
    const { policies } = listenTo(camera);
    await world.run(async () => {
      await call(scene, async (identity) => {
        let found = 0;
        for await (const { device } of heard(camera, [identity])) {
          ok(device.equals(identity));
          found++;
        }
        ok(found > 0);
        equal(policies.at(-1), 2);
        for await (const _ of heard(camera, [new camera.aioble.Device(1, "c0:00:00:00:00:01")])) found = -1;
        ok(found > 0, "the accept list leaves it out");
        equal(policies.at(-1), 3);
      });
    });
    checkSound(scene);
  });

  it("a controller without the extended policies is set up as before", async () => {
    const scene = createScene({});
    const { camera, world } = scene;
    const { policies } = listenTo(camera);
    const masks: number[] = [];
    const receive = camera.controller.receive.bind(camera.controller);
    camera.controller.receive = (packet) => {
      if (packet[0] === 1 && (packet[1]! | (packet[2]! << 8)) === leSetEventMask.opcode)
        masks.push(packet[5]!);
      receive(packet);
    };
    await world.run(async () => {
      await call(scene, async (identity) => {
        let results = 0;
        for await (const _ of heard(camera)) results++;
        equal(results, 0);
        await rejects(identity.connect({ timeoutMs: 2000 }), { name: "TimeoutError" });
      });
    });
    ok(policies.length > 0 && policies.every((policy) => policy === 0));
    // Bit 10: the report of directed advertising.
    ok(masks.length > 0 && masks.every((mask) => (mask & 0x04) === 0));
    equal(camera.controller.commands.includes(leSetScanParameters.opcode), true);
    checkSound(scene);
  });
});
