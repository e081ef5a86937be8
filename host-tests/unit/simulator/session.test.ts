/** The phone's whole session, where the camera has little to say. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { type PhoneSessionEvent, runPhoneSession } from "../../../simulator/phone/session.ts";
import { createWorld } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { createServer } from "../../support/server.ts";

describe("a phone's session with a camera that never notifies", () => {
  async function make(patienceMs: number | undefined): Promise<PhoneSessionEvent[]> {
    const world = createWorld(7);
    const camera = createServer({ host: new Host(world.addCamera().platform, new MemoryRecords()) });
    camera.camera.host.observe({ onDisconnected: () => void camera.advertise("quiet", 20_000) });
    const { phone } = world.addPhone();
    const events: PhoneSessionEvent[] = [];
    await world.run(async () => {
      await camera.advertise("quiet", 20_000);
      for await (const event of runPhoneSession(phone, { patienceMs })) events.push(event);
    });
    return events;
  }

  it("goes on without when the phone has so much patience and no more", async () => {
    const events = await make(3000);
    assert.deepEqual(
      events.slice(-4).map(({ event }) => event),
      ["silence", "disconnected", "advertisingAgain", "done"],
    );
    assert.deepEqual(events.at(-4), { event: "silence", seconds: 3 });
  });

  it("fails otherwise", async () => {
    await assert.rejects(make(undefined), /waited in vain for a notification/);
  });
});

describe("a phone's session with a camera that nobody can connect to", () => {
  async function make(changes: number, patienceMs: number | undefined): Promise<PhoneSessionEvent[]> {
    const world = createWorld(8);
    const host = new Host(world.addCamera().platform, new MemoryRecords());
    const { phone } = world.addPhone();
    const events: PhoneSessionEvent[] = [];
    const respData = new Uint8Array(0);
    await world.run(async () => {
      await host.activate();
      const data = (value: number) => new Uint8Array([2, 0x2a, value]);
      const set = host.advertiser.acquire({ onEnded() {}, take: () => true })!;
      await set.start({ intervalUs: 100_000, connectable: false, advData: data(0), respData });
      for (let value = 1; value <= changes; value++) {
        world.clock.setTimer(() => set.update(data(value), respData), value * 1000);
      }
      for await (const event of runPhoneSession(phone, { patienceMs, notifications: 3 })) events.push(event);
    });
    return events;
  }

  it("hears each payload that is new", async () => {
    const events = await make(5, undefined);
    assert.deepEqual(
      events.map((event) =>
        event.event === "heard" ? `${event.number} ${event.advertisingRaw}` : event.event,
      ),
      ["ready", "found", "1 022a01", "2 022a02", "3 022a03", "done"],
    );
  });

  it("goes away when nothing new comes for as long as its patience lasts, and fails without", async () => {
    const events = await make(1, 3000);
    assert.deepEqual(
      events.map(({ event }) => event),
      ["ready", "found", "heard", "silence", "done"],
    );
    await assert.rejects(make(1, undefined), /waited in vain for an advertisement/);
  });
});
