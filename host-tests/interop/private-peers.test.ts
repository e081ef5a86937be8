/**
 * Two hosts of ours, of which the peer has private addresses, over controllers that none of us wrote: rootcanal's, which
 * resolves them by its list, and Bumble's, which takes the list and resolves nothing. They run on Node in real time.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Device } from "../../firmware/aioble/device.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { Host } from "../../firmware/ble/host.ts";
import { createSignals } from "../../firmware/platform/globals.ts";
import type { Controller } from "../../simulator/controller/controller.ts";
import { createSimulatedPlatform } from "../../simulator/platform.ts";
import { root, venvProgram } from "../../tools/paths.ts";
import { createRealClock } from "../../tools/radio/real-clock.ts";
import { type AiobleCamera, MemoryRecords } from "../support/cameras.ts";
import { createWholeModules } from "../support/modules.ts";
import { RigProcess } from "./child-process.ts";
import { H4Transport } from "./h4.ts";

/** Listens all the time. */
const ALWAYS = { intervalUs: 60_000, windowUs: 60_000 };

type Side = Pick<AiobleCamera, "aioble" | "host">;

interface Meeting {
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

/** What stands for a simulated controller: an H4 socket to another. */
async function controllerAt(hci: string): Promise<Controller & { close(): void }> {
  const transport = await H4Transport.open(hci);
  const controller = {
    onPacket: (_: Uint8Array): void => {},
    receive: (packet: Uint8Array) => transport.write(Buffer.from(packet)),
    close: () => transport.close(),
  };
  transport.on("data", (packet: Buffer) => controller.onPacket(new Uint8Array(packet)));
  return controller as unknown as Controller & { close(): void };
}

async function createSides(kind: string): Promise<{ camera: Side; peer: Side; stop(): Promise<void> }> {
  const rig = new RigProcess("controller", venvProgram("python"), [
    `${root}/tools/rig/controller.py`,
    "--kind",
    kind,
  ]);
  const clock = createRealClock();
  const ready = JSON.parse(await rig.line(/"ready"/)) as { controllers: { hci: string }[] };
  const controllers = await Promise.all(ready.controllers.map(({ hci }) => controllerAt(hci)));
  const [camera, peer] = controllers.map((controller, seed) => {
    const platform = createSimulatedPlatform({ clock, controller, seed: seed + 1 });
    const host = new Host(platform, new MemoryRecords());
    return { host, aioble: createWholeModules(host, createSignals(platform)).aioble };
  });
  return {
    camera: camera!,
    peer: peer!,
    async stop() {
      clock.stop();
      for (const controller of controllers) controller.close();
      await rig.stop();
    },
  };
}

/** The peer connects to the camera, which it knows by its address. */
async function call(camera: Side, own: Device, directedTo?: Device): Promise<Meeting> {
  const advertised = camera.aioble.advertise({ intervalUs: 60_000, directedTo });
  const outgoing = await own.connect();
  return { outgoing, incoming: await advertised };
}

async function part({ outgoing, incoming }: Meeting): Promise<void> {
  await outgoing.disconnect();
  await incoming.disconnected();
}

for (const kind of ["rootcanal", "bumble"]) {
  describe(`a bonded peer with private addresses, over ${kind}'s controllers`, function () {
    this.timeout(60_000);
    let sides: Awaited<ReturnType<typeof createSides>>;
    let own: Device;
    let identity: Device;

    before(async () => {
      sides = await createSides(kind);
      const { camera, peer } = sides;
      peer.aioble.config({ addrMode: 2, rpaTimeoutMs: 1000 });
      own = new peer.aioble.Device(1, camera.host.ownAddress);
      identity = new camera.aioble.Device(1, peer.host.ownAddress);
    });

    after(() => sides?.stop());

    it("is known when it connects, and its bond encrypts the link", async () => {
      const { camera } = sides;
      const first = await call(camera, own);
      await first.outgoing.pair();
      await part(first);
      for (let turn = 0; turn < 2; turn++) {
        const again = await call(camera, own);
        assert.ok(again.incoming.device.equals(identity) && again.incoming.device.resolved);
        await again.outgoing.pair();
        assert.ok(again.incoming.bonded);
        await part(again);
      }
      assert.equal(camera.aioble.security.bonds.size, 1);
    });

    // Bumble's controller reports legacy scans by events of extended ones.
    if (kind === "bumble") return;

    it("is found by a scan for it alone, and connected by its identity", async () => {
      const { camera, peer } = sides;
      const advertised = peer.aioble.advertise({ intervalUs: 60_000, name: "private" });
      let found: Device | undefined;
      for await (const { device } of camera.aioble.scan({
        ...ALWAYS,
        devices: [identity],
        durationMs: 5000,
      })) {
        found = device;
        break;
      }
      assert.ok(found?.equals(identity));
      assert.ok(found?.isOnAirAt(identity.addr), "the controller has resolved it");
      const outgoing = await identity.connect();
      const incoming = await advertised;
      assert.ok(outgoing.device.equals(identity) && outgoing.device.resolved);
      await outgoing.pair();
      assert.ok(incoming.bonded);
      await part({ outgoing, incoming });
    });

    for (const addrMode of [1, 2]) {
      it(`is reached by directed advertising, with addrMode ${addrMode}`, async () => {
        const { camera } = sides;
        camera.aioble.config({ addrMode });
        const called = await call(camera, own, identity);
        assert.ok(called.incoming.device.equals(identity));
        await called.outgoing.pair();
        assert.ok(called.incoming.bonded && called.outgoing.encrypted);
        await part(called);
      });
    }
  });
}
