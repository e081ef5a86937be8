/** `config` of the low-level module: the same settings as `aioble`'s. */
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { COMMAND, inScene, NAME, SERVICE } from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

describe("bluetooth: config", () => {
  it("asks and changes, for both modules", () =>
    inScene(async ({ ble, camera, meet }) => {
      const { config } = camera.aioble;
      equal(ble.config("gapName"), "");
      ble.config({ gapName: "Kamera", mtu: 100 });
      equal(config("gapName"), "Kamera");
      config({ gapName: "camera" });
      equal(ble.config("gapName"), "camera");
      const link = await meet();
      equal(await link.exchangeMtu(517), 100);
      deepEqual(await link.read(3), new Uint8Array([0x63, 0x61, 0x6d, 0x65, 0x72, 0x61]));
    }));

  it("knows the address before the radio is on, as it is on the air", () =>
    inScene(async ({ ble, advertise, phone }) => {
      const [type, address] = ble.config("mac");
      await advertise();
      const sighting = await phone.find({ name: NAME });
      deepEqual([sighting.addressType, sighting.address], [type, address]);
    }));

  it("maxConnections bounds gapAdvertise", () =>
    inScene(async ({ ble, meet }) => {
      ble.config({ maxConnections: 1 });
      await meet();
      throws(() => ble.gapAdvertise(100_000), { code: "too-many-connections" });
      ble.config({ maxConnections: 2 });
      await ble.gapAdvertise(100_000);
    }));

  it("captureQueueSize bounds aioble's queue", () =>
    inScene(async ({ ble, bluetooth, camera, phone }) => {
      const { advertise, Characteristic, registerServices, Service } = camera.aioble;
      const { UUID } = bluetooth;
      const service = new Service(new UUID(SERVICE));
      const command = new Characteristic(service, new UUID(COMMAND), { write: true, capture: true });
      registerServices(service);
      const advertised = advertise({ intervalUs: 100_000, name: "high" });
      const link = await phone.connect(await phone.find({ name: "high" }));
      await advertised;
      ble.config({ captureQueueSize: 2 });
      for (let index = 0; index < 5; index++) await link.write(16, new Uint8Array([index]));
      for (const expected of [3, 4]) deepEqual([...(await command.written()).data], [expected]);
      await rejects(command.written({ timeoutMs: 10 }), { code: "timeout" });
    }));

  it("refuses unknown keys", () =>
    inScene(async ({ ble }) => {
      throws(() => ble.config("volume" as never), TypeError);
      throws(() => ble.config({ mtu: 22 }), RangeError);
      ble.config({ leSecure: false, io: 4 });
      ok(ble.config("io") === 4 && ble.config("leSecure") === false);
      throws(() => ble.config(undefined as never), TypeError);
      ok(ble.config("mtu") === 517);
    }));
});
