/**
 * A camera that was off between two sessions. Deep sleep is not there yet; what it leaves behind is the same: nothing but
 * the flash.
 */
import { Host } from "../../../firmware/ble/host.ts";
import { createBluetooth } from "../../../firmware/bluetooth/bluetooth.ts";
import { RecordStore } from "../../../firmware/storage/records.ts";
import { SimulatedFlash } from "../../../simulator/flash.ts";
import { createWorld } from "../../../simulator/world.ts";
import { deepEqual, equal } from "../../support/assert.ts";
import { describe, it } from "../../support/suite.ts";
import { ADV_DATA, INTERVAL_US } from "../pair.ts";

describe("multi: bluetooth ble_deepsleep", () => {
  it("a phone that knows its address connects again without scanning", async () => {
    const world = createWorld();
    const stateFlash = new SimulatedFlash();
    const { phone } = world.addPhone();
    const boot = async (endsLinks: boolean) => {
      const { platform, controller } = world.addCamera({ stateFlash });
      const host = new Host(platform, RecordStore.open(stateFlash, platform.log));
      const bluetooth = createBluetooth(host);
      const ble = new bluetooth.BLE();
      const events: number[] = [];
      ble.irq((event, data) => {
        events.push(event);
        if (endsLinks && event === bluetooth.IRQ_CENTRAL_CONNECT) ble.gapDisconnect(data[0]);
      });
      await ble.active(true);
      await ble.gapAdvertise(INTERVAL_US, { advData: ADV_DATA });
      return { controller, host, events, bluetooth };
    };
    await world.run(async () => {
      const first = await boot(false);
      const sighting = await phone.find({});
      const link = await phone.connect(sighting);
      await link.disconnect();
      await world.clock.sleep(100);
      const { IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT } = first.bluetooth;
      deepEqual(first.events, [IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT]);
      first.controller.die();
      await world.clock.sleep(100);
      const second = await boot(true);
      deepEqual(second.host.ownAddress, first.host.ownAddress);
      const again = await phone.connect(sighting, { timeoutMs: 5000 });
      equal(await again.disconnected(), 0x13, "the camera ends this one");
      await world.clock.sleep(100);
      deepEqual(second.events, [IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT]);
    });
  });
});
