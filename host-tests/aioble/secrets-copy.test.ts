/** A copy of what a camera is known by is taken over as a whole, or not at all (docs/security.md, A copy). */
import type { Bond } from "../../firmware/ble/smp/keys.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, throws } from "../support/assert.ts";
import { bondOf, type Copy, sealed, strangerOf } from "../support/bonds.ts";
import { type AiobleCamera, addAioble, MemoryRecords } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

/** Where the Identity Resolving Key of a bond begins in its digits (firmware/ble/smp/bond-record.ts). */
const IRK_DIGIT = 42;

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

/** In what order bonds were used, on which the checksum depends too, is on flash with their next link. */
const sorted = (text: string): string => [...text.replace(/"crc32":\d+/, "")].sort().join("");

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
    const copy = JSON.parse(copyOf(world, [bondOf(1)])) as Copy;
    const text = JSON.stringify(sealed({ ...copy, bonds: [copy.bonds[0]!, copy.bonds[0]!] }));
    const camera = addCamera(world, [bondOf(11)]);
    const before = camera.aioble.security.saveSecrets();
    throws(() => camera.aioble.security.loadSecrets(text), {
      name: "TypeError",
      message: /bond 1 is of the same/,
    });
    equal(camera.aioble.security.saveSecrets(), before);
  });

  it("any other character at any place, or an end at any place: a TypeError, and nothing has changed", () => {
    const world = createWorld();
    const text = copyOf(world, [bondOf(1), strangerOf(2)]);
    const camera = addCamera(world, [bondOf(11)]);
    const { security } = camera.aioble;
    const before = security.saveSecrets();
    for (let at = 0; at < text.length; at++) {
      const changed = ["0", "1", "f", '"', " "]
        .filter((other) => other !== text[at])
        .map((other) => text.slice(0, at) + other + text.slice(at + 1));
      for (const bad of [...changed, text.slice(0, at)])
        throws(() => security.loadSecrets(bad), { name: "TypeError" });
    }
    equal(security.saveSecrets(), before);
    equal(security.loadSecrets(text), 3);
  });

  const own = "c10203040506";
  const identities: [string, string][] = [
    ["a resolvable private address", "014102030405aa"],
    ["a private address", "010102030405aa"],
    ["a public address of all 0", "00000000000000"],
    ["a public address of all 1", "00ffffffffffff"],
    ["a random address of all 1", "01ffffffffffff"],
    ["the camera's own address", `01${own}`],
    ["an address of another type", "02c10203040506"],
  ];
  for (const [what, identity] of identities) {
    it(`a bond of ${what}: a TypeError, and nothing has changed`, () => {
      const camera = addCamera(createWorld(), [bondOf(11)]);
      const { security } = camera.aioble;
      const before = security.saveSecrets();
      const bond = `021010${"0".repeat(8)}${identity}01${own}${"12".repeat(26)}`;
      const copy = { format: "obscura-bonds", version: 2, address: own, irk: "11".repeat(16), bonds: [bond] };
      throws(() => security.loadSecrets(JSON.stringify(sealed(copy))), {
        name: "TypeError",
        message: /bond 0 is/,
      });
      equal(security.saveSecrets(), before);
      const sound = `021010${"0".repeat(8)}01c00203040506${bond.slice(28)}`;
      equal(security.loadSecrets(JSON.stringify(sealed({ ...copy, bonds: [sound] }))), 2);
    });
  }

  it("an Identity Resolving Key of all 0, the camera's or a device's: a TypeError, and nothing has changed", () => {
    const world = createWorld();
    const copy = JSON.parse(copyOf(world, [bondOf(1)])) as Copy;
    const camera = addCamera(world, [bondOf(11)]);
    const { security } = camera.aioble;
    const before = security.saveSecrets();
    const none = "0".repeat(32);
    const [bond] = copy.bonds;
    for (const bad of [
      { ...copy, irk: none },
      { ...copy, bonds: [bond!.slice(0, IRK_DIGIT) + none + bond!.slice(IRK_DIGIT + 32)] },
    ])
      throws(() => security.loadSecrets(JSON.stringify(sealed(bad))), {
        name: "TypeError",
        message: /all 0/,
      });
    equal(security.saveSecrets(), before);
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
