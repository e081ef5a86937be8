/** Mistakes that make a camera look right and work for nobody: each has one line in the log. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OFFERED = new UUID(0x181a);
const MISSING = new UUID("4f627363-7572-6100-8000-000000000099");
const NAMED = { intervalUs: 20_000, name: "obscura" } as const;

function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(OFFERED);
  const value = new Characteristic(service, new UUID(0x2a6e), { read: true });
  return { world, camera, service, value, register: () => registerServices(service), ...world.addPhone() };
}

describe("warnings: services that are advertised", () => {
  it("and not registered: one line for each, however often they are advertised", async () => {
    const { world, camera, phone, register } = createScene();
    register();
    await world.run(async () => {
      for (let turn = 0; turn < 2; turn++) {
        const advertised = camera.aioble.advertise({ ...NAMED, services: [OFFERED, MISSING] });
        const link = await phone.connect(await phone.find({ name: "obscura" }));
        await advertised;
        await link.disconnect();
      }
    });
    deepEqual(diagnostics(camera), [
      `aioble: service ${MISSING} is advertised and not registered: who connects for it finds nothing (registerServices)`,
    ]);
  });

  it("and registered, also right after advertise(), by the low-level module or as an included service: no line", async () => {
    const { world, camera, phone, service } = createScene();
    const { registerServices, Service } = camera.aioble;
    await world.run(async () => {
      const advertised = camera.aioble.advertise({ ...NAMED, services: [OFFERED, MISSING] });
      registerServices(new Service(MISSING, { includes: [service] }), service);
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await advertised;
      await link.disconnect();
      new camera.bluetooth.BLE().gattsRegisterServices([[MISSING, []]]);
      const again = camera.aioble.advertise({ ...NAMED, services: [MISSING] });
      await phone.connect(await phone.find({ name: "obscura" }));
      await again;
    });
    deepEqual(diagnostics(camera), []);
  });

  it("for nobody to connect: no line", async () => {
    const { world, camera, phone } = createScene();
    await world.run(async () => {
      await using _feed = await camera.aioble.broadcast({ ...NAMED, services: [MISSING] });
      await phone.find({ name: "obscura" });
    });
    deepEqual(diagnostics(camera), []);
  });
});

describe("warnings: what is added after registering", () => {
  it("a characteristic, and a descriptor: one line each", async () => {
    const { world, camera, service, value, register } = createScene();
    const { Characteristic, Descriptor } = camera.aioble;
    register();
    await world.run(async () => {
      new Characteristic(service, new UUID(0x2a6f), { read: true });
      new Descriptor(value, new UUID(0x2901), { read: true });
      await world.clock.sleep(1);
    });
    deepEqual(diagnostics(camera), [
      `aioble: ${new UUID(0x2a6f)} was added to service ${OFFERED} after registerServices: no client sees it until that is called again`,
      `aioble: ${new UUID(0x2901)} was added to characteristic ${new UUID(0x2a6e)} after registerServices: no client sees it until that is called again`,
    ]);
  });

  it("and registered in the same turn, or to a service that is registered no more: no line", async () => {
    const { world, camera, service, register } = createScene();
    const { Characteristic, registerServices } = camera.aioble;
    register();
    await world.run(async () => {
      new Characteristic(service, new UUID(0x2a6f), { read: true, description: "with a descriptor" });
      register();
      await world.clock.sleep(1);
      registerServices();
      new Characteristic(service, new UUID(0x2a70), { read: true });
      await world.clock.sleep(1);
    });
    deepEqual(diagnostics(camera), []);
  });
});
