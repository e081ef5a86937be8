/** The central of ble_advertise_services: the services that a scan finds in an advertisement. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual, ok } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { INTERVAL_US } from "../pair.ts";
import { createTwoCameras } from "../two-cameras.ts";

const UUIDS: readonly (readonly UUID[])[] = [
  [new UUID(0x180d)],
  [new UUID(0x180d), new UUID(0x180f)],
  [new UUID("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a")],
  [new UUID(0x180d), new UUID("a5a5a5a5-ffff-9999-1111-5a5a5a5a5a5a")],
];

describe("multi: aioble ble_advertise_services, the central", () => {
  it("finds each list, of 16 and 128 bits", async () => {
    const cameras = createTwoCameras();
    const { central, peripheral } = cameras;
    await cameras.world.run(async () => {
      for (const services of UUIDS) {
        const options = { intervalUs: INTERVAL_US, name: "MPY", services, connectable: false };
        const broadcaster = await peripheral.aioble.broadcast(options);
        let found: string[] | undefined;
        const scan = central.aioble.scan({
          durationMs: 2000,
          intervalUs: 30_000,
          windowUs: 30_000,
          active: true,
        });
        for await (const result of scan) {
          if (result.name() !== "MPY" || result.services().length < services.length) continue;
          for (const uuid of services) ok(result.services().includes(uuid));
          found = result.services().map(String);
          break;
        }
        deepEqual(found, services.map(String));
        await broadcaster.stop();
      }
    });
  });
});
