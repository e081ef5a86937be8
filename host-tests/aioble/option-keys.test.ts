/** A misspelt option is a TypeError that names it, at once; nothing has begun by then. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { type OptionScene, optionCalls } from "../support/option-calls.ts";
import { withPair } from "../support/pair.ts";
import { describe, it } from "../support/suite.ts";

const SERVICE = new UUID(0xfff0);
const NOTIFYING = new UUID(0xfff1);

/** Options for which null stands for something, and one that the call sets itself. */
const OTHERWISE = [
  ...["BLE.gapAdvertise advData", "BLE.gapAdvertise respData", "deepSleep state", "dutyCycle state"],
  "broadcast connectable",
];

/** Options of several types that take a text, an empty one too. */
const TEXTS = ["name", "initial", "advData", "respData"];

/** What calls need beside the option that is tried, by what their errors call them. */
const NEEDED: Readonly<Record<string, object>> = {
  advertising: { intervalUs: 100_000 },
  fast: { intervalUs: 20_000, durationMs: 1000 },
  manufacturer: { companyId: 1 },
  format: { format: 4, unit: 0x2700 },
  lowBattery: { lowVolts: 3 },
  dutyCycle: { intervalMs: 60_000, deadlineMs: 1000, state: 0, burst() {} },
};

/** What the engine says where nothing was checked. */
const OF_THE_ENGINE = /itera|annot|convert|coerce/;

/** What a value of each kind is not, as the error has it, with what it may not be. */
const KINDS: Readonly<Record<string, readonly unknown[]>> = {
  "which is no number": ["100", "", "0x10", [100], [null], {}, true, Symbol("x")],
  "which is no text": [Number.NaN, 0, 5, ["x"], {}, true, Symbol("x")],
  "which is no list": [Number.NaN, 0, 5, "", "text", {}, true, new Uint8Array(1), Symbol("x")],
  "which is no Uint8Array": [Number.NaN, 0, 5, "", "text", [1], {}, true, Symbol("x")],
};

const show = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** The error that `call` throws or rejects with. */
async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/** What there is to call on, between two cameras; a second later everything still is as it was. */
function withCalls(use: (scene: OptionScene) => Promise<void>): Promise<void> {
  return withPair(
    ({ aioble }) => {
      const service = new aioble.Service(SERVICE);
      const all = { read: true, write: true, notify: true, indicate: true, reliableWrite: true };
      new aioble.Characteristic(service, NOTIFYING, all);
      aioble.registerServices(service);
    },
    async ({ client: camera, toClient, toServer: connection, world }) => {
      const { aioble, bluetooth, power } = camera;
      const service = new aioble.Service(SERVICE);
      const all = { read: true, write: true, notify: true, indicate: true };
      const characteristic = new aioble.Characteristic(service, NOTIFYING, all);
      aioble.registerServices(service);
      const ble = new bluetooth.BLE();
      await ble.active(true);
      const accepted = toClient.l2capAccept(0x80);
      const channel = await connection.l2capConnect(0x80);
      await accepted;
      const remoteService = (await connection.service(SERVICE))!;
      const remote = (await remoteService.characteristic(NOTIFYING))!;
      const broadcast = await aioble.broadcast({ intervalUs: 100_000, name: "a" });
      await use({
        ...{ camera, power, ble, connection, channel, remoteService, remote },
        ...{ broadcast, service, characteristic },
      });
      await world.clock.sleep(1000);
      ok(connection.isConnected() && channel.isConnected());
      await broadcast.stop();
    },
  );
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

  it("of every public function: a TypeError that names the key, and nothing has begun", async () => {
    await withCalls(async (scene) => {
      let signals = 0;
      for (const { call, name, what } of optionCalls) {
        for (const key of ["intervalUS", "timeoutMS", "constructor"]) {
          const error = await errorOf(() => call(scene, { [key]: 1 } as never));
          ok(error instanceof TypeError, `${name}: ${error}`);
          ok(error.message.startsWith(`${what}: unknown key "${key}"`), `${name}: ${error.message}`);
        }
        if ((await errorOf(() => call(scene, { x: 1 } as never))).message.includes("signal")) {
          signals++;
          for (const signal of [null, 5, "", {}, [], { addEventListener: () => {} }]) {
            const error = await errorOf(() => call(scene, { signal } as never));
            ok(error instanceof TypeError, `${name}, ${JSON.stringify(signal)}: ${error}`);
            ok(
              /^[\w ]+: signal is .*, which is no AbortSignal: give/.test(error.message),
              `${name}: ${error.message}`,
            );
          }
        }
        for (const given of [5, true, [], "text"]) {
          const error = await errorOf(() => call(scene, given as never));
          ok(error instanceof TypeError, `${name}(${JSON.stringify(given)}): ${error}`);
        }
      }
      ok(signals > 30, `${signals} calls take a signal`);
      ok(scene.connection.isConnected() && scene.channel.isConnected());
      equal(scene.service.characteristics.length, 1);
      deepEqual(scene.characteristic.read(), new Uint8Array(0));
    });
  });

  it("no value, and neither true nor false: a TypeError that names the option and what was given", async () => {
    await withCalls(async (scene) => {
      let [options, flags] = [0, 0];
      for (const { call, name, what } of optionCalls) {
        const { message } = await errorOf(() => call(scene, { x: 1 } as never));
        const keys = /there are (.*)$/.exec(message)![1]!.split(", ");
        for (const key of keys) {
          if (OTHERWISE.includes(`${name} ${key}`)) continue;
          options++;
          const error = await errorOf(() => call(scene, { [key]: null } as never));
          ok(error instanceof TypeError, `${name}: ${error}`);
          ok(error.message.startsWith(`${what}: ${key} is null, `), `${name}: ${error.message}`);
          if (!error.message.endsWith("neither true nor false")) continue;
          flags++;
          for (const given of ["false", 1, 0]) {
            const refused = await errorOf(() => call(scene, { [key]: given } as never));
            ok(
              refused.message.startsWith(`${what}: ${key} is ${JSON.stringify(given)}, neither`),
              `${name}: ${refused.message}`,
            );
          }
        }
      }
      ok(options > 200 && flags > 40, `${options} options, ${flags} of them true or false`);
      equal(scene.service.characteristics.length, 1);
      deepEqual(scene.characteristic.read(), new Uint8Array(0));
      ok(scene.connection.isConnected());
    });
  });

  it("of another type, NaN among them: a TypeError that names the option and what was given", async () => {
    await withCalls(async (scene) => {
      const counts: Record<string, number> = {};
      for (const { call, name, what } of optionCalls) {
        const { message } = await errorOf(() => call(scene, { x: 1 } as never));
        const keys = /there are (.*)$/.exec(message)![1]!.split(", ");
        const tried = (key: string, value: unknown) =>
          errorOf(() => call(scene, { ...NEEDED[what], [key]: value } as never)).catch(() => {
            throw new Error(`${name}: ${key} may be ${show(value)}`);
          });
        for (const key of keys) {
          if (OTHERWISE.includes(`${name} ${key}`) && key !== "advData" && key !== "respData") continue;
          // What no kind takes shows which kind it is.
          const { message: refusal } = await tried(key, Symbol("x"));
          const prefix = `${what}: ${key} is `;
          const kind = refusal.startsWith(prefix) ? refusal.slice(refusal.indexOf(", ") + 2) : "";
          counts[kind] = (counts[kind] ?? 0) + 1;
          if (kind === "neither true nor false") continue;
          for (const value of KINDS[kind] ?? []) {
            const error = await tried(key, value);
            ok(
              error instanceof TypeError && error.message.startsWith(prefix) && error.message.endsWith(kind),
              `${name}: ${key} ${show(value)}: ${error}`,
            );
          }
          for (const value of [Number.NaN, "", 0, [null], [5], {}, Symbol("x")]) {
            if (value === "" && (kind === "which is no text" || TEXTS.includes(key))) continue;
            if (value === 0 && kind === "which is no number") continue;
            if (key === "lengths" && show(value) === "[5]") continue;
            const error = await tried(key, value);
            ok(
              (error instanceof TypeError || error instanceof RangeError) &&
                !OF_THE_ENGINE.test(error.message),
              `${name}: ${key} ${show(value)}: ${error}`,
            );
          }
        }
      }
      ok(counts["which is no number"]! > 70, `numbers: ${counts["which is no number"]}`);
      ok(counts["which is no list"]! > 10, `lists: ${counts["which is no list"]}`);
      ok(counts["which is no Uint8Array"]! > 10, `bytes: ${counts["which is no Uint8Array"]}`);
      ok(counts["which is no text"]! > 5, `texts: ${counts["which is no text"]}`);
      equal(scene.service.characteristics.length, 1);
      deepEqual(scene.characteristic.read(), new Uint8Array(0));
      ok(scene.connection.isConnected());
    });
  });

  it("readMultiple() and writeReliably() of what is no list of a peer's values: a TypeError that says what they take", async () => {
    await withCalls(async ({ connection }) => {
      for (const given of [undefined, null, 5, {}, [], [null], [5], [[]], [[null]]]) {
        for (const method of ["readMultiple", "writeReliably"] as const) {
          const error = await errorOf(() => connection[method](given as never));
          equal(
            `${error}`,
            `TypeError: ${method} takes characteristics and descriptors of the peer, at least one`,
          );
        }
      }
    });
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
