import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { ADVERTISING, ALWAYS, createScene, part, type Scene } from "../support/bonding-cameras.ts";
import { addAioble, diagnostics, reported } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

describe("privacy: addrMode 2", () => {
  async function find(scene: Scene) {
    for await (const result of scene.central.aioble.scan({ ...ALWAYS, durationMs: 5000 })) {
      if (result.name() === "camera") return result;
    }
    return undefined;
  }

  it("⚠ 2.1: a bonded peer with a private address is known by its identity, and connected; strangers do not know it", async () => {
    const scene = createScene();
    const stranger = addAioble(scene.world);
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      const identity = first.outgoing.device;
      await part(first);
      const { aioble, host } = scene.camera;
      aioble.config({ addrMode: 2, rpaTimeoutMs: 60_000 });
      deepEqual(aioble.config("mac"), [1, host.ownAddress.slice()]);
      const seen: string[] = [];
      for (let turn = 0; turn < 3; turn++) {
        const advertised = aioble.advertise(ADVERTISING);
        const found = await find(scene);
        ok(found!.device.equals(identity), "the identity");
        ok(found!.device.resolved);
        seen.push([...found!.device.airAddr].join());
        const outgoing = await found!.device.connect();
        const incoming = await advertised;
        ok(outgoing.device.equals(identity));
        await outgoing.pair();
        equal(incoming.bonded, true);
        equal(aioble.security.bonds.size, 1);
        await part({ outgoing, incoming });
        await scene.sleep(61_000);
      }
      equal(new Set(seen).size, 3, "another each time");
      const gone = new aioble.Device(1, host.ownAddress);
      const advertised = aioble.advertise({ ...ADVERTISING, timeoutMs: 10_000 });
      for await (const { device } of stranger.aioble.scan({ ...ALWAYS, durationMs: 5000 })) {
        ok(!device.equals(gone), "the identity is not on the air");
        equal(device.resolved, false);
      }
      await rejects(advertised, { name: "TimeoutError" });
    });
  });

  it("scan({ devices }) finds a bonded device under its private address, and no other", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const first = await scene.meet();
      await first.outgoing.pair();
      const identity = first.outgoing.device;
      await part(first);
      scene.camera.aioble.config({ addrMode: 2 });
      const other = addAioble(scene.world);
      void other.aioble.broadcast({ intervalUs: 100_000, name: "other" });
      const advertised = scene.camera.aioble.advertise({ ...ADVERTISING, timeoutMs: 20_000 });
      const names = new Set<string | undefined>();
      for await (const result of scene.central.aioble.scan({
        ...ALWAYS,
        devices: [identity],
        durationMs: 5000,
      })) {
        names.add(result.name());
      }
      deepEqual([...names], ["camera"]);
      await rejects(advertised, { name: "TimeoutError" });
    });
  });

  it("a bonded central with a private address is known before its link is encrypted, and has one bond", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      scene.central.aioble.config({ addrMode: 2, rpaTimeoutMs: 1000 });
      const first = await scene.meet();
      const private1 = first.incoming.device;
      await first.outgoing.pair();
      await reported(scene.world);
      const identity = first.incoming.device;
      ok(!identity.equals(private1), "it bonded, so that its identity is known");
      deepEqual(identity.addr, scene.central.host.ownAddress);
      await part(first);
      await scene.sleep(2000);
      await scene.restart();
      scene.central.aioble.config({ autoPair: "never" });
      const second = await scene.meet();
      ok(second.incoming.device.equals(identity));
      ok(second.incoming.device.resolved);
      equal(second.incoming.bonded, false);
      await second.outgoing.pair();
      equal(second.incoming.bonded, true);
      equal(scene.camera.aioble.security.bonds.size, 1);
    });
  });

  it("an advertisement that goes on changes its address in time, and what is connected stays", async () => {
    const scene = createScene();
    await scene.world.run(async () => {
      const { aioble } = scene.camera;
      aioble.config({ addrMode: 2, rpaTimeoutMs: 10_000 });
      const seen = new Set<string>();
      const advertised = aioble.advertise({ ...ADVERTISING, timeoutMs: 45_000 });
      for await (const found of scene.central.aioble.scan({ ...ALWAYS, durationMs: 40_000 })) {
        if (found.name() === "camera") seen.add(found.device.addrHex());
      }
      ok(seen.size >= 4 && seen.size <= 5, `${seen.size}`);
      await rejects(advertised, { name: "TimeoutError" });
      deepEqual(diagnostics(scene.camera), []);
    });
  });
});
