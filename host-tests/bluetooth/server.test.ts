/** The GATT server by handles. */
import { UNENCRYPTED } from "../../firmware/ble/security.ts";
import * as constants from "../../firmware/bluetooth/constants.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { diagnostics } from "../support/cameras.ts";
import { ANSWER, COMMAND, CONN, DESCRIPTOR, inScene, type Scene, SERVICE } from "../support/low-level.ts";
import { describe, it } from "../support/suite.ts";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

describe("bluetooth: gattsRegisterServices", () => {
  it("returns the handles of values, descriptors after their characteristic", () =>
    inScene(async ({ ble, bluetooth }) => {
      const { FLAG_NOTIFY, FLAG_READ, FLAG_WRITE, UUID } = bluetooth;
      const handles = ble.gattsRegisterServices([
        [
          new UUID(SERVICE),
          [
            [new UUID(COMMAND), FLAG_WRITE],
            [
              new UUID(ANSWER),
              FLAG_NOTIFY,
              [
                [new UUID(DESCRIPTOR), FLAG_READ],
                [new UUID(0x2903), FLAG_READ | FLAG_WRITE],
              ],
            ],
          ],
        ],
        [new UUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e"), [[new UUID(COMMAND), FLAG_READ]]],
        [new UUID(0x1812), []],
      ]);
      // 14 service, 15 declaration, 16 value; 17, 18, then the subscription at 19, which is the stack's own.
      deepEqual(handles, [[16, 18, 20, 21], [24], []]);
    }));

  it("is what a phone finds, with every property", () =>
    inScene(async ({ ble, bluetooth, meet }) => {
      const { UUID, ...constants } = bluetooth;
      const names = ["BROADCAST", "READ", "WRITE_NO_RESPONSE", "WRITE", "NOTIFY", "INDICATE"] as const;
      const flags = names.map((name) => constants[`FLAG_${name}`]);
      ble.gattsRegisterServices([
        [new UUID(SERVICE), flags.map((flag, index) => [new UUID(0x2a00 + index + 0x50), flag] as const)],
      ]);
      const link = await meet();
      const service = (await link.discover()).services.at(-1)!;
      equal(service.uuid.short, SERVICE);
      deepEqual(
        service.characteristics.map(({ properties }) => properties),
        [0x01, 0x02, 0x04, 0x08, 0x10, 0x20],
      );
      deepEqual(
        service.characteristics.map(({ descriptors }) => descriptors.length),
        [0, 0, 0, 0, 1, 1],
      );
    }));

  it("replaces what was registered before: its handles are unknown, its subscriptions are over", () =>
    inScene(async ({ ble, bluetooth, register, meet, camera }) => {
      const { answer, descriptor } = register();
      const link = await meet();
      await link.subscribe((await link.discover()).characteristic(ANSWER));
      equal(ble.gattsNotify(CONN, answer), true);
      ble.gattsRegisterServices([[new bluetooth.UUID(SERVICE), [[new bluetooth.UUID(COMMAND), 2]]]]);
      throws(() => ble.gattsRead(answer), { code: "unknown-handle" });
      throws(() => ble.gattsWrite(descriptor, bytes(1)), { code: "unknown-handle" });
      throws(() => ble.gattsNotify(CONN, answer), { code: "unknown-handle" });
      ble.gattsRegisterServices([]);
      equal(register().answer, answer);
      equal(ble.gattsNotify(CONN, answer), false);
      ok(diagnostics(camera).every((line) => line.includes("has not subscribed")));
    }));

  it("refuses what it cannot be, and keeps what there is", () =>
    inScene(async ({ ble, bluetooth, register }) => {
      const { UUID, ...constants } = bluetooth;
      const { command } = register();
      const withFlags = (flags: number, descriptorFlags = 2) =>
        ble.gattsRegisterServices([
          [new UUID(SERVICE), [[new UUID(COMMAND), flags, [[new UUID(DESCRIPTOR), descriptorFlags]]]]],
        ]);
      for (const name of ["FLAG_AUTHENTICATED_SIGNED_WRITE", "FLAG_AUX_WRITE"] as const) {
        throws(() => withFlags(constants.FLAG_READ | constants[name]), { code: "not-supported" });
        throws(() => withFlags(0, constants[name]), { code: "not-supported" });
      }
      for (const flags of [
        -1,
        0x80,
        0x10000,
        2 ** 32 + 2,
        1.5,
        Number.NaN,
        undefined as never,
        "2" as never,
      ]) {
        throws(() => withFlags(flags), RangeError);
      }
      throws(() => withFlags(2, constants.FLAG_NOTIFY), RangeError);
      throws(() => ble.gattsRegisterServices([[SERVICE as never, []]]), TypeError);
      throws(() => ble.gattsRegisterServices([[new UUID(SERVICE), [[COMMAND as never, 2]]]]), TypeError);
      throws(() => ble.gattsRegisterServices(undefined as never), TypeError);
      throws(() => ble.gattsRegisterServices([new UUID(SERVICE) as never]), TypeError);
      deepEqual(ble.gattsRead(command), bytes());
    }));
});

describe("bluetooth: gattsRead and gattsWrite", () => {
  it("keep values, of descriptors too, and give copies", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command, descriptor } = register();
      deepEqual(ble.gattsRead(command), bytes());
      const value = bytes(1, 2, 3);
      equal(ble.gattsWrite(command, value), 3);
      value.fill(0);
      ble.gattsRead(command).fill(9);
      deepEqual(ble.gattsRead(command), bytes(1, 2, 3));
      equal(ble.gattsWrite(descriptor, "Größe"), 7);
      const link = await meet();
      deepEqual(await link.read(command), bytes(1, 2, 3));
      deepEqual(await link.read(descriptor), bytes(0x47, 0x72, 0xc3, 0xb6, 0xc3, 0x9f, 0x65));
    }));

  it("hold up to 512 bytes; a client may write 20, or as many as the camera did", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command } = register();
      const link = await meet();
      await link.exchangeMtu(517);
      await link.write(command, counting(20));
      await rejects(link.write(command, counting(21)), { code: 0x0d });
      ble.gattsWrite(command, counting(512));
      deepEqual(await link.read(command), counting(512));
      await link.write(command, counting(512, 5));
      deepEqual(ble.gattsRead(command), counting(512, 5));
      throws(() => ble.gattsWrite(command, counting(513)), RangeError);
      throws(() => ble.gattsWrite(command, 5 as never), TypeError);
    }));

  it("with sendUpdate notify those who subscribed", () =>
    inScene(async ({ ble, register, meet, world }) => {
      const { answer } = register();
      const link = await meet();
      const characteristic = (await link.discover()).characteristic(ANSWER);
      ble.gattsWrite(answer, bytes(1), true);
      await link.subscribe(characteristic);
      ble.gattsWrite(answer, bytes(2));
      ble.gattsWrite(answer, bytes(3), true);
      deepEqual((await link.nextValue()).value, bytes(3));
      await link.subscribe(characteristic, "indicate");
      ble.gattsWrite(answer, bytes(4), true);
      const { kind, value } = await link.nextValue();
      deepEqual([kind, value], ["indication", bytes(4)]);
      await world.clock.sleep(500);
      equal(link.att.values.length, 2);
    }));

  it("know only values and descriptors of the application", () =>
    inScene(async ({ ble, register }) => {
      const { answer } = register();
      // The stack's own services, declarations, the subscription of the answer, and what lies behind.
      for (const handle of [
        0,
        1,
        3,
        13,
        14,
        15,
        answer - 1,
        answer + 1,
        0xffff,
        -1,
        16.5,
        undefined as never,
      ]) {
        throws(() => ble.gattsRead(handle), { code: "unknown-handle" });
        throws(() => ble.gattsWrite(handle, bytes(1)), { code: "unknown-handle" });
        throws(() => ble.gattsSetBuffer(handle, 50), { code: "unknown-handle" });
        throws(() => ble.gattsNotify(CONN, handle), { code: "unknown-handle" });
        throws(() => ble.gattsIndicate(CONN, handle), { code: "unknown-handle" });
      }
    }));
});

describe("bluetooth: gattsSetBuffer", () => {
  it("empties the value and sets how much a client may write", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command } = register();
      ble.gattsWrite(command, counting(5));
      ble.gattsSetBuffer(command, 100);
      deepEqual(ble.gattsRead(command), bytes());
      const link = await meet();
      await link.exchangeMtu(200);
      await link.write(command, counting(100));
      await rejects(link.write(command, counting(101)), { code: 0x0d });
      ble.gattsSetBuffer(command, 3);
      await rejects(link.write(command, counting(4)), { code: 0x0d });
      for (const length of [0, 513, -1, Number.NaN]) {
        throws(() => ble.gattsSetBuffer(command, length), RangeError);
      }
    }));

  it("with append collects what clients write, until it is read", () =>
    inScene(async ({ ble, register, meet }) => {
      const { command } = register();
      ble.gattsSetBuffer(command, 6, true);
      const link = await meet();
      for (const value of [1, 2, 3]) await link.write(command, bytes(value, value));
      await rejects(link.write(command, bytes(4)), { code: 0x0d });
      deepEqual(await link.read(command), bytes(1, 1, 2, 2, 3, 3));
      deepEqual(ble.gattsRead(command), bytes(1, 1, 2, 2, 3, 3));
      deepEqual(ble.gattsRead(command), bytes());
      await link.write(command, bytes(4));
      deepEqual(ble.gattsRead(command), bytes(4));
    }));
});

describe("bluetooth: flags that protect", () => {
  /** The codes that a read, a write and a subscription are refused with, 0 where they are not, on either kind of link. */
  const attempt = (
    flags: number,
    prepare: (scene: Scene) => void = () => {},
    uses: number = constants.FLAG_READ | constants.FLAG_WRITE | constants.FLAG_NOTIFY,
  ): Promise<number[][]> => {
    const found: number[][] = [];
    return inScene(async (scene) => {
      const { bluetooth, ble, camera, meet } = scene;
      const { UUID } = bluetooth;
      const own = uses | flags;
      const [[handle = 0] = []] = ble.gattsRegisterServices([
        [new UUID(SERVICE), [[new UUID(COMMAND), own]]],
      ]);
      prepare(scene);
      const link = await meet();
      const { server } = camera.host.connections.get(CONN)!;
      const keys = {
        ...UNENCRYPTED,
        isEncrypted: true,
        isSecureConnections: false,
        keySize: 16,
        hasKey: true,
      };
      for (const security of [
        UNENCRYPTED,
        { ...keys, isAuthenticated: false },
        { ...keys, isAuthenticated: true },
      ]) {
        server.security = security;
        const outcomes = [
          link.read(handle),
          link.write(handle, bytes(1)),
          link.write(handle + 1, bytes(1, 0)),
        ];
        found.push(
          await Promise.all(
            outcomes.map((outcome) =>
              outcome.then(
                () => 0,
                (error) => error.code,
              ),
            ),
          ),
        );
        await link.write(handle + 1, bytes(0, 0));
      }
    }).then(() => found);
  };

  it("say what the link must be", async () => {
    const { FLAG_READ_AUTHENTICATED, FLAG_READ_ENCRYPTED } = constants;
    const { FLAG_WRITE_AUTHENTICATED, FLAG_WRITE_ENCRYPTED } = constants;
    deepEqual(await attempt(FLAG_READ_ENCRYPTED), [
      [5, 0, 5],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    deepEqual(await attempt(FLAG_READ_AUTHENTICATED), [
      [5, 0, 5],
      [5, 0, 5],
      [0, 0, 0],
    ]);
    deepEqual(await attempt(FLAG_WRITE_ENCRYPTED), [
      [0, 5, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
    deepEqual(await attempt(FLAG_WRITE_AUTHENTICATED | FLAG_READ_ENCRYPTED), [
      [5, 5, 5],
      [0, 5, 0],
      [0, 0, 0],
    ]);
  });

  it("of reading hold for subscriptions to a value that cannot be read, those of writing where there are none", async () => {
    const { FLAG_NOTIFY, FLAG_READ_ENCRYPTED, FLAG_WRITE, FLAG_WRITE_ENCRYPTED } = constants;
    const uses = FLAG_NOTIFY | FLAG_WRITE;
    const refusals = async (flags: number) => (await attempt(flags, undefined, uses))[0];
    deepEqual(await refusals(FLAG_READ_ENCRYPTED), [2, 0, 5]);
    deepEqual(await refusals(FLAG_WRITE_ENCRYPTED), [2, 5, 5]);
  });

  it("an authorized read needs a handler that does not refuse it, a subscription too; an authorized write is refused", async () => {
    const { FLAG_READ_AUTHORIZED, FLAG_WRITE_AUTHORIZED, IRQ_GATTS_READ_REQUEST } = constants;
    const thrice = (codes: number[]) => [codes, codes, codes];
    deepEqual(await attempt(FLAG_READ_AUTHORIZED), thrice([8, 0, 8]));
    const answering = (answer: unknown) => (scene: Scene) =>
      scene.ble.irq((event) => (event === IRQ_GATTS_READ_REQUEST ? answer : undefined));
    deepEqual(await attempt(FLAG_READ_AUTHORIZED, answering(undefined)), thrice([0, 0, 0]));
    deepEqual(await attempt(FLAG_READ_AUTHORIZED, answering(0x05)), thrice([5, 0, 8]));
    deepEqual(await attempt(FLAG_WRITE_AUTHORIZED, answering(0)), thrice([0, 8, 0]));
  });

  const noAnswers: Record<string, () => unknown> = {
    "a promise": () => Promise.resolve(0),
    "a number as text": () => "0",
    true: () => true,
    false: () => false,
    "no number": () => Number.NaN,
    "an object": () => ({}),
    "what it throws": () => {
      throw new Error("careless");
    },
  };
  for (const [what, answer] of Object.entries(noAnswers)) {
    it(`an authorized read is not granted by ${what}: refused, with a line in the log for each`, async () => {
      const { FLAG_READ_AUTHORIZED, IRQ_GATTS_READ_REQUEST } = constants;
      let camera: Scene["camera"] | undefined;
      const found = await attempt(FLAG_READ_AUTHORIZED, (scene) => {
        camera = scene.camera;
        scene.ble.irq((event) => (event === IRQ_GATTS_READ_REQUEST ? answer() : undefined));
      });
      deepEqual(found, [
        [0x0e, 0, 8],
        [0x0e, 0, 8],
        [0x0e, 0, 8],
      ]);
      const lines = diagnostics(camera!).filter((line) =>
        line.startsWith("bluetooth: the irq handler failed"),
      );
      equal(lines.length, 6);
    });
  }

  it("an authorized read is granted by 0, null and nothing alone", async () => {
    for (const answer of [0, null, undefined]) {
      const granting = (scene: Scene) => scene.ble.irq(() => answer);
      deepEqual((await attempt(constants.FLAG_READ_AUTHORIZED, granting))[0], [0, 0, 0]);
    }
  });
});

describe("bluetooth: gattsNotify and gattsIndicate", () => {
  it("send what is given, or the value, to a client that subscribed", () =>
    inScene(async ({ ble, register, meet }) => {
      const { answer } = register();
      ble.gattsWrite(answer, bytes(1));
      const link = await meet();
      const characteristic = (await link.discover()).characteristic(ANSWER);
      equal(ble.gattsNotify(CONN, answer), false);
      equal(ble.gattsIndicate(CONN, answer), false);
      await link.subscribe(characteristic);
      equal(ble.gattsIndicate(CONN, answer), false);
      equal(ble.gattsNotify(CONN, answer), true);
      equal(ble.gattsNotify(CONN, answer, "two"), true);
      equal(ble.gattsNotify(CONN, answer, counting(60)), true);
      await link.subscribe(characteristic, "indicate");
      equal(ble.gattsNotify(CONN, answer), false);
      equal(ble.gattsIndicate(CONN, answer, null), true);
      equal(ble.gattsIndicate(CONN, answer, bytes(4)), true);
      const received = [];
      for (let count = 0; count < 5; count++) received.push(await link.nextValue());
      deepEqual(
        received.map(({ kind, value }) => [kind, value]),
        [
          ["notification", bytes(1)],
          ["notification", bytes(0x74, 0x77, 0x6f)],
          ["notification", counting(20)],
          ["indication", bytes(1)],
          ["indication", bytes(4)],
        ],
      );
      deepEqual(ble.gattsRead(answer), bytes(1));
    }));

  it("by force also to one that did not", () =>
    inScene(async ({ ble, register, meet }) => {
      const { answer } = register();
      const link = await meet();
      equal(ble.gattsNotify(CONN, answer, bytes(1), { force: true }), true);
      deepEqual((await link.nextValue()).value, bytes(1));
    }));

  it("say that nobody is connected under that handle, also after it was", () =>
    inScene(async ({ ble, register, meet, world }) => {
      const { answer } = register();
      throws(() => ble.gattsNotify(CONN, answer), { code: "device-disconnected" });
      const link = await meet();
      throws(() => ble.gattsIndicate(CONN + 1, answer), { code: "device-disconnected" });
      await link.disconnect();
      await world.clock.sleep(100);
      throws(() => ble.gattsNotify(CONN, answer), { code: "device-disconnected" });
      throws(() => ble.gattsIndicate(CONN, answer), { code: "device-disconnected" });
    }));

  it("say when more wait than there is room for, and lose none of those", () =>
    inScene(async ({ ble, register, meet, world }) => {
      const { answer } = register();
      const link = await meet();
      const characteristic = (await link.discover()).characteristic(ANSWER);
      await link.subscribe(characteristic);
      const burst = (send: (value: Uint8Array) => boolean): number => {
        let sent = 0;
        throws(
          () => {
            while (sent < 200) if (send(bytes(sent))) sent++;
          },
          { code: "send-queue-full" },
        );
        return sent;
      };
      const notified = burst((value) => ble.gattsNotify(CONN, answer, value));
      await world.clock.sleep(5000);
      await link.subscribe(characteristic, "indicate");
      const indicated = burst((value) => ble.gattsIndicate(CONN, answer, value));
      await world.clock.sleep(10_000);
      deepEqual(
        link.att.values.map(({ value }) => value[0]),
        [...counting(notified), ...counting(indicated)],
      );
      equal(indicated, 32);
    }));
});
