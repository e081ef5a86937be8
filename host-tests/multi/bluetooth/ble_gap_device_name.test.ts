/** The GAP device name: set before services are registered, changed between connections, and read by the phone. */
import { equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { createLowLevelPair } from "../low-level.ts";
import { text } from "../pair.ts";

const GAP_DEVICE_NAME = 0x2a00;

describe("multi: bluetooth ble_gap_device_name", () => {
  it("the phone reads what was set last, also by the handle that it knows already", async () => {
    const pair = createLowLevelPair();
    const { ble, bluetooth } = pair;
    const rounds = [0, 1];
    await pair.run(
      async () => {
        await ble.active(true);
        ble.config({ gapName: "GAP_NAME" });
        equal(ble.config("gapName"), "GAP_NAME");
        ble.gattsRegisterServices([]);
        for (const round of rounds) {
          ble.config({ gapName: `GAP_NAME${round}` });
          equal(ble.config("gapName"), `GAP_NAME${round}`);
          await ble.gapAdvertise(20_000);
          await pair.event(bluetooth.IRQ_CENTRAL_CONNECT);
          await pair.event(bluetooth.IRQ_CENTRAL_DISCONNECT);
        }
        await ble.active(false);
      },
      async () => {
        let handle = 0;
        for (const round of rounds) {
          // It advertises no data, so the phone goes by its address.
          await pair.sleep(500);
          const [addressType, address] = ble.config("mac");
          const link = await pair.phone.connect({ addressType, address });
          if (round === 0) handle = (await link.discover()).characteristic(GAP_DEVICE_NAME).handle;
          equal(text(await link.read(handle)), `GAP_NAME${round}`);
          await link.disconnect();
        }
      },
    );
  });
});
