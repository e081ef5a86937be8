/** The troubles that docs/troubleshooting.md lists, and what the camera says about each. */

import { UUID } from "../../firmware/ble/uuid.ts";
import { nameOf } from "../../simulator/phone/sightings.ts";
import { CHAR_UUID, createPair, findCharacteristics, SERVICE_UUID } from "../multi/pair.ts";
import { equal, ok, rejects, throws } from "../support/assert.ts";
import type { AiobleCamera } from "../support/cameras.ts";
import { describe, it } from "../support/suite.ts";

const OPTIONS = { intervalUs: 100_000, name: "obscura" };

/** How often the camera said a line that holds all of these words. */
function said({ platform }: AiobleCamera, level: string, ...words: string[]): number {
  return platform.console.filter(
    (line) => line.level === level && words.every((word) => line.message.includes(word)),
  ).length;
}

/** As the page says to begin: with everything that happens in the log. */
function createTalkativePair() {
  const pair = createPair();
  pair.camera.aioble.config({ logLevel: 3 });
  return pair;
}

function createScene(options: { readonly notify?: boolean; readonly read?: boolean }) {
  const pair = createTalkativePair();
  const { advertise, Characteristic, registerServices, Service } = pair.camera.aioble;
  const service = new Service(new UUID(SERVICE_UUID));
  const characteristic = new Characteristic(service, new UUID(CHAR_UUID), options);
  registerServices(service);
  const meet = async () => {
    const advertised = advertise(OPTIONS);
    const link = await pair.connect();
    const [target] = await findCharacteristics(link, CHAR_UUID);
    return { link, target: target!, connection: await advertised };
  };
  return { ...pair, advertise, characteristic, meet };
}

describe("troubleshooting", () => {
  it("shows up but will not connect: it is advertised for listeners", async () => {
    const { world, camera, phone } = createTalkativePair();
    await world.run(async () => {
      await using beacon = await camera.aioble.broadcast(OPTIONS);
      equal((await phone.find({ name: "obscura" })).connectable, false);
      await beacon.update({ name: "obscura" });
    });
    equal(said(camera, "info", "nobody can connect", "connectable: false"), 1);
  });

  it("shows up but will not connect: another device is connected, and nobody advertises", async () => {
    const { world, camera, phone, meet } = createScene({ read: true });
    const other = world.addPhone().phone;
    await world.run(async () => {
      const advertised = camera.aioble.advertise(OPTIONS);
      const sighting = await other.find({ name: "obscura" });
      const link = await phone.connect(sighting);
      await advertised;
      await rejects(other.connect(sighting, { timeoutMs: 2000 }), { name: "PhoneError" });
      equal(said(camera, "debug", "a connection ends advertising", "advertise()"), 1);
      await link.disconnect();
      await meet();
    });
    equal(said(camera, "debug", "a connection ends advertising"), 1, "once, not each time");
  });

  it("shows up but will not connect: every place is taken", async () => {
    const { world, camera } = createTalkativePair();
    const { connections, advertise } = camera.aioble;
    const phones = Array.from({ length: 4 }, () => world.addPhone().phone);
    await world.run(async () => {
      const stream = connections(OPTIONS);
      for (const phone of phones) {
        const next = stream.next();
        await phone.connect(await phone.find({ name: "obscura" }));
        await next;
      }
      const fifth = stream.next();
      await world.clock.sleep(1000);
      equal(said(camera, "info", "no room for another device"), 1);
      await rejects((async () => advertise(OPTIONS))(), { code: "too-many-connections" });
      await phones[0]!.links.values().next().value!.disconnect();
      const late = world.addPhone().phone;
      await late.connect(await late.find({ name: "obscura" }));
      ok(!(await fifth).done);
    });
  });

  it("capped at 20 bytes: the central did not exchange a larger ATT_MTU", async () => {
    const { world, camera, characteristic, meet } = createScene({ notify: true });
    await world.run(async () => {
      const { link, target, connection } = await meet();
      await link.subscribe(target);
      for (let turn = 0; turn < 3; turn++) await characteristic.notify(connection, new Uint8Array(50));
      equal((await link.nextValue()).value.length, 20);
      equal(said(camera, "warning", "capped at 20 bytes", "ATT_MTU is 23", "did not exchange"), 1);
    });
  });

  it("capped at 20 bytes: the ATT_MTU is as exchanged", async () => {
    const { world, camera, characteristic, meet } = createScene({ notify: true });
    await world.run(async () => {
      const { link, target, connection } = await meet();
      await link.exchangeMtu(40);
      await link.subscribe(target);
      await characteristic.notify(connection, new Uint8Array(50));
      equal((await link.nextValue()).value.length, 37);
      equal(said(camera, "warning", "capped at 37 bytes", "ATT_MTU is 40", "as exchanged"), 1);
    });
  });

  it("notifications never arrive: the characteristic was declared without notify", async () => {
    const { world, camera, characteristic, meet } = createScene({ read: true });
    await world.run(async () => {
      const { connection } = await meet();
      equal(characteristic.write("x", { sendUpdate: true }), 0);
      equal(characteristic.write("y", { sendUpdate: true }), 0);
      equal(said(camera, "warning", "reaches nobody", "without notify: true or indicate: true"), 1);
      throws(() => characteristic.notify(connection), TypeError);
    });
  });

  it("notifications never arrive: the client has not subscribed", async () => {
    const { world, camera, characteristic, meet } = createScene({ notify: true });
    await world.run(async () => {
      const { connection } = await meet();
      for (let turn = 0; turn < 3; turn++) equal(await characteristic.notify(connection, "x"), false);
      equal(said(camera, "warning", "is not sent: the client has not subscribed", "CCCD is 0"), 1);
      equal(characteristic.subscribers.length, 0);
    });
  });

  it("the name is missing: it is in the scan response", async () => {
    const { world, camera, phone } = createTalkativePair();
    const name = "a name of some length";
    await world.run(async () => {
      const services = [new UUID(SERVICE_UUID)];
      const waiting = camera.aioble.advertise({ intervalUs: 100_000, name, services });
      const [passive] = await phone.scan(1000, { active: false });
      equal(nameOf({ advertising: passive!.data, scanResponse: undefined }), undefined);
      equal(said(camera, "info", "the name is in the scan response", "active scanning"), 1);
      await phone.connect(await phone.find({ name }));
      await waiting;
    });
  });

  it("the name is truncated: it was asked to be, or it is refused with the bytes that are too many", async () => {
    const { world, camera, phone } = createTalkativePair();
    const name = "a name that is much longer than any packet";
    await world.run(async () => {
      await rejects((async () => camera.aioble.advertise({ intervalUs: 100_000, name }))(), RangeError);
      const waiting = camera.aioble.advertise({ intervalUs: 100_000, name, shortenName: true });
      const sighting = await phone.find({});
      ok(name.startsWith(nameOf(sighting)!));
      equal(said(camera, "info", `of the name's ${name.length} bytes are advertised: shortenName`), 1);
      await phone.connect(sighting);
      await waiting;
    });
  });
});
