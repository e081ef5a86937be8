/** BufferedCharacteristic: room, appending, capturing, and writes that take several packets. */
import { UUID } from "../../firmware/ble/uuid.ts";
import { writeLong } from "../multi/pair.ts";
import { deepEqual, equal, rejects, throws } from "../support/assert.ts";
import { concat, counting } from "../support/bytes.ts";
import { createServed } from "../support/served.ts";
import { describe, it } from "../support/suite.ts";

const BLOB = 0xfff1;
const TOO_LONG = { code: 0x0d };

interface Options<Capture extends boolean> {
  readonly maxLen?: number;
  readonly append?: boolean;
  readonly capture?: Capture;
  readonly initial?: string;
}

function createScene<Capture extends boolean = false>(options: Options<Capture>) {
  const served = createServed(({ aioble }) => {
    const service = new aioble.Service(new UUID(0xfff0));
    const all = { read: true, write: true, writeNoResponse: true, ...options };
    const blob = new aioble.BufferedCharacteristic(service, new UUID(BLOB), all);
    aioble.registerServices(service);
    return blob;
  });
  return { ...served, blob: served.offered };
}

describe("BufferedCharacteristic", () => {
  it("append and capture: any number of chunks is received, without a read, each as it was written", async () => {
    const { world, blob, meet } = createScene({ maxLen: 512, append: true, capture: true });
    await world.run(async () => {
      const { link, database, connection } = await meet();
      await link.exchangeMtu(185);
      const target = database.characteristic(BLOB);
      const chunks = Array.from({ length: 40 }, (_, count) => counting(1 + ((count * 37) % 182), count));
      const received: Uint8Array[] = [];
      const receiving = (async () => {
        while (received.length < chunks.length) {
          const { connection: from, data } = await blob.written();
          equal(from, connection);
          received.push(data);
        }
      })();
      for (const chunk of chunks) await link.write(target, chunk);
      await receiving;
      deepEqual(concat(...received), concat(...chunks));
      deepEqual(received, chunks);
      equal(blob.read().length, 0);
      equal((await link.read(target)).length, 0);
    });
  });

  it("append and capture: a long write is one item; one longer than the room is refused and captured by nobody", async () => {
    const { world, blob, meet } = createScene({ maxLen: 300, append: true, capture: true });
    await world.run(async () => {
      const { link, database } = await meet();
      const target = database.characteristic(BLOB);
      await writeLong(link, target, counting(300));
      deepEqual((await blob.written()).data, counting(300));
      await rejects(writeLong(link, target, counting(301)), TOO_LONG);
      await rejects(blob.written({ timeoutMs: 0 }), { code: "timeout" });
      await writeLong(link, target, counting(300, 9));
      deepEqual((await blob.written()).data, counting(300, 9));
    });
  });

  it("append: a write that has no room is refused whole, a command dropped, and what is there stays until it is read", async () => {
    const { world, camera, blob, meet, sleep } = createScene({ maxLen: 10, append: true, initial: "ab" });
    await world.run(async () => {
      const { link, database, connection } = await meet();
      const target = database.characteristic(BLOB);
      await link.write(target, counting(5));
      await rejects(link.write(target, counting(4)), TOO_LONG);
      await link.writeWithoutResponse(target, counting(4));
      await sleep(200);
      equal(camera.host.gatt.droppedCommands, 1);
      await link.write(target, counting(3));
      equal(await blob.written(), connection);
      deepEqual(await link.read(target), concat([0x61, 0x62], counting(5), counting(3)));
      deepEqual(blob.read(), concat([0x61, 0x62], counting(5), counting(3)));
      equal(blob.read().length, 0);
      await link.write(target, counting(10));
    });
  });

  it("without append: holds as much as maxLen says, and the last write alone", async () => {
    const { world, blob, meet } = createScene({ maxLen: 40 });
    await world.run(async () => {
      const { link, database } = await meet();
      await link.exchangeMtu(100);
      const target = database.characteristic(BLOB);
      await link.write(target, counting(40));
      await rejects(link.write(target, counting(41)), TOO_LONG);
      deepEqual(blob.read(), counting(40));
      await link.write(target, counting(1));
      deepEqual(blob.read(), counting(1));
    });
  });

  it("takes maxLen from 1 to 512, and an initial value that fits", () => {
    for (const maxLen of [0, 513, -1, Number.NaN]) throws(() => createScene({ maxLen }), RangeError);
    throws(() => createScene({ maxLen: 2, initial: "abc" }), RangeError);
    equal(createScene({ maxLen: 1 }).blob.maxLen, 1);
    equal(createScene({ maxLen: 512, initial: "x".repeat(512) }).blob.read().length, 512);
  });
});
