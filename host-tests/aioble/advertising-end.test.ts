/** How advertise() ends: by time, by its signal, by a connection, by two of them at once, or by a controller that fails. */
import { leSetAdvertisingEnable } from "../../firmware/ble/hci/commands/le-advertising.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { type CameraOptions, createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects } from "../support/assert.ts";
import { addAioble, controllerKind, diagnostics, reported, tookAsLong } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const INTERVAL_US = 20_000;
const UNWANTED = "aioble: ended a connection that nobody waits for";

function createScene(options: CameraOptions = {}, seed = 7) {
  const world = createWorld(seed);
  const camera = addAioble(world, options);
  const { phone } = world.addPhone();
  const nextTo = { addressType: 1, address: camera.host.ownAddress };
  /** A signal that aborts after so long. */
  const after = (delayMs: number) => {
    const aborter = new camera.globals.AbortController();
    world.clock.setTimer(() => aborter.abort(new Error("enough")), delayMs);
    return aborter.signal;
  };
  return { world, camera, phone, nextTo, after, ...camera.aioble };
}

type Scene = ReturnType<typeof createScene>;

/**
 * A phone begins to connect so long after the start of an advertisement that ends after `endMs`, by one way or the other.
 * Whatever happens, a connection is returned, or the phone's link is ended by the camera, and nothing stays on the air.
 */
async function race(
  scene: Scene,
  way: "timeout" | "signal",
  endMs: number,
  delayMs: number,
): Promise<"returned" | "ended" | "none"> {
  const { world, camera, phone, nextTo, after, advertise } = scene;
  const end = way === "timeout" ? { timeoutMs: endMs } : { signal: after(endMs) };
  let link: PhoneLink | undefined;
  const connecting = world.clock.sleep(delayMs).then(async () => {
    link = await phone.connect(nextTo, { timeoutMs: 150 }).catch(() => undefined);
  });
  const returned = await advertise({ intervalUs: INTERVAL_US, ...end }).then(
    (connection) => connection,
    (error: Error) => {
      ok(way === "timeout" ? error.name === "TimeoutError" : error.message === "enough", String(error));
      return undefined;
    },
  );
  ok(returned === undefined || returned.isConnected(), "never a dead one");
  equal(camera.host.advertiser.advertising, false);
  await connecting;
  await returned?.disconnect();
  if (link) equal(await link.disconnected(), 0x13, "ended by the camera, not by time");
  deepEqual(await phone.scan(60), [], "off the air");
  equal(camera.host.connections.size, 0);
  return returned ? "returned" : link ? "ended" : "none";
}

describe("aioble: the end of advertise() and a connection in the same moment", () => {
  // The slower the line, the more can be on its way in both directions when the other side decides.
  for (const [line, endMs, options] of [
    ["a fast line", 100, {}],
    ["115,200 baud", 100, { line: { bytesPerMs: 11.52 } }],
    ["a line of 1 byte in a millisecond", 300, { line: { bytesPerMs: 1 } }],
  ] as const) {
    for (const way of ["timeout", "signal"] as const) {
      it(`${way}, ${line}: the connection is returned or ended, never lost`, async () => {
        const scene = createScene(options);
        const outcomes = { returned: 0, ended: 0, none: 0 };
        await scene.world.run(async () => {
          await scene.camera.host.activate();
          for (let delayMs = endMs - 40; delayMs < endMs + 10; delayMs += 0.5) {
            outcomes[await race(scene, way, endMs, delayMs)]++;
          }
        }, 1e6);
        ok(outcomes.returned > 0 && outcomes.none > 0, JSON.stringify(outcomes));
        deepEqual(scene.camera.controller.violations, []);
      });
    }
  }

  it("a controller that answers late: a connection that comes before the answer to Disable is returned", async () => {
    const scene = createScene();
    const { world, camera, phone, nextTo, advertise } = scene;
    await world.run(async () => {
      await camera.host.activate();
      // Disable is carried out at once and confirmed late; the connection is made before, and reported in between.
      camera.controller.faults.answerDelayMs = new Map([[leSetAdvertisingEnable.opcode, 200]]);
      camera.controller.faults.connectionDelayMs = 100;
      const advertised = advertise({ intervalUs: INTERVAL_US, timeoutMs: 400 });
      await world.clock.sleep(350);
      await phone.connect(nextTo);
      const connection = await advertised;
      ok(connection.isConnected());
    });
    deepEqual(diagnostics(camera), []);
  });

  it("a controller that reports connections late: one that comes after the answer to Disable is ended", async () => {
    const { world, camera, phone, nextTo, advertise } = createScene();
    await world.run(async () => {
      await camera.host.activate();
      camera.controller.faults.connectionDelayMs = 100;
      const advertised = rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 400 }), { code: "timeout" });
      await world.clock.sleep(350);
      const link = await phone.connect(nextTo);
      await advertised;
      equal(await link.disconnected(), 0x13);
      await reported(world);
    });
    deepEqual(diagnostics(camera), [UNWANTED]);
    equal(camera.host.connections.size, 0);
  });

  it("or it goes to the call that is about to advertise by then, which leaves nothing on the air", async () => {
    const outcomes = { returned: 0, ended: 0 };
    for (let delayMs = 0; delayMs < 60; delayMs += 2) {
      const { world, camera, phone, nextTo, advertise } = createScene({ line: { bytesPerMs: 4 } });
      await world.run(async () => {
        await camera.host.activate();
        camera.controller.faults.connectionDelayMs = 60;
        const first = rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 400 }), { code: "timeout" });
        await world.clock.sleep(350);
        const link = await phone.connect(nextTo);
        await first;
        await world.clock.sleep(delayMs);
        const second = await advertise({ intervalUs: INTERVAL_US, timeoutMs: 500 }).catch((error: Error) => {
          equal(error.name, "TimeoutError");
          return undefined;
        });
        outcomes[second ? "returned" : "ended"]++;
        deepEqual(await phone.scan(200), [], `nothing is left on the air (${delayMs})`);
        await second?.disconnect();
        equal(await link.disconnected(), 0x13);
        const third = advertise({ intervalUs: INTERVAL_US });
        await phone.connect(nextTo);
        ok((await third).isConnected());
      });
      deepEqual(camera.controller.violations, []);
    }
    ok(outcomes.returned > 0 && outcomes.ended > 0, JSON.stringify(outcomes));
  });

  it("a broadcast that began meanwhile goes on, and does not take the connection", async () => {
    const { world, camera, phone, nextTo, advertise, broadcast } = createScene();
    await world.run(async () => {
      await camera.host.activate();
      camera.controller.faults.connectionDelayMs = 100;
      const advertised = rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 400 }), { code: "timeout" });
      await world.clock.sleep(350);
      const link = await phone.connect(nextTo);
      await advertised;
      const feed = await broadcast({ intervalUs: 100_000, name: "feed" });
      equal(await link.disconnected(), 0x13);
      await phone.find({ name: "feed" }, 1000);
      await feed.stop();
      deepEqual(await phone.scan(1000), []);
    });
    deepEqual(diagnostics(camera), [UNWANTED]);
  });
});

describe("aioble: one advertisement at a time", () => {
  it("a second advertise(), connections() or broadcast() is refused and changes nothing", async () => {
    const { world, phone, advertise, broadcast, connections } = createScene();
    await world.run(async () => {
      const first = advertise({ intervalUs: INTERVAL_US, name: "first" });
      const refused = { name: "BleError", code: "already-advertising" };
      const options = { intervalUs: INTERVAL_US, name: "second" };
      await rejects(advertise(options), refused);
      await rejects(broadcast(options), refused);
      await rejects(connections(options).next(), refused);
      await phone.connect(await phone.find({ name: "first" }));
      ok((await first).isConnected());
    });
  });

  it("the next call may follow at once on the end of the one before", async () => {
    const { world, camera, advertise, broadcast } = createScene();
    await world.run(async () => {
      const options = { intervalUs: 100_000, timeoutMs: 100 };
      for (let turn = 0; turn < 5; turn++) {
        await rejects(advertise(options), { code: "timeout" });
        const feed = await broadcast({ intervalUs: 100_000 });
        await feed.stop();
      }
      equal(camera.host.advertiser.advertising, false);
    });
    deepEqual(camera.controller.violations, []);
  });
});

describe("aioble: advertising on controllers that fail", () => {
  it("openmv 2619: a controller that never answers ends advertise() in an error, after three attempts", async () => {
    const { world, camera, advertise, broadcast, registerServices } = createScene();
    camera.controller.faults.silent = true;
    registerServices();
    await world.run(async () => {
      const silent = {
        name: "HciError",
        code: controllerKind().unanswered,
        message: /check its power, wiring and baud rate/,
      };
      await rejects(advertise({ intervalUs: INTERVAL_US }), silent);
      equal(camera.platform.transport.opened, 3 * controllerKind().opensPerStart);
      await rejects(broadcast({ intervalUs: 100_000 }), silent);
      camera.controller.faults.silent = false;
      const ended = rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 1000 }), { code: "timeout" });
      await ended;
    });
  });

  it("openmv 2619: a deadline holds while the controller is silent", async () => {
    const { world, camera, advertise } = createScene();
    camera.controller.faults.silent = true;
    await world.run(async () => {
      await rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 500 }), { code: "timeout" });
      equal(world.clock.now(), 500);
    });
  });

  it("goes on after a hardware error, with what it was changed to, and ends in its time", async () => {
    const { world, camera, phone, advertise, updateAdvertising } = createScene();
    await world.run(async () => {
      const beforeMs = world.clock.now();
      const ended = rejects(advertise({ intervalUs: 100_000, name: "old", timeoutMs: 10_000 }), {
        code: "timeout",
      });
      await phone.find({ name: "old" });
      await updateAdvertising({ name: "new" });
      camera.controller.reportHardwareError(1);
      await updateAdvertising({ name: "newest" });
      await phone.find({ name: "newest" }, 5000);
      await ended;
      tookAsLong(world.clock.now() - beforeMs, 10_000);
      deepEqual(await phone.scan(1000), []);
    });
  });

  it("ends in the error when the controller does not come back", async () => {
    const { world, camera, phone, advertise } = createScene();
    await world.run(async () => {
      const ended = rejects(advertise({ intervalUs: 100_000, name: "old" }), {
        code: controllerKind().unanswered,
      });
      await phone.find({ name: "old" });
      camera.controller.reportHardwareError(1);
      camera.controller.faults.silent = true;
      await ended;
      equal(camera.host.active, false);
      camera.controller.faults.silent = false;
      const advertised = advertise({ intervalUs: 100_000, name: "again" });
      await phone.connect(await phone.find({ name: "again" }));
      ok((await advertised).isConnected());
    });
  });

  it("a refusal of the controller is reported with its status, and the next call works", async () => {
    const { world, camera, phone, advertise } = createScene();
    await world.run(async () => {
      await camera.host.activate();
      for (const opcode of [0x2006, 0x2008, 0x2009, 0x200a]) {
        camera.controller.faults.refuse = new Map([[opcode, 0x11]]);
        await rejects(advertise({ intervalUs: INTERVAL_US }), { code: "controller-refused", status: 0x11 });
        camera.controller.faults.refuse = new Map();
        const ended = rejects(advertise({ intervalUs: INTERVAL_US, timeoutMs: 500 }), { code: "timeout" });
        ok((await phone.scan(400)).length > 0);
        await ended;
      }
    });
  });
});
