/** Services without characteristics, as a client finds them; the client here is the phone. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { deepEqual } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { SERVICE_UUID } from "../pair.ts";

describe("multi: bluetooth ble_gattc_discover_services", () => {
  it("empty services of 16 and 128 bits are found, after the two that are always there", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const uuids = [new UUID(0x180d), new UUID(SERVICE_UUID)];
    deepEqual(ble.gattsRegisterServices(uuids.map((uuid) => [uuid, []] as const)), [[], []]);
    await pair.run(
      async () => {
        await ble.active(true);
        await pair.advertise();
        await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
        await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        await ble.active(false);
      },
      async () => {
        const link = await pair.connect();
        const { services } = await link.discover();
        deepEqual(
          services.map(({ uuid }) => String(uuid)),
          [new UUID(0x1800), new UUID(0x1801), ...uuids].map(String),
        );
        await link.disconnect();
      },
    );
  });
});
