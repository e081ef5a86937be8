/** A copy of what a camera is known by is taken over as a whole, or not at all (docs/security.md, A copy). */
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, throws } from "../support/assert.ts";
import { bondOf, strangerOf } from "../support/bonds.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

/** Flash that takes so many more changes, and then none until it is told. */
class FailingRecords extends MemoryRecords {
  left = Number.POSITIVE_INFINITY;

  override set(key: string, value: Uint8Array): void {
    if (this.left-- === 0) {
      this.left = Number.POSITIVE_INFINITY;
      throw new Error("the flash fails");
    }
    super.set(key, value);
  }
}

const all = ({ host }: AiobleCamera): readonly Bond[] => host.bonds!.all();
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** @param bonds all but strangers' are the camera's own by attended pairings */
function addCamera(world: World, bonds: readonly Bond[], maxBonds = 8, records = new MemoryRecords()) {
  const camera = addAioble(world, {}, undefined, records);
  camera.aioble.config({ maxBonds });
  const { host } = camera;
  for (const bond of bonds) host.bonds!.keep({ ...bond, ownIdentity: host.identities.own });
  return camera;
}

function copyOf(world: World, bonds: readonly Bond[], maxBonds = 8): string {
  return addCamera(world, bonds, maxBonds).aioble.security.saveSecrets();
}

/** In what order bonds were used is on flash with their next link. */
const sorted = (text: string): string => [...text].sort().join("");

describe("a copy of what a camera is known by", () => {
  it("comes beside the bonds that there are, and the one that was used last is the last that gives way", () => {
    const world = createWorld();
    const text = copyOf(
      world,
      range(1, 3).map((at) => bondOf(at)),
    );
    const { aioble, ...camera } = addCamera(
      world,
      range(11, 14).map((at) => bondOf(at)),
    );
    const former = all(camera as AiobleCamera);
    equal(aioble.security.loadSecrets(text), 7);
    deepEqual(all(camera as AiobleCamera).slice(3), former);
    deepEqual(
      all(camera as AiobleCamera).map(({ identity }) => identity.address[5]),
      [3, 2, 1, 14, 13, 12, 11],
    );
  });

  it("twice is once: a bond of the same two devices takes the other's place", () => {
    const world = createWorld();
    const text = copyOf(
      world,
      range(1, 8).map((at) => bondOf(at)),
    );
    const camera = addCamera(world, []);
    for (let times = 0; times < 3; times++) equal(camera.aioble.security.loadSecrets(text), 8);
    equal(camera.aioble.security.saveSecrets(), text);
  });

  it("strangers' bonds cost nothing of the flash that strangers may have written", async () => {
    const world = createWorld();
    await world.run(async () => {
      const source = addCamera(world, [], 32);
      for (const at of range(1, 16)) {
        await world.clock.sleep(100_000);
        source.host.bonds!.keep({ ...strangerOf(at), ownIdentity: source.host.identities.own });
      }
      const text = source.aioble.security.saveSecrets();
      const camera = addCamera(world, [], 32);
      equal(camera.aioble.security.loadSecrets(text), 16);
      equal(camera.aioble.security.saveSecrets(), text);
      equal(camera.host.bonds!.areStrangersSpent, false);
    }, 2_000_000);
  });

  for (const [what, loaded, there, maxBonds] of [
    ["8 bonds beside 8", range(1, 8).map((at) => bondOf(at)), range(11, 18).map((at) => bondOf(at)), 8],
    ["one bond beside as many as there may be", [bondOf(1)], range(11, 42).map((at) => bondOf(at)), 32],
    ["4 strangers beside 8 owners", range(1, 4).map(strangerOf), range(11, 18).map((at) => bondOf(at)), 8],
    ["4 strangers beside one", range(1, 4).map(strangerOf), [strangerOf(11)], 8],
    ["4 strangers, where two have a place", range(1, 4).map(strangerOf), [], 4],
  ] as const) {
    it(`${what}: a RangeError, and nothing has changed`, () => {
      const world = createWorld();
      const text = copyOf(world, loaded);
      const records = new FailingRecords();
      const camera = addCamera(world, there, maxBonds, records);
      const before = camera.aioble.security.saveSecrets();
      records.left = 0;
      throws(() => camera.aioble.security.loadSecrets(text), { name: "RangeError" });
      equal(records.left, 0, "nothing was written");
      equal(camera.aioble.security.saveSecrets(), before);
    });
  }

  it("two bonds of the same devices: a TypeError, and nothing has changed", () => {
    const world = createWorld();
    const copy = JSON.parse(copyOf(world, [bondOf(1)])) as { bonds: string[] };
    copy.bonds.push(copy.bonds[0]!);
    const camera = addCamera(world, [bondOf(11)]);
    const before = camera.aioble.security.saveSecrets();
    throws(() => camera.aioble.security.loadSecrets(JSON.stringify(copy)), { name: "TypeError" });
    equal(camera.aioble.security.saveSecrets(), before);
  });

  it("where the flash fails at any of its writes nothing has changed, and it can be called again", () => {
    const world = createWorld();
    const text = copyOf(
      world,
      range(1, 3).map((at) => bondOf(at)),
    );
    let failures = 0;
    for (let left = 0; ; left++) {
      const records = new FailingRecords();
      const camera = addCamera(
        world,
        range(11, 12).map((at) => bondOf(at)),
        8,
        records,
      );
      const { security } = camera.aioble;
      const before = security.saveSecrets();
      records.left = left;
      let isDone = true;
      try {
        security.loadSecrets(text);
      } catch {
        isDone = false;
        failures++;
        records.left = Number.POSITIVE_INFINITY;
        equal(security.saveSecrets(), before, `at write ${left}`);
        const again = addCamera(world, [], 8, records).aioble.security;
        equal(sorted(again.saveSecrets()), sorted(before), `at write ${left}, after a restart`);
        equal(security.loadSecrets(text), 5);
      }
      if (isDone) break;
    }
    equal(failures, 5, "three bonds, the Identity Resolving Key and the address");
  });
});
