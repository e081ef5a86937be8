/** Notifications against the controller's buffers. */
import { createWorld } from "../../simulator/world.ts";
import { deepEqual, equal, ok } from "../support/assert.ts";
import { addHost } from "../support/cameras.ts";
import { createServer, NOTIFYING } from "../support/server.ts";
import { describe, it } from "../support/suite.ts";

/** Notifies `count` times, with values that count up, as fast as the host takes them. Returns how often it had to wait. */
async function flood(options: {
  readonly aclPackets: number;
  readonly aclPacketLength?: number;
  readonly count: number;
  readonly valueLength: number;
  /** Every other value has only two bytes. */
  readonly mixed?: boolean;
  readonly mtu: number;
  readonly loss?: number;
  readonly queueBytes?: number;
}) {
  const world = createWorld(options.aclPackets);
  const { aclPackets, aclPacketLength = 251, queueBytes } = options;
  const controller = { aclPackets, aclPacketLength };
  const line = queueBytes === undefined ? {} : { queueBytes, bytesPerMs: 20 };
  const server = createServer(addHost(world, { controller, line }));
  const { phone } = world.addPhone();
  const lengthOf = (index: number): number => (options.mixed && index % 2 === 1 ? 2 : options.valueLength);
  let waited = 0;
  const received = await world.run(async () => {
    await server.advertise("obscura");
    const link = await phone.connect(await phone.find({ name: "obscura" }), { intervalMs: 15 });
    await link.exchangeMtu(options.mtu);
    await link.subscribe((await link.discover()).characteristic(NOTIFYING));
    world.air.loss = options.loss ?? 0;
    const { gatt } = server.camera.host;
    const client = server.connected[0]!.server;
    for (let index = 0; index < options.count; ) {
      const value = new Uint8Array(lengthOf(index));
      value[0] = index & 0xff;
      value[1] = index >> 8;
      const outcome = gatt.updates.notify(client, server.notifying, value);
      if (outcome === "full") {
        waited++;
        await world.clock.sleep(5);
      } else {
        index++;
      }
    }
    while (link.att.values.length < options.count) await link.nextValue();
    return link.att.values;
  });
  const order = received.map(({ value }) => value[0]! | (value[1]! << 8));
  deepEqual(
    order,
    Array.from({ length: options.count }, (_, index) => index),
  );
  ok(received.every(({ value }, index) => value.length === lengthOf(index)));
  deepEqual(server.camera.controller.violations, []);
  return waited;
}

describe("stack: flow control", () => {
  it("keeps the order of a thousand notifications with one buffer", async () => {
    ok((await flood({ aclPackets: 1, count: 1000, valueLength: 20, mtu: 23 })) > 0);
  });

  it("keeps it with many buffers", async () => {
    await flood({ aclPackets: 20, count: 1000, valueLength: 20, mtu: 23 });
  });

  it("keeps it for values that take several packets of 27 bytes", async () => {
    await flood({ aclPackets: 3, aclPacketLength: 27, count: 200, valueLength: 200, mtu: 247 });
  });

  it("keeps it over a lossy air", async () => {
    await flood({ aclPackets: 4, count: 300, valueLength: 20, mtu: 23, loss: 0.3 });
  });

  it("keeps it when the UART is narrower than the link", async () => {
    await flood({ aclPackets: 20, count: 300, valueLength: 200, mixed: true, mtu: 247, queueBytes: 300 });
  });

  for (const aclPackets of [4, 8, 12, 16]) {
    it(`serves two phones nearby beside two that came first and went out of range, with ${aclPackets} buffers`, async () => {
      const world = createWorld(2);
      const server = createServer(addHost(world, { controller: { aclPackets } }));
      const { gatt } = server.camera.host;
      const notify = (value: number): void => {
        server.notifying.value = new Uint8Array([value]);
        gatt.updates.notifySubscribers(server.notifying);
      };
      await world.run(async () => {
        const join = async () => {
          const phone = world.addPhone();
          await server.advertise("obscura");
          const found = await phone.phone.find({ name: "obscura" });
          const link = await phone.phone.connect(found, { supervisionTimeoutMs: 30_000 });
          await link.subscribe((await link.discover()).characteristic(NOTIFYING));
          return { link, controller: phone.controller };
        };
        const far = [];
        for (let index = 0; index < 2; index++) {
          const phone = await join();
          far.push(phone);
          world.air.separate(phone.controller, server.camera.controller);
          // More than the controller holds.
          for (let value = 0; value < 20; value++) notify(value);
          await world.clock.sleep(100);
        }
        const near = [await join(), await join()];
        for (let value = 0; value < 20; value++) {
          notify(value);
          for (const { link } of near) deepEqual((await link.nextValue(1000)).value, new Uint8Array([value]));
        }
        for (const { link } of far) equal(link.isConnected, true);
      });
      deepEqual(server.camera.controller.violations, []);
    });
  }

  it("does not let a phone that is out of range hold up the other", async () => {
    const world = createWorld(2);
    const server = createServer(addHost(world, { controller: { aclPackets: 4 } }));
    const near = world.addPhone();
    const far = world.addPhone();
    await world.run(async () => {
      const links = [];
      for (const { phone } of [far, near]) {
        await server.advertise("obscura");
        links.push(
          await phone.connect(await phone.find({ name: "obscura" }), { supervisionTimeoutMs: 10_000 }),
        );
      }
      for (const link of links) await link.subscribe((await link.discover()).characteristic(NOTIFYING));
      world.air.separate(far.controller, server.camera.controller);
      const { gatt } = server.camera.host;
      for (let index = 0; index < 20; index++) {
        server.notifying.value = new Uint8Array([index]);
        gatt.updates.notifySubscribers(server.notifying);
        deepEqual((await links[1]!.nextValue(1000)).value, new Uint8Array([index]));
      }
      equal(await links[0]!.disconnected(), 0x08);
      server.notifying.value = new Uint8Array([99]);
      gatt.updates.notifySubscribers(server.notifying);
      deepEqual((await links[1]!.nextValue(1000)).value, new Uint8Array([99]));
    });
    deepEqual(server.camera.controller.violations, []);
  });
});
