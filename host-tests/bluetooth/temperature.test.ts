/** MicroPython's example of a low-level temperature sensor, by its behaviour, and a phone's whole session. */
import type { IrqHandler } from "../../firmware/bluetooth/irq.ts";
import { type PhoneSessionEvent, runPhoneSession } from "../../simulator/phone/session.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal } from "../support/assert.ts";
import { concat, le16 } from "../support/bytes.ts";
import { type AiobleCamera, addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const ENVIRONMENTAL_SENSING = 0x181a;
const TEMPERATURE = 0x2a6e;
const GENERIC_THERMOMETER = 768;

function payload(name: string): Uint8Array {
  const field = (type: number, ...value: number[]): number[] => [value.length + 1, type, ...value];
  return concat(
    field(0x01, 0x06),
    field(0x09, ...Array.from(name, (character) => character.charCodeAt(0))),
    field(0x03, ...le16(ENVIRONMENTAL_SENSING)),
    field(0x19, ...le16(GENERIC_THERMOMETER)),
  );
}

/** Sends a temperature to everyone who is connected each second, notified or indicated. */
class TemperatureSensor {
  readonly connections = new Set<number>();
  readonly confirmed: number[] = [];
  private readonly camera: AiobleCamera;
  private readonly ble: InstanceType<AiobleCamera["bluetooth"]["BLE"]>;
  private readonly name: string;
  private handle = 0;

  constructor(camera: AiobleCamera, name: string) {
    this.camera = camera;
    this.name = name;
    this.ble = new camera.bluetooth.BLE();
  }

  async start(): Promise<void> {
    const { ble } = this;
    const { FLAG_INDICATE, FLAG_NOTIFY, FLAG_READ, UUID } = this.camera.bluetooth;
    await ble.active(true);
    ble.irq(this.onEvent);
    const flags = FLAG_READ | FLAG_NOTIFY | FLAG_INDICATE;
    const services = [[new UUID(ENVIRONMENTAL_SENSING), [[new UUID(TEMPERATURE), flags]]]] as const;
    [[this.handle]] = ble.gattsRegisterServices(services) as [[number]];
    await this.advertise();
    this.measure(20);
  }

  private readonly onEvent: IrqHandler = (event, data) => {
    const { IRQ_CENTRAL_CONNECT, IRQ_CENTRAL_DISCONNECT, IRQ_GATTS_INDICATE_DONE } = this.camera.bluetooth;
    if (event === IRQ_CENTRAL_CONNECT) {
      this.connections.add(data[0]);
    } else if (event === IRQ_CENTRAL_DISCONNECT) {
      this.connections.delete(data[0]);
      void this.advertise();
    } else if (event === IRQ_GATTS_INDICATE_DONE) {
      this.confirmed.push(data[2]);
    }
  };

  private advertise(): Promise<void> {
    return this.ble.gapAdvertise(500_000, { advData: payload(this.name) });
  }

  private measure(degrees: number): void {
    const value = new Uint8Array(2);
    new DataView(value.buffer).setInt16(0, degrees * 100, true);
    this.ble.gattsWrite(this.handle, value);
    for (const conn of this.connections) {
      if (!this.ble.gattsNotify(conn, this.handle)) this.ble.gattsIndicate(conn, this.handle);
    }
    this.camera.globals.setTimeout(() => this.measure(degrees + 1), 1000);
  }
}

function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const sensor = new TemperatureSensor(camera, "mpy-temp");
  return { world, camera, sensor, ...world.addPhone() };
}

describe("bluetooth: the low-level temperature sensor", () => {
  it("is found, read, listened to and left, and advertises again", async () => {
    const { world, camera, sensor, phone } = createScene();
    const events: PhoneSessionEvent[] = [];
    await world.run(async () => {
      await sensor.start();
      for await (const event of runPhoneSession(phone, { name: "mpy-temp" })) events.push(event);
    });
    deepEqual(
      events.map(({ event }) => event).filter((event, index, all) => event !== all[index - 1]),
      ["ready", "found", "connected", "mtu", "database", "value", "descriptor", "value", "descriptor"].concat(
        ["subscribed", "notification", "disconnected", "advertisingAgain", "done"],
      ),
    );
    const received = events.filter((event) => event.event === "notification").map(({ decoded }) => decoded!);
    const degrees = received.map((text) => Number.parseFloat(text));
    deepEqual(
      degrees,
      received.map((_, index) => degrees[0]! + index),
    );
    equal(received.length, 5);
    equal(sensor.connections.size, 0);
    deepEqual(
      diagnostics(camera).filter((line) => !line.includes("has not subscribed")),
      [],
    );
    deepEqual(camera.controller.violations, []);
  });

  it("indicates where that is asked for, and hears of each confirmation", async () => {
    const { world, sensor, phone } = createScene();
    await world.run(async () => {
      await sensor.start();
      const link = await phone.connect(await phone.find({ name: "mpy-temp" }));
      await link.subscribe((await link.discover()).characteristic(TEMPERATURE), "indicate");
      for (let count = 0; count < 3; count++) equal((await link.nextValue()).kind, "indication");
      await world.clock.sleep(200);
      deepEqual(sensor.confirmed, [0, 0, 0]);
    });
  });
});
