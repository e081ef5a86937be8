/**
 * The line to the controller out of step: bytes that are no packet, packets that never end, a controller or a camera that is
 * inside a packet when the other one begins anew (Vol 4, Part A, 4).
 */
import assert from "node:assert/strict";
import { guests } from "./applications.ts";
import { op } from "./commands.ts";
import type { Link } from "./link.ts";
import { attacks, type Scene } from "./scene.ts";

const VALUE = "ff01";

/** More than the UART's ring and the first reads of the camera take. */
const UNDER_WAY = 60;

/** Data of a peer, of a length that leaves no packet's end at a round number. */
const stream = (link: Link, count: number, value = 1): void => {
  for (let each = 0; each < count; each++) link.frame(0x0004, Buffer.alloc(199, value));
};

/** A central is served, at the first attempt to start the controller, and the camera did not restart. */
async function assertServed({ controller, camera }: Scene): Promise<void> {
  await controller.advertising();
  const link = await controller.connectWhenHeard();
  assert.equal((await link.read(await link.valueHandle(VALUE)))[0], 0x0b);
  assert.equal(camera.restarts, 0);
  assert.deepEqual(
    camera.console.filter((line) => /start of the controller failed/.test(line)),
    [],
  );
}

attacks("a line out of step", "guests", guests, ({ it }) => {
  const faults: Record<string, (link: Link, scene: Scene) => void> = {
    "a hardware error before data under way": (link, { controller }) => {
      controller.send("04 10 01 42");
      stream(link, UNDER_WAY);
    },
    "a hardware error in the middle of data": (link, { controller }) => {
      stream(link, UNDER_WAY);
      controller.send("04 10 01 42");
      stream(link, UNDER_WAY);
    },
    "a byte that begins no packet, before data": (link, { controller }) => {
      controller.send("ff");
      stream(link, UNDER_WAY);
    },
    "a byte that begins ACL data, before data": (link, { controller }) => {
      controller.send("02");
      stream(link, UNDER_WAY, 0x02);
    },
    "a byte that begins an event, before data": (link, { controller }) => {
      controller.send("04");
      stream(link, UNDER_WAY, 0x04);
    },
    "a packet that is incomplete, and nothing more": (_, { controller }) => {
      controller.send("02 40 20 ff 00 01 02");
    },
    "a packet that is incomplete, before data": (link, { controller }) => {
      controller.send("02 40 20 ff 00 01 02");
      stream(link, UNDER_WAY, 0xff);
    },
    "the header of an event, and nothing more": (_, { controller }) => controller.send("04 3e"),
  };
  for (const [what, fail] of Object.entries(faults)) {
    it(`${what}: the controller is reset, and the camera advertises`, async (scene) => {
      const { controller } = scene;
      const link = await controller.connectWhenHeard();
      await link.exchangeMtu(247);
      fail(link, scene);
      await link.gone;
      await assertServed(scene);
    });
  }

  it("a byte that begins an event, before the report of a link's end, does not leave a link that nobody ends", async (scene) => {
    const { controller, camera } = scene;
    const link = await controller.connectWhenHeard();
    await link.exchangeMtu(247);
    const reset = controller.hold(op.reset);
    controller.send("04");
    link.end(0x13);
    controller.obey(await reset);
    await assertServed(scene);
    assert.ok(camera.console.some((line) => /desynchronised/.test(line)));
  });

  it("the rest of a packet before the answer to the first HCI Reset is dropped", async (scene) => {
    const { controller } = scene;
    const reset = await controller.hold(op.reset);
    controller.send(`aa bb 04 ff ff ${"0402".repeat(100)}`);
    controller.obey(reset);
    await assertServed(scene);
  });

  it("a packet that Reset broke off, right before the answer, does not swallow it", async (scene) => {
    const { controller } = scene;
    for (let turn = 0; turn < 2; turn++) {
      const link = await controller.connectWhenHeard();
      const reset = controller.hold(op.reset);
      controller.send("04 10 01 42");
      await reset;
      link.vanish();
      controller.send("02 40 20 fb 00 f7 00 04 00 1b 03 00");
      controller.obey(await reset);
      await assertServed(scene);
      for (const other of [...controller.links.values()]) other.end();
    }
  });

  // The emulated UART of mps2-an500 carries some 35 KB a second. No controller keeps so much data before an answer that its
  // line takes longer for them than the camera waits; 200 KB there would be such.
  it("PDUs that are never complete, before the answer to the next command: the controller is not reset", async (scene) => {
    const { board, controller, camera } = scene;
    const link = await controller.connectWhenHeard();
    const handle = link.handle.toString(16).padStart(2, "0");
    const first = Buffer.from(`02${handle}201b00f4010400${"41".repeat(23)}`, "hex");
    const bytes = board === "host" ? 200_000 : 16_000;
    controller.send(Buffer.concat(new Array<Buffer>(Math.ceil(bytes / first.length)).fill(first)));
    await assertServed(scene);
    assert.equal(link.isOpen, true);
    assert.deepEqual(
      camera.console.filter((line) => /did not answer/.test(line)),
      [],
    );
  });

  it("data under way that is full of answers to HCI Reset does no harm", async (scene) => {
    const { controller } = scene;
    const link = await controller.connectWhenHeard();
    const reset = controller.hold(op.reset);
    controller.send("04 10 01 42");
    for (let count = 0; count < 8; count++) link.acl(`0b 00 04 00 ${"040e0401030c00".repeat(12)}`);
    controller.obey(await reset);
    await assertServed(scene);
  });
});

const bursting = `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new Characteristic(service, new UUID(0x${VALUE}), {
  read: true, write: true, notify: true, initial: new Uint8Array([42]),
});
registerServices(service);
async function serve(connection: import("aioble").DeviceConnection): Promise<void> {
  for (;;) {
    await value.written({ signal: connection.timeout() });
    for (let index = 0; index < 20; index++) {
      value.notify(connection, new Uint8Array(240).fill(index)).catch(() => undefined);
    }
    console.log("burst");
  }
}
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  serve(connection).catch(() => console.log("left"));
}
`;

attacks("a controller that has not read all when it fails", "burstAndFail", bursting, ({ it }) => {
  it(
    "is sent the rest of the packet that was begun before HCI Reset",
    async (scene) => {
      const { controller, camera } = scene;
      for (let turn = 0; turn < 3; turn++) {
        const link = await controller.connectWhenHeard();
        await link.exchangeMtu(247);
        const handle = await link.valueHandle(VALUE);
        await link.subscribe(handle + 1);
        const from = camera.console.length;
        controller.isReading = false;
        link.att(`12 ${handle.toString(16).padStart(2, "0")} 00 01`);
        await camera.line(/burst/, from);
        controller.send("04 10 01 42");
        await camera.line(/hardware error/, from);
        controller.isReading = true;
        await link.gone;
        await assertServed(scene);
        for (const other of [...controller.links.values()]) other.end();
      }
    },
    { isNarrow: true },
  );
});
