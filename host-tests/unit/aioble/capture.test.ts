import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CaptureQueue, type CaptureTarget } from "../../../firmware/aioble/capture.ts";
import type { DeviceConnection } from "../../../firmware/aioble/device-connection.ts";
import { Budget, ENDED_LINK_BYTES, ITEM_OVERHEAD } from "../../../firmware/ble/budget.ts";
import { UUID } from "../../../firmware/ble/uuid.ts";
import { concat, le16, toHex } from "../../support/bytes.ts";
import { ATT, createRig, HANDLE, type Rig, takeFrames } from "../../support/rig.ts";

/** The values of the first two characteristics, which have no CCCD. */
const FIRST = 16;
const SECOND = 18;

async function createCaptureRig() {
  const rig = createRig();
  rig.controller.autoComplete = true;
  const { Service, Characteristic, registerServices, advertise } = rig.aioble;
  const service = new Service(new UUID(0xfff0));
  const first = new Characteristic(service, new UUID(0xfff1), { write: true, capture: true });
  const second = new Characteristic(service, new UUID(0xfff2), { write: true, capture: true });
  registerServices(service);
  const advertising = advertise({ intervalUs: 100_000 });
  await rig.settle();
  await rig.connect(HANDLE);
  return { rig, first, second, connection: await advertising };
}

const write = (rig: Rig, value: readonly number[], handle = FIRST) =>
  rig.exchange(ATT, concat([0x12], le16(handle), value));

describe("capture (catalogue, 6)", () => {
  it("returns each write once, in arrival order, with its connection and data", async () => {
    const { rig, first, connection } = await createCaptureRig();
    for (let n = 0; n < 5; n++) assert.deepEqual(await write(rig, [n]), ["13"]);
    for (let n = 0; n < 5; n++) {
      const captured = await first.written();
      assert.equal(captured.connection, connection);
      assert.equal(toHex(captured.data), `0${n}`);
    }
    await assert.rejects(
      async () => {
        const waiting = first.written({ timeoutMs: 10 });
        waiting.catch(() => {});
        await rig.clock.advance(10);
        await waiting;
      },
      { name: "TimeoutError" },
    );
  });

  it("gives a write to one waiter only", async () => {
    const { rig, first } = await createCaptureRig();
    const a = first.written();
    const b = first.written();
    await write(rig, [1]);
    await write(rig, [2]);
    assert.deepEqual([toHex((await a).data), toHex((await b).data)], ["01", "02"]);
  });

  it("a characteristic that nobody awaits blocks no other", async () => {
    const { rig, first, second } = await createCaptureRig();
    await write(rig, [1], FIRST);
    await write(rig, [2], SECOND);
    assert.equal(toHex((await second.written()).data), "02");
    assert.equal(toHex((await first.written()).data), "01");
  });

  it("drops the oldest of all on overrun", async () => {
    const { rig, first, second } = await createCaptureRig();
    await write(rig, [0xee], SECOND);
    for (let n = 0; n < 10; n++) await write(rig, [n]);
    for (let n = 0; n < 10; n++) assert.equal(toHex((await first.written()).data), `0${n}`);
    const evicted = second.written();
    await write(rig, [7], SECOND);
    assert.equal(toHex((await evicted).data), "07");
  });

  it("names a connection that is gone", async () => {
    const { rig, first, connection } = await createCaptureRig();
    await write(rig, [1]);
    await rig.disconnect(HANDLE, 0x13);
    const captured = await first.written();
    assert.equal(captured.connection, connection);
    assert.equal(captured.connection.isConnected(), false);
  });

  it("writes() yields them, and leaving ends a pending step", async () => {
    const { rig, first } = await createCaptureRig();
    await write(rig, [1]);
    await write(rig, [2]);
    const stream = first.writes();
    assert.equal(toHex((await stream.next()).value.data), "01");
    assert.equal(toHex((await stream.next()).value.data), "02");
    const pending = stream.next();
    await stream.return!();
    assert.deepEqual(await pending, { value: undefined, done: true });
  });
});

describe("BufferedCharacteristic, indicate, onWrite", () => {
  it("append: collects until it is read; what does not fit is refused (C13, C17)", async () => {
    const { rig } = await createCaptureRig();
    const { aioble } = rig;
    const service = new aioble.Service(new UUID(0xfff0));
    const blob = new aioble.BufferedCharacteristic(service, new UUID(0xfff1), {
      write: true,
      maxLen: 4,
      append: true,
      initial: "a",
    });
    aioble.registerServices(service);
    assert.deepEqual(await write(rig, [1, 2]), ["13"]);
    assert.deepEqual(await write(rig, [3, 4]), ["01 12 10 00 0d"]);
    assert.equal(toHex(blob.read()), "61 01 02");
    assert.deepEqual(await write(rig, [3, 4, 5, 6]), ["13"]);
    assert.equal(toHex(blob.read()), "03 04 05 06");
  });

  it("indicate resolves with the confirmation, and reaches nobody who has not asked", async () => {
    const { rig, connection } = await createCaptureRig();
    const { aioble } = rig;
    const service = new aioble.Service(new UUID(0xfff0));
    const alarm = new aioble.Characteristic(service, new UUID(0xfff1), { indicate: true });
    aioble.registerServices(service);
    assert.equal(await alarm.indicate(connection, "x"), false);
    assert.deepEqual(await write(rig, [2, 0], FIRST + 1), ["13"]);
    assert.deepEqual(alarm.subscribers, [connection]);
    const indicated = alarm.indicate(connection, "x");
    assert.deepEqual(
      takeFrames(rig.controller, HANDLE).map((frame) => toHex(frame.payload)),
      ["1d 10 00 78"],
    );
    await rig.exchange(ATT, [0x1e]);
    assert.equal(await indicated, true);
  });

  it("onWrite gets bytes of its own: what it does with them changes nothing that is stored", async () => {
    const { rig } = await createCaptureRig();
    const { aioble } = rig;
    const service = new aioble.Service(new UUID(0xfff0));
    const careful = new aioble.Characteristic(service, new UUID(0xfff1), { write: true });
    careful.onWrite = (_, data) => {
      data.fill(0xee);
      return 0;
    };
    aioble.registerServices(service);
    assert.deepEqual(await write(rig, [1, 2]), ["13"]);
    assert.equal(toHex(careful.read()), "01 02");
  });

  it("onWrite refuses with its code, and the value stays", async () => {
    const { rig } = await createCaptureRig();
    const { aioble } = rig;
    class Even extends aioble.Characteristic {
      override onWrite(_connection: unknown, data: Uint8Array): number {
        return data[0]! % 2 === 0 ? 0 : 0x80;
      }
    }
    const service = new aioble.Service(new UUID(0xfff0));
    const even = new Even(service, new UUID(0xfff1), { write: true, initial: new Uint8Array([2]) });
    aioble.registerServices(service);
    assert.deepEqual(await write(rig, [3]), ["01 12 10 00 80"]);
    assert.equal(toHex(even.read()), "02");
    assert.deepEqual(await write(rig, [4]), ["13"]);
    assert.equal(toHex(even.read()), "04");
  });
});

describe("capture: a queue that is longer than by default", () => {
  const LENGTH = 100;

  /** Room for eight of these, by two connections. */
  const BYTES = 8 * (LENGTH + ITEM_OVERHEAD) + 2 * ENDED_LINK_BYTES;

  /** A queue of a thousand writes with that room. */
  function createQueue() {
    const log: string[] = [];
    const budget = new Budget(100_000, { log: () => undefined });
    const queue = new CaptureQueue({
      bytes: BYTES,
      log: (_, message) => log.push(message),
    });
    queue.size = 1000;
    const target: CaptureTarget = { held: 0, overflown: 0, unseen: 0 };
    const accounts = Array.from({ length: 100 }, (_, handle) => budget.account(handle));
    const connection = {} as DeviceConnection;
    const add = (client: number, count: number, length = LENGTH): void => {
      const data = new Uint8Array(length);
      data.set([client, count]);
      queue.add(target, { connection, data }, accounts[client]!);
    };
    const takeAll = (): number[][] => {
      const taken: number[][] = [];
      for (let write = queue.take(target); write; write = queue.take(target))
        taken.push([...write.data.subarray(0, 2)]);
      return taken;
    };
    return { queue, target, budget, log, add, takeAll };
  }

  it("has bytes of its own, beyond which the writer's oldest write goes, counted, with one line in the log", () => {
    const { queue, target, budget, log, add, takeAll } = createQueue();
    for (let count = 0; count < 3; count++) add(0, count);
    for (let count = 0; count < 12; count++) add(1, count);
    assert.deepEqual([queue.dropped, target.overflown, target.held], [7, 7, 8]);
    assert.equal(budget.held, 0, "clients' memory is not what holds them");
    assert.deepEqual(log, [
      `aioble: the capture queue of ${BYTES} bytes is full, the oldest was dropped: await written() more often or raise captureQueueSize`,
    ]);
    assert.deepEqual(takeAll(), [
      ...[0, 1, 2].map((count) => [0, count]),
      ...[7, 8, 9, 10, 11].map((count) => [1, count]),
    ]);
    for (let count = 0; count < 8; count++) add(0, count);
    assert.equal(queue.dropped, 7, "what was taken has left its room");
  });

  it("drops the oldest of all for a client that has none in it, and keeps one write that is longer than all of it", () => {
    const { add, takeAll } = createQueue();
    // The room of a connection is that of six writes and a half.
    for (let count = 0; count < 14; count++) add(0, count);
    add(1, 0);
    assert.deepEqual(takeAll(), [...[7, 8, 9, 10, 11, 12, 13].map((count) => [0, count]), [1, 0]]);
    add(0, 0);
    add(1, 1, BYTES);
    assert.deepEqual(takeAll(), [[1, 1]]);
  });

  it("counts each connection that its writes hold, once: a hundred that come and go hold no more than its bytes", () => {
    const { queue, add, takeAll } = createQueue();
    for (let client = 0; client < 100; client++) add(client, 0, 2);
    const kept = Math.floor(BYTES / (2 + ITEM_OVERHEAD + ENDED_LINK_BYTES));
    assert.equal(queue.dropped, 100 - kept);
    assert.deepEqual(
      takeAll(),
      Array.from({ length: kept }, (_, index) => [100 - kept + index, 0]),
    );
    // Nothing of them has stayed.
    for (let count = 0; count < 14; count++) add(0, count);
    assert.equal(queue.dropped, 100 - kept);
  });

  it("keeps its account when its size changes with writes in it", () => {
    const { queue, budget, add, takeAll } = createQueue();
    for (let count = 0; count < 3; count++) add(0, count);
    queue.size = 10;
    for (let count = 3; count < 6; count++) add(0, count);
    assert.equal(budget.held, 3 * (LENGTH + ITEM_OVERHEAD));
    queue.size = 1000;
    add(0, 6);
    assert.equal(takeAll().length, 7);
    assert.equal(budget.held, 0);
    assert.equal((queue as unknown as { bytes: number }).bytes, 0);
  });
});
