/** A misspelt option is a TypeError that names it, at once; nothing has begun by then. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { withPair } from "../support/pair.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const NOTIFYING = new UUID(0xfff1);

/** The error that `call` throws or rejects with. */
async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

async function refuses(call: (options: never) => unknown, key: string, what: string): Promise<void> {
  const error = await errorOf(() => call({ [key]: 1 } as never));
  ok(error instanceof TypeError, String(error));
  ok(error.message.startsWith(`${what}: unknown key "${key}"`), error.message);
}

describe("aioble: unknown options", () => {
  it("says how the key is written, or which there are", () => {
    const { aioble } = addAioble(createWorld());
    const service = new aioble.Service(SERVICE);
    const make = (options: object) => () => new aioble.Characteristic(service, NOTIFYING, options as never);
    throws(make({ Notify: true }), /^TypeError: Characteristic: unknown key "Notify": write notify$/);
    throws(
      make({ indication: true }),
      /^TypeError: Characteristic: unknown key "indication"; there are security, .*indicate, /,
    );
    equal(service.characteristics.length, 0);
    throws(make({ maxLen: 30 }), /unknown key "maxLen"/);
    ok(new aioble.BufferedCharacteristic(service, NOTIFYING, { maxLen: 30, append: true }));
  });

  it("in services, descriptors, advertising, scans and pairing windows", async () => {
    const world = createWorld();
    const camera = addAioble(world);
    const { aioble } = camera;
    const { Characteristic, Descriptor, Service } = aioble;
    const characteristic = new Characteristic(new Service(SERVICE), NOTIFYING, { read: true });
    await world.run(async () => {
      const table: [string, (options: never) => unknown][] = [
        ["Service", (options) => new Service(SERVICE, options)],
        ["Descriptor", (options) => new Descriptor(characteristic, new UUID(0x2901), options)],
        ["advertising", (options) => aioble.advertise(options)],
        ["advertising", (options) => aioble.broadcast(options)],
        ["advertising", (options) => aioble.connections(options)],
        ["scan", (options) => aioble.scan(options)],
        ["openPairing", (options) => aioble.security.openPairing(options)],
        ["fast", (options) => aioble.advertise({ intervalUs: 100_000, fast: options })],
        ["connect", (options) => new aioble.Device(1, "c00102030405").connect(options)],
        ["connect", (options) => new aioble.Device(1, "c00102030405").keepConnected(options)],
      ];
      for (const [what, call] of table) {
        await refuses(call, "intervalUS", what);
        await refuses(call, "constructor", what);
      }
      const broadcast = await aioble.broadcast({ intervalUs: 100_000, name: "a" });
      await refuses((options) => broadcast.update(options), "nome", "the update of advertising");
      await broadcast.stop();
    });
  });

  it("on a connection", async () => {
    await withPair(
      ({ aioble }) => {
        const service = new aioble.Service(SERVICE);
        new aioble.Characteristic(service, NOTIFYING, { notify: true });
        aioble.registerServices(service);
      },
      async ({ toServer }) => {
        const found = await (await toServer.service(SERVICE))!.characteristic(NOTIFYING);
        const table: [string, (options: never) => unknown][] = [
          ["pair", (options) => toServer.pair(options)],
          ["a channel", (options) => toServer.l2capAccept(0x80, options)],
          ["a channel", (options) => toServer.l2capConnect(0x80, options)],
          ["updateParameters", (options) => toServer.updateParameters(options)],
          ["setPhy", (options) => toServer.setPhy(options)],
          ["setDataLength", (options) => toServer.setDataLength(options)],
          ["exchangeMtu", (options) => toServer.exchangeMtu(options)],
          ["subscribe", (options) => found!.subscribe(options)],
        ];
        for (const [what, call] of table) await refuses(call, "timeoutMS", what);
        ok(toServer.isConnected());
      },
    );
  });

  it("what has undefined values, and no key at all, is taken", async () => {
    const world = createWorld();
    const { aioble } = addAioble(world);
    await world.run(async () => {
      const options = { intervalUs: 100_000, name: undefined, timeoutMs: 10, signal: undefined };
      await rejects(aioble.advertise(options), aioble.TimeoutError);
      const scan = aioble.scan({});
      const next = scan[Symbol.asyncIterator]().next();
      await world.clock.sleep(10);
      await scan.return!();
      deepEqual(await next, { done: true, value: undefined });
    });
  });
});

describe("bluetooth: unknown options", () => {
  it("gapAdvertise", async () => {
    const world = createWorld();
    const ble = new (addAioble(world).bluetooth.BLE)();
    await world.run(async () => {
      await ble.active(true);
      await refuses((options) => ble.gapAdvertise(100_000, options), "advdata", "gapAdvertise");
    });
  });
});
