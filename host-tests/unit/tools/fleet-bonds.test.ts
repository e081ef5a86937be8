/** One computer and many cameras for release, in virtual time: whom it has paired with once it manages for good. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { Bond } from "../../../firmware/ble/smp/keys.ts";
import type { Platform } from "../../../firmware/platform/platform.ts";
import { createTimerQueue } from "../../../firmware/platform/timer-queue.ts";
import { createWorld, type World } from "../../../simulator/world.ts";
import { type Central, centralOf } from "../../../tools/central/central.ts";
import { FileRecords } from "../../../tools/central/file-records.ts";
import { CAMERAS_MAX, createCentralHost } from "../../../tools/central/host.ts";
import { MemoryRecords } from "../../../tools/central/memory-records.ts";
import { HostPhone } from "../../../tools/phone/host-phone.ts";
import { openCamera } from "../../../tools/update/camera-finder.ts";
import { bondOf, openBonds, strangerOf } from "../../support/bonds.ts";
import { type AiobleCamera, addAioble } from "../../support/cameras.ts";
import { POWER_ON } from "../../support/power-on-window.ts";
import { startUpdate } from "../../support/update-scene.ts";

const CAMERAS = 40;

describe("tools/central: the bonds of a computer with many cameras", () => {
  const { signal } = new AbortController();
  let folder = "";
  let file = "";
  let world: World;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fleet-bonds-"));
    file = join(folder, "bonds.json");
    world = createWorld();
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it(`manages ${CAMERAS} cameras, one after the other, and each of them again from another process`, async () => {
    await world.run(async () => {
      const cameras: AiobleCamera[] = [];
      const first = computer();
      for (let count = 1; count <= CAMERAS; count++) {
        const camera = switchedOn();
        cameras.push(camera);
        await manage(first, camera);
        assert.equal(first.aioble.security.bonds.size, count);
      }
      await first.stop();
      const next = computer();
      assert.equal(next.aioble.security.bonds.size, CAMERAS);
      for (const camera of cameras) {
        await manage(next, camera);
        assert.equal(camera.aioble.security.bonds.size, 1);
      }
      const bonds = openBonds(new FileRecords(file), { maxBonds: CAMERAS }).bonds.all();
      assert.equal(
        bonds.filter(({ isAttended }) => isAttended).length,
        CAMERAS,
        "the user has asked for each",
      );
    }, 3_600_000);
  }).timeout(60_000);

  it("reads a file of an earlier version, strangers' bonds among them, and adds to it", async () => {
    const earlier = [1, 2, 3, 4].map((seed) => strangerOf(seed));
    write([...earlier, ...[5, 6, 7, 8].map((seed) => bondOf(seed))]);
    await world.run(async () => {
      const central = computer();
      await manage(central, switchedOn());
      await manage(central, switchedOn());
      const bonds = openBonds(new FileRecords(file), { maxBonds: CAMERAS }).bonds.all();
      const kept = bonds.map(({ identity }) => identity.address[5]);
      for (let seed = 1; seed <= 8; seed++) assert.ok(kept.includes(seed), `camera ${seed}`);
      assert.equal(bonds.length, 10);
    });
  });

  it("at the limit it says so before a camera has a key, and whom it knows it manages on", async () => {
    await world.run(async () => {
      const known = switchedOn();
      const before = computer();
      await manage(before, known);
      await before.stop();
      const records = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
      write(
        Array.from({ length: CAMERAS_MAX - 1 }, (_, seed) => bondOf(seed + 1)),
        records,
      );
      const full = readFileSync(file, "utf8");
      const central = computer();
      assert.equal(central.aioble.security.bonds.size, CAMERAS_MAX);
      const other = switchedOn();
      await assert.rejects(manage(central, other), {
        name: "ToolError",
        message: `This computer is bonded with ${CAMERAS_MAX} cameras, and keeps no more bonds: move ${file} away, and pair anew with those that are in use.`,
      });
      assert.equal(other.aioble.security.bonds.size, 0);
      const keysOf = (text: string) =>
        Object.keys(JSON.parse(text) as object).filter((key) => /^bond/.test(key));
      assert.deepEqual(keysOf(readFileSync(file, "utf8")), keysOf(full));
      await manage(central, known);
    });
  }).timeout(20_000);

  it("a phone with the file refuses its step in the same place", async () => {
    write(Array.from({ length: CAMERAS_MAX }, (_, seed) => bondOf(seed + 1)));
    await world.run(async () => {
      const camera = switchedOn();
      const advertising = camera.aioble.advertise({ intervalUs: 20_000, timeoutMs: 4000 });
      const phone = new HostPhone(createCentralHost(platform(), new FileRecords(file)));
      await phone.start();
      const link = await phone.connect({ addressType: 1, address: camera.host.ownAddress });
      await advertising;
      await assert.rejects(
        link.pair({}),
        /^PhoneError: the phone is bonded with 1000 cameras, and keeps no more/,
      );
      assert.equal(camera.aioble.security.bonds.size, 0);
    });
  }).timeout(20_000);

  it("a camera that anybody may manage is, whatever bonds there are", async () => {
    write(Array.from({ length: CAMERAS_MAX }, (_, seed) => bondOf(seed + 1)));
    await world.run(async () => {
      const open = addAioble(world);
      startUpdate(world, open, { ...POWER_ON, trustsEverybody: true }, { startCause: "power-on" });
      await manage(computer(), open);
    });
  }).timeout(20_000);

  /** A process of the computer with this file. */
  function computer(): Central {
    const records = new FileRecords(file);
    return centralOf(createCentralHost(platform(), records), records);
  }

  function platform(): Platform {
    const { platform: simulated } = world.addCamera();
    return { ...simulated, clock: createTimerQueue(simulated.clock) };
  }

  function switchedOn(): AiobleCamera {
    const camera = addAioble(world);
    startUpdate(world, camera, POWER_ON, { startCause: "power-on" });
    return camera;
  }

  /** The camera is asked for a sign of life. */
  async function manage(central: Central, camera: AiobleCamera): Promise<void> {
    const advertising = camera.aioble
      .advertise({ intervalUs: 20_000, timeoutMs: 4000 })
      .catch(() => undefined);
    const device = new central.aioble.Device(central.aioble.ADDR_RANDOM, camera.host.ownAddress);
    try {
      const { connection } = await openCamera({ central, device }, signal);
      await connection.disconnect();
    } finally {
      await advertising;
      await camera.aioble.stop();
      await world.clock.sleep(100);
    }
  }

  /** A file with these bonds, beside other records. */
  function write(bonds: readonly Bond[], beside: Record<string, string> = {}): void {
    const records = new MemoryRecords();
    for (const [key, hex] of Object.entries(beside))
      records.set(key, new Uint8Array(Buffer.from(hex, "hex")));
    const { bonds: kept } = openBonds(records, { maxBonds: CAMERAS_MAX });
    kept.adopt(bonds);
    const hexOf = (key: string): string => Buffer.from(records.get(key)!).toString("hex");
    writeFileSync(file, JSON.stringify(Object.fromEntries(records.keys().map((key) => [key, hexOf(key)]))));
  }
});
