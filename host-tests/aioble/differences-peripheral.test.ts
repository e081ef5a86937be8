/** aioble's defects in advertising, none of which we have: docs/differences.md names each. */
import { adValue } from "../../simulator/phone/advertising-data.ts";
import { nameOf } from "../../simulator/phone/sightings.ts";
import { createPair, text } from "../multi/pair.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000 };

describe("aioble: differences in advertising", () => {
  it("⚠ 3: a name is measured in bytes, and never corrupts the packet", async () => {
    const { world, camera, phone } = createPair();
    await world.run(async () => {
      const waiting = camera.aioble.advertise({ ...OPTIONS, name: "Käfer-Größe ☀", appearance: 0x0540 });
      const sighting = await phone.find({ name: "Käfer-Größe ☀" });
      deepEqual(adValue(sighting.advertising, 0x19), new Uint8Array([0x40, 0x05]));
      const link = await phone.connect(sighting);
      ok((await waiting).isConnected());
      equal(text(await link.read((await link.discover()).characteristic(0x2a00))), "Käfer-Größe ☀");
    });
  });

  it("⚠ 3: no scan response is left over from the advertisement before", async () => {
    const { world, camera, phone } = createPair();
    await world.run(async () => {
      const first = camera.aioble.advertise({
        ...OPTIONS,
        name: "a name too long for the first",
        timeoutMs: 2000,
      });
      ok(((await phone.find({})).scanResponse ?? []).length > 0);
      await rejects(first, { code: "timeout" });
      const second = camera.aioble.advertise({ ...OPTIONS, name: "short" });
      const sighting = await phone.find({ name: "short" });
      equal(sighting.scanResponse?.length, 0);
      await phone.connect(sighting);
      await second;
    });
  });

  it("⚠ 3: a second advertise() is refused, and the first one returns", async () => {
    const { world, camera, phone } = createPair();
    const { advertise } = camera.aioble;
    await world.run(async () => {
      const first = advertise({ ...OPTIONS, name: "first" });
      const second = (async () => advertise({ ...OPTIONS, name: "second" }))();
      await rejects(second, { code: "already-advertising" });
      const sighting = await phone.find({});
      equal(nameOf(sighting), "first");
      await phone.connect(sighting);
      ok((await first).isConnected());
    });
  });

  it("⚠ 3: a connection that comes as advertising ends is returned or ended, not handed to the next call", async () => {
    const { world, camera, phone } = createPair(12);
    const { advertise } = camera.aioble;
    let returned = 0;
    await world.run(async () => {
      const learn = advertise({ ...OPTIONS, intervalUs: 20_000, timeoutMs: 500 });
      const sighting = await phone.find({});
      await rejects(learn, { code: "timeout" });
      for (let turn = 0; turn < 40; turn++) {
        const waiting = advertise({ intervalUs: 20_000, timeoutMs: 100 }).then(
          async (connection) => {
            ok(connection.isConnected(), "never a dead one");
            returned++;
            await connection.disconnect();
          },
          () => undefined,
        );
        await world.clock.sleep(70 + turn);
        const link = await phone.connect(sighting, { timeoutMs: 300 }).catch(() => undefined);
        await waiting;
        await link?.disconnected();
        await rejects(advertise({ ...OPTIONS, timeoutMs: 50 }), { code: "timeout" });
      }
    }, 1e6);
    ok(returned > 0 && returned < 40, `${returned} were returned`);
    equal(camera.host.connections.size, 0);
  });

  it("⚠ 3: a connection that nobody waits for is ended and forgotten, with a line in the log", async () => {
    const { world, camera, phone } = createPair();
    await world.run(async () => {
      const waiting = camera.aioble.advertise({ ...OPTIONS, name: "obscura", timeoutMs: 2000 });
      const sighting = await phone.find({ name: "obscura" });
      await rejects(waiting, { code: "timeout" });
      // As a controller would that is a moment late in switching advertising off.
      const nobody = camera.host.advertiser.acquire({ onEnded() {}, take: () => false });
      await nobody!.start({
        intervalUs: 20_000,
        connectable: true,
        advData: new Uint8Array(0),
        respData: new Uint8Array(0),
      });
      const link = await phone.connect(sighting);
      equal(await link.disconnected(), 0x13);
      await world.clock.sleep(100);
      equal(camera.host.connections.size, 0);
    });
    deepEqual(diagnostics(camera), ["aioble: ended a connection that nobody waits for"]);
  });
});
