import assert from "node:assert/strict";
import { describe, it } from "mocha";
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
