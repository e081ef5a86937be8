/** Both modules on one radio and one database. */
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import {
  ANSWER,
  advertisingData,
  COMMAND,
  CONN,
  inScene,
  NAME,
  type Scene,
  SERVICE,
} from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

const HIGH = { intervalUs: 100_000, name: "high" };

/** One service of aioble, with a value to write and one to be notified of. */
function registerHigh({ camera, bluetooth }: Scene) {
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new bluetooth.UUID(SERVICE));
  const command = new Characteristic(service, new bluetooth.UUID(COMMAND), { read: true, write: true });
  const answer = new Characteristic(service, new bluetooth.UUID(ANSWER), { notify: true });
  registerServices(service);
  return { service, command, answer };
}

describe("bluetooth beside aioble: advertising", () => {
  it("one at a time: each refuses while the other's is on the air", () =>
    inScene(async ({ ble, camera, advertise, phone }) => {
      const { aioble } = camera;
      const late = new camera.globals.AbortController();
      const high = aioble.advertise({ ...HIGH, signal: late.signal });
      await ble.active(true);
      throws(() => ble.gapAdvertise(100_000), { code: "already-advertising" });
      throws(() => ble.gapAdvertise(null), { code: "already-advertising" });
      await phone.find({ name: "high" });
      late.abort(new Error("enough"));
      await rejects(high, { message: "enough" });
      await advertise();
      await rejects(aioble.advertise(HIGH), { code: "already-advertising" });
      await rejects(aioble.broadcast(HIGH), { code: "already-advertising" });
      ok(await phone.find({ name: NAME }));
      await ble.gapAdvertise(null);
      const broadcaster = await aioble.broadcast(HIGH);
      ok(await phone.find({ name: "high" }));
      await broadcaster.stop();
      await advertise();
    }));

  it("a connection belongs to who advertised: aioble does not end that of gapAdvertise", () =>
    inScene(async ({ ble, meet, world, camera, phone }) => {
      const first = await meet();
      const advertised = camera.aioble.advertise(HIGH);
      const second = await phone.connect(await phone.find({ name: "high" }));
      const connection = await advertised;
      await world.clock.sleep(5000);
      ok(first.isConnected && second.isConnected);
      equal(connection.link.handle, CONN + 1);
      equal(ble.gapDisconnect(CONN + 1), true);
      await connection.disconnected();
      ok(first.isConnected);
      deepEqual(diagnostics(camera), []);
    }));

  it("a connection that nobody waits for is ended even when gapAdvertise was used before", () =>
    inScene(async ({ meet, world, camera, phone }) => {
      await (await meet()).disconnect();
      await world.clock.sleep(100);
      await rejects(camera.aioble.advertise({ ...HIGH, timeoutMs: 1000 }), { code: "timeout" });
      const nobody = camera.host.advertiser.acquire({ onEnded() {}, take: () => false });
      await nobody!.start({
        intervalUs: 100_000,
        connectable: true,
        advData: advertisingData("nobody"),
        respData: new Uint8Array(0),
      });
      const link = await phone.connect(await phone.find({ name: "nobody" }));
      equal(await link.disconnected(), 0x13);
    }));

  it("stop() ends what gapAdvertise began, and active(false) what advertise() did", () =>
    inScene(async ({ ble, advertise, camera, phone }) => {
      await advertise();
      await camera.aioble.stop();
      equal(ble.active(), false);
      await rejects(phone.find({ name: NAME }, 3000));
      const high = camera.aioble.advertise(HIGH);
      await phone.find({ name: "high" });
      const ended = rejects(high, { code: "radio-off" });
      await ble.active(false);
      await ended;
    }));
});

describe("bluetooth beside aioble: services", () => {
  it("handles reach the values of aioble's characteristics", () =>
    inScene(async (scene) => {
      const { ble } = scene;
      const { command, answer } = registerHigh(scene);
      ble.gattsWrite(16, new Uint8Array([1]));
      deepEqual(command.read(), new Uint8Array([1]));
      answer.write(new Uint8Array([2]));
      deepEqual(ble.gattsRead(18), new Uint8Array([2]));
    }));

  it("gattsRegisterServices takes the place of aioble's: its objects say so", () =>
    inScene(async (scene) => {
      const { register, camera, phone, ble } = scene;
      const { service, command, answer } = registerHigh(scene);
      command.write(new Uint8Array([7]));
      const advertised = camera.aioble.advertise(HIGH);
      const link = await phone.connect(await phone.find({ name: "high" }));
      const connection = await advertised;
      await link.subscribe((await link.discover()).characteristic(ANSWER));
      const waiting = rejects(command.written(), { code: "not-registered" });
      const handles = register();
      await waiting;
      throws(() => command.written(), TypeError);
      throws(() => answer.notify(connection), TypeError);
      deepEqual(answer.subscribers, []);
      // What it writes is its own until it is registered again, and nobody is notified of another's value.
      equal(answer.write(new Uint8Array([9]), { sendUpdate: true }), 0);
      deepEqual(ble.gattsRead(handles.answer), new Uint8Array(0));
      camera.aioble.registerServices(service);
      deepEqual(command.read(), new Uint8Array([7]));
      deepEqual(await link.read(16), new Uint8Array([7]));
      const written = command.written();
      await link.write(16, new Uint8Array([8]));
      equal(await written, connection);
    }));

  it("registerServices takes the place of gattsRegisterServices: old handles mean what is there now, or nothing", () =>
    inScene(async (scene) => {
      const { ble, register } = scene;
      const { command, descriptor, answer } = register();
      ble.gattsWrite(command, new Uint8Array([1]));
      const high = registerHigh(scene);
      high.command.write(new Uint8Array([2]));
      deepEqual(ble.gattsRead(command), new Uint8Array([2]));
      throws(() => ble.gattsRead(descriptor), { code: "unknown-handle" });
      throws(() => ble.gattsRead(answer), { code: "unknown-handle" });
    }));
});
