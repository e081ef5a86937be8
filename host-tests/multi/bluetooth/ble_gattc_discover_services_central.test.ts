/** The central of ble_gattc_discover_services: services without characteristics, all and by UUID. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import {
  IRQ_GATTC_SERVICE_DONE,
  IRQ_GATTC_SERVICE_RESULT,
  IRQ_PERIPHERAL_DISCONNECT,
} from "../../../firmware/bluetooth/constants.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { SERVICE_UUID } from "../pair.ts";
import { createTwoLowLevel } from "../two-low-level.ts";

describe("multi: bluetooth ble_gattc_discover_services, the central", () => {
  it("finds empty services of 16 and 128 bits, after the two that are always there", async () => {
    const cameras = createTwoLowLevel();
    const { near, far } = cameras;
    const uuids = [new UUID(0x180d), new UUID(SERVICE_UUID)];
    far.ble.gattsRegisterServices(uuids.map((uuid) => [uuid, []] as const));
    await cameras.world.run(async () => {
      await cameras.offer();
      const conn = await cameras.meet();
      const discover = async (uuid?: UUID): Promise<string[]> => {
        near.events.length = 0;
        near.ble.gattcDiscoverServices(conn, uuid);
        deepEqual(await near.event(IRQ_GATTC_SERVICE_DONE), [conn, 0]);
        return near.events
          .filter(([event]) => event === IRQ_GATTC_SERVICE_RESULT)
          .map(([, data]) => String(data[3]));
      };
      deepEqual(await discover(), [new UUID(0x1800), new UUID(0x1801), ...uuids].map(String));
      for (const uuid of uuids) deepEqual(await discover(uuid), [String(uuid)]);
      deepEqual(await discover(new UUID(0x180f)), []);
      near.ble.gapDisconnect(conn);
      await near.event(IRQ_PERIPHERAL_DISCONNECT);
    });
  });
});
