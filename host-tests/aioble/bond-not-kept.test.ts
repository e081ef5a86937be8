/** A bonded device that pairs anew, whose new bond flash does not take: no side is left with a key that the other has not. */

import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { type Meeting, onStage, ROLES, type Role, SMP_CODE, type Stage } from "../support/dawdling.ts";
import { describe, it } from "../support/suite.ts";

/** Writes of a bond come back in so long. */
const REFILL_MS = 80_000;
const FEATURES = [3, 0, 0x09, 16, 0x02, 0x02] as const;
const USER = { display: () => undefined, compare: () => true };

interface Bonded extends Stage {
  readonly meeting: Meeting;
  /** As often as flash bears it: afterwards there is no write left for another bond. */
  wearOut(): void;
}

const AS = { "a stranger": "always", "one from a window": "window" } as const;

async function withBonded(
  role: Role,
  as: keyof typeof AS,
  work: (bonded: Bonded) => Promise<void>,
): Promise<void> {
  await onStage(role, { pairing: AS[as] }, async (stage) => {
    const { bonds, camera, meet, owner, world } = stage;
    camera.aioble.security.agent = owner.aioble.security.agent = USER;
    if (as === "one from a window") camera.aioble.security.openPairing();
    const meeting = await meet(owner);
    await meeting.theirs.pair();
    await world.clock.sleep(500);
    deepEqual([meeting.own.bonded, bonds()[0]?.isAttended], [true, as === "one from a window"]);
    const wearOut = (): void => {
      const kept = camera.host.bonds!;
      for (let turn = 0; turn < 100 && kept.canRewrite(bonds()[0]!, false); turn++)
        kept.keep(bonds()[0]!, true);
    };
    await work({ ...stage, meeting, wearOut });
  });
}

/** The device comes back, and the bond that both have encrypts the link. */
async function comesBack({ meet, meeting, owner, world }: Bonded): Promise<void> {
  await meeting.own.disconnect();
  await world.clock.sleep(1000);
  const { own, theirs } = await meet(owner);
  await theirs.pair();
  await world.clock.sleep(500);
  deepEqual([own.bonded, theirs.bonded], [true, true]);
}

describe("bonds: flash that has been written too often", () => {
  for (const as of Object.keys(AS) as (keyof typeof AS)[]) {
    it(`a device that is bonded as ${as} and wants to pair is refused before its key changes`, () =>
      withBonded("peripheral", as, async (bonded) => {
        const { bonds, camera, hold, meeting, owner, wearOut, world } = bonded;
        wearOut();
        const [bond] = bonds();
        const held = hold(owner, meeting, SMP_CODE.FAILED);
        held.say(SMP_CODE.REQUEST, ...FEATURES);
        await world.clock.sleep(1000);
        deepEqual([bonds()[0] === bond, meeting.own.encrypted, meeting.own.bonded], [true, true, true]);
        ok(diagnostics(camera).some((line) => line.includes("its bond was written so often")));
        await comesBack(bonded);
      }));

    it(`one that is bonded as ${as} is told 0x09, and pairs when writes have come back`, () =>
      withBonded("peripheral", as, async ({ bonds, meeting, owner, wearOut, world }) => {
        wearOut();
        const [bond] = bonds();
        owner.aioble.security.bonds.clear();
        await rejects(meeting.theirs.pair(), { code: "pairing-failed", reason: 0x09, source: "peer" });
        equal(bonds()[0], bond);
        await world.clock.sleep(REFILL_MS);
        await meeting.theirs.pair();
        await world.clock.sleep(500);
        deepEqual([bonds()[0] === bond, meeting.own.bonded], [false, true]);
      }));
  }

  for (const role of ROLES) {
    it(`the application's own pair() rejects before anything is sent, the camera as ${role}`, () =>
      withBonded(role, "one from a window", async (bonded) => {
        const { bonds, meeting, wearOut } = bonded;
        wearOut();
        const [bond] = bonds();
        await rejects(meeting.own.pair({ mitm: true }), {
          code: "bond-not-saved",
          message: /no pairing was begun/,
        });
        deepEqual([bonds()[0] === bond, meeting.own.bonded, meeting.theirs.bonded], [true, true, true]);
        // What needs no write is given.
        await meeting.own.pair();
        await comesBack(bonded);
      }));
  }
});

for (const role of ROLES) {
  describe(`bonds: flash that fails, the camera as ${role}`, () => {
    it("when a bonded device has paired anew: pair() says that the bond was not kept, and the link ends", () =>
      withBonded(role, "one from a window", async ({ bonds, camera, meeting, world }) => {
        const [bond] = bonds();
        camera.host.bonds!.keep = () => {
          throw new Error("flash is broken");
        };
        await rejects(meeting.own.pair({ mitm: true }), {
          code: "bond-not-saved",
          message: /the link ends.*flash is broken/,
        });
        equal(meeting.own.bonded, false);
        await world.clock.sleep(2000);
        deepEqual([meeting.own.isConnected(), bonds()[0] === bond], [false, true]);
      }));

    it("when a device has paired that was not bonded: the link goes on without a bond", () =>
      onStage(role, {}, async ({ bonds, camera, meet, owner, world }) => {
        camera.host.bonds!.keep = () => {
          throw new Error("flash is broken");
        };
        const { own } = await meet(owner);
        await rejects(own.pair(), { code: "bond-not-saved", message: /for this connection alone/ });
        await world.clock.sleep(2000);
        deepEqual([own.isConnected(), own.encrypted, own.bonded, bonds().length], [true, true, false, 0]);
      }));
  });
}
