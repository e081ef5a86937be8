/** What a characteristic demands of whoever uses it. How a link comes to offer it is the security manager's. */
import type { CharacteristicOptions } from "../../firmware/aioble/server.ts";
import { type LinkSecurity, UNENCRYPTED } from "../../firmware/ble/security.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { deepEqual, equal, rejects, throws } from "../support/assert.ts";
import { diagnostics } from "../support/cameras.ts";
import { byte, type Central, createServed, offer, SERVICE } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const FIRST = SERVICE + 1;
const ALL = { read: true, write: true, notify: true, indicate: true, initial: "secret" };

const AUTHENTICATION = 0x05;
const AUTHORIZATION = 0x08;
const KEY_SIZE = 0x0c;
const ENCRYPTION = 0x0f;

const ENCRYPTED: LinkSecurity = { ...UNENCRYPTED, hasKey: true, isEncrypted: true, keySize: 16 };
const AUTHENTICATED: LinkSecurity = { ...ENCRYPTED, isAuthenticated: true };
const SECURE: LinkSecurity = { ...AUTHENTICATED, isSecureConnections: true };

/** The codes that a read, a write and a subscription are refused with, 0 where they are not. */
async function codes(central: Central): Promise<number[]> {
  const { link, database } = central;
  const target = database.characteristic(FIRST);
  const outcomes = [
    () => link.read(target),
    () => link.write(target, byte(1)),
    () => link.subscribe(target),
    () => link.subscribe(target, "none"),
  ];
  const found: number[] = [];
  for (const attempt of outcomes) {
    found.push(
      await attempt().then(
        () => 0,
        (error: unknown) => (error as { code: number }).code,
      ),
    );
  }
  equal(found.pop(), 0, "nobody is kept from ending a subscription");
  return found;
}

function secure({ connection }: Central, security: LinkSecurity): void {
  connection.link.server.security = security;
}

describe("aioble: what a characteristic demands", () => {
  const levels: readonly (readonly [CharacteristicOptions, readonly (readonly [LinkSecurity, number])[]])[] =
    [
      [{ security: "none" }, [[UNENCRYPTED, 0]]],
      [
        { security: "encrypted" },
        [
          [UNENCRYPTED, AUTHENTICATION],
          [{ ...UNENCRYPTED, hasKey: true }, ENCRYPTION],
          [{ ...ENCRYPTED, keySize: 7 }, 0],
        ],
      ],
      [
        { security: "encrypted", minKeySize: 16 },
        [
          [{ ...ENCRYPTED, keySize: 15 }, KEY_SIZE],
          [ENCRYPTED, 0],
        ],
      ],
      [
        { security: "authenticated" },
        [
          [UNENCRYPTED, AUTHENTICATION],
          [ENCRYPTED, AUTHENTICATION],
          [AUTHENTICATED, 0],
        ],
      ],
      [
        { security: "secure" },
        [
          [AUTHENTICATED, AUTHENTICATION],
          [{ ...SECURE, keySize: 15 }, KEY_SIZE],
          [SECURE, 0],
        ],
      ],
    ];
  for (const [options, cases] of levels) {
    it(`security ${options.security}${options.minKeySize ? ", a whole key" : ""}: reads, writes, subscriptions`, async () => {
      const { world, meet } = createServed((camera) => offer(camera, { ...ALL, ...options }));
      await world.run(async () => {
        const central = await meet();
        for (const [security, code] of cases) {
          secure(central, security);
          deepEqual(await codes(central), [code, code, code]);
        }
      });
    });
  }

  it("each way of using it for itself; subscribing is as reading where nothing is said", async () => {
    const { world, meet } = createServed((camera) =>
      offer(camera, { ...ALL, security: { read: "encrypted", write: "authenticated" } }),
    );
    await world.run(async () => {
      const central = await meet();
      secure(central, ENCRYPTED);
      deepEqual(await codes(central), [0, AUTHENTICATION, 0]);
      secure(central, UNENCRYPTED);
      deepEqual(await codes(central), [AUTHENTICATION, AUTHENTICATION, AUTHENTICATION]);
    });
  });

  it("a descriptor has demands of its own", async () => {
    const { world, meet } = createServed((camera) => {
      const { aioble } = camera;
      const service = new aioble.Service(new UUID(SERVICE));
      const value = new aioble.Characteristic(service, new UUID(FIRST), { read: true });
      new aioble.Descriptor(value, new UUID(0x2901), { read: true, write: true, security: "encrypted" });
      aioble.registerServices(service);
    });
    await world.run(async () => {
      const central = await meet();
      const { link, database } = central;
      const [descriptor] = database.characteristic(FIRST).descriptors;
      await link.read(database.characteristic(FIRST));
      await rejects(link.read(descriptor!), { code: AUTHENTICATION });
      await rejects(link.write(descriptor!, byte(1)), { code: AUTHENTICATION });
      secure(central, ENCRYPTED);
      await link.write(descriptor!, byte(1));
      deepEqual(await link.read(descriptor!), byte(1));
    });
  });

  it("the log says once why a subscriber is sent nothing, and no force lifts it", async () => {
    const { world, camera, offered, meet } = createServed((served) =>
      offer(served, { ...ALL, security: "encrypted" }),
    );
    const [value] = offered;
    await world.run(async () => {
      const central = await meet();
      secure(central, ENCRYPTED);
      await central.link.subscribe(central.database.characteristic(FIRST));
      secure(central, UNENCRYPTED);
      equal(await value!.notify(central.connection, byte(1)), false);
      equal(await value!.notify(central.connection, byte(1), { force: true }), false);
      equal(await value!.indicate(central.connection, byte(1), { force: true }), false);
      equal(value!.write(byte(1), { sendUpdate: true }), 0);
      deepEqual(diagnostics(camera), ["gatt: UUID(0xfff1) is not sent: the link is not encrypted"]);
    });
  });
});

describe("aioble: authorize", () => {
  it("is asked with the connection and the access, and may take its time", async () => {
    const asked: string[] = [];
    const { world, meet, sleep, offered } = createServed((camera) =>
      offer(camera, {
        ...ALL,
        authorize: async (connection, access) => {
          await sleep(200);
          asked.push(`${connection.isConnected()} ${access}`);
          return access === "read";
        },
      }),
    );
    await world.run(async () => {
      deepEqual(await codes(await meet()), [0, AUTHORIZATION, AUTHORIZATION]);
      deepEqual(asked, ["true read", "true write", "true subscribe"]);
      deepEqual(offered[0]!.read().length, 6, "nothing was stored");
    });
  });

  it("comes after what the link must offer, and before onRead and onWrite", async () => {
    const asked: string[] = [];
    const { world, meet } = createServed((camera) => {
      const [value] = offer(camera, {
        ...ALL,
        security: "encrypted",
        authorize: (_, access) => {
          asked.push(`authorize ${access}`);
          return true;
        },
      });
      value!.onRead = () => void asked.push("onRead") as undefined;
      value!.onWrite = () => void asked.push("onWrite") as undefined;
    });
    await world.run(async () => {
      const central = await meet();
      deepEqual(await codes(central), [AUTHENTICATION, AUTHENTICATION, AUTHENTICATION]);
      deepEqual(asked, []);
      secure(central, ENCRYPTED);
      deepEqual(await codes(central), [0, 0, 0]);
      deepEqual(asked, ["authorize read", "onRead", "authorize write", "onWrite", "authorize subscribe"]);
    });
  });

  it("one that never answers is an error of the application after 29 s, and the log says so", async () => {
    const { world, camera, meet } = createServed((served) =>
      offer(served, { ...ALL, authorize: () => new Promise<boolean>(() => {}) }),
    );
    await world.run(async () => {
      const { link, database } = await meet();
      await rejects(link.read(database.characteristic(FIRST)), { code: 0x0e });
      equal(diagnostics(camera).length, 1);
    });
  });
});

describe("aioble: wrong demands throw at once", () => {
  it("an unknown level or access, a key size out of range, an authorize that is not a function", () => {
    const { camera } = createServed(() => {});
    const make = (options: object) => () => void offer(camera, { read: true, ...options });
    throws(make({ security: "high" }), { name: "TypeError" });
    throws(make({ security: { read: "high" } }), { name: "TypeError" });
    throws(make({ security: { notify: "encrypted" } }), { name: "TypeError" });
    throws(make({ security: "encrypted", minKeySize: 6 }), { name: "RangeError" });
    throws(make({ security: "encrypted", minKeySize: 17 }), { name: "RangeError" });
    throws(make({ authorize: true }), { name: "TypeError" });
  });

  it("what would be ignored is refused, of a characteristic and of a descriptor", () => {
    const { camera } = createServed(() => {});
    const { Characteristic, Descriptor, Service } = camera.aioble;
    const service = new Service(new UUID(SERVICE));
    const plain = new Characteristic(service, new UUID(FIRST), { read: true });
    const makers = [
      (options: object) =>
        new Characteristic(service, new UUID(FIRST), { read: true, write: true, ...options }),
      (options: object) => new Descriptor(plain, new UUID(FIRST), { read: true, write: true, ...options }),
    ];
    const levels = [
      true,
      1,
      0,
      null,
      [],
      ["encrypted"],
      {},
      { read: undefined },
      new Map([["read", "encrypted"]]),
    ];
    const mistakes: readonly (readonly [options: object, name: string])[] = [
      ...levels.map((security) => [{ security }, "TypeError"] as const),
      [{ security: { read: true } }, "TypeError"],
      [{ security: { read: null } }, "TypeError"],
      [{ security: { subscribe: "encrypted" } }, "TypeError"],
      [{ security: { write: "encrypted" }, write: false }, "TypeError"],
      [{ security: { read: "encrypted" }, read: false }, "TypeError"],
      [{ minKeySize: 16 }, "TypeError"],
      [{ security: "none", minKeySize: 16 }, "TypeError"],
      [{ security: { read: "none" }, minKeySize: 16 }, "TypeError"],
      [{ minKeySize: 16, authorize: () => true }, "TypeError"],
      [{ security: "encrypted", minKeySize: "16" }, "TypeError"],
      [{ security: "encrypted", minKeySize: null }, "TypeError"],
      [{ security: "encrypted", minKeySize: 7.5 }, "RangeError"],
      [{ security: "encrypted", minKeySize: Number.NaN }, "RangeError"],
      [{ authorize: null }, "TypeError"],
    ];
    for (const [options, name] of mistakes) {
      for (const make of makers) throws(() => void make(options), { name });
    }
    deepEqual([service.characteristics.length, plain.descriptors.length], [1, 0]);
    for (const make of makers) {
      make({ security: undefined, minKeySize: undefined });
      make({ security: { read: "encrypted", write: "none", subscribe: "none" }, minKeySize: 7 });
    }
  });
});
