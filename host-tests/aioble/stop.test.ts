/** `stop()`: every wait ends as the documents say, peers get a reason, and everything works again from cold. */
import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import { textOf } from "../../simulator/phone/assigned-numbers.ts";
import type { FoundDatabase } from "../../simulator/phone/discovery.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, diagnostics } from "../support/cameras.ts";
import { heapUsed } from "../support/heap.ts";
import { describe, it } from "../support/suite.ts";

const COMMAND = 0x2a56;
const ANSWER = 0x2a57;
const OPTIONS = { intervalUs: 100_000, name: "obscura" };

function createScene() {
  const world = createWorld();
  const camera = addAioble(world, { controller: { aclPackets: 4 } });
  const { BufferedCharacteristic, Characteristic, Descriptor, registerServices, Service } = camera.aioble;
  const service = new Service(new UUID(0x1815));
  const command = new Characteristic(service, new UUID(COMMAND), { write: true });
  const captured = new BufferedCharacteristic(service, new UUID(0x2a58), { write: true, capture: true });
  const note = new Descriptor(command, new UUID(0x2901), { write: true });
  const answer = new Characteristic(service, new UUID(ANSWER), { notify: true, indicate: true });
  registerServices(service);
  const { phone, controller } = world.addPhone();
  const meet = async () => {
    const advertised = camera.aioble.advertise(OPTIONS);
    const link = await phone.connect(await phone.find({ name: "obscura" }));
    const database = await link.discover();
    return { link, database, connection: await advertised };
  };
  return { world, camera, command, captured, note, answer, phone, controller, meet };
}

type Scene = ReturnType<typeof createScene>;

const OFF = { code: "radio-off" };
const GONE = { code: "device-disconnected", reason: 0x16 };

/** Waits that belong to no connection, and how `stop()` ends them. */
const WAITS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "advertise(): radio-off": ({ camera }) => rejects(camera.aioble.advertise(OPTIONS), OFF),
  "broadcast(), before it is on the air: radio-off": ({ camera }) =>
    rejects(camera.aioble.broadcast(OPTIONS), OFF),
  "connections(): the loop ends": async ({ camera }) => {
    for await (const connection of camera.aioble.connections(OPTIONS)) ok(!connection);
  },
  "written(): radio-off": ({ command }) => rejects(command.written(), OFF),
  "written() with capture: radio-off": ({ captured }) => rejects(captured.written(), OFF),
  "written() of a descriptor: radio-off": ({ note }) => rejects(note.written(), OFF),
  "written() with a timeout: radio-off": ({ command }) =>
    rejects(command.written({ timeoutMs: 60_000 }), OFF),
  "writes(): the loop ends": async ({ command }) => {
    for await (const connection of command.writes()) ok(!connection);
  },
};

/** Waits on a connection. */
const CONNECTION_WAITS: Readonly<
  Record<string, (scene: Scene, connection: DeviceConnection) => Promise<unknown>>
> = {
  "disconnected(): resolves": (_, connection) => connection.disconnected(),
  "disconnected({ disconnect: true }): resolves": (_, connection) =>
    connection.disconnected({ disconnect: true }),
  "disconnect(): resolves": (_, connection) => connection.disconnect(),
  "notify() that waits for the controller: DeviceDisconnectedError": ({ answer }, connection) => {
    const sent = Array.from({ length: 9 }, () => answer.notify(connection, "x"));
    return Promise.all(sent.slice(2).map((waiting) => rejects(waiting, GONE)));
  },
  "flush(): DeviceDisconnectedError": ({ answer }, connection) => {
    answer.notify(connection, "x").catch(() => {});
    return rejects(connection.flush(), GONE);
  },
  "indicate(): DeviceDisconnectedError": ({ answer }, connection) =>
    rejects(answer.indicate(connection, "x"), GONE),
  "written() with the connection's signal: DeviceDisconnectedError": ({ command }, connection) =>
    rejects(command.written({ signal: connection.timeout() }), GONE),
  "timeout(): its signal aborts": (_, connection) =>
    new Promise<void>((resolve) => connection.timeout().addEventListener("abort", resolve)),
};

describe("aioble: stop() ends what waits", () => {
  for (const [name, begin] of Object.entries(WAITS)) {
    for (const when of ["on the air", "while the radio starts"]) {
      if (when === "on the air" && name.startsWith("broadcast()")) continue;
      it(`${name}, ${when}`, async () => {
        const scene = createScene();
        const { world, camera } = scene;
        await world.run(async () => {
          const starting = camera.host.activate().catch(() => {});
          if (when === "on the air") await starting;
          const waiting = begin(scene);
          if (when === "on the air") await world.clock.sleep(500);
          await camera.aioble.stop();
          await waiting;
          equal(camera.host.active, false);
        });
        deepEqual(diagnostics(camera), []);
      });
    }
  }

  for (const [name, begin] of Object.entries(CONNECTION_WAITS)) {
    it(name, async () => {
      const scene = createScene();
      const { world, camera, meet } = scene;
      await world.run(async () => {
        const { link, database, connection } = await meet();
        const target = database.characteristic(ANSWER);
        await link.subscribe(target, name.startsWith("indicate") ? "indicate" : "notify");
        await world.clock.sleep(200);
        const waiting = begin(scene, connection);
        const left = link.disconnected();
        await camera.aioble.stop();
        await waiting;
        ok([0x13, 0x15].includes(await left));
      });
    });
  }
});

describe("aioble: stop()", () => {
  it("reports to peers that the camera is switched off (0x15)", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      const { link, connection } = await meet();
      await camera.aioble.stop();
      equal(connection.isConnected(), false);
      equal(await link.disconnected(), 0x15);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("takes a broadcast off the air, and its object does nothing any more", async () => {
    const { world, camera, phone } = createScene();
    const { advertise, broadcast, stop } = camera.aioble;
    await world.run(async () => {
      const feed = await broadcast(OPTIONS);
      await phone.find({ name: "obscura" });
      await stop();
      deepEqual(await phone.scan(1000), []);
      const advertised = advertise({ intervalUs: 100_000, name: "other" });
      await phone.find({ name: "other" });
      await feed.update({ name: "ghost" });
      await feed.stop();
      await phone.connect(await phone.find({ name: "other" }));
      ok((await advertised).isConnected());
    });
  });

  it("is over in bounded time when a peer has left without a word", async () => {
    const { world, camera, controller, meet } = createScene();
    await world.run(async () => {
      const { connection } = await meet();
      world.air.separate(controller, camera.controller);
      const atMs = world.clock.now();
      await camera.aioble.stop();
      ok(world.clock.now() - atMs <= 1100, `${world.clock.now() - atMs} ms`);
      await rejects(
        connection.disconnected().then(() => connection.flush()),
        GONE,
      );
    });
  });

  it("does nothing when the radio is off, and calls share one end", async () => {
    const { world, camera, meet } = createScene();
    await world.run(async () => {
      await camera.aioble.stop();
      equal(camera.platform.transport.opened, 0);
      await meet();
      await Promise.all([camera.aioble.stop(), camera.aioble.stop()]);
      await camera.aioble.stop();
    });
    equal(camera.controller.commands.filter((opcode) => opcode === 0x0406).length, 1);
  });

  it("does not end what is asked for while it runs: that is for the next time", async () => {
    const { world, camera, command, phone, meet } = createScene();
    await world.run(async () => {
      await meet();
      const stopping = camera.aioble.stop();
      const next = camera.aioble.advertise(OPTIONS);
      const written = command.written();
      await stopping;
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      await link.write((await link.discover()).characteristic(COMMAND), new Uint8Array([1]));
      equal(await written, await next);
    });
    deepEqual(diagnostics(camera), []);
  });

  it("a hundred times in a row, with everything going on: all works again, and nothing stays behind", async () => {
    const { world, camera, command, captured, answer, phone, controller } = createScene();
    const { aioble, host } = camera;
    let database: FoundDatabase | undefined;
    const runSession = async (turn: number) => {
      const found: DeviceConnection[] = [];
      const loop = (async () => {
        for await (const connection of aioble.connections({ ...OPTIONS, intervalUs: 20_000 }))
          found.push(connection);
      })();
      const link = await phone.connect(await phone.find({ name: "obscura" }));
      database ??= await link.discover(); // It is the same each time, which clients rely on.
      equal(textOf(await link.read(0x0003)), "obscura");
      await link.subscribe(database.characteristic(ANSWER));
      await link.write(database.characteristic(COMMAND), new Uint8Array([turn]));
      const [connection] = found;
      equal(await command.written(), connection);
      equal(await answer.notify(connection!, new Uint8Array([turn])), true);
      deepEqual((await link.nextValue()).value, new Uint8Array([turn]));
      const ends = [
        rejects(command.written(), OFF),
        rejects(captured.written({ signal: connection!.timeout() }), GONE),
        rejects(
          answer.indicate(connection!, "x", { timeoutMs: 60_000 }).then(() => connection!.flush()),
          GONE,
        ),
        connection!.disconnected(),
        loop,
      ];
      await aioble.stop();
      await Promise.all(ends);
      equal(await link.disconnected(), 0x15);
    };
    const sizes = () => [
      host.connections.size,
      host.gatt.clientCount,
      host.active,
      (host as unknown as { observers: Set<unknown> }).observers.size,
    ];
    const measure = async () => {
      await world.clock.sleep(100_000); // Virtual time keeps cancelled timers until they would have been due.
      return heapUsed();
    };
    const [, , , observers] = sizes();
    let growth = 0;
    await world.run(async () => {
      let before: number | undefined;
      for (let turn = 0; turn < 110; turn++) {
        if (turn === 10) before = await measure();
        await runSession(turn);
        deepEqual(sizes(), [0, 0, false, observers]);
        // What the simulation keeps for tests to look at is not the camera's.
        camera.controller.commands.length = 0;
        controller.commands.length = 0;
        camera.platform.console.length = 0;
      }
      growth = ((await measure()) ?? 0) - (before ?? 0);
    }, 1e7);
    ok(growth < 100 * 32, `the heap grew by ${growth} bytes in a hundred turns`);
    deepEqual(camera.controller.violations, []);
  });
});
