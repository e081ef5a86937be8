/** The phone's whole visit, where the camera has little to say. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Host } from "../../../firmware/ble/host.ts";
import { type VisitEvent, visit } from "../../../simulator/phone/visit.ts";
import { createWorld } from "../../../simulator/world.ts";
import { MemoryRecords } from "../../support/cameras.ts";
import { createServer } from "../../support/server.ts";

describe("a visit to a camera that never notifies", () => {
  async function make(patienceMs: number | undefined): Promise<VisitEvent[]> {
    const world = createWorld(7);
    const camera = createServer({ host: new Host(world.addCamera().platform, new MemoryRecords()) });
    camera.camera.host.observe({ onDisconnected: () => void camera.advertise("quiet", 20_000) });
    const { phone } = world.addPhone();
    const events: VisitEvent[] = [];
    await world.run(async () => {
      await camera.advertise("quiet", 20_000);
      for await (const event of visit(phone, { patienceMs })) events.push(event);
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
