/** The phone's whole session, where the camera has little to say. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { type PhoneSessionEvent, runPhoneSession } from "../../../simulator/phone/session.ts";
import { createWorld } from "../../../simulator/world.ts";
import { addAioble, MemoryRecords } from "../../support/cameras.ts";
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

describe("a phone's session with a camera that protects values", () => {
  it("shows what is refused, and goes on with the rest", async () => {
    const world = createWorld(9);
    const { aioble } = addAioble(world);
    const { Characteristic, registerServices, Service } = aioble;
    const service = new Service(new UUID(0x1815));
    const both = { read: true, notify: true, initial: "a" };
    new Characteristic(service, new UUID(0x2b00), { ...both, security: "encrypted" });
    new Characteristic(service, new UUID(0x2b01), both);
    registerServices(service);
    const advertise = async (): Promise<never> => {
      for (;;) await (await aioble.advertise({ intervalUs: 100_000, name: "lamp" })).disconnected();
    };
    const seen: string[] = [];
    await world.run(async () => {
      advertise().catch(() => undefined);
      const session = runPhoneSession(world.addPhone().phone, { patienceMs: 1000 });
      for await (const event of session)
        if (event.event === "refused") seen.push(`${event.uuid}: no ${event.what}, ${event.code}`);
        else if ("uuid" in event && event.uuid.startsWith("2B0")) seen.push(`${event.uuid}: ${event.event}`);
    });
    const expected = ["2B00: no read, 5", "2B01: value", "2B00: no subscribe, 5", "2B01: subscribed"];
    assert.deepEqual(seen, expected);
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
