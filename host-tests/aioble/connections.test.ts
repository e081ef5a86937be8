/** connections(): a stream of them, several at once, and what controllers allow. */

import type { DeviceConnection } from "../../firmware/aioble/device-connection.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { ControllerOptions } from "../../simulator/controller/options.ts";
import type { PhoneLink } from "../../simulator/phone/link.ts";
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok, rejects, throws } from "../support/assert.ts";
import { addAioble, controllerKind, diagnostics } from "../support/cameras.ts";
import { heapUsed } from "../support/heap.ts";
import { ATT, createRig } from "../support/rig.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 50_000, name: "obscura" };
const ENABLE = 0x200a;
/** Longer than a connection without data is held back. */
const HELD_MS = 500;
/** LE_States: all but connectable advertising beside a link as peripheral (bit 38; Vol 4, Part E, 7.8.27). */
const NOT_BESIDE_LINKS = new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xbf, 0x03, 0, 0]);
/** One that does not know its own states. */
const NO_STATES = new Uint8Array(8);

function createScene(controller: Partial<ControllerOptions> = {}) {
  const world = createWorld(3);
  const camera = addAioble(world, { controller });
  const sighting = { addressType: 1, address: camera.host.ownAddress };
  /** A phone that nobody has seen yet connects. */
  const join = (timeoutMs = 3000): Promise<PhoneLink> =>
    world.addPhone().phone.connect(sighting, { timeoutMs });
  const isHeard = async (): Promise<boolean> => (await world.addPhone().phone.scan(300)).length > 0;
  return { world, camera, sighting, join, isHeard, ...camera.aioble };
}

/** Bytes that a connection which has ended may take, of a heap of 64 bits whose slots are twice as long as a camera's, with what the test keeps of it. */
const ENDED_BYTES = 6000;

describe("aioble: a connection that has ended", () => {
  it("keeps nothing of the layers that served it, however long the application keeps it", async () => {
    const rig = createRig();
    const { aioble, controller, host, log } = rig;
    const kept: DeviceConnection[] = [];
    const stream = aioble.connections({ intervalUs: 100_000 });
    let before: number | undefined;
    for (let turn = 0; turn < 40; turn++) {
      if (turn === 10) before = heapUsed();
      const next = stream.next();
      await rig.settle();
      await rig.connect();
      kept.push((await next).value);
      await rig.exchange(ATT, [0x02, 100, 0]);
      await rig.exchange(ATT, [0x0a, 3, 0]);
      await rig.disconnect();
      controller.sent.length = 0;
      log.length = 0;
    }
    const after = heapUsed();
    if (before !== undefined && after !== undefined) {
      const each = (after - before) / 30;
      ok(each < ENDED_BYTES, `${each} bytes for each connection that has ended`);
    }
    const { link } = kept[0]!;
    deepEqual(
      [link.l2cap, link.server, link.link.receiver, link.link.lossReason],
      new Array(4).fill(undefined),
    );
    equal(host.connections.size, 0);
    // What it still says, and how it refuses.
    equal(kept[0]!.mtu, 100);
    equal(kept[0]!.disconnectReason, 0x13);
    equal(kept[0]!.isConnected(), false);
    await kept[0]!.disconnect();
    await kept[0]!.disconnected();
    for (const refused of [
      kept[0]!.flush(),
      kept[0]!.exchangeMtu(),
      kept[0]!.service(new UUID(0x1800)),
      kept[0]!.services().next(),
      kept[0]!.readRssi(),
      kept[0]!.updateParameters({ minConnIntervalUs: 50_000 }),
      kept[0]!.l2capConnect(0x80),
    ]) {
      await rejects(refused as Promise<unknown>, { name: "DeviceDisconnectedError", reason: 0x13 });
    }
    const left = stream.return!();
    await rig.settle();
    await left;
  });
});

describe("aioble: connections()", () => {
  it("yields one connection after the other and advertises on, up to four at once", async () => {
    const { world, camera, join, isHeard, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const links: PhoneLink[] = [];
      for (let turn = 1; turn <= 4; turn++) {
        const next = stream.next();
        links.push(await join());
        const { value } = await next;
        ok(value.isConnected());
        equal(camera.host.connections.size, turn);
        await world.clock.sleep(100);
        equal(await isHeard(), turn < 4, `${turn} connected`);
      }
      const fifth = stream.next();
      await rejects(join(1000), { code: 0x02 });
      await links[1]!.disconnect();
      links.push(await join());
      ok((await fifth).value.isConnected());
      await world.clock.sleep(100);
      equal(await isHeard(), false);
      for (const link of [links[0]!, links[2]!])
        await link.read((await link.discover()).characteristic(0x2a00));
    });
    deepEqual(camera.controller.violations, []);
    deepEqual(diagnostics(camera), []);
  });

  it("advertise() beside links is possible too, and refused where there is no room: too-many-connections", async () => {
    const { world, camera, join, advertise } = createScene();
    await world.run(async () => {
      for (let turn = 0; turn < 4; turn++) {
        const advertised = advertise(OPTIONS);
        await join();
        ok((await advertised).isConnected());
      }
      await rejects(advertise(OPTIONS), {
        name: "BleError",
        code: "too-many-connections",
        message: /^4 devices/,
      });
      // Whoever only listens needs no room.
      await rejects(advertise({ ...OPTIONS, connectable: false, intervalUs: 100_000, timeoutMs: 100 }), {
        code: "timeout",
      });
    });
    deepEqual(camera.controller.violations, []);
  });

  it("as a loop: each connection is served while others come and go", async () => {
    const { world, join, connections } = createScene();
    const served: string[] = [];
    await world.run(async () => {
      const loop = (async () => {
        let count = 0;
        for await (const connection of connections(OPTIONS)) {
          const name = connection.device.addrHex();
          connection.disconnected().then(() => served.push(name));
          if (++count === 10) break;
        }
      })();
      for (let turn = 0; turn < 10; turn++) {
        const link = await join();
        world.clock.setTimer(() => link.disconnect(), 250 + turn * 30);
        await world.clock.sleep(150);
      }
      await loop;
      await world.clock.sleep(1000);
    });
    equal(served.length, 10);
    equal(new Set(served).size, 10);
  });

  it("left by break: off the air before the loop is over, and the next call may follow at once", async () => {
    const { world, camera, join, isHeard, advertise, connections } = createScene();
    await world.run(async () => {
      const joining = join();
      for await (const connection of connections(OPTIONS)) {
        ok(connection.isConnected());
        await world.clock.sleep(100);
        break;
      }
      const link = await joining;
      equal(camera.host.advertiser.advertising, false);
      equal(await isHeard(), false);
      const advertised = advertise(OPTIONS);
      await join();
      ok((await advertised).isConnected());
      ok(link.isConnected, "what was taken belongs to the application");
    });
    deepEqual(camera.controller.violations, []);
  });

  for (const [what, delayMs] of [
    ["nobody took", HELD_MS],
    ["is still held back", 100],
  ] as const) {
    it(`left with a connection that ${what}: it is disconnected`, async () => {
      const { world, camera, join, connections } = createScene();
      await world.run(async () => {
        const stream = connections(OPTIONS);
        const link = await join();
        await world.clock.sleep(delayMs);
        equal(camera.host.connections.size, 1);
        await stream.return!();
        equal(await link.disconnected(), 0x13);
        deepEqual(await stream.next(), { value: undefined, done: true });
      });
    });
  }

  it("left while a next() waits: that ends at once", async () => {
    const { world, camera, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const next = stream.next();
      await world.clock.sleep(500);
      const leaving = stream[Symbol.asyncDispose]();
      deepEqual(await next, { value: undefined, done: true });
      await leaving;
      equal(camera.host.advertiser.advertising, false);
    });
  });

  it("a connection that ends before it is taken is not yielded, and the next one is", async () => {
    const { world, join, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      const first = await join();
      await world.clock.sleep(HELD_MS);
      await first.disconnect();
      await world.clock.sleep(100);
      const second = await join();
      await world.clock.sleep(100);
      const { value } = await stream.next();
      ok(value.isConnected());
      await second.disconnect();
      await world.clock.sleep(100);
      ok(!value.isConnected(), "it was the second");
      await stream.return!();
    });
  });

  it("waits with a connection that nobody takes, without taking more", async () => {
    const { world, camera, join, isHeard, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      await join();
      await world.clock.sleep(100);
      equal(await isHeard(), false);
      ok((await stream.next()).value.isConnected());
      await world.clock.sleep(100);
      equal(await isHeard(), true);
      await stream.return!();
    });
    equal(camera.host.connections.size, 1);
  });

  it("ends by its signal, with the reason: while it advertises, while it waits for room, before it begins", async () => {
    const { world, camera, join, isHeard, connections } = createScene();
    camera.aioble.config({ maxConnections: 1 });
    const reason = new Error("enough");
    await world.run(async () => {
      const { AbortController } = camera.globals;
      const advertising = new AbortController();
      const first = connections({ ...OPTIONS, signal: advertising.signal });
      const pending = rejects(first.next(), { message: reason.message });
      await world.clock.sleep(100);
      advertising.abort(reason);
      await pending;
      deepEqual(await first.next(), { value: undefined, done: true });
      await first.return!();
      const full = new AbortController();
      const second = connections({ ...OPTIONS, signal: full.signal });
      await join();
      await second.next();
      const waiting = rejects(second.next(), { message: reason.message });
      await world.clock.sleep(100);
      full.abort(reason);
      await waiting;
      const aborted = new AbortController();
      aborted.abort(reason);
      await rejects(connections({ ...OPTIONS, signal: aborted.signal }).next(), { message: reason.message });
      equal(await isHeard(), false);
    });
  });

  it("a mistake in its options throws at once", () => {
    const { connections } = createScene();
    throws(() => connections({ intervalUs: 1 }), RangeError);
    throws(() => connections({ ...OPTIONS, name: "n".repeat(30) }), RangeError);
    throws(() => connections({ ...OPTIONS, services: [5 as never] }), TypeError);
  });

  it("ends in the error of a controller that is lost for good; links that it had are gone", async () => {
    const { world, camera, join, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      await join();
      const { value } = await stream.next();
      const next = rejects(stream.next(), { code: controllerKind().unanswered });
      await world.clock.sleep(100);
      camera.controller.reportHardwareError(1);
      camera.controller.faults.silent = true;
      await next;
      ok(!value.isConnected());
    });
  });

  it("goes on when the controller is started again", async () => {
    const { world, camera, join, connections } = createScene();
    await world.run(async () => {
      const stream = connections(OPTIONS);
      await join();
      await stream.next();
      const next = stream.next();
      await world.clock.sleep(100);
      camera.controller.reportHardwareError(1);
      await world.clock.sleep(1000);
      await join();
      ok((await next).value.isConnected());
      await stream.return!();
    });
  });
});

describe("aioble: controllers with room for fewer connections", () => {
  for (const [what, limitStatus] of [
    ["0x09", 0x09],
    ["0x0D", 0x0d],
  ] as const) {
    it(`a refusal (${what}) is the limit: advertise() says so, connections() goes on when one leaves`, async () => {
      const make = { maxConnections: 2, limitStatus };
      const { world, camera, join, isHeard, advertise, connections } = createScene(make);
      await world.run(async () => {
        const links: PhoneLink[] = [];
        for (let turn = 0; turn < 2; turn++) {
          const advertised = advertise(OPTIONS);
          links.push(await join());
          await advertised;
        }
        const full = {
          name: "HciError",
          code: "too-many-connections",
          status: limitStatus,
          message: /the 2 devices/,
        };
        await rejects(advertise(OPTIONS), full);
        await rejects(advertise(OPTIONS), full);
        const stream = connections(OPTIONS);
        for (let turn = 0; turn < 3; turn++) {
          const next = stream.next();
          await world.clock.sleep(1000);
          equal(await isHeard(), false);
          await links.shift()!.disconnect();
          links.push(await join());
          ok((await next).value.isConnected());
        }
        await stream.return!();
      });
      equal(diagnostics(camera).length, 1, "one line");
      ok(diagnostics(camera)[0]!.includes("connections() goes on when a device leaves"));
      deepEqual(camera.controller.violations, []);
    });
  }
});

describe("aioble: controllers that cannot advertise while connected", () => {
  for (const [what, make] of [
    ["and say so in LE Supported States", { advertisesWhileConnected: false, leStates: NOT_BESIDE_LINKS }],
    ["and refuse it: Command Disallowed (0x0C)", { advertisesWhileConnected: false }],
    ["and know no states", { advertisesWhileConnected: false, leStates: NO_STATES }],
    ["and do not have the command for them", { advertisesWhileConnected: false, unsupported: [0x201c] }],
    ["and say so, though they would take the command", { leStates: NOT_BESIDE_LINKS }],
  ] as const) {
    it(`${what}: advertise() says so, connections() waits (lib 760)`, async () => {
      const { world, camera, join, isHeard, advertise, connections } = createScene(make);
      await world.run(async () => {
        const advertised = advertise(OPTIONS);
        let link = await join();
        await advertised;
        const error = {
          name: "HciError",
          code: "advertising-while-connected",
          status: 0x0c,
          message: /connections\(\)/,
        };
        await rejects(advertise(OPTIONS), error);
        await rejects(advertise({ ...OPTIONS, timeoutMs: 100 }), error);
        equal(camera.host.advertiser.advertising, false);
        const stream = connections(OPTIONS);
        for (let turn = 0; turn < 4; turn++) {
          const next = stream.next();
          await world.clock.sleep(500);
          equal(await isHeard(), false);
          ok(link.isConnected);
          await link.disconnect();
          link = await join();
          ok((await next).value.isConnected());
        }
        await link.disconnect();
        await world.clock.sleep(100);
        equal(await isHeard(), true);
        await stream.return!();
      });
      equal(diagnostics(camera).length, 1, "one line");
      ok(diagnostics(camera)[0]!.includes("cannot advertise while a device is connected"));
      deepEqual(camera.controller.violations, []);
    });
  }

  it("but broadcast, when their states say so", async () => {
    const { world, camera, join, advertise, broadcast } = createScene({ leStates: NOT_BESIDE_LINKS });
    await world.run(async () => {
      const advertised = advertise(OPTIONS);
      await join();
      await advertised;
      await rejects(advertise(OPTIONS), { code: "advertising-while-connected" });
      const feed = await broadcast({ intervalUs: 100_000, name: "feed" });
      await world.addPhone().phone.find({ name: "feed" });
      await feed.stop();
    });
    equal(camera.controller.commands.filter((opcode) => opcode === 0x201c).length, 1, "states are read once");
  });

  it("are asked for their states only when it matters: no command before the first link", async () => {
    const { world, camera, advertise } = createScene();
    await world.run(() => rejects(advertise({ ...OPTIONS, timeoutMs: 100 }), { code: "timeout" }));
    ok(!camera.controller.commands.includes(0x201c));
  });

  it("a link that ends while the refusal is on its way does not leave connections() waiting", async () => {
    for (let delayMs = 0; delayMs <= 60; delayMs += 4) {
      const { world, camera, join, connections } = createScene({ advertisesWhileConnected: false });
      // Longer than a connection interval, so that the end of the link overtakes the refusal.
      camera.controller.faults.answerDelayMs = new Map([[ENABLE, 100]]);
      await world.run(async () => {
        const stream = connections(OPTIONS);
        const link = await join();
        await stream.next();
        const next = stream.next();
        await world.clock.sleep(delayMs);
        await link.disconnect();
        await join(5000);
        ok((await next).value.isConnected(), `after ${delayMs} ms`);
        await stream.return!();
      });
    }
  });
});
