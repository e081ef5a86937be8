/** The examples that are centrals, among devices that mean ill: they go on, and serve an honest device after. */
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import * as picture from "../../../examples/camera-to-camera/picture.ts";
import type { CharacteristicOptions } from "../../../firmware/aioble/server.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { createWorld, type World } from "../../../simulator/world.ts";
import { type AiobleCamera, addAioble } from "../../support/cameras.ts";
import { type RunningExample, startExample } from "../../support/example.ts";

/** What a device serves and does. */
interface Served {
  readonly service: UUID;
  readonly characteristic?: UUID;
  readonly options?: CharacteristicOptions;
  /** What it sends to a subscriber, again and again; nothing when left out. */
  readonly values?: readonly (readonly number[])[];
  /** Ends its links after so long. */
  readonly leavesAfterMs?: number;
  readonly psm?: number;
}

/** Advertises for as long as the world lasts. */
function serve(world: World, served: Served): AiobleCamera {
  const camera = addAioble(world);
  const { advertise, Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(served.service);
  const options = served.options ?? {};
  const characteristic = served.characteristic && new Characteristic(service, served.characteristic, options);
  registerServices(service);
  const run = async (): Promise<void> => {
    for (;;) {
      const connection = await advertise({ intervalUs: 100_000, name: "device", services: [served.service] });
      if (served.leavesAfterMs !== undefined) {
        await world.clock.sleep(served.leavesAfterMs);
        await connection.disconnect();
      }
      while (connection.isConnected()) {
        await world.clock.sleep(500);
        for (const value of served.values ?? []) {
          const bytes = Uint8Array.from(value);
          const sending = options.indicate ? "indicate" : "notify";
          await characteristic?.[sending](connection, bytes).catch(() => {});
        }
      }
    }
  };
  // It ends with the radio, at the end of the test.
  run().catch(() => {});
  return camera;
}

interface Reader {
  readonly name: string;
  readonly good: Served;
  readonly short: readonly number[];
  readonly says: RegExp;
}

const READERS: readonly Reader[] = [
  {
    name: "heart-rate-reader",
    good: {
      service: new UUID(0x180d),
      characteristic: new UUID(0x2a37),
      options: { notify: true },
      values: [[0x16, 80, 0, 3]],
    },
    short: [0x01, 80],
    says: /^80 beats a minute, beats 750 ms apart$/,
  },
  {
    name: "thermometer-reader",
    good: {
      service: new UUID(0x1809),
      characteristic: new UUID(0x2a1c),
      options: { indicate: true },
      values: [[0, 0x42, 0x0e, 0, 0xfe]],
    },
    short: [0, 0x42, 0x0e, 0],
    says: /^36\.50 °C$/,
  },
];

/** Devices that are of no use, by what they do. */
function bad({ good, short }: Reader): Readonly<Record<string, Served>> {
  const { service, characteristic } = good;
  const leaving = [10, 60, 120, 200, 300, 450, 700].map(
    (leavesAfterMs) => [`leaves after ${leavesAfterMs} ms`, { ...good, values: [], leavesAfterMs }] as const,
  );
  return {
    "sends an empty value": { ...good, values: [[]] },
    "sends flags only": { ...good, values: [[0]] },
    "sends a value that is a byte short": { ...good, values: [short] },
    "lacks the characteristic": { service },
    "has it with other properties": { service, characteristic: characteristic!, options: { write: true } },
    "refuses the subscription": { ...good, options: { ...good.options, security: "secure" } },
    "says nothing": { ...good, values: [] },
    ...Object.fromEntries(leaving),
  };
}

/** Waits until the example has said something, or has ended. */
async function until(
  world: World,
  { lines, failure }: RunningExample,
  isThere: () => boolean,
  limitMs: number,
): Promise<void> {
  for (let passedMs = 0; passedMs < limitMs && !isThere() && failure() === undefined; passedMs += 100)
    await world.clock.sleep(100);
  assert.equal(failure(), undefined, lines.join("\n"));
  assert.ok(isThere(), lines.join("\n"));
}

for (const reader of READERS) {
  describe(`examples: ${reader.name}`, () => {
    for (const [what, device] of Object.entries(bad(reader))) {
      it(`goes on after a device that ${what}, and reads an honest one`, async () => {
        const world = createWorld();
        serve(world, device);
        const camera = addAioble(world);
        const example = startExample(camera, reader.name);
        const failures = (): number =>
          example.lines.filter((line) => /is gone|is left|refused|not connected|Nothing happened/.test(line))
            .length;
        await world.run(async () => {
          await until(world, example, () => failures() > 0, 90_000);
          const before = failures();
          serve(world, reader.good);
          const isRead = (): boolean => example.lines.some((line) => reader.says.test(line));
          await until(world, example, isRead, 30_000);
          assert.ok(failures() - before <= 2, example.lines.join("\n"));
        });
      });
    }

    it("does not spin on a bad device, and comes back to it", async () => {
      const world = createWorld();
      serve(world, { service: reader.good.service });
      const camera = addAioble(world);
      const example = startExample(camera, reader.name);
      await world.run(async () => {
        await world.clock.sleep(180_000);
        const count = example.lines.filter((line) => line.includes("is left")).length;
        assert.ok(count >= 3 && count <= 7, `${count} times in three minutes`);
        assert.equal(example.failure(), undefined);
      });
    });
  });
}

describe("examples: camera-to-camera", () => {
  const good = { service: picture.PICTURES, characteristic: picture.RECEIPT, options: { notify: true } };
  for (const [what, device] of Object.entries<Served>({
    "refuses the PSM": good,
    "refuses the subscription": { ...good, options: { notify: true, security: "secure" } },
    "has no receipts": { service: picture.PICTURES },
    "cannot notify": { ...good, options: { read: true } },
    "leaves at once": { ...good, leavesAfterMs: 150 },
  })) {
    it(`says why sending fails to a device that ${what}, five times, and ends`, async () => {
      const world = createWorld();
      serve(world, device);
      const example = startExample(addAioble(world), "camera-to-camera", { "./picture.ts": picture });
      await world.run(async () => {
        const isOver = (): boolean => example.lines.includes("the picture was not sent");
        await until(world, example, isOver, 120_000);
        const attempts = example.lines.filter((line) => /^attempt \d of 5 failed: \S/.test(line));
        assert.equal(attempts.length, 5, example.lines.join("\n"));
      });
    });
  }
});
