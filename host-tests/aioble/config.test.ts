/** `config`: what can be asked and set, and what becomes of it on the air and on links. */
import type { Config } from "../../firmware/ble/config.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { textOf } from "../../simulator/phone/assigned-numbers.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const PUBLIC_ADDRESS = new Uint8Array([0x00, 0x1b, 0xdc, 0x00, 0x01, 0x01]);
const DEVICE_NAME = 0x0003;
const OPTIONS = { intervalUs: 100_000, name: "obscura" };

function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { phone } = world.addPhone();
  const { advertise, config, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0x181a));
  registerServices(service);
  const meet = async () => {
    const advertised = advertise({ intervalUs: 100_000, services: [service.uuid] });
    const sighting = await phone.find({ service: 0x181a });
    return { sighting, link: await phone.connect(sighting), connection: await advertised };
  };
  return { world, camera, phone, config, meet };
}

const AT_FIRST: Config = {
  pairing: "always",
  autoPair: "pair",
  securityRequestMs: 1000,
  secretStore: "records",
  bond: true,
  mitm: false,
  io: 3,
  leSecure: true,
  minKeySize: 16,
  secureOnly: false,
  maxBonds: 8,
  gapName: "",
  mtu: 517,
  rxbuf: 128,
  addrMode: 1,
  rpaTimeoutMs: 900_000,
  captureQueueSize: 10,
  gattCacheSize: 0,
  logLevel: 2,
  maxConnections: 4,
  idleTimeoutMs: 30_000,
};

const RANGES: Partial<Readonly<Record<keyof Config, readonly [min: number, max: number]>>> = {
  io: [0, 4],
  minKeySize: [7, 16],
  maxBonds: [1, 32],
  mtu: [23, 517],
  rxbuf: [16, 65_535],
  addrMode: [0, 3],
  rpaTimeoutMs: [1000, 3_600_000],
  captureQueueSize: [1, 10_000],
  gattCacheSize: [0, 16],
  logLevel: [0, 3],
  maxConnections: [1, 16],
  idleTimeoutMs: [0, 3_600_000],
};

describe("aioble: config()", () => {
  it("has these settings at first, and keeps what is set, while the radio is off and through stop()", async () => {
    const { world, camera, config } = createScene();
    const keys = Object.keys(AT_FIRST) as (keyof Config)[];
    for (const key of keys) equal(config(key), AT_FIRST[key], key);
    const changed: Config = {
      pairing: "window",
      autoPair: "never",
      securityRequestMs: 0,
      secretStore: "irq",
      bond: false,
      mitm: true,
      io: 1,
      leSecure: false,
      minKeySize: 7,
      secureOnly: true,
      maxBonds: 3,
      gapName: "küche 📷",
      mtu: 185,
      rxbuf: 512,
      addrMode: 0,
      rpaTimeoutMs: 60_000,
      captureQueueSize: 3,
      gattCacheSize: 2,
      logLevel: 1,
      maxConnections: 2,
      idleTimeoutMs: 0,
    };
    config(changed);
    await world.run(async () => {
      await camera.host.activate();
      await camera.aioble.stop();
      for (const key of keys) equal(config(key), changed[key], key);
    });
  });

  for (const [key, [min, max]] of Object.entries(RANGES)) {
    it(`takes ${key} from ${min} to ${max}, and nothing else`, () => {
      const { config } = createScene();
      for (const value of [min, max]) {
        config({ [key]: value });
        equal(config(key as keyof Config), value);
      }
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN]) {
        throws(() => config({ [key]: value }), RangeError);
      }
      for (const value of ["20", [20], undefined, null]) {
        throws(
          () => config({ [key]: value as never }),
          new RegExp(`^TypeError: config: ${key} is .*, not a number`),
        );
      }
      equal(config(key as keyof Config), max);
    });
  }

  it("takes one of the values of a choice, and nothing else", () => {
    const { config } = createScene();
    for (const pairing of ["window", "bonded", "never", "always"] as const) {
      config({ pairing });
      equal(config("pairing"), pairing);
    }
    for (const pairing of ["off", ""]) throws(() => config({ pairing: pairing as "always" }), RangeError);
    for (const pairing of [true, 1, undefined, ["always"]]) {
      throws(() => config({ pairing: pairing as never }), TypeError);
    }
    for (const key of ["bond", "mitm", "leSecure", "secureOnly"] as const) {
      const before = config(key);
      config({ [key]: !before });
      equal(config(key), !before, key);
      for (const value of [0, 1, "true", null]) throws(() => config({ [key]: value }), TypeError);
    }
  });

  it("takes the name of a setting or an object of them, and nothing else", () => {
    const { config } = createScene();
    for (const given of [[], ["mtu"], null, 5, undefined]) {
      throws(() => config(given as never), /^TypeError: config takes the name of a setting, or settings/);
    }
    throws(() => config("volume" as never), /^TypeError: config: there is no "volume" here/);
  });

  it("changes all or nothing", () => {
    const { config } = createScene();
    throws(() => config({ mtu: 100, gapName: "new", maxConnections: 0 }), RangeError);
    throws(() => config({ mtu: 100, gapName: "x".repeat(249) }), RangeError);
    throws(() => config({ mtu: 100, colour: "red" } as Partial<Config>), TypeError);
    throws(() => config({ mtu: 100, mac: [1, new Uint8Array(6)] } as Partial<Config>), TypeError);
    throws(() => config({ mtu: 100, gapName: 5 as unknown as string }), TypeError);
    equal(config("mtu"), 517);
    equal(config("gapName"), "");
  });

  it("names the settings that there are", () => {
    const { config } = createScene();
    try {
      config("colour" as keyof Config);
      ok(false);
    } catch (error) {
      const { message } = error as Error;
      for (const key of ["mac", ...Object.keys(AT_FIRST)]) ok(message.includes(key), message);
    }
    config({ addrMode: 2 });
    equal(config("addrMode"), 2);
    for (const nothing of [undefined, null, 5]) throws(() => config(nothing as unknown as "mac"), TypeError);
  });

  it("gapName is what clients read, and what advertise() says last", async () => {
    const { world, camera, config, meet } = createScene();
    config({ gapName: "küche 📷" });
    await world.run(async () => {
      const { link } = await meet();
      equal(textOf(await link.read(DEVICE_NAME)), "küche 📷");
      config({ gapName: "é".repeat(124) });
      await link.exchangeMtu();
      equal((await link.read(DEVICE_NAME)).length, 248);
      camera.aioble.advertise(OPTIONS).catch(() => {});
      await world.clock.sleep(100);
      equal(config("gapName"), "obscura");
      await camera.aioble.stop();
    });
  });

  it("mtu is offered and taken on links to come; an open link keeps its own", async () => {
    const { world, config, meet } = createScene();
    config({ mtu: 100 });
    await world.run(async () => {
      const first = await meet();
      config({ mtu: 23 });
      equal(await first.link.exchangeMtu(247), 100);
      equal(first.connection.mtu, 100);
      const second = await meet();
      equal(await second.link.exchangeMtu(247), 23);
      equal(second.connection.mtu, 23);
      // A request beyond it is refused, whatever it says (Invalid PDU).
      second.link.sendFrame(0x0004, new Uint8Array(24).fill(0x12));
      await world.clock.sleep(200);
      deepEqual([...second.link.frames.at(-1)!.payload], [0x01, 0x12, 0x00, 0x00, 0x04]);
      ok(second.link.isConnected);
    });
  });

  it("maxConnections bounds advertise()", async () => {
    const { world, camera, config, meet } = createScene();
    config({ maxConnections: 1 });
    await world.run(async () => {
      await meet();
      await rejects(camera.aioble.advertise(OPTIONS), { code: "too-many-connections" });
      config({ maxConnections: 2 });
      await meet();
      equal(camera.host.connections.size, 2);
    });
  });

  it("captureQueueSize bounds the queue, now and later", async () => {
    const { world, camera, config, meet } = createScene();
    const { Characteristic, registerServices, Service } = camera.aioble;
    const service = new Service(new UUID(0x1815));
    const options = { write: true, capture: true } as const;
    const command = new Characteristic(service, new UUID(0x2a56), options);
    registerServices(service);
    await world.run(async () => {
      const { link } = await meet();
      const target = (await link.discover()).characteristic(0x2a56);
      for (let index = 0; index < 8; index++) await link.write(target, new Uint8Array([index]));
      config({ captureQueueSize: 3 });
      for (const expected of [5, 6, 7]) deepEqual([...(await command.written()).data], [expected]);
      await rejects(command.written({ timeoutMs: 10 }), { code: "timeout" });
    });
  });
});

describe("aioble: addresses", () => {
  it('config("mac") is the static random address, before and after the radio is on, and what is on the air', async () => {
    const { world, config, meet } = createScene();
    const [type, address] = config("mac");
    equal(type, 1);
    equal(address[0]! & 0xc0, 0xc0);
    address.fill(0);
    await world.run(async () => {
      const { sighting } = await meet();
      deepEqual([sighting.addressType, sighting.address], [...config("mac")]);
    });
  });

  it("addrMode 0 is the controller's public address", async () => {
    const { world, camera, config, meet } = createScene();
    config({ addrMode: 0 });
    throws(() => config("mac"), { code: "radio-off" });
    await world.run(async () => {
      const { sighting, link } = await meet();
      deepEqual([sighting.addressType, sighting.address], [0, PUBLIC_ADDRESS]);
      deepEqual([...config("mac")], [0, PUBLIC_ADDRESS]);
      await link.disconnect();
      config({ addrMode: 1 });
      const again = await meet();
      deepEqual([again.sighting.addressType, again.sighting.address], [...config("mac")]);
    });
    deepEqual(diagnostics(camera), []);
    deepEqual(camera.controller.violations, []);
  });

  it("addrMode 3 hides a broadcast behind a new address each time, and nothing that centrals connect to", async () => {
    const { world, camera, phone, config, meet } = createScene();
    config({ addrMode: 3 });
    await world.run(async () => {
      const seen = new Set<string>();
      for (let turn = 0; turn < 3; turn++) {
        const feed = await camera.aioble.broadcast(OPTIONS);
        const { addressType, address } = await phone.find({ name: "obscura" });
        equal(addressType, 1);
        equal(address[0]! & 0xc0, 0);
        seen.add(address.join());
        await feed.stop();
      }
      equal(seen.size, 3);
      const { sighting } = await meet();
      deepEqual([sighting.addressType, sighting.address], [...config("mac")]);
    });
    deepEqual(diagnostics(camera), []);
    deepEqual(camera.controller.violations, []);
  });
});
