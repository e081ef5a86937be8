/**
 * Two hosts of ours, of which the peer has private addresses, over controllers that none of us wrote: rootcanal's, which
 * resolves them by its list, and Bumble's, which takes the list and resolves nothing. They run on Node in real time.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { AdvertiseOptions } from "../../firmware/aioble/advertising.ts";
import type { Device } from "../../firmware/aioble/device.ts";
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { bondOf } from "../support/bonds.ts";
import { NodeRig, type NodeSide } from "./node-side.ts";

/** Listens all the time. */
const ALWAYS = { intervalUs: 60_000, windowUs: 60_000 };

interface Meeting {
  readonly outgoing: DeviceConnection;
  readonly incoming: DeviceConnection;
}

/** The peer connects to the camera, which it knows by its address. */
async function call(
  camera: NodeSide,
  own: Device,
  options: Pick<AdvertiseOptions, "directedTo" | "bondedOnly"> = {},
): Promise<Meeting> {
  const advertised = camera.aioble.advertise({ intervalUs: 60_000, ...options });
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
    let rig: NodeRig;
    let sides: { readonly camera: NodeSide; readonly peer: NodeSide };
    let own: Device;
    let identity: Device;

    before(async () => {
      rig = await NodeRig.start(kind);
      sides = { camera: await rig.side(0), peer: await rig.side(1) };
      const { camera, peer } = sides;
      peer.aioble.config({ addrMode: 2, rpaTimeoutMs: 1000 });
      own = new peer.aioble.Device(1, camera.host.ownAddress);
      identity = new camera.aioble.Device(1, peer.host.ownAddress);
    });

    after(() => rig?.stop());

    // The last one: rootcanal's initiator takes no further connection after a request that nobody answered.
    const filters = (): void => {
      it("connects to what only bonded devices may, and no longer once another is bonded in its place", async () => {
        const { camera } = sides;
        const { aioble, host } = camera;
        const meeting = await call(camera, own, { bondedOnly: "connect" });
        assert.ok(meeting.incoming.device.equals(identity));
        await meeting.outgoing.pair();
        assert.ok(meeting.incoming.bonded);
        await part(meeting);
        const [kept] = host.bonds!.all();
        host.bonds!.forgetAll();
        host.bonds!.keep(bondOf(1, { ownIdentity: host.identities.own }));
        const advertised = aioble.advertise({ intervalUs: 60_000, bondedOnly: "connect", timeoutMs: 3000 });
        // Where the host filters the link is up for a moment; nothing is answered on it.
        const isServed = own.connect({ timeoutMs: 1500 }).then(
          (connection) =>
            connection
              .services()
              .next()
              .then(
                () => true,
                () => false,
              ),
          () => false,
        );
        assert.equal(await isServed, false);
        await assert.rejects(advertised, { name: "TimeoutError" });
        host.bonds!.forgetAll();
        host.bonds!.keep(kept!);
      });
    };

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
    if (kind === "bumble") return filters();

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
        const called = await call(camera, own, { directedTo: identity });
        assert.ok(called.incoming.device.equals(identity));
        await called.outgoing.pair();
        assert.ok(called.incoming.bonded && called.outgoing.encrypted);
        await part(called);
      });
    }

    filters();
  });
}
