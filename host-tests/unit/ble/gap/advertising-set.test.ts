/** Who owns what is on the air: sets are acquired and released, and a connection goes to the owner of its set. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { AdvertisingEnd, AdvertisingSet } from "../../../../firmware/ble/gap/advertising-set.ts";
import type { Connection } from "../../../../firmware/ble/gap/connection.ts";
import { createActiveRig, ENABLE, ENABLE_OFF, ENABLE_ON, isOnAir } from "../../../support/advertising.ts";
import { HANDLE, type Rig } from "../../../support/rig.ts";
import { commandComplete, eventPacket, SILENCE } from "../../../support/scripted-controller.ts";

const NONE = new Uint8Array(0);
const ADVERTISEMENT = { intervalUs: 100_000, connectable: true, advData: NONE, respData: NONE };
const BEACON = { ...ADVERTISEMENT, connectable: false };
const DISCONNECT = "01 06 04 03 40 00 13";

/** An owner that notes what it hears, and its set. */
function acquire(rig: Rig, takes = true) {
  const ends: AdvertisingEnd[] = [];
  const taken: Connection[] = [];
  const set = rig.host.advertiser.acquire({
    onEnded: (end) => ends.push(end),
    take(connection) {
      if (takes) taken.push(connection);
      return takes;
    },
  });
  return { set: set as AdvertisingSet, ends, taken };
}

async function finish(rig: Rig, work: Promise<unknown>): Promise<string[]> {
  await Promise.all([work, rig.settle()]);
  return rig.controller.take();
}

describe("advertising sets: acquired and released", () => {
  it("there is one: a second owner gets it when the first has released it", async () => {
    const rig = await createActiveRig();
    const { advertiser } = rig.host;
    const first = acquire(rig);
    assert.equal(advertiser.hasFreeSet, false);
    assert.equal(acquire(rig).set, undefined);
    await finish(rig, first.set.start(ADVERTISEMENT));
    assert.deepEqual(await finish(rig, first.set.release()), [ENABLE_OFF]);
    assert.equal(advertiser.hasFreeSet, true);
    const second = acquire(rig);
    assert.ok(isOnAir(await finish(rig, second.set.start(ADVERTISEMENT))));
  });

  it("one that has been released does nothing any more, and does not disturb the next", async () => {
    const rig = await createActiveRig();
    const first = acquire(rig);
    await finish(rig, first.set.start(ADVERTISEMENT));
    await finish(rig, first.set.release());
    const second = acquire(rig);
    await finish(rig, second.set.start(BEACON));
    assert.throws(() => first.set.start(ADVERTISEMENT), { message: /has been released/ });
    assert.deepEqual(await finish(rig, first.set.stop()), []);
    assert.deepEqual(await finish(rig, first.set.release()), []);
    assert.deepEqual(await finish(rig, first.set.update(NONE, NONE)), []);
    assert.equal(rig.host.advertiser.advertising, true);
    assert.deepEqual(first.ends, []);
  });

  it("the next owner's start waits until the one before is off the air", async () => {
    const rig = await createActiveRig();
    const first = acquire(rig);
    await finish(rig, first.set.start(ADVERTISEMENT));
    rig.controller.script(ENABLE, SILENCE);
    const released = first.set.release();
    const second = acquire(rig);
    const started = second.set.start(BEACON);
    await rig.settle();
    assert.deepEqual(rig.controller.take(), [ENABLE_OFF]);
    rig.controller.deliver(commandComplete(ENABLE));
    await rig.settle();
    await Promise.all([released, started]);
    assert.equal(rig.controller.take().at(-1), ENABLE_ON);
  });
});

describe("advertising sets: whose connection it is", () => {
  it("of the owner whose set is on the air, and its advertisement is over", async () => {
    const rig = await createActiveRig();
    const { set, ends, taken } = acquire(rig);
    await finish(rig, set.start(ADVERTISEMENT));
    await rig.connect();
    assert.deepEqual(ends, [{ by: "connection" }]);
    assert.deepEqual(
      taken.map(({ handle }) => handle),
      [HANDLE],
    );
    assert.equal(set.advertising, false);
    assert.deepEqual(rig.controller.take(), []);
  });

  it("of the owner before, when it comes before the next owner is on the air: the next goes on", async () => {
    const rig = await createActiveRig();
    const first = acquire(rig);
    await finish(rig, first.set.start(ADVERTISEMENT));
    rig.controller.script(ENABLE, SILENCE);
    const released = first.set.release();
    const second = acquire(rig);
    const started = second.set.start(ADVERTISEMENT);
    await rig.settle();
    await rig.connect();
    rig.controller.deliver(commandComplete(ENABLE, [0x0c]));
    await rig.settle();
    await Promise.all([released, started]);
    assert.equal(first.taken.length, 1);
    assert.deepEqual([second.taken, second.ends], [[], []]);
    assert.ok(isOnAir(rig.controller.take()));
  });

  it("of nobody: the host ends it, with a line in the log", async () => {
    const rig = await createActiveRig();
    const { set } = acquire(rig, false);
    await finish(rig, set.start(ADVERTISEMENT));
    await rig.connect();
    assert.deepEqual(rig.controller.take(), [DISCONNECT]);
    assert.ok(rig.log.some(([, line]) => line === "aioble: ended a connection that nobody waits for"));
  });

  it("a beacon is not ended by one", async () => {
    const rig = await createActiveRig();
    const { set, ends } = acquire(rig, false);
    await finish(rig, set.start(BEACON));
    await rig.connect();
    assert.deepEqual(ends, []);
    assert.equal(set.advertising, true);
  });
});

describe("advertising sets: over the end of a session", () => {
  it("what is wanted goes on with the next one, and its owner hears nothing", async () => {
    const rig = await createActiveRig();
    const { set, ends } = acquire(rig);
    await finish(rig, set.start(ADVERTISEMENT));
    rig.controller.fail("unplugged");
    await rig.settle();
    assert.ok(isOnAir(rig.controller.take()));
    assert.deepEqual(ends, []);
  });

  it("changes that are asked for meanwhile are made when it begins", async () => {
    const rig = await createActiveRig();
    const { set } = acquire(rig);
    await finish(rig, set.start(ADVERTISEMENT));
    rig.controller.take();
    rig.controller.script(0x0c03, SILENCE);
    rig.controller.fail("unplugged");
    await rig.settle();
    await set.update(new Uint8Array([2, 1, 6]), NONE);
    await rig.clock.advance(3000);
    const sent = rig.controller.take();
    assert.ok(
      sent
        .filter((packet) => packet.startsWith("01 08 20"))
        .at(-1)!
        .startsWith("01 08 20 20 03 02 01 06"),
    );
    assert.ok(isOnAir(sent));
  });

  it("an owner hears when the controller refuses to go on, and may start again", async () => {
    const rig = await createActiveRig();
    const { set, ends } = acquire(rig);
    await finish(rig, set.start(ADVERTISEMENT));
    rig.controller.script(ENABLE, () => [commandComplete(ENABLE, [0x0c])]);
    rig.controller.deliver(eventPacket(0x10, [1]));
    await rig.settle();
    assert.equal(ends.length, 1);
    assert.equal(ends[0]!.by, "failure");
    assert.ok(isOnAir(await finish(rig, set.start(ADVERTISEMENT))));
  });

  it("an owner hears when the radio is switched off", async () => {
    const rig = await createActiveRig();
    const { set, ends } = acquire(rig);
    await finish(rig, set.start(ADVERTISEMENT));
    assert.equal(isOnAir(await finish(rig, rig.host.deactivate())), false);
    assert.equal(ends.length, 1);
    assert.equal((ends[0] as { error?: { code?: string } }).error?.code, "radio-off");
    assert.equal(set.advertising, false);
  });
});
