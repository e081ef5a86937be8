/** What authors of applications get wrong: each mistake is an error at once that names it, and nothing stays behind. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { createWorld } from "../../simulator/world.ts";
import { equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000 };
const HUGE = "x".repeat(1_000_000);

function createScene() {
  const world = createWorld();
  const camera = addAioble(world);
  const { Characteristic, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0xff00));
  const value = new Characteristic(service, new UUID(0xff01), { read: true, notify: true, indicate: true });
  registerServices(service);
  return { world, camera, service, value, ...camera.aioble };
}

type Scene = ReturnType<typeof createScene>;

/** Anything: what a program without types hands over. */
// biome-ignore lint/suspicious/noExplicitAny: the mistakes are those that types would show
const untyped = (value: unknown): any => value;

/** The mistake, the call, and what its message has to say. */
const mistakes: readonly (readonly [what: string, call: (scene: Scene) => unknown, message: RegExp])[] = [
  ["advertise() without options", ({ advertise }) => untyped(advertise)(), /needs intervalUs/],
  ["advertise(null)", ({ advertise }) => advertise(untyped(null)), /needs intervalUs/],
  ["connections() without options", ({ connections }) => untyped(connections)(), /needs intervalUs/],
  ["broadcast() without options", ({ broadcast }) => untyped(broadcast)(), /needs intervalUs/],
  [
    "services that are no array",
    ({ advertise }) => advertise({ ...OPTIONS, services: untyped(new UUID(0x180f)) }),
    /services is UUID\(0x180f\), which is no list/,
  ],
  [
    "serviceData that is no array",
    ({ advertise }) => advertise({ ...OPTIONS, serviceData: untyped({}) }),
    /serviceData is .*, which is no list/,
  ],
  [
    "fields that are no array",
    ({ advertise }) => advertise({ ...OPTIONS, fields: untyped({ 9: 1 }) }),
    /fields is .*, which is no list/,
  ],
  [
    "manufacturer that is no array",
    ({ advertise }) => advertise({ ...OPTIONS, manufacturer: untyped({ id: 1 }) }),
    /manufacturer is .*, which is no list/,
  ],
  [
    "a uri that is no text",
    ({ advertise }) => advertise({ ...OPTIONS, uri: untyped(5) }),
    /uri is 5, which is no text/,
  ],
  [
    "timeoutMs that is a text",
    ({ advertise }) => advertise({ ...OPTIONS, timeoutMs: untyped("5") }),
    /timeoutMs is "5", which is no number/,
  ],
  [
    "an AbortController in place of its signal",
    ({ advertise, camera }) =>
      advertise({ ...OPTIONS, timeoutMs: 50, signal: untyped(new camera.globals.AbortController()) }),
    /signal is .*, which is no AbortSignal: give the signal of an AbortController/,
  ],
  ["scan() of a text", ({ scan }) => untyped(scan)("x"), /options are an object/],
  [
    "scan({ durationMs }) of a text",
    ({ scan }) => scan({ durationMs: untyped("5") }),
    /durationMs is "5", which is no number/,
  ],
  [
    "notify() without a connection",
    ({ value }) => untyped(value).notify(),
    /notify\(\) needs the connection/,
  ],
  [
    "notify() of the data alone",
    ({ value }) => untyped(value).notify("x"),
    /notify\(\) needs the connection/,
  ],
  [
    "indicate() of the data alone",
    ({ value }) => untyped(value).indicate("x"),
    /indicate\(\) needs the connection/,
  ],
  [
    "notifyMultiple() without a connection",
    ({ value, Characteristic }) => Characteristic.notifyMultiple(untyped(undefined), [value]),
    /notifyMultiple\(\) needs the connection/,
  ],
  [
    "notifyMultiple() without a list",
    ({ Characteristic }) => Characteristic.notifyMultiple(untyped({}), untyped(null)),
    /notifyMultiple takes a list of Characteristics/,
  ],
  [
    "notifyMultiple() of a list of what is none",
    ({ Characteristic }) => Characteristic.notifyMultiple(untyped({}), untyped([[]])),
    /notifyMultiple takes a list of Characteristics/,
  ],
  [
    "write() with null for options",
    ({ value }) => value.write("x", untyped(null)),
    /options are an object, not null/,
  ],
  [
    "notify() with null for options",
    ({ value }) => value.notify(untyped({}), "x", untyped(null)),
    /options are an object, not null/,
  ],
  [
    "registerServices() of null",
    ({ registerServices }) => registerServices(untyped(null)),
    /takes Service objects/,
  ],
  [
    "registerServices() of one twice",
    ({ registerServices, service }) => registerServices(service, service),
    /a service is there twice/,
  ],
  ...(["onRead", "onWrite", "onSubscribe"] as const).map(
    (name) =>
      [
        `registerServices() of a characteristic whose ${name} is a number`,
        ({ registerServices, service, value }: Scene) => {
          value[name] = untyped(5);
          registerServices(service);
        },
        new RegExp(`^${name} of .*ff01.* is 5, which is not a function$`),
      ] as const,
  ),
  [
    "registerServices() of a descriptor whose onWrite is a text",
    ({ Descriptor, registerServices, service, value }) => {
      const descriptor = new Descriptor(value, new UUID(0x2901), { write: true });
      descriptor.onWrite = untyped("later");
      registerServices(service);
    },
    /^onWrite of .*2901.* is "later", which is not a function$/,
  ],
  [
    "config() of a figure in quotes",
    ({ config }) => config({ mtu: untyped("247") }),
    /mtu is "247", not a number/,
  ],
  [
    "a value of a megabyte of text",
    ({ value }) => value.write(HUGE),
    /1000000 bytes; an attribute holds at most 512/,
  ],
  [
    "a name of a megabyte",
    ({ advertise }) => advertise({ ...OPTIONS, name: HUGE }),
    /length of name .*1000000/,
  ],
  ["a uri of a megabyte", ({ advertise }) => advertise({ ...OPTIONS, uri: HUGE }), /length of uri 1000000/],
  ["a gapName of a megabyte", ({ config }) => config({ gapName: HUGE }), /gapName has 1000000 bytes/],
];

describe("mistakes in an application", () => {
  for (const [what, call, message] of mistakes) {
    it(`${what}: ${message.source.replaceAll("\\", "")}`, async () => {
      const scene = createScene();
      const { world, advertise } = scene;
      await world.run(async () => {
        let outcome: unknown;
        try {
          outcome = call(scene);
        } catch (error) {
          outcome = Promise.reject(error);
        }
        let error: Error | undefined;
        await Promise.resolve(outcome).catch((reason: Error) => {
          error = reason;
        });
        ok(error instanceof TypeError || error instanceof RangeError, String(error));
        ok(message.test(error.message), error.message);
        // Neither an advertisement nor a timer is left of it.
        await world.clock.sleep(100);
        await rejects(advertise({ ...OPTIONS, timeoutMs: 100 }), { code: "timeout" });
      });
    });
  }

  it("a second scan inside the loop over the first is refused there, and the first goes on", async () => {
    const { world, scan } = createScene();
    await world.run(async () => {
      const outer = scan({ durationMs: 2000 });
      const step = outer.next();
      await rejects(scan({ durationMs: 100 }).next(), { code: "already-scanning" });
      equal((await step).done, true);
    });
  });

  it("what was disposed of once may be again, and nothing happens", async () => {
    const { world, broadcast, scan } = createScene();
    await world.run(async () => {
      const feed = await broadcast({ intervalUs: 100_000 });
      for (let time = 0; time < 2; time++) await feed[Symbol.asyncDispose]();
      await feed.update({ name: "after" });
      const scanning = scan({ durationMs: 100 });
      for (let time = 0; time < 2; time++) await scanning[Symbol.asyncDispose]();
    });
  });

  it("services whose handler is none are not registered, those that were stay, and null is no handler", () => {
    const { registerServices, service, value } = createScene();
    value.onWrite = untyped(null);
    registerServices(service);
    value.onWrite = untyped({});
    throws(() => registerServices(service), TypeError);
    ok(value.registration);
  });

  it("a characteristic without a service, and a service without a UUID, say which is missing", () => {
    const { Characteristic, Service } = createScene();
    throws(() => new Service(untyped(0x181a)), /Service needs a bluetooth\.UUID/);
    throws(() => new Characteristic(untyped(undefined), new UUID(1), { read: true }), /needs a Service/);
  });
});
