/** An application as people write it, on a simulated camera. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { parseAdvertisingData } from "../../simulator/phone/advertising-data.ts";
import { type PhoneSessionEvent, runPhoneSession } from "../../simulator/phone/session.ts";
import { createWorld, type World } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ENVIRONMENTAL_SENSING = 0x181a;
const TEMPERATURE = 0x2a6e;

/** Advertises, sends its one client a temperature that rises by a degree a second, and advertises again. */
function startSensor({ aioble, globals }: AiobleCamera, name: string, first: number): void {
  const { advertise, Characteristic, registerServices, Service } = aioble;
  const environment = new Service(new UUID(ENVIRONMENTAL_SENSING));
  const temperature = new Characteristic(environment, new UUID(TEMPERATURE), { read: true, notify: true });
  registerServices(environment);
  let degrees = first;
  const measure = (): Uint8Array => {
    const value = new Uint8Array(2);
    new DataView(value.buffer).setInt16(0, degrees++ * 100, true);
    return value;
  };
  async function serveOne(): Promise<void> {
    await using connection = await advertise({
      intervalUs: 250_000,
      name,
      services: [new UUID(ENVIRONMENTAL_SENSING)],
      appearance: 0x0540,
      manufacturer: [0xffff, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])],
    });
    while (connection.isConnected()) {
      temperature.write(measure(), { sendUpdate: true });
      await new Promise<void>((resolve) => globals.setTimeout(resolve, 1000));
    }
  }
  async function serve(): Promise<void> {
    for (;;) await serveOne();
  }
  serve().catch((error) => globals.console.error("the sensor ended", error));
}

async function collect(world: World, name: string): Promise<PhoneSessionEvent[]> {
  const { phone } = world.addPhone();
  const events: PhoneSessionEvent[] = [];
  for await (const event of runPhoneSession(phone, { name })) events.push(event);
  return events;
}

describe("aioble: a sensor", () => {
  it("is found, read, listened to and left, and advertises again", async () => {
    const world = createWorld();
    const camera = addAioble(world);
    startSensor(camera, "obscura-env", 21);
    const events = await world.run(() => collect(world, "obscura-env"));
    deepEqual(
      events.map(({ event }) => event).filter((event, index, all) => event !== all[index - 1]),
      ["ready", "found", "connected", "mtu", "database", "value", "descriptor", "value", "descriptor"].concat(
        ["subscribed", "notification", "disconnected", "advertisingAgain", "done"],
      ),
    );
    const received = events.filter((event) => event.event === "notification").map(({ decoded }) => decoded);
    equal(received.length, 5);
    const degrees = received.map((text) => Number.parseFloat(text ?? ""));
    ok(
      degrees.every((value, index) => value === degrees[0]! + index),
      received.join(", "),
    );
    deepEqual(diagnostics(camera), []);
    deepEqual(camera.controller.violations, []);
  });

  it("puts what does not fit the advertising packet into the scan response", async () => {
    const world = createWorld();
    startSensor(addAioble(world), "obscura-env", 21);
    const { phone } = world.addPhone();
    const sighting = await world.run(() => phone.find({ name: "obscura-env" }));
    const names = (data: Uint8Array): string[] => parseAdvertisingData(data).map(({ name }) => name);
    deepEqual(names(sighting.advertising), [
      "Flags",
      "Complete list of 16 bit service UUIDs",
      "Complete local name",
      "Appearance",
    ]);
    deepEqual(names(sighting.scanResponse!), ["Manufacturer specific data"]);
  });

  it("goes on when its client walks away, and serves the next", async () => {
    const world = createWorld();
    const camera = addAioble(world);
    startSensor(camera, "obscura-env", 0);
    const first = world.addPhone();
    await world.run(async () => {
      const link = await first.phone.connect(await first.phone.find({ name: "obscura-env" }));
      await link.subscribe((await link.discover()).characteristic(TEMPERATURE));
      await link.nextValue();
      world.air.separate(first.controller, camera.controller);
      equal(await link.disconnected(), 0x08);
      const events = await collect(world, "obscura-env");
      equal(events.at(-1)?.event, "done");
    });
    deepEqual(diagnostics(camera), []);
  });

  it("runs beside another in one process, each with its own phone", async () => {
    const world = createWorld(9);
    startSensor(addAioble(world), "warm", 40);
    startSensor(addAioble(world), "cold", -40);
    const [warm, cold] = await world.run(() => Promise.all([collect(world, "warm"), collect(world, "cold")]));
    const received = (events: PhoneSessionEvent[]): number[] =>
      events
        .filter((event) => event.event === "notification")
        .map(({ decoded }) => Number.parseFloat(decoded ?? ""));
    ok(received(warm).every((degrees) => degrees >= 40));
    ok(received(cold).every((degrees) => degrees < 0));
    equal(received(warm).length + received(cold).length, 10);
  });

  it("serves fifty phones one after the other over a lossy air", async () => {
    const world = createWorld(5);
    const camera = addAioble(world);
    startSensor(camera, "obscura-env", 0);
    world.air.loss = 0.1;
    await world.run(async () => {
      const { phone } = world.addPhone();
      for (let turn = 0; turn < 50; turn++) {
        const link = await phone.connect(await phone.find({ name: "obscura-env" }), {
          supervisionTimeoutMs: 10_000,
        });
        await link.subscribe((await link.discover()).characteristic(TEMPERATURE));
        await link.nextValue();
        await link.disconnect();
      }
    }, 1e7);
    deepEqual(camera.controller.violations, []);
  });
});
