/** ATT_MTU: clients that never ask for more than 23 bytes, that ask twice, and what `config({ mtu })` offers. */
import { writeRequest, writeResponse } from "../../firmware/ble/att/pdus.ts";
import { UUID } from "../../firmware/ble/uuid.ts";
import type { FoundCharacteristic } from "../../simulator/phone/discovery.ts";
import { writeLong } from "../multi/pair.ts";
import { deepEqual, equal, rejects } from "../support/assert.ts";
import { counting } from "../support/bytes.ts";
import { type AiobleCamera, diagnostics } from "../support/cameras.ts";
import { type Central, createServed } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const LONG_SERVICE = "6e400001-b5a3-f393-e0a9-e50e24dcca9e";
const LONG = "6e400002-b5a3-f393-e0a9-e50e24dcca9e";

/** A 128-bit service with one characteristic that may do everything and holds 512 bytes. */
function define({ aioble }: AiobleCamera) {
  const { BufferedCharacteristic, registerServices, Service } = aioble;
  const service = new Service(new UUID(LONG_SERVICE));
  const options = { read: true, write: true, notify: true, indicate: true, maxLen: 512 };
  const characteristic = new BufferedCharacteristic(service, new UUID(LONG), options);
  registerServices(service);
  return characteristic;
}

function found({ database }: Central): FoundCharacteristic {
  return database.characteristic(LONG);
}

describe("stack: ATT_MTU", () => {
  it("of 23: a client that never exchanges it finds, reads and writes everything, and is sent what fits", async () => {
    const { world, camera, offered, meet } = createServed(define);
    await world.run(async () => {
      const central = await meet();
      const { link, connection } = central;
      const target = found(central);
      await writeLong(link, target, counting(512));
      deepEqual(offered.read(), counting(512));
      deepEqual(await link.read(target), counting(512));
      await link.write(target, counting(20));
      await link.subscribe(target);
      equal(await offered.notify(connection, counting(20, 7)), true);
      deepEqual((await link.nextValue()).value, counting(20, 7));
      deepEqual(diagnostics(camera), []);
      equal(await offered.notify(connection, counting(21)), true);
      equal((await link.nextValue()).value.length, 20);
      equal(connection.mtu, 23);
    });
    equal(diagnostics(camera).length, 1);
  });

  it("asked for again: the same answer, and the minimum with the latest figure is in force (A10)", async () => {
    const { world, offered, meet } = createServed(define);
    await world.run(async () => {
      const central = await meet();
      const { link, connection } = central;
      const target = found(central);
      equal(await link.exchangeMtu(100), 100);
      for (const again of [23, 517, 100]) {
        equal(await link.exchangeMtu(again), again);
        equal(connection.mtu, again);
      }
      await link.subscribe(target);
      await offered.notify(connection, counting(97));
      equal((await link.nextValue()).value.length, 97);
      deepEqual(await link.read(target), new Uint8Array(0));
    });
  });

  for (const [preferred, asked, expected] of [
    [517, 517, 517],
    [517, 185, 185],
    [185, 517, 185],
    [23, 517, 23],
    [100, 10, 23],
  ] as const) {
    it(`config({ mtu: ${preferred} }) and a client that asks for ${asked}: ${expected}`, async () => {
      const { world, camera, offered, meet } = createServed(define);
      camera.aioble.config({ mtu: preferred });
      equal(camera.aioble.config("mtu"), preferred);
      await world.run(async () => {
        const central = await meet();
        const { link, connection } = central;
        equal(await link.exchangeMtu(asked), expected);
        equal(connection.mtu, expected);
        const target = found(central);
        const longest = Math.min(512, expected - 3);
        await link.write(target, counting(longest));
        deepEqual(offered.read(), counting(longest));
        // The phone refuses to send it as a write.
        const tooLong = { attributeHandle: target.handle, attributeValue: counting(expected - 2) };
        await rejects(link.att.request(writeRequest, tooLong, writeResponse), { code: 0x04 });
        deepEqual(await link.read(target), counting(longest));
      });
    });
  }

  it("config({ mtu }) while connected holds from the next connection on, also when this one has not asked yet", async () => {
    const { world, camera, meet } = createServed(define);
    await world.run(async () => {
      const early = await meet();
      camera.aioble.config({ mtu: 64 });
      const later = await meet();
      equal(await later.link.exchangeMtu(517), 64);
      equal(await early.link.exchangeMtu(517), 517);
      deepEqual([early.connection.mtu, later.connection.mtu], [517, 64]);
    });
  });
});
