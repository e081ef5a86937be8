/** Bonds that the handler of `irq` keeps: events 29 and 30. */
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble, diagnostics, MemoryRecords, reported } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const GET_SECRET = 29;
const SET_SECRET = 30;
const ADVERTISING = { intervalUs: 100_000, name: "camera" };

type Data = readonly [type: number, ...rest: (number | Uint8Array | null)[]];

/** The dictionary that MicroPython's examples keep. */
class Keeper {
  readonly secrets = new Map<string, Uint8Array>();
  isFull = false;

  readonly handler = (event: number, data: unknown): unknown => {
    if (event === GET_SECRET) {
      const [type, index, key] = data as Data;
      if (key instanceof Uint8Array) return this.secrets.get(`${type} ${key.join()}`) ?? null;
      return this.ofType(type)[index as number] ?? null;
    }
    if (event !== SET_SECRET) return undefined;
    const [type, key, value] = data as Data;
    const name = `${type} ${(key as Uint8Array).join()}`;
    if (value === null) return this.secrets.delete(name);
    if (this.isFull) return false;
    this.secrets.set(name, value as Uint8Array);
    return true;
  };

  ofType(type: number): Uint8Array[] {
    return [...this.secrets].filter(([name]) => name.startsWith(`${type} `)).map(([, value]) => value);
  }
}

function createScene(keeper: Keeper, count = 1) {
  const world = createWorld(51);
  const records = new MemoryRecords();
  const boot = () => {
    const camera = addAioble(world, {}, undefined, records);
    new camera.bluetooth.BLE().irq(keeper.handler as () => unknown);
    camera.aioble.config({ secretStore: "irq", idleTimeoutMs: 0 });
    return camera;
  };
  let camera = boot();
  const phones = Array.from({ length: count }, () => world.addPhone().phone);
  const meet = async (which = 0) => {
    const advertised = camera.aioble.advertise(ADVERTISING);
    const link = await phones[which]!.connect(await phones[which]!.find({ name: "camera" }));
    return { link, connection: await advertised };
  };
  const restart = async (): Promise<void> => {
    await camera.aioble.stop();
    camera.controller.die();
    camera = boot();
  };
  return { world, records, meet, restart, camera: () => camera };
}

describe("bluetooth: secretStore", () => {
  it("irq: the handler has the bonds, the flash has none, and they are there after a restart", async () => {
    const keeper = new Keeper();
    const { world, camera, meet, records, restart } = createScene(keeper, 3);
    await world.run(async () => {
      for (const which of [0, 1, 2]) {
        const { connection, link } = await meet(which);
        await link.pair();
        await world.clock.sleep(200);
        equal(connection.bonded, true);
        await link.disconnect();
        await world.clock.sleep(200);
      }
      equal(keeper.ofType(2).length, 3);
      equal(keeper.ofType(3).length, 3);
      equal(keeper.ofType(10).length, 1);
      deepEqual(
        records.keys().filter((key) => !key.startsWith("address")),
        [],
      );
      await restart();
      equal(camera().aioble.security.bonds.size, 3);
      for (const which of [2, 0, 1]) {
        const { connection, link } = await meet(which);
        equal(await link.encryptWithBond(), true);
        await reported(world);
        equal(connection.bonded, true);
        await link.disconnect();
      }
      camera().aioble.security.bonds.clear();
      equal(keeper.ofType(2).length + keeper.ofType(3).length, 0);
    });
    deepEqual(diagnostics(camera()), []);
  });

  it("a handler that does not keep a bond: bond-not-saved, and the link is encrypted", async () => {
    const keeper = new Keeper();
    const { world, meet } = createScene(keeper);
    await world.run(async () => {
      const { connection, link } = await meet();
      keeper.isFull = true;
      const pairing = connection.pair();
      const failed = rejects(pairing, { code: "bond-not-saved" });
      await world.clock.sleep(500);
      await link.pair();
      await failed;
      deepEqual([connection.encrypted, connection.bonded], [true, false]);
      equal(keeper.ofType(2).length, 0);
    });
  });

  it("what is no bond of ours is left out, with a line in the log", async () => {
    const keeper = new Keeper();
    keeper.secrets.set("2 1,2,3", Uint8Array.of(1, 2, 3));
    keeper.secrets.set("2 9", new Uint8Array(40));
    keeper.secrets.set("3 1", Uint8Array.of(1));
    const { camera } = createScene(keeper);
    equal(camera().aioble.security.bonds.size, 0);
    ok(diagnostics(camera()).length <= 1);
  });

  it("is set before the radio is on, and needs a known name", async () => {
    const { world, camera } = createScene(new Keeper());
    await world.run(async () => {
      const { config, stop } = camera().aioble;
      throws(() => config({ secretStore: "flash" as "irq" }), RangeError);
      await new (camera().bluetooth.BLE)().active(true);
      throws(() => config({ secretStore: "records" }), /before it is switched on/);
      equal(config("secretStore"), "irq");
      const stopping = stop();
      throws(() => config({ secretStore: "records" }), { code: "radio-on" });
      await stopping;
      config({ secretStore: "records" });
      equal(camera().aioble.security.bonds.size, 0);
    });
  });
});
