/** Switching the radio on and off, advertising, and ending connections. */
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { concat } from "../support/bytes.ts";
import { diagnostics } from "../support/cameras.ts";
import { advertisingData, CONN, inScene, NAME } from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

const RESPONSE = concat([4, 0xff, 0xff, 0xff, 7]);

describe("bluetooth: active", () => {
  it("switches the radio on and off, and reports", () =>
    inScene(async ({ ble }) => {
      equal(ble.active(), false);
      equal(await ble.active(true), true);
      equal(ble.active(), true);
      equal(await ble.active(false), false);
      equal(ble.active(), false);
      equal(await ble.active(false), false);
    }));

  it("does nothing to links when the radio is on already", () =>
    inScene(async ({ ble, meet }) => {
      const link = await meet();
      equal(await ble.active(true), true);
      equal((await link.read(1)).length, 2);
    }));

  it("off ends links, which is reported; services and values stay for the next time", () =>
    inScene(async ({ ble, events, listen, register, meet, phone, world, advertise }) => {
      const { command } = register();
      ble.gattsWrite(command, new Uint8Array([1]));
      const link = await meet();
      listen();
      await ble.active(false);
      equal(await link.disconnected(), 0x15);
      deepEqual(events, [[2, [CONN, 1, phone.address]]]);
      deepEqual(ble.gattsRead(command), new Uint8Array([1]));
      await world.clock.sleep(1000);
      await advertise();
      const again = await phone.connect(await phone.find({ name: NAME }));
      deepEqual(await again.read(command), new Uint8Array([1]));
    }));
});

describe("bluetooth: gapAdvertise", () => {
  it("sends both packets as they are given, to whoever connects", () =>
    inScene(async ({ ble, phone, camera }) => {
      await ble.active(true);
      await ble.gapAdvertise(250_000, { advData: advertisingData(), respData: RESPONSE });
      const sighting = await phone.find({ name: NAME });
      ok(sighting.connectable);
      deepEqual(sighting.advertising, advertisingData());
      deepEqual(sighting.scanResponse, RESPONSE);
      deepEqual(diagnostics(camera), []);
      deepEqual(camera.controller.violations, []);
    }));

  it("without data sends that of the call before; empty data clears it", () =>
    inScene(async ({ ble, phone, camera }) => {
      await ble.active(true);
      const heard = async (): Promise<unknown[]> => {
        const { advertising, scanResponse } = await phone.find({ address: camera.host.ownAddress });
        return [advertising, scanResponse];
      };
      await ble.gapAdvertise(100_000, { advData: advertisingData(), respData: RESPONSE });
      await ble.gapAdvertise(null);
      await ble.gapAdvertise(100_000);
      deepEqual(await heard(), [advertisingData(), RESPONSE]);
      await ble.gapAdvertise(100_000, { respData: new Uint8Array(0) });
      deepEqual(await heard(), [advertisingData(), new Uint8Array(0)]);
      await ble.gapAdvertise(100_000, { advData: advertisingData("other"), respData: null });
      deepEqual(await heard(), [advertisingData("other"), new Uint8Array(0)]);
    }));

  it("goes on with its data after a connection, from the handler", () =>
    inScene(async ({ ble, meet, phone, world }) => {
      ble.irq((event) => {
        if (event === 2) void ble.gapAdvertise();
      });
      const link = await meet();
      await link.disconnect();
      await world.clock.sleep(100);
      deepEqual((await phone.find({ name: NAME })).advertising, advertisingData());
    }));

  it("goes on after the controller had to be started again, from the handler too", () =>
    inScene(async ({ ble, meet, phone, camera, world }) => {
      ble.irq((event) => {
        if (event === 2) void ble.gapAdvertise(100_000);
      });
      await meet();
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(5000);
      ok((await phone.find({ name: NAME })).connectable);
      ok(!diagnostics(camera).some((line) => line.includes("irq handler")));
    }));

  it("is not connectable when it should not be", () =>
    inScene(async ({ ble, phone }) => {
      await ble.active(true);
      await ble.gapAdvertise(100_000, { advData: advertisingData(), connectable: false });
      equal((await phone.find({ name: NAME })).connectable, false);
    }));

  it("null takes it off the air; once more does no harm", () =>
    inScene(async ({ ble, advertise, phone, camera }) => {
      await advertise();
      await phone.find({ name: NAME });
      await ble.gapAdvertise(null);
      await rejects(phone.find({ name: NAME }, 3000));
      await ble.gapAdvertise(null);
      await ble.active(false);
      await ble.gapAdvertise(null);
      deepEqual(diagnostics(camera), []);
    }));

  it("the caller's bytes are copied", () =>
    inScene(async ({ ble, phone }) => {
      await ble.active(true);
      const advData = advertisingData();
      const advertising = ble.gapAdvertise(100_000, { advData });
      advData.fill(0);
      await advertising;
      deepEqual((await phone.find({ name: NAME })).advertising, advertisingData());
    }));

  it("waits for a radio that is being switched on, in the order of the calls", () =>
    inScene(async ({ ble, phone }) => {
      void ble.active(true);
      void ble.gapAdvertise(100_000, { advData: advertisingData("first") });
      await ble.gapAdvertise(100_000, { advData: advertisingData("second") });
      ok(await phone.find({ name: "second" }));
      await ble.active(false);
      const on = ble.active(true);
      void ble.gapAdvertise(100_000);
      await ble.gapAdvertise(null);
      await on;
      await rejects(phone.find({ name: "second" }, 3000));
    }));

  it("refuses what is out of range at once, and keeps its data", () =>
    inScene(async ({ ble, phone, camera }) => {
      throws(() => ble.gapAdvertise(100_000), { code: "radio-off" });
      await ble.active(true);
      await ble.gapAdvertise(100_000, { advData: advertisingData() });
      for (const intervalUs of [0, 19_999, 10_240_001, Number.NaN]) {
        throws(() => ble.gapAdvertise(intervalUs), RangeError);
      }
      const long = new Uint8Array(32);
      throws(() => ble.gapAdvertise(100_000, { advData: long }), RangeError);
      throws(() => ble.gapAdvertise(100_000, { respData: long }), RangeError);
      throws(() => ble.gapAdvertise(100_000, { advData: [2, 1, 6] as never }), TypeError);
      await ble.gapAdvertise(100_000);
      deepEqual((await phone.find({ name: NAME })).advertising, advertisingData());
      deepEqual(diagnostics(camera), []);
    }));

  it("refuses when there is no room for another connection", () =>
    inScene(async ({ ble, meet, camera, world, phone }) => {
      camera.host.settings.maxConnections = 1;
      const link = await meet();
      throws(() => ble.gapAdvertise(100_000), { code: "too-many-connections" });
      await ble.gapAdvertise(100_000, { connectable: false });
      await ble.gapAdvertise(null);
      await link.disconnect();
      await world.clock.sleep(100);
      await ble.gapAdvertise(100_000);
      ok(await phone.find({ name: NAME }));
    }));
});

describe("bluetooth: gapDisconnect", () => {
  it("ends a connection, and says when there is none", () =>
    inScene(async ({ ble, events, listen, meet, world }) => {
      equal(ble.gapDisconnect(CONN), false);
      const link = await meet();
      listen();
      equal(ble.gapDisconnect(CONN), true);
      equal(ble.gapDisconnect(CONN), true);
      equal(await link.disconnected(), 0x13);
      await world.clock.sleep(100);
      deepEqual(
        events.map(([event]) => event),
        [2],
      );
      equal(ble.gapDisconnect(CONN), false);
      equal(ble.gapDisconnect(999), false);
    }));
});

describe("bluetooth: what is not there yet", () => {
  it("says so by its name", () =>
    inScene(async ({ ble }) => {
      const methods = ble as unknown as Record<string, () => void>;
      for (const name of ["hciCmd"]) {
        throws(() => methods[name]!(), { code: "not-supported" });
      }
    }));
});
