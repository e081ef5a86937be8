/** Issue A1: what is known of links, advertising and commands belongs to a session and dies with it. */
import assert from "node:assert/strict";
import { guests, sensor } from "./applications.ts";
import { op } from "./commands.ts";
import { connectionComplete, type Link } from "./link.ts";
import { attacks, type Scene } from "./scene.ts";

const TEMPERATURE = "2a6e";
const GUESTS = "ff01";

/** As many as the documents' "several clients" takes. */
const PLACES = 4;

/** Asserts that a central reads this characteristic. */
async function assertReads(link: Link, uuid: string): Promise<void> {
  const answer = await link.read(await link.valueHandle(uuid));
  assert.equal(answer[0], 0x0b, answer.toString("hex"));
}

/** Asserts that every place is free: that many centrals come, one after the other, and each is served. */
async function assertAllPlaces({ controller }: Scene): Promise<void> {
  const links: Link[] = [];
  for (let count = 0; count < PLACES; count++) links.push(await controller.connectWhenHeard());
  for (const link of links) await assertReads(link, GUESTS);
}

/** LE Connection Complete of a link that nobody has. */
const stale = (handle = 0x70): Buffer => connectionComplete(handle);

attacks("an earlier session, README's sensor", "sensor", sensor, ({ it }) => {
  it("a link before the answer to the first HCI Reset is not believed", async ({ controller }) => {
    const reset = controller.hold(op.reset);
    await reset;
    controller.send(stale());
    controller.obey(await reset);
    const phone = await controller.connectWhenHeard();
    await assertReads(phone, TEMPERATURE);
    phone.end();
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });

  it("a link that came before the first byte of the camera is not believed", async ({ controller }) => {
    controller.send(stale());
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });

  it("a stale link and its data, before the answer, with the handle of the link that follows", async ({
    controller,
  }) => {
    const reset = await controller.hold(op.reset);
    controller.send(stale(0x40));
    controller.send("02 4020 0700 0300 0400 0a0300");
    controller.obey(reset);
    await assertReads(await controller.connectWhenHeard({ handle: 0x40 }), TEMPERATURE);
  });

  it("advertising goes on when a stale link precedes the Reset of a recovery", async ({ controller }) => {
    await controller.advertising();
    const reset = controller.hold(op.reset);
    // No packet begins with this.
    controller.send("ff");
    await reset;
    controller.send(stale());
    controller.obey(await reset);
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });

  it("a Disconnection Complete, credits and a command's answer of before are not believed", async ({
    controller,
  }) => {
    const reset = await controller.hold(op.reset);
    controller.send("04 05 04 00 4000 13");
    controller.send("04 13 05 01 4000 ff00");
    controller.send("04 0e 04 01 0a20 00");
    controller.send("04 0f 04 00 01 0604");
    controller.obey(reset);
    await assertReads(await controller.connectWhenHeard({ handle: 0x40 }), TEMPERATURE);
  });

  it("a link ends by a Disconnection Complete with reserved bits in its handle", async ({ controller }) => {
    const phone = await controller.connectWhenHeard();
    await assertReads(phone, TEMPERATURE);
    phone.vanish();
    controller.send(`04 05 04 00 ${(0xf000 | phone.handle).toString(16).replace(/(..)(..)/, "$2$1")} 13`);
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });

  it("a link whose LE Connection Complete has reserved bits in its handle is served", async ({
    controller,
  }) => {
    await assertReads(await controller.connectWhenHeard({ reserved: 0xf000 }), TEMPERATURE);
  });

  it("a link whose Disconnection Complete is lost ends with what is sent to it, and the next phone is served", async ({
    controller,
  }) => {
    const phone = await controller.connectWhenHeard();
    await phone.subscribe((await phone.valueHandle(TEMPERATURE)) + 1);
    await phone.updates.take("a notification");
    phone.vanish();
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });

  it("a link whose LE Connection Complete is lost is ended, and advertising goes on", async ({
    controller,
  }) => {
    await controller.advertising();
    const before = controller.advertisements;
    controller.isAdvertising = false;
    const held = controller.hold(op.disconnect);
    controller.send("02 7720 0700 0300 0400 021700");
    const disconnect = await held;
    controller.status(op.disconnect, 0);
    controller.send("04 05 04 00 7700 16");
    assert.deepEqual(disconnect.parameters.toString("hex"), "770013");
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
    assert.equal(controller.advertisements, before + 1);
  });

  it("a second link with a handle that is in use ends the first, and is sent away: nobody advertised", async ({
    controller,
  }) => {
    const first = await controller.connectWhenHeard({ handle: 0x40, peer: 1 });
    await assertReads(first, TEMPERATURE);
    first.vanish();
    await controller.connect({ handle: 0x40, peer: 2 }).gone;
    await assertReads(await controller.connectWhenHeard(), TEMPERATURE);
  });
});

attacks("an earlier session, several clients", "guests", guests, ({ it }) => {
  it("stale links before the answer to HCI Reset take no place", async (scene) => {
    const { controller } = scene;
    const reset = await controller.hold(op.reset);
    for (let handle = 0x70; handle < 0x70 + PLACES; handle++) controller.send(stale(handle));
    controller.obey(reset);
    await assertAllPlaces(scene);
  });

  it("stale links in a recovery take no place", async (scene) => {
    const { controller } = scene;
    const phone = await controller.connectWhenHeard();
    await assertReads(phone, GUESTS);
    const reset = controller.hold(op.reset);
    controller.send("ff");
    await reset;
    for (let handle = 0x40; handle < 0x40 + PLACES; handle++) controller.send(stale(handle));
    controller.obey(await reset);
    await assertAllPlaces(scene);
  });

  it("handles with reserved bits take no place, and a second link with a handle that is in use takes that of the first", async (scene) => {
    const { controller } = scene;
    for (let turn = 0; turn < PLACES; turn++) {
      const first = await controller.connectWhenHeard({ handle: 0x40 });
      await assertReads(first, GUESTS);
      first.vanish();
      const second = controller.connect({ handle: 0x40, reserved: turn << 12 });
      await assertReads(second, GUESTS);
      second.end();
    }
    await assertAllPlaces(scene);
  });
});

const FAULT = "ff02";
const faulty = `${guests.replace(
  "registerServices(service);",
  `
const fault = new Characteristic(service, new UUID(0xff02), { write: true });
fault.onWrite = () => {
  const down = (): number => 1 + down();
  setTimeout(down, 0);
};
registerServices(service);`,
)}`;

attacks("a restart while the radio goes on", "faulty", faulty, ({ it }) => {
  it("a phone that connects in the pause after a fault takes no place", async (scene) => {
    const { controller, camera } = scene;
    const phone = await controller.connectWhenHeard();
    await phone.write(await phone.valueHandle(FAULT), "01");
    await camera.line(/restarted after a fault/);
    controller.connect({ handle: 0x50 });
    controller.connect({ handle: 0x51 }).att("0a 0300");
    await assertAllPlaces(scene);
    assert.equal(camera.restarts, 1);
  });
});

const stopping = `
import { advertise, Characteristic, registerServices, Service, stop } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
new Characteristic(service, new UUID(0xff01), { read: true, initial: new Uint8Array([42]) });
registerServices(service);
for (;;) {
  const connection = await advertise({ intervalUs: 100_000, name: "camera" });
  await connection.disconnected();
  await stop();
  console.log("the radio is off");
}
`;

attacks("a link before the Reset of stop()", "stopping", stopping, ({ it }) => {
  it("is not believed, neither before nor after the answer", async ({ controller }) => {
    for (let turn = 0; turn < 3; turn++) {
      const phone = await controller.connectWhenHeard();
      await assertReads(phone, GUESTS);
      const reset = controller.hold(op.reset);
      phone.end();
      await reset;
      controller.send(stale());
      controller.obey(await reset);
      controller.send(stale());
    }
    await assertReads(await controller.connectWhenHeard(), GUESTS);
  });
});

const leaving = `
import { advertise, Characteristic, Device, ADDR_RANDOM, registerServices, Service, TimeoutError } from "aioble";
import { UUID } from "bluetooth";
const service = new Service(new UUID(0xff00));
const order = new Characteristic(service, new UUID(0xff01), { read: true, write: true, initial: new Uint8Array([42]) });
registerServices(service);
const friend = new Device(ADDR_RANDOM, "c7:00:00:00:00:01");
for (;;) {
  try {
    const connection = await advertise({ intervalUs: 100_000, directedTo: friend, highDuty: true });
    await connection.disconnect();
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    console.log("nobody came");
  }
  const connection = await advertise({ intervalUs: 100_000, name: "camera" });
  await order.written();
  await connection.disconnect();
  console.log("left");
}
`;

attacks("ends that the controller reports badly", "leaving", leaving, ({ it }) => {
  it("high duty cycle advertising ends by status 0x3C with all other fields zero", async ({
    controller,
    camera,
  }) => {
    await controller.advertising();
    controller.isAdvertising = false;
    controller.send("04 3e 13 01 3c 0000 00 00 000000000000 0000 0000 0000 00");
    await camera.line(/nobody came/);
    await assertReads(await controller.connectWhenHeard(), GUESTS);
  });

  it("Disconnect that is answered Unknown Connection, and nothing after it, ends the link", async ({
    controller,
    camera,
  }) => {
    await controller.advertising();
    controller.isAdvertising = false;
    controller.send("04 3e 13 01 3c 0000 00 00 000000000000 0000 0000 0000 00");
    const phone = await controller.connectWhenHeard();
    const disconnect = controller.hold(op.disconnect);
    await phone.write(await phone.valueHandle(GUESTS), "07");
    await disconnect;
    phone.vanish();
    controller.status(op.disconnect, 0x02);
    await camera.line(/left/);
    await controller.advertising();
  });
});
