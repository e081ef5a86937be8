/** Pairings beside others: a bond and a window are judged as they are when a pairing ends, not as they were when it began. */
import { PAIRING_FAILURE } from "../../firmware/ble/smp/pdus.ts";
import type { SecuredLink } from "../../firmware/ble/smp/port.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { begin, type Meeting, onStage, ROLES, SMP_CODE, type Stage } from "../support/dawdling.ts";
import { describe, it } from "../support/suite.ts";

const USER = { display: () => undefined, compare: () => true };
const NOT_SUPPORTED = { code: "pairing-failed", reason: PAIRING_FAILURE.PAIRING_NOT_SUPPORTED };
const REJECTED = { code: "pairing-failed", reason: PAIRING_FAILURE.KEY_REJECTED };
/** How far a pairing gets before what it is held up by: in the last case its key encrypts the link. */
const HELD = [
  ["its public key", SMP_CODE.PUBLIC_KEY],
  ["its DHKey check", SMP_CODE.DHKEY_CHECK],
  ["its identity", SMP_CODE.IDENTITY],
] as const;

const isProtected = ({ own }: Meeting): boolean => own.isConnected() && own.encrypted;

/** The owner comes back and its key encrypts the link. */
async function comesBack(stage: Stage, before: Meeting): Promise<void> {
  const { meet, owner, world } = stage;
  if (before.own.isConnected()) await before.own.disconnect();
  await world.clock.sleep(1000);
  const { own, theirs } = await meet(owner);
  await theirs.pair();
  deepEqual([own.encrypted, own.bonded], [true, true]);
}

for (const role of ROLES) {
  describe(`attack: a bond that is made while a stranger pairs in its name, the camera as ${role}`, () => {
    for (const givesKeys of [true, false]) {
      const how = givesKeys ? "with keys of its own" : "with no keys";
      for (const isThere of [true, false]) {
        const where = isThere ? "connected" : "gone";
        it(`${how}: an authenticated bond stays, its owner ${where}`, () =>
          onStage(role, {}, async (stage) => {
            const { addDevice, bondOf, bonds, camera, hold, meet, owner, world } = stage;
            camera.aioble.security.agent = owner.aioble.security.agent = USER;
            const stranger = await addDevice(owner);
            const [theirs, owners] = [await meet(stranger), await meet(owner)];
            const held = hold(stranger, theirs, SMP_CODE.PUBLIC_KEY, givesKeys);
            const { outcome } = await begin(stage, theirs);
            await owners.own.pair({ mitm: true });
            const made = bondOf(owner);
            deepEqual([made?.isAuthenticated, made?.isAttended], [true, true]);
            if (!isThere) await owners.own.disconnect();
            held.release();
            // A central that says who it is, or does not, is done with that.
            if (givesKeys && role === "central") deepEqual(await outcome, REJECTED);
            await world.clock.sleep(5000);
            deepEqual([bondOf(owner) === made, bonds().length], [true, 1]);
            deepEqual([theirs.own.bonded, theirs.own.isConnected()], [false, false]);
            ok(diagnostics(camera).some((line) => line.includes("claims an identity that is not its own")));
            await comesBack(stage, owners);
          }));
      }

      for (const [what, config, prepare] of [
        [
          "in a window for two",
          { pairing: "window" },
          ({ camera }: Stage) => camera.aioble.security.openPairing({ count: 2 }),
        ],
        [
          "that accept has let in",
          {},
          ({ camera }: Stage) => (camera.aioble.security.agent = { accept: () => true }),
        ],
        [
          "that the application pairs with",
          {},
          (_: Stage, { own }: Meeting) => own.pair().catch(() => undefined),
        ],
      ] as const) {
        it(`${how}, ${what}: one that nobody authenticated stays too, for nobody spoke of that one`, () =>
          onStage(role, config, async (stage) => {
            const { addDevice, bondOf, bonds, hold, meet, owner, world } = stage;
            const stranger = await addDevice(owner);
            const [theirs, owners] = [await meet(stranger), await meet(owner)];
            const held = hold(stranger, theirs, SMP_CODE.PUBLIC_KEY, givesKeys);
            prepare(stage, theirs);
            await begin(stage, theirs);
            await owners.theirs.pair();
            await world.clock.sleep(500);
            const made = bondOf(owner);
            ok(made);
            held.release();
            await world.clock.sleep(5000);
            deepEqual([bondOf(owner) === made, bonds().length, theirs.own.isConnected()], [true, 1, false]);
            await comesBack(stage, owners);
          }));
      }
    }

    // A central connects to an address once.
    if (role === "peripheral")
      it("two strangers in its name, in a window for three: the bond that was there goes once, and what took its place stays", () =>
        onStage(role, { pairing: "window" }, async (stage) => {
          const { addDevice, bonds, camera, hold, meet, owner, world } = stage;
          camera.aioble.security.openPairing();
          const first = await meet(owner);
          await begin(stage, first);
          const [old] = bonds();
          await first.own.disconnect();
          await world.clock.sleep(1000);
          camera.aioble.security.openPairing({ count: 3 });
          const strangers = [await addDevice(owner), await addDevice(owner)];
          const meetings = [await meet(strangers[0]!), await meet(strangers[1]!)];
          const held = meetings.map((meeting, at) =>
            hold(strangers[at]!, meeting, SMP_CODE.PUBLIC_KEY, false),
          );
          for (const meeting of meetings) await begin(stage, meeting);
          held[1]!.release();
          await world.clock.sleep(2000);
          const [replaced] = bonds();
          ok(replaced !== old);
          held[0]!.release();
          await world.clock.sleep(5000);
          deepEqual([bonds().length, bonds()[0] === replaced], [1, true]);
          deepEqual(
            meetings.map(({ own }) => own.isConnected()),
            [false, true],
          );
        }));

    it("the device itself over its encrypted link: the new bond takes the place, and what was said of the old one holds", () =>
      onStage(role, {}, async (stage) => {
        const { bondOf, bonds, meet, owner, world } = stage;
        const { own, theirs } = await meet(owner);
        await own.pair();
        await world.clock.sleep(500);
        const old = bondOf(owner);
        equal(old?.isAttended, true);
        owner.aioble.security.agent = stage.camera.aioble.security.agent = USER;
        await theirs.pair({ mitm: true });
        await world.clock.sleep(500);
        const made = bondOf(owner);
        deepEqual(
          [made !== old, made?.isAuthenticated, made?.isAttended, bonds().length],
          [true, true, true, 1],
        );
      }));

    for (const change of ["delete", "never"] as const) {
      const what = change === "delete" ? "its bond is deleted" : 'config says "never"';
      it(`the device itself, for which ${what} meanwhile: nothing is kept`, () =>
        onStage(role, { pairing: "always" }, async (stage) => {
          const { bonds, camera, hold, meet, owner, world } = stage;
          const meeting = await meet(owner);
          await begin(stage, meeting);
          equal(bonds().length, 1);
          camera.aioble.config({ pairing: "bonded" });
          camera.aioble.security.agent = owner.aioble.security.agent = USER;
          const held = hold(owner, meeting, SMP_CODE.DHKEY_CHECK);
          // It may believe that it is done: what it gave was taken.
          void meeting.theirs.pair({ mitm: true }).catch(() => undefined);
          await world.clock.sleep(1000);
          if (change === "never") camera.aioble.config({ pairing: "never" });
          camera.aioble.security.bonds.clear();
          held.release();
          await world.clock.sleep(3000);
          ok(diagnostics(camera).some((line) => line.includes("ended here (0x05)")));
          deepEqual([bonds().length, meeting.own.isConnected()], [0, false]);
        }));
    }
  });

  describe(`a pairing that does not come about, though its key encrypts the link, the camera as ${role}`, () => {
    for (const how of ["stops", "is refused"] as const) {
      it(`for the device ${how}: the link ends`, () =>
        onStage(role, {}, async (stage) => {
          const { addDevice, bonds, hold, meet, world } = stage;
          const stranger = await addDevice();
          const meeting = await meet(stranger);
          const held = hold(stranger, meeting, SMP_CODE.IDENTITY);
          await begin(stage, meeting);
          deepEqual([isProtected(meeting), meeting.own.bonded], [true, false]);
          if (how === "is refused") held.say(SMP_CODE.FAILED, PAIRING_FAILURE.UNSPECIFIED);
          await world.clock.sleep(how === "stops" ? 32_000 : 1500);
          deepEqual([meeting.own.isConnected(), bonds().length], [false, 0]);
        }));
    }
  });

  if (role === "peripheral") {
    describe("a pairing that a request for a key ends, though its key encrypts the link", () => {
      const another = Uint8Array.from({ length: 8 }, (_, at) => at);
      for (const [what, ediv, rand] of [
        ["that of the pairing again", 0, new Uint8Array(8)],
        ["another", 5, another],
        ["one without a name but with a number", 0, another],
      ] as const) {
        for (const isRefreshLost of [false, true]) {
          const before = isRefreshLost ? ", behind a refresh that came to nothing" : "";
          it(`for ${what}${before}: the link ends`, () =>
            onStage(role, {}, async (stage) => {
              const { addDevice, bonds, camera, hold, meet, world } = stage;
              const stranger = await addDevice();
              const meeting = await meet(stranger);
              hold(stranger, meeting, SMP_CODE.IDENTITY);
              await begin(stage, meeting);
              deepEqual([isProtected(meeting), meeting.own.bonded], [true, false]);
              const { encryption } = camera.host;
              if (isRefreshLost) {
                const { manager } = encryption!;
                const { links } = encryption as unknown as { readonly links: Map<unknown, SecuredLink> };
                manager.encryptionChanged(links.get(meeting.own.link)!, 0x22);
                equal(isProtected(meeting), true);
              }
              encryption!.keyRequested(meeting.own.link.handle, ediv, rand);
              await world.clock.sleep(1500);
              deepEqual([meeting.own.isConnected(), bonds().length], [false, 0]);
            }));
        }
      }
    });
  }

  describe(`a pairing window and the pairings in it, the camera as ${role}`, () => {
    for (const [what, from] of HELD) {
      // A central that has said who it is believes that it is done.
      const isHeard = role === "central" || from !== SMP_CODE.IDENTITY;
      for (const order of ["first", "last"] as const) {
        it(`is for one: who gets through first has it, and one that was held up by ${what} and began ${order} is told`, () =>
          onStage(role, { pairing: "window" }, async (stage) => {
            const { addDevice, bondOf, bonds, camera, hold, meet, owner, world } = stage;
            const stranger = await addDevice();
            const [theirs, owners] = [await meet(stranger), await meet(owner)];
            hold(stranger, theirs, from);
            const holdOwner = hold(owner, owners, SMP_CODE.PUBLIC_KEY);
            const { security } = camera.aioble;
            security.openPairing({ durationMs: 60_000 });
            const begun = new Map<Meeting, Awaited<ReturnType<typeof begin>>>();
            for (const meeting of order === "first" ? [theirs, owners] : [owners, theirs])
              begun.set(meeting, await begin(stage, meeting));
            await world.clock.sleep(20_000);
            equal(security.isPairingOpen, true, "who dawdles has not taken it");
            holdOwner.release();
            await world.clock.sleep(2000);
            equal(security.isPairingOpen, false);
            if (isHeard) deepEqual(await begun.get(theirs)!.outcome, NOT_SUPPORTED);
            equal(await begun.get(owners)!.outcome, "paired");
            deepEqual(
              [bonds().length, bondOf(owner)?.isAttended, bondOf(owner)?.isFromWindow],
              [1, true, true],
            );
            // A key that encrypts the link is of no use either.
            await world.clock.sleep(1000);
            equal(isProtected(theirs), false);
            equal(theirs.own.isConnected(), from !== SMP_CODE.IDENTITY);
            const closings = diagnostics(camera).filter((line) =>
              line.includes("this side does not pair now"),
            );
            equal(closings.length, 1);
          }));
      }

      for (const way of ["its time", "closePairing()"] as const) {
        it(`that ends by ${way} ends who is held up by ${what}`, () =>
          onStage(role, { pairing: "window" }, async (stage) => {
            const { bonds, camera, hold, meet, owner, world } = stage;
            const meeting = await meet(owner);
            const held = hold(owner, meeting, from);
            const { security } = camera.aioble;
            security.openPairing({ durationMs: 20_000 });
            const { outcome } = await begin(stage, meeting);
            if (way === "closePairing()") security.closePairing();
            else await world.clock.sleep(20_000);
            if (isHeard) deepEqual(await outcome, NOT_SUPPORTED);
            held.release();
            await world.clock.sleep(1000);
            deepEqual([bonds().length, isProtected(meeting)], [0, false]);
            // It has done nothing wrong, and comes in the next one at once.
            if (!meeting.own.isConnected()) return;
            security.openPairing({ durationMs: 20_000 });
            equal(await (await begin(stage, meeting)).outcome, "paired");
          }));
      }
    }

    it("three failed authentications end it for who pairs meanwhile", () =>
      onStage(role, { pairing: "window" }, async (stage) => {
        const { bonds, camera, hold, meet, owner } = stage;
        const meeting = await meet(owner);
        hold(owner, meeting, SMP_CODE.PUBLIC_KEY);
        camera.aioble.security.openPairing();
        const { outcome } = await begin(stage, meeting);
        for (const peer of ["one", "two", "three"]) camera.host.encryption!.manager.peerFailed(peer, true);
        deepEqual(await outcome, NOT_SUPPORTED);
        equal(bonds().length, 0);
      }));

    it("opened once more goes on, with another time and count, for who pairs meanwhile", () =>
      onStage(role, { pairing: "window" }, async (stage) => {
        const { addDevice, bondOf, camera, hold, meet, owner, world } = stage;
        const second = await addDevice();
        const meetings = [await meet(second), await meet(owner)];
        const held = [second, owner].map((device, at) => hold(device, meetings[at]!, SMP_CODE.PUBLIC_KEY));
        const { security } = camera.aioble;
        security.openPairing({ durationMs: 10_000 });
        const begun = [await begin(stage, meetings[0]!), await begin(stage, meetings[1]!)];
        security.openPairing({ durationMs: 20_000, count: 2 });
        await world.clock.sleep(15_000);
        for (const each of held) each.release();
        for (const { outcome } of begun) equal(await outcome, "paired");
        await world.clock.sleep(500);
        for (const device of [owner, second]) equal(bondOf(device)?.isFromWindow, true);
        equal(security.isPairingOpen, false);
      }));

    it('where config says "always": what is under way goes on, as a stranger\'s', () =>
      onStage(role, {}, async (stage) => {
        const { bondOf, camera, hold, meet, owner, world } = stage;
        const meeting = await meet(owner);
        const held = hold(owner, meeting, SMP_CODE.DHKEY_CHECK);
        camera.aioble.security.openPairing();
        const { outcome } = await begin(stage, meeting);
        camera.aioble.security.closePairing();
        // Another one is none of its business.
        camera.aioble.security.openPairing();
        held.release();
        equal(await outcome, "paired");
        await world.clock.sleep(500);
        deepEqual([bondOf(owner)?.isAttended, bondOf(owner)?.isFromWindow], [false, false]);
        equal(camera.aioble.security.isPairingOpen, true);
      }));

    it("what the application pairs with is not the window's, and goes on", () =>
      onStage(role, { pairing: "window" }, async (stage) => {
        const { bondOf, camera, hold, meet, owner, world } = stage;
        const meeting = await meet(owner);
        const held = hold(owner, meeting, SMP_CODE.DHKEY_CHECK);
        camera.aioble.security.openPairing();
        const paired = meeting.own.pair();
        await world.clock.sleep(1000);
        camera.aioble.security.closePairing();
        held.release();
        await paired;
        deepEqual([bondOf(owner)?.isAttended, bondOf(owner)?.isFromWindow], [true, false]);
      }));
  });
}
