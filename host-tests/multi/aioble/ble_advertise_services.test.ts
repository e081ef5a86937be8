/** Service UUIDs of two widths in one advertisement, found by scanning. */
import { UUID } from "../../../firmware/ble/uuid.ts";
import { adValue } from "../../../simulator/phone/advertising-data.ts";
import { nameOf } from "../../../simulator/phone/sightings.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { fromHex } from "../../support/bytes.ts";
import { describe, it } from "../../support/suite.ts";
import { createPair, INTERVAL_US } from "../pair.ts";

describe("multi: aioble ble_advertise_services", () => {
  it("the phone finds each list in the advertising packet, in order, and connects", async () => {
    const pair = createPair();
    const { advertise } = pair.camera.aioble;
    await pair.run(
      async () => {
        await using connection = await advertise({
          intervalUs: INTERVAL_US,
          name: "MPY",
          // Four characters are raw bytes there, and so a 32-bit UUID.
          services: [0x180f, 0x181a, fromHex("41 42 31 32"), fromHex("43 44 33 34")].map(
            (id) => new UUID(id),
          ),
          timeoutMs: 5000,
        });
        await connection.disconnected();
      },
      async () => {
        const sighting = await pair.phone.find({ service: 0x180f });
        equal(nameOf(sighting), "MPY");
        deepEqual(adValue(sighting.advertising, 0x03), fromHex("0f 18 1a 18"));
        deepEqual(adValue(sighting.advertising, 0x05), fromHex("41 42 31 32 43 44 33 34"));
        const link = await pair.phone.connect(sighting);
        await link.disconnect();
      },
    );
  });
});
