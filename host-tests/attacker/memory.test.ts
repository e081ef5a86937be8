/** Issue A2 and A5: what peers can make the camera keep is bounded in bytes, over all links together. */
import assert from "node:assert/strict";
import { several } from "./applications.ts";
import { u16 } from "./bytes.ts";
import { att, type Link } from "./link.ts";
import { attacks, type Scene } from "./scene.ts";

const VALUE = "ff01";
const UPLOAD = "ff02";

/** More than any wait for one packet on a link in range; a stall of one lasts for ever. */
const UPDATES = 60;

const updating = (length: number): string => `
import { BufferedCharacteristic, Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const value = new BufferedCharacteristic(service, new UUID(0x${VALUE}), {
  read: true, notify: true, maxLen: 512, initial: new Uint8Array(${length}),
});
new BufferedCharacteristic(service, new UUID(0x${UPLOAD}), { read: true, write: true, maxLen: 512 });
registerServices(service);
let count = 0;
setInterval(() => {
  const bytes = new Uint8Array(${length});
  new DataView(bytes.buffer).setUint32(0, ++count, true);
  value.write(bytes, { sendUpdate: true });
  if (count % 100 === 0) console.log("ticks", count);
}, 20);
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) {
  void connection.disconnected();
}
`;

/** A phone with an ATT_MTU of 517 that receives the value. */
async function subscriber({ controller }: Scene): Promise<Link> {
  const link = await controller.connectWhenHeard();
  await link.exchangeMtu(517);
  await link.subscribe((await link.valueHandle(VALUE)) + 1);
  return link;
}

/** Asserts that a phone in range reads, and goes on receiving values, each newer than the one before. */
async function assertServed(link: Link): Promise<void> {
  link.updates.drain();
  let before: number | undefined;
  for (let count = 0; count < UPDATES; count++) {
    const number = (await link.updates.take("a notification")).readUInt32LE(3);
    assert.ok(before === undefined || number > before, `${number} follows ${before}`);
    before = number;
  }
  assert.equal((await link.read(await link.valueHandle(UPLOAD)))[0], att.readResponse);
}

/** A central that makes the camera keep as much as it can: prepared writes, then answers that it does not take. */
async function hoard(link: Link): Promise<void> {
  await link.exchangeMtu(517);
  const [value, upload] = [await link.valueHandle(VALUE), await link.valueHandle(UPLOAD)];
  for (let part = 0; part < 4; part++) await link.prepare(upload, 0, Buffer.alloc(512, part));
  await link.subscribe(value + 1);
  link.inRange = false;
  const two = Buffer.concat([Buffer.from([att.readMultiple]), u16(value), u16(value)]);
  for (let count = 0; count < 42; count++) link.att(two);
}

attacks("512 bytes many times a second (A2)", "updating512", updating(512), ({ it }) => {
  it(
    "a central that prepares, asks and takes nothing leaves the others served",
    async (scene) => {
      const phone = await subscriber(scene);
      await hoard(await scene.controller.connectWhenHeard());
      await assertServed(phone);
      assert.equal(scene.camera.restarts, 0);
    },
    { atFloor: true, buffers: 16 },
  );

  it(
    "three such centrals leave the fourth served",
    async (scene) => {
      const phone = await subscriber(scene);
      for (let count = 0; count < 3; count++) await hoard(await scene.controller.connectWhenHeard());
      await assertServed(phone);
      assert.equal(scene.camera.restarts, 0);
    },
    { atFloor: true, buffers: 16 },
  );

  it(
    "two phones out of range restart nothing, and are served when they come back",
    async (scene) => {
      const near = await subscriber(scene);
      const far = [await subscriber(scene), await subscriber(scene)];
      for (const link of far) link.inRange = false;
      await scene.camera.line(/ticks 300/);
      await assertServed(near);
      for (const link of far) link.inRange = true;
      for (const link of far)
        assert.equal((await link.read(await link.valueHandle(UPLOAD)))[0], att.readResponse);
      assert.equal(scene.camera.restarts, 0);
    },
    { atFloor: true, buffers: 16 },
  );

  it(
    "a central that receives everything, out of range, and vanishes, again and again, leaves nothing",
    async (scene) => {
      const near = await subscriber(scene);
      for (let turn = 0; turn < 10; turn++) {
        const far = await subscriber(scene);
        far.inRange = false;
        await near.updates.take("a notification");
        far.end();
      }
      await assertServed(near);
      assert.equal(scene.camera.restarts, 0);
    },
    { atFloor: true },
  );
});

attacks("244 bytes many times a second (A2)", "updating244", updating(244), ({ it }) => {
  it(
    "four phones out of range restart nothing, and are served when they come back",
    async (scene) => {
      const far: Link[] = [];
      for (let count = 0; count < 4; count++) far.push(await subscriber(scene));
      for (const link of far) link.inRange = false;
      await scene.camera.line(/ticks 300/);
      for (const link of far) link.inRange = true;
      for (const link of far) await assertServed(link);
      assert.equal(scene.camera.restarts, 0);
    },
    { atFloor: true },
  );

  for (const buffers of [4, 8, 12, 16]) {
    it(
      `with ${buffers} buffers two silent links leave the two nearby phones served`,
      async (scene) => {
        const links: Link[] = [];
        for (let count = 0; count < 4; count++) links.push(await subscriber(scene));
        const [near, far] = [links.slice(0, 2), links.slice(2)];
        for (const link of far) link.inRange = false;
        await Promise.all(near.map(assertServed));
        assert.equal(scene.camera.restarts, 0);
      },
      { buffers },
    );
  }
});

attacks("silent strangers (A2), several clients", "several", several, ({ it }) => {
  it("one that neither subscribes nor asks is ended when no place is left, and the camera is on the air again", async ({
    controller,
    camera,
  }) => {
    const strangers: Link[] = [];
    for (let count = 0; count < 4; count++) {
      const link = await controller.connectWhenHeard();
      // Else it is not there: nothing was heard of it.
      link.frame(0x05, "ff 01 0000");
      strangers.push(link);
    }
    await Promise.race(strangers.map((link) => link.gone));
    await controller.advertising();
    assert.equal(camera.restarts, 0);
  });
});

const offering = (characteristics: number): string => `
import { Characteristic, connections, registerServices, Service } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const values = Array.from({ length: ${characteristics} }, (_, index) =>
  new Characteristic(service, new UUID(0xa000 + index), { read: true, write: true, notify: true }));
registerServices(service);
let next = 0;
setInterval(() => {
  // Fewer than the clients' queues take, and others each time.
  for (let count = 0; count < 7; count++) values[next++ % values.length]!.write(new Uint8Array([1]), { sendUpdate: true });
}, 50);
for await (const connection of connections({ intervalUs: 100_000, name: "camera" })) void connection.disconnected();
`;

/** Four clients that subscribe to everything, and receive everything. */
async function subscribeAll({ controller, camera }: Scene, characteristics: number): Promise<void> {
  const links: Link[] = [];
  for (let count = 0; count < 4; count++) {
    const link = await controller.connectWhenHeard();
    links.push(link);
    const handles = (await link.valueHandles()).filter(({ uuid }) => uuid.startsWith("a0"));
    assert.equal(handles.length, characteristics);
    for (const { handle } of handles) await link.subscribe(handle + 1);
  }
  for (const link of links) {
    const received = new Set<number>();
    while (received.size < characteristics)
      received.add((await link.updates.take("a notification")).readUInt16LE(1));
  }
  assert.equal(camera.restarts, 0);
}

for (const count of [30, 43, 120]) {
  attacks(`${count} characteristics (A5)`, `offering${count}`, offering(count), ({ it }) => {
    it("four clients subscribe to all of them and receive them", (scene) => subscribeAll(scene, count));
  });
}
