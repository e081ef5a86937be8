/** aioble's defects in core, devices, connections and errors, none of which we have: docs/differences.md names each. */
import { UUID } from "../../firmware/ble/uuid.ts";
import {
  bytes,
  CHAR_UUID,
  CHAR2_UUID,
  createPair,
  findCharacteristics,
  SERVICE_UUID,
  text,
} from "../multi/pair.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000, name: "obscura" };

/** A camera with one characteristic that may do everything, and a phone. */
function createScene() {
  const pair = createPair();
  const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
  const service = new Service(new UUID(SERVICE_UUID));
  const options = { read: true, write: true, notify: true, indicate: true };
  const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
  registerServices(service);
  const meet = async () => {
    const advertised = advertise(OPTIONS);
    const link = await pair.connect();
    const [target] = await findCharacteristics(link, CHAR_UUID);
    return { link, target: target!, connection: await advertised };
  };
  return { ...pair, Characteristic, characteristic, registerServices, service, meet };
}

describe("aioble: differences in core", () => {
  it("⚠ 1: two waits for the same thing both end", async () => {
    const { world, characteristic, meet } = createScene();
    await world.run(async () => {
      const { link, target, connection } = await meet();
      const waiting = [characteristic.written(), characteristic.written()];
      await link.write(target, bytes("x"));
      deepEqual(await Promise.all(waiting), [connection, connection]);
      const down = [connection.disconnected(), connection.disconnected()];
      await link.disconnect();
      await Promise.all(down);
    });
  });

  it("⚠ 1: stop() leaves no connection behind", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      const first = await meet();
      await camera.aioble.stop();
      equal(first.connection.isConnected(), false);
      equal(camera.host.connections.size, 0);
      const { link, connection } = await meet();
      ok(connection !== first.connection);
      await link.disconnect();
      await connection.disconnected();
    });
  });

  it("⚠ 1: a capture characteristic works again after stop()", async () => {
    const { connect, camera, Characteristic, registerServices, service, world } = createScene();
    const captured = new Characteristic(service, new UUID(CHAR2_UUID), { write: true, capture: true });
    registerServices(service);
    await world.run(async () => {
      for (const round of ["one", "two"]) {
        const advertised = camera.aioble.advertise(OPTIONS);
        const link = await connect();
        const [target] = await findCharacteristics(link, CHAR2_UUID);
        await link.write(target!, bytes(round));
        const { connection, data } = await captured.written();
        equal(connection, await advertised);
        equal(text(data), round);
        await camera.aioble.stop();
        registerServices(service);
      }
    });
  });

  it("⚠ 1: an exception in a handler of the application stops nothing else", async () => {
    const { world, camera, characteristic, registerServices, service, meet } = createScene();
    let asked = 0;
    characteristic.onSubscribe = () => {
      throw new Error("in onSubscribe");
    };
    characteristic.onRead = () => {
      asked++;
      throw new Error("in onRead");
    };
    characteristic.onWrite = () => {
      throw new Error("in onWrite");
    };
    registerServices(service);
    await world.run(async () => {
      const { link, target, connection } = await meet();
      for (let round = 0; round < 2; round++) {
        const unlikely = { name: "AttErrorResponse", code: 0x0e };
        await link.subscribe(target);
        await rejects(link.read(target), unlikely);
        await rejects(link.write(target, bytes("x")), unlikely);
        equal(await characteristic.notify(connection, `${round}`), true);
        equal(text((await link.nextValue()).value), `${round}`);
        await link.subscribe(target, "none");
      }
    });
    equal(asked, 2);
    ok(diagnostics(camera).length >= 6, "each is in the log");
  });
});

describe("aioble: differences in errors and UUIDs", () => {
  it("⚠ 9: a GattError always has a status", () => {
    const { GattError } = createPair().camera.aioble;
    const error = new GattError(0x0e);
    equal(error.status, 0x0e);
    equal(error.code, "gatt-error");
    ok(error.message.includes("unlikely error"), error.message);
  });

  it("⚠ 10.1: a string is always hexadecimal digits", () => {
    ok(new UUID("180F").equals(new UUID(0x180f)));
    ok(new UUID("0000-180F").equals(new UUID(0x180f)));
    throws(() => new UUID("ab"), TypeError);
    throws(() => new UUID("0123456789abcdef"), TypeError);
  });
});

describe("aioble: differences in Device and DeviceConnection", () => {
  it("⚠ 2.1: six characters are no address", () => {
    const { Device } = createPair().camera.aioble;
    throws(() => new Device(0, "abcdef"), TypeError);
    equal(new Device(0, "aabbccddeeff").addrHex(), "aa:bb:cc:dd:ee:ff");
  });

  it("⚠ 2.1: a Device is unequal to what is none, without an error", () => {
    const { Device } = createPair().camera.aioble;
    const device = new Device(0, "aa:bb:cc:dd:ee:ff");
    equal(device.equals(undefined), false);
    equal(device.equals("aa:bb:cc:dd:ee:ff"), false);
    equal(device.equals(new Device(0, "AA:BB:CC:DD:EE:FF")), true);
  });

  it("⚠ 2.1: only a connection that is up says that it is connected", async () => {
    const { world, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      equal(String(connection.device), `Device(ADDR_RANDOM, ${connection.device.addrHex()})`);
      equal(String(connection), `DeviceConnection(${connection.device}, connected)`);
      await link.disconnect();
      await connection.disconnected();
      equal(String(connection), `DeviceConnection(${connection.device}, disconnected)`);
    });
  });

  it("⚠ 2.2: a disconnected() that is given up leaves the connection as it is", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      await rejects(connection.disconnected({ timeoutMs: 100 }), { code: "timeout" });
      const aborter = new camera.globals.AbortController();
      const waiting = connection.disconnected({ signal: aborter.signal });
      aborter.abort(new Error("given up"));
      await rejects(waiting, { message: "given up" });
      ok(connection.isConnected());
      const down = connection.disconnected();
      await link.disconnect();
      await down;
      ok(!connection.isConnected());
    });
  });

  it("⚠ 2.2: timeout() of a connection that is down ends the wait at once", async () => {
    const { world, characteristic, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      await link.disconnect();
      await connection.disconnected();
      const gone = { code: "device-disconnected", reason: 0x13 };
      await rejects(characteristic.written({ signal: connection.timeout() }), gone);
      await rejects(characteristic.written({ signal: connection.timeout(1000) }), gone);
    });
  });

  it("⚠ 2.2: leaving the block of a connection whose peer does not answer throws nothing", async () => {
    const { world, camera, phone, connect } = createPair();
    const radio = world.addPhone();
    await world.run(async () => {
      const advertised = camera.aioble.advertise(OPTIONS);
      const link = await radio.phone.connect(await radio.phone.find({}), { supervisionTimeoutMs: 20_000 });
      {
        await using connection = await advertised;
        ok(connection.isConnected());
        world.air.separate(radio.controller, camera.controller);
      }
      equal(diagnostics(camera).length, 1);
      // The camera has stopped waiting, and serves others.
      const next = camera.aioble.advertise(OPTIONS);
      await connect();
      ok((await next).isConnected());
      await link.disconnected();
    });
    equal(phone.links.size, 1);
  });

  it("⚠ 2.3: a wait for a write ends with the link that its signal belongs to", async () => {
    const { world, characteristic, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      const waiting = characteristic.written({ signal: connection.timeout() });
      await link.disconnect();
      await rejects(waiting, { name: "DeviceDisconnectedError", reason: 0x13 });
    });
  });

  it("⚠ 2.3: an advertise() that is aborted rejects with the reason", async () => {
    const { world, camera, phone } = createPair();
    await world.run(async () => {
      const aborter = new camera.globals.AbortController();
      const waiting = camera.aioble.advertise({ ...OPTIONS, signal: aborter.signal });
      await phone.find({ name: "obscura" });
      aborter.abort(new RangeError("no more"));
      await rejects(waiting, RangeError);
      deepEqual(await phone.scan(1000), []);
    });
  });

  it("⚠ 2.3: whatever is asked of a connection that is down rejects with DeviceDisconnectedError", async () => {
    const { world, characteristic, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      await link.disconnect();
      await connection.disconnected();
      const gone = { name: "DeviceDisconnectedError", code: "device-disconnected", reason: 0x13 };
      await rejects(characteristic.notify(connection, "x"), gone);
      await rejects(characteristic.indicate(connection, "x"), gone);
      await connection.disconnect();
    });
  });
});
